package format

import "math"

// Limits that every file keeps, so that a hostile one cannot make its reader take memory
// or time without bound. SPEC.md states them; a writer keeps them too.
const (
	MaxInputs   = 256
	MaxTensors  = 1 << 14
	MaxElems    = 1 << 26 // of one tensor, and of a padded image
	MaxWeights  = 1 << 26 // of all weight tensors together
	MaxArena    = 1 << 28 // bytes
	MaxDim      = 1 << 24
	MaxWindow   = 1 << 22 // positions of a pool's window, so that its sum fits 32 bits
	MaxChannels = 1 << 20 // output channels of all instructions with weights together
	MaxColumns  = 1 << 20 // weights of one output channel
	maxRank     = 4
)

// allowance is a limit that grows with the file: free, and each more for each byte.
type allowance struct{ free, each int64 }

// of returns what n bytes may hold.
func (a allowance) of(n int) int64 { return a.free + a.each*int64(n) }

// Allowances. Real files stay far below them: a nonzero weight takes more than an eighth of a
// bit of the file, and codes less than 22; blocks are an eighth of the weights.
var (
	tinyWeights = allowance{0, 1 << 16}       // weights
	someWeights = allowance{1 << 24, 1 << 12} // weights
	someNonzero = allowance{1 << 18, 1 << 6}  // nonzero weights
	tinyBits    = allowance{1 << 22, 3 << 8}  // bits of the range coder
	someBits    = allowance{1 << 24, 1 << 8}  // bits of the range coder
)

// maxWeights returns the number of weights that a file of n bytes may have.
func maxWeights(n int) int {
	return int(min(tinyWeights.of(n), someWeights.of(n), MaxWeights))
}

// maxBits returns the number of bits that the range coder of a file of n bytes may code.
func maxBits(n int) int64 { return min(tinyBits.of(n), someBits.of(n)) }

// maxPatched returns the bytes that a file may have that a base and a delta of n bytes
// together make.
func maxPatched(n int) int64 { return allowance{1 << 16, 16}.of(n) }

// budget counts what is decoded against what the bytes of a file may hold.
type budget struct {
	bytes   int   // of the file, or of a delta and its base
	bits    int64 // of the range coder that are left
	nonzero int64 // weights that are left
}

func newBudget(n int) budget { return budget{n, maxBits(n), someNonzero.of(n)} }

// unbounded is the budget of an encoder.
func unbounded() budget { return budget{bits: math.MaxInt64, nonzero: math.MaxInt64} }

// spent reports whether more was decoded than there may be.
func (b *budget) spent() bool { return b.bits < 0 || b.nonzero < 0 }

// exceeded names the limit that was passed.
func (b *budget) exceeded() error {
	if b.bits < 0 {
		return tooMany(int(maxBits(b.bytes)), "coded bits", b.bytes)
	}
	return tooMany(int(someNonzero.of(b.bytes)), "nonzero weights", b.bytes)
}

func tooMany(n int, of string, length int) error {
	return Error("more than " + itoa(n) + " " + of + " in " + itoa(length) + " bytes; no writer makes such a file, find the original")
}

// amounts are what all instructions with weights have together.
type amounts struct{ weights, channels int }

// add counts a weight tensor, in a file of the given length.
func (a *amounts) add(w *Weight, length int) error {
	if w.Elems()/w.OutC > MaxColumns {
		return Error("an output channel of " + itoa(w.Elems()/w.OutC) + " weights; at most " + itoa(MaxColumns) + " are read")
	}
	if a.weights += w.Elems(); a.weights > MaxWeights {
		return Error("more than " + itoa(MaxWeights) + " weights")
	}
	if a.weights > maxWeights(length) {
		return Error(itoa(a.weights) + " weights in " + itoa(length) + " bytes are more than a file can hold")
	}
	return nil
}

// use counts the output channels of an instruction with the weights w.
func (a *amounts) use(w *Weight) error {
	if a.channels += w.OutC; a.channels > MaxChannels {
		return Error("more than " + itoa(MaxChannels) + " output channels of convolutions and dense layers together")
	}
	return nil
}
