package runtime

import (
	"slices"

	"edgec/runtime/format"
)

// real appends an instruction whose output is float32, and emits it.
func (b *builder) real(in format.Instr, shape ...int) int {
	in.Out = b.tensor(format.Tensor{DType: format.Float32, Shape: slices.Clone(shape)})
	return b.emit(in)
}

// unary appends a function that keeps numbers in bounds.
func (b *builder) unary(x, function int, real float32) int {
	return b.real(format.Instr{Op: format.OpUnary, In: []int{x}, Function: function, Real: real}, b.shape(x)...)
}

// bounded brings x back to small numbers, whatever it holds: NaN becomes 0.
func (b *builder) bounded(x int) int {
	none := b.unary(x, format.UnaryIsNaN, 0)
	zero := b.constant(1)
	y := b.real(format.Instr{Op: format.OpSelect, In: []int{none, zero, x}}, b.shape(x)...)
	return b.unary(y, format.UnarySoftsign, 0)
}

func (b *builder) constant(shape ...int) int {
	n := product(shape)
	rows := 1
	if b.r.IntN(2) == 0 {
		rows = shape[0]
	}
	return b.real(format.Instr{Op: format.OpConstant, Weight: b.weight(rows, 1, 1, n/rows), Shape: shape}, shape...)
}

// floatStep appends a random instruction that reads x, of float32 and any shape.
func (b *builder) floatStep(x int) int {
	s, r := b.shape(x), b.r
	last := len(s) - 1
	switch r.IntN(10) {
	case 0:
		f := r.IntN(format.UnaryFunctions)
		real := float32(0)
		if f == format.UnaryElu || f == format.UnaryLeakyRelu || f == format.UnaryHardSigmoid {
			real = 0.3
		}
		return b.unary(x, f, real)
	case 1:
		other := [][]int{s, {1}, s[last:], append([]int{s[0]}, slices.Repeat([]int{1}, last)...)}[r.IntN(4)]
		return b.real(format.Instr{Op: format.OpBinary, In: []int{x, b.constant(other...)}, Function: r.IntN(format.BinaryFunctions)}, s...)
	case 2:
		in := format.Instr{Op: format.OpReduce, In: []int{x}, Axis: r.IntN(len(s)), Function: r.IntN(format.ReduceFunctions)}
		in.Dims = 1 + r.IntN(len(s)-in.Axis)
		out := slices.Clone(s)
		for d := range in.Dims {
			out[in.Axis+d] = 1
		}
		y := b.real(in, out...)
		return b.real(format.Instr{Op: format.OpBinary, In: []int{x, y}, Function: format.BinarySub}, s...)
	case 3:
		return b.real(format.Instr{Op: format.OpNormalize, In: []int{x}, Function: r.IntN(2), Real: 1e-3}, s...)
	case 4:
		n := 1 + r.IntN(9)
		in := format.Instr{Op: format.OpMatMul, Reverse: r.IntN(2) == 0}
		k := []int{s[last], n}
		if in.Reverse {
			k = []int{n, s[last]}
		}
		if last == 0 {
			return x
		}
		in.In = []int{x, b.constant(k...)}
		return b.real(in, append(slices.Clone(s[:last]), n)...)
	case 5: // rows by the elements of x, and elements of x by those of a constant
		axis, n := r.IntN(len(s)), 1+r.IntN(4)
		out := append(append(slices.Clone(s[:axis]), n), s[axis+1:]...)
		y := b.real(format.Instr{Op: format.OpGather, In: []int{x, b.constant(n)}, Axis: axis, Weight: -1}, out...)
		if len(out) == 4 {
			return y
		}
		return b.real(format.Instr{Op: format.OpGather, In: []int{y}, Weight: b.weight(1+r.IntN(5), 1, 1, 3)}, append(out, 3)...)
	case 8:
		return b.recurrent(x)
	case 6:
		n := product(s)
		in := format.Instr{Op: format.OpMove, In: []int{x}, Start: n - 1, Shape: []int{2, n}, Strides: []int{0, -1}}
		if r.IntN(2) == 0 && n > 2 {
			in = format.Instr{Op: format.OpMove, In: []int{x}, Start: 1, Shape: []int{(n - 1) / 2, 2}, Strides: []int{2, 1}}
		}
		return b.real(in, in.Shape...)
	case 7:
		y := b.real(format.Instr{Op: format.OpConcat, In: []int{x, x}, Axis: last}, append(slices.Clone(s[:last]), 2*s[last])...)
		perm := r.Perm(len(s))
		return b.real(format.Instr{Op: format.OpTranspose, In: []int{y}, Perm: perm}, permuted(b.shape(y), perm)...)
	}
	if len(s) != 3 {
		return b.real(format.Instr{Op: format.OpReshape, In: []int{x}, Shape: []int{1, 1, product(s)}}, 1, 1, product(s))
	}
	y := b.real(format.Instr{Op: format.OpPad, In: []int{x}, PadT: 1, PadR: 2, Real: -1.5}, s[0]+1, s[1]+2, s[2])
	return b.real(format.Instr{Op: format.OpSlice, In: []int{y}, PadB: 1, StrideH: 1, StrideW: 2}, s[0], (s[1]+1)/2+1, s[2])
}

// recurrent appends a recurrent layer over x, padded to whole gates.
func (b *builder) recurrent(x int) int {
	r, n := b.r, product(b.shape(x))
	function := r.IntN(format.RecurrentFunctions)
	g := format.RecurrentGates(function)
	h := 1 + r.IntN(9)
	steps := (n + g*h - 1) / (g * h)
	x = b.real(format.Instr{Op: format.OpReshape, In: []int{x}, Shape: []int{1, 1, n}}, 1, 1, n)
	x = b.real(format.Instr{Op: format.OpPad, In: []int{x}, PadR: steps*g*h - n}, 1, 1+steps*g*h-n, n)
	x = b.real(format.Instr{Op: format.OpMove, In: []int{x}, Shape: []int{steps, g * h}, Strides: []int{g * h, 1}}, steps, g*h)
	in := format.Instr{Op: format.OpRecurrent, In: []int{x}, Function: function, Reverse: r.IntN(2) == 0, Weight: b.weight(g*h, 1, 1, h)}
	for range r.IntN(1 + g/2) { // a state, of an LSTM a cell too
		in.In = append(in.In, b.unary(b.constant(h), format.UnarySoftsign, 0))
	}
	if format.RecurrentCell(function) == format.RecurrentLSTMCell {
		steps++
	}
	if r.IntN(2) == 0 {
		return b.real(in, steps, h)
	}
	in.Out = b.int8(steps, h)
	y := b.emit(in)
	return b.real(format.Instr{Op: format.OpDequantize, In: []int{y}}, steps, h)
}

func permuted(s, perm []int) (out []int) {
	for _, p := range perm {
		out = append(out, s[p])
	}
	return out
}

// floatNet returns a network of random float32 instructions that reads tokens, real numbers and
// an image of int8.
func floatNet(seed uint64) *format.File {
	b := newBuilder(seed)
	tokens := b.tensor(format.Tensor{DType: format.Float32, Shape: []int{5}, Whole: true})
	numbers := b.tensor(format.Tensor{DType: format.Float32, Shape: []int{5, 4}})
	b.f.Inputs = []int{tokens, numbers}
	image := b.input(2, 3, 4)
	x := b.real(format.Instr{Op: format.OpGather, In: []int{tokens}, Weight: b.weight(7, 1, 1, 4)}, 5, 4)
	x = b.real(format.Instr{Op: format.OpBinary, In: []int{x, numbers}, Function: format.BinaryAdd}, 5, 4)
	y := b.real(format.Instr{Op: format.OpDequantize, In: []int{image}}, 2, 3, 4)
	y = b.real(format.Instr{Op: format.OpReduce, In: []int{y}, Dims: 2, Function: format.ReduceMean}, 1, 1, 4)
	x = b.real(format.Instr{Op: format.OpBinary, In: []int{y, x}, Function: format.BinaryMul}, 1, 5, 4)
	for range 3 + b.r.IntN(8) {
		if y := b.bounded(b.floatStep(x)); product(b.shape(y)) < 2000 {
			x = y
		}
	}
	b.f.Outputs = []int{x}
	if b.r.IntN(2) == 0 { // and back to integers
		q := b.emit(format.Instr{Op: format.OpQuantize, In: []int{x}, Out: b.int8(b.shape(x)...)})
		move := b.emit(format.Instr{Op: format.OpMove, In: []int{q}, Out: b.on(q, 3), Start: 1, Shape: []int{3}, Strides: []int{0}})
		b.f.Outputs = append(b.f.Outputs, move)
	}
	format.Finish(b.f)
	return b.f
}

// recurrentNet returns a network of recurrent layers of the functions from first up to before end,
// one after the other.
func recurrentNet(seed uint64, first, end int) *format.File {
	b := newBuilder(seed)
	x := b.input(7, 1, 8)
	for function := first; function < end; function++ {
		g := format.RecurrentGates(function)
		x = b.emit(format.Instr{Op: format.OpConv2D, In: []int{x}, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, Weight: b.weight(8*g, 1, 1, 8),
			Out: b.tensor(format.Tensor{DType: format.Float32, Shape: []int{7, 1, 8 * g}})})
		x = b.real(format.Instr{Op: format.OpReshape, In: []int{x}, Shape: []int{7, 8 * g}}, 7, 8*g)
		steps := 7
		if format.RecurrentCell(function) == format.RecurrentLSTMCell {
			steps++
		}
		y := b.emit(format.Instr{Op: format.OpRecurrent, In: []int{x}, Function: function, Reverse: function%2 == 1, Weight: b.weight(8*g, 1, 1, 8), Out: b.int8(steps, 8)})
		x = b.emit(format.Instr{Op: format.OpReshape, In: []int{y}, Shape: []int{steps, 1, 8}, Out: b.on(y, steps, 1, 8)})
	}
	b.f.Outputs = []int{x}
	format.Finish(b.f)
	return b.f
}

// functionsNet returns a network of every function of float32, of numbers from -4 to 4 and whole
// ones among them, and with a state.
func functionsNet(seed uint64) *format.File {
	b := newBuilder(seed)
	shape := []int{4, 6}
	for range 3 {
		b.f.Inputs = append(b.f.Inputs, b.tensor(format.Tensor{DType: format.Float32, Shape: shape}))
	}
	x, z, state := b.f.Inputs[0], b.f.Inputs[1], b.f.Inputs[2]
	whole := b.unary(z, format.UnaryRound, 0)
	var all []int
	for f := range format.UnaryFunctions {
		real := float32(0)
		if f == format.UnaryElu || f == format.UnaryLeakyRelu || f == format.UnaryHardSigmoid {
			real = 0.3
		}
		all = append(all, b.unary(x, f, real))
	}
	for f := range format.BinaryFunctions {
		for _, y := range []int{z, whole} {
			all = append(all, b.real(format.Instr{Op: format.OpBinary, In: []int{x, y}, Function: f}, shape...))
		}
	}
	for f := range format.ReduceFunctions {
		for axis := range shape {
			out := slices.Clone(shape)
			out[axis] = 1
			y := b.real(format.Instr{Op: format.OpReduce, In: []int{x}, Function: f, Axis: axis, Dims: 1}, out...)
			all = append(all, b.real(format.Instr{Op: format.OpBinary, In: []int{whole, y}, Function: format.BinaryAdd}, shape...))
		}
	}
	y := b.real(format.Instr{Op: format.OpConcat, In: all}, len(all)*shape[0], shape[1])
	next := b.real(format.Instr{Op: format.OpBinary, In: []int{state, x}, Function: format.BinaryMax}, shape...)
	b.f.Outputs, b.f.State = []int{y, next}, []format.State{{Output: 1, Input: 2}}
	format.Finish(b.f)
	return b.f
}
