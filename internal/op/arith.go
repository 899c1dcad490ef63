package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Arithmetic on two operands that are broadcast to one shape: shapes are
// aligned at their last dimension, and dimensions of 1 repeat. Gradients are
// summed over repeated dimensions.
type (
	// Add is a + b.
	Add struct{ Clamp Clamp }
	// Sub is a - b.
	Sub struct{ Clamp Clamp }
	// Mul is a * b.
	Mul struct{}
	// Div is a / b.
	Div struct{}
)

// Names, as in messages.
func (Add) Name() string { return "Add" }
func (Sub) Name() string { return "Sub" }
func (Mul) Name() string { return "Mul" }
func (Div) Name() string { return "Div" }

// Infer implements graph.Op.
func (Add) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }
func (Sub) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }
func (Mul) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }
func (Div) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

func broadcast(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arityAny(in, 2); err != nil {
		return nil, err
	}
	a, b := in[0], in[1]
	out := make(tensor.Shape, max(len(a), len(b)))
	for i := 1; i <= len(out); i++ {
		da, db := dim(a, i), dim(b, i)
		if da != db && da != 1 && db != 1 {
			return nil, fmt.Errorf("shapes %v and %v cannot be broadcast to one", a, b)
		}
		out[len(out)-i] = da
		if da == 1 {
			out[len(out)-i] = db
		}
	}
	return []tensor.Shape{out}, nil
}

// arityAny returns an error unless there are n inputs; scalars (no dimensions)
// are allowed.
func arityAny(in []tensor.Shape, n int) error {
	if len(in) != n {
		return fmt.Errorf("has %d inputs, needs %d", len(in), n)
	}
	return nil
}

// dim returns the i-th dimension from the end, 1 beyond the first.
func dim(s tensor.Shape, i int) int {
	if i > len(s) {
		return 1
	}
	return s[len(s)-i]
}

// pairs calls f with runs of elements: output at o, operands at a and b with
// strides sa and sb (0 or 1), n elements.
func pairs(out, a, b tensor.Shape, f func(o, a, b, sa, sb, n int)) {
	if a.Equal(out) && b.Equal(out) {
		f(0, 0, 0, 1, 1, out.Size())
		return
	}
	rank := len(out)
	if rank == 0 {
		f(0, 0, 0, 0, 0, 1)
		return
	}
	strides := func(s tensor.Shape) []int {
		st := make([]int, rank)
		size := 1
		for i := 1; i <= len(s); i++ {
			if d := dim(s, i); d > 1 {
				st[rank-i] = size
				size *= d
			}
		}
		return st
	}
	sa, sb := strides(a), strides(b)
	n := out[rank-1]
	index := make([]int, rank-1)
	oa, ob := 0, 0
	for o := 0; o < out.Size(); o += n {
		f(o, oa, ob, sa[rank-1], sb[rank-1], n)
		for d := rank - 2; d >= 0; d-- {
			index[d]++
			oa, ob = oa+sa[d], ob+sb[d]
			if index[d] < out[d] {
				break
			}
			oa, ob = oa-sa[d]*out[d], ob-sb[d]*out[d]
			index[d] = 0
		}
	}
}

// each2 applies f element by element.
func each2(out, in []*tensor.Tensor, f func(a, b float32) float32) {
	y, a, b := out[0].Data, in[0].Data, in[1].Data
	pairs(out[0].Shape, in[0].Shape, in[1].Shape, func(o, ia, ib, sa, sb, n int) {
		for i := 0; i < n; i++ {
			y[o+i] = f(a[ia+i*sa], b[ib+i*sb])
		}
	})
}

// back2 adds the gradients da(a, b) dy and db(a, b) dy.
func back2(dy []float32, shape tensor.Shape, din, in []*tensor.Tensor, da, db func(a, b float32) float32) {
	a, b := in[0].Data, in[1].Data
	pairs(shape, in[0].Shape, in[1].Shape, func(o, ia, ib, sa, sb, n int) {
		for i := 0; i < n; i++ {
			d, ka, kb := dy[o+i], ia+i*sa, ib+i*sb
			if din[0] != nil {
				din[0].Data[ka] += d * da(a[ka], b[kb])
			}
			if din[1] != nil {
				din[1].Data[kb] += d * db(a[ka], b[kb])
			}
		}
	})
}

func plus(a, b float32) float32  { return a + b }
func minus(a, b float32) float32 { return a - b }
func one(_, _ float32) float32   { return 1 }
func less(_, _ float32) float32  { return -1 }
func left(a, _ float32) float32  { return a }
func right(_, b float32) float32 { return b }

// Forward implements graph.Op.
func (o Add) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, plus)
	o.Clamp.apply(out[0].Data)
}
func (o Sub) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, minus)
	o.Clamp.apply(out[0].Data)
}
func (Mul) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return a * b })
}
func (Div) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return a / b })
}

// Backward implements graph.Differentiable.
func (o Add) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	dy := o.Clamp.scratch(s, dout[0].Data, out[0].Data)
	back2(dy, out[0].Shape, din, in, one, one)
}
func (o Sub) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	dy := o.Clamp.scratch(s, dout[0].Data, out[0].Data)
	back2(dy, out[0].Shape, din, in, one, less)
}
func (Mul) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in, right, left)
}
func (Div) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in,
		func(_, b float32) float32 { return 1 / b },
		func(a, b float32) float32 { return -a / (b * b) })
}

// scratch is back with the work space of s.
func (c Clamp) scratch(s *graph.Scratch, dy, y []float32) []float32 {
	if !c.On {
		return dy
	}
	return c.back(s.Floats(0, len(dy)), dy, y)
}

// Lower emits OpAdd, OpSub or OpMul, or a depthwise convolution when one
// operand is constant.
func (o Add) Lower(d Device, n *graph.Node) error { return lowerArithmetic(d, n, o.Clamp) }

// Lower is like Add's.
func (o Sub) Lower(d Device, n *graph.Node) error { return lowerArithmetic(d, n, o.Clamp) }

// Lower is like Add's.
func (Mul) Lower(d Device, n *graph.Node) error { return lowerArithmetic(d, n, Clamp{}) }

// Lower is like Add's; only a constant can be divided by.
func (Div) Lower(d Device, n *graph.Node) error { return lowerArithmetic(d, n, Clamp{}) }
