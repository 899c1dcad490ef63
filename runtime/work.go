package runtime

import (
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// What an exponential counts as: that many steps.
const expWork = 16

// elements is the work of an instruction that goes through its output once.
func (m *Model) elements(in *format.Instr) int64 { return int64(m.f.Tensors[in.Out].Elems()) }

// poolWork is the work of a pool: the elements that its windows meet, and its output.
func poolWork(m *Model, in *format.Instr, w *kernel.Window) int64 {
	return m.elements(in) * (int64(min(w.KH, w.H))*int64(min(w.KW, w.W)) + 1)
}

// sliceWork is the work of a slice, which visits no element twice.
func sliceWork(m *Model, in *format.Instr, _ *kernel.Window) int64 { return m.elements(in) }

// plus adds numbers that are not negative, at most to the largest.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Memory of a session for each tensor, instruction and listed input, at most.
const (
	tensorBytes = 48
	stepBytes   = 512
	inputBytes  = 32
)

// need adds up what a session and a run take.
func (m *Model) need() {
	f := m.f
	var space workspace
	memory := int64(f.Arena) + 16 + tensorBytes*int64(len(f.Tensors)) + stepBytes*int64(len(m.steps))
	for i := range m.steps {
		space = space.most(m.steps[i].space)
		m.work = plus(m.work, m.steps[i].work)
		memory += inputBytes * int64(len(f.Instrs[i].In))
	}
	m.space = space
	memory += int64(space.image) + int64(space.patch) + 4*int64(space.acc)
	seen := make([]bool, len(f.Tensors))
	for _, t := range f.Outputs {
		memory += tensorBytes
		if !seen[t] {
			seen[t] = true
			memory += outputBytes(&f.Tensors[t])
		}
	}
	known, rest := m.tables()
	m.memory = memory + 256*int64(known+rest)
}

// outputBytes is the memory in which a session hands out t: as stored, and if that is int8 as
// real numbers too.
func outputBytes(t *format.Tensor) int64 {
	if t.DType == format.Float32 {
		return 4 * int64(t.Elems())
	}
	return 5 * int64(t.Elems())
}
