package runtime

import "edgec/runtime/format"

// execution is a row of the table of executions: all that the runtime knows of an
// opcode. Loading, sessions and Info ask it, and switch over no opcodes themselves.
type execution struct {
	// prepare makes of an instruction what all sessions share. Decode has validated it.
	prepare func(*Model, *format.Instr) (step, error)

	// macs returns how often an inference multiplies by each weight of the
	// instruction; nil: it has no weights.
	macs func(*format.File, *format.Instr) int64

	chance chance // whether its results are probabilities
}

// executions is the table. A new opcode is a row here with a function that calls its
// kernel.
var executions = [...]execution{
	format.OpConv2D:     {prepare: prepareConv, macs: positions},
	format.OpDense:      {prepare: prepareDense, macs: positions},
	format.OpMaxPool:    {prepare: prepareMaxPool},
	format.OpAvgPool:    {prepare: prepareAvgPool},
	format.OpAdd:        {prepare: prepareAdd},
	format.OpMul:        {prepare: prepareMul},
	format.OpLUT:        {prepare: prepareLookup, chance: unitChance},
	format.OpConcat:     {prepare: prepareConcat},
	format.OpPad:        {prepare: preparePad},
	format.OpTranspose:  {prepare: prepareTranspose, chance: sameChance},
	format.OpReshape:    {prepare: prepareReshape, chance: sameChance},
	format.OpSoftmax:    {prepare: prepareSoftmax, chance: softChance},
	format.OpDequantize: {prepare: prepareDequantize, chance: sameChance},
	format.OpQuantize:   {prepare: prepareQuantize, chance: sameChance},
	format.OpSub:        {prepare: prepareAdd},
	format.OpSlice:      {prepare: prepareSlice},
	format.OpUnary:      {prepare: prepareUnary, chance: functionChance},
	format.OpBinary:     {prepare: prepareBinary},
	format.OpSelect:     {prepare: prepareSelect},
	format.OpReduce:     {prepare: prepareReduce},
	format.OpNormalize:  {prepare: prepareNormalize},
	format.OpMatMul:     {prepare: prepareMatMul},
	format.OpGather:     {prepare: prepareGather, macs: noMACs},
	format.OpConstant:   {prepare: prepareConstant, macs: noMACs},
	format.OpRecurrent:  {prepare: prepareRecurrent, macs: recurrences},
	format.OpMove:       {prepare: prepareMove},
	format.OpResize:     {prepare: prepareResize},
	format.OpStretch:    {prepare: prepareStretch},
}

// step is a prepared instruction. It is immutable; sessions share it.
type step struct {
	// bind returns what runs the instruction in the memory of a session. It
	// resolves all operands, so that a run is one call and allocates nothing.
	bind func(*Session) func()

	space workspace // work space of a run
	work  int64     // steps of a run: multiplications by weights, and elements of others
	bytes int       // memory of the weights that it was the first to pack, and of what it does not share

	kernel string // see Layer.Kernel
}

// workspace is the size of the work space that the instructions of a session use in turn.
type workspace struct {
	image, patch int // bytes; see kernel.Conv
	acc          int // sums of 32 bits
	reals        int // float32; see kernel.Recurrent
}

// most returns what suffices for a and b.
func (a workspace) most(b workspace) workspace {
	return workspace{max(a.image, b.image), max(a.patch, b.patch), max(a.acc, b.acc), max(a.reals, b.reals)}
}

// executionOf returns the row of op.
func executionOf(op format.Opcode) (*execution, error) {
	if int(op) >= len(executions) || executions[op].prepare == nil {
		return nil, Error("opcode " + op.String() + " has no execution here; update the runtime, or build a program for this model")
	}
	return &executions[op], nil
}
