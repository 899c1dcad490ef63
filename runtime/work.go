package runtime

import (
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// What counts as more than one step.
const (
	meetWork  = 4  // a pixel that a window meets
	roundWork = 8  // a sum that is rounded to int8, a short copy
	pixelWork = 16 // an output pixel of an image, or a group of its channels
	expWork   = 16 // an exponential
	callWork  = 64 // an instruction

	combineWork  = 4  // a sum, comparison or copy of two float32
	functionWork = 16 // a function of a float32
	powWork      = 128
)

// elements is the work of an instruction that takes a step for each element of its output.
func (m *Model) elements(in *format.Instr) int64 { return int64(m.f.Tensors[in.Out].Elems()) }

// convWork is the work of a convolution or dense layer that takes some steps for each output
// pixel besides rounding its channels.
func (m *Model) convWork(in *format.Instr, steps int) int64 {
	return positions(m.f, in)*(int64(steps)+pixelWork*int64(max(in.Groups, 1))) + roundWork*m.elements(in)
}

// poolWork is the work of a pool: the elements that its windows meet, and its output.
func poolWork(m *Model, in *format.Instr, w *kernel.Window) int64 {
	window := int64(min(w.KH, w.H)) * int64(min(w.KW, w.W))
	return int64(w.OutH)*int64(w.OutW)*(window*int64(w.C+meetWork)+pixelWork) + roundWork*m.elements(in)
}

// sliceWork is the work of a slice, which copies pixel by pixel.
func sliceWork(m *Model, in *format.Instr, w *kernel.Window) int64 {
	return m.elements(in) + roundWork*int64(w.OutH)*int64(w.OutW)
}

// resizeWork is the work of a resampling, which meets four pixels for each of the output.
func resizeWork(m *Model, in *format.Instr, w *kernel.Window) int64 {
	return roundWork*m.elements(in) + pixelWork*int64(w.OutH)*int64(w.OutW)
}

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
	memory := int64(f.Arena) + 16 + tensorBytes*int64(len(f.Tensors)) + stateBytes(f) + stepBytes*int64(len(m.steps))
	for i := range m.steps {
		space = space.most(m.steps[i].space)
		m.work = plus(m.work, m.steps[i].work+callWork)
		memory += inputBytes * int64(len(f.Instrs[i].In))
	}
	m.space = space
	memory += int64(space.image) + int64(space.patch) + 4*(int64(space.acc)+int64(space.reals))
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
