package format

// Functions of OpUnary; SPEC.md has the operations of each. Numbers are never reused.
const (
	UnaryAbs         = 0
	UnaryNeg         = 1
	UnaryFloor       = 2
	UnaryCeil        = 3
	UnaryRound       = 4 // to the nearest whole number, of two the even one
	UnaryTruncate    = 5
	UnarySign        = 6
	UnaryNot         = 7 // 1 of 0, otherwise 0
	UnarySquare      = 8
	UnarySqrt        = 9
	UnaryReciprocal  = 10
	UnaryExp         = 11
	UnaryLog         = 12
	UnarySin         = 13
	UnaryCos         = 14
	UnaryTanh        = 15
	UnarySigmoid     = 16
	UnaryErf         = 17
	UnaryRelu        = 18
	UnaryLeakyRelu   = 19 // Real: the slope below 0
	UnaryElu         = 20 // Real: alpha
	UnarySoftplus    = 21
	UnarySoftsign    = 22
	UnaryHardSigmoid = 23 // Real: the slope; 1/2 at 0
	UnaryHardSwish   = 24
	UnaryGelu        = 25
	UnaryGeluTanh    = 26
	UnarySilu        = 27
	UnaryMish        = 28
	UnaryIsNaN       = 29

	UnaryFunctions = 30 // the number of them
)

// Functions of OpBinary, of a and b. Truth is 1, and a number is true unless it is 0.
const (
	BinaryAdd         = 0
	BinarySub         = 1
	BinaryMul         = 2
	BinaryDiv         = 3
	BinaryMax         = 4
	BinaryMin         = 5
	BinaryPow         = 6
	BinaryMod         = 7 // a - floor(a/b) b, with the sign of b
	BinaryFmod        = 8 // with the sign of a
	BinaryEqual       = 9
	BinaryLess        = 10
	BinaryLessOrEqual = 11
	BinaryAnd         = 12
	BinaryOr          = 13
	BinaryXor         = 14
	BinaryPRelu       = 15 // a, times b below 0

	BinaryFunctions = 16 // the number of them
)

// Functions of OpReduce, of the elements of a run.
const (
	ReduceSum       = 0
	ReduceMean      = 1
	ReduceMax       = 2
	ReduceMin       = 3
	ReduceProd      = 4
	ReduceSumSquare = 5
	ReduceLogSumExp = 6
	ReduceArgMax    = 7 // the number of the first one that is largest
	ReduceArgMin    = 8

	ReduceFunctions = 9 // the number of them
)

// Functions of OpNormalize.
const (
	NormalizeLayer = 0 // (x - mean) / sqrt(mean of (x - mean)^2 + epsilon)
	NormalizeRMS   = 1 // x / sqrt(mean of x^2 + epsilon)

	NormalizeFunctions = 2 // the number of them
)

// Functions of OpRecurrent; SPEC.md has the operations of each.
const (
	RecurrentRNN           = 0
	RecurrentGRU           = 1 // gates z r n; n sees the weights of r*h
	RecurrentGRUResetAfter = 2 // n sees r times the weights of h
	RecurrentLSTM          = 3 // gates i o f g
	RecurrentLSTMCell      = 4 // the last cell follows the states
	RecurrentFine          = 5 // with one of those above: the weights meet the state in 16 bits

	RecurrentFunctions = 10 // the number of them
)

// RecurrentCell returns the cell of a function of OpRecurrent: RecurrentRNN to RecurrentLSTMCell.
func RecurrentCell(function int) int { return function % RecurrentFine }

// RecurrentGates returns the number of gates of a function of OpRecurrent, 0 of an unknown one.
func RecurrentGates(function int) int {
	if function < 0 || function >= RecurrentFunctions {
		return 0
	}
	return [...]int{1, 3, 3, 4, 4}[RecurrentCell(function)]
}

// parametric are the functions of OpUnary that use Real.
const parametric = 1<<UnaryLeakyRelu | 1<<UnaryElu | 1<<UnaryHardSigmoid

// hasFunction verifies that in has one of n functions.
func hasFunction(in *Instr, n int) error {
	if in.Function < 0 || in.Function >= n {
		return Error("function " + itoa(in.Function) + " is unknown; this file was written by a newer version, update the reader")
	}
	return nil
}

func finite(v float32) bool { return v-v == 0 }
