package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Arithmetic combines two operands that are broadcast to one shape: shapes are aligned
// at their last dimension, and dimensions of 1 repeat. Gradients are summed over repeated
// dimensions. A fused Clamp, where the operator has one, follows.
type Arithmetic interface {
	graph.Differentiable
	// Combine is the function of two numbers, before the clamp.
	Combine(a, b float64) float64
	// Affine writes the function of x and constants k, x on the left if xLeft, as
	// mul[i]*x + add[i]. A nil mul stands for ones, a nil add for zeros. The error says
	// why there is no such form.
	Affine(k []float64, xLeft bool) (mul, add []float64, err error)
}

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

// wholeIfAll are the kinds of a result that is a whole number if all operands are.
func wholeIfAll(in []graph.Elem) []graph.Elem {
	for _, e := range in {
		if e == graph.Float {
			return []graph.Elem{graph.Float}
		}
	}
	return []graph.Elem{graph.Integer}
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

// combineAll applies o.Combine element by element.
func combineAll(o Arithmetic, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return float32(o.Combine(float64(a), float64(b))) })
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

// one and minusOne are derivatives of sums and differences.
func one(_, _ float32) float32      { return 1 }
func minusOne(_, _ float32) float32 { return -1 }

// left and right are the derivatives of a product.
func left(a, _ float32) float32  { return a }
func right(_, b float32) float32 { return b }

// mapped returns f of each value.
func mapped(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// liftPair reads back an instruction of two activations.
func liftPair(o func(c Clamp) graph.Op) LiftFunc {
	return func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return l.Node(o(l.Clamp(in)), out, x[0], repeatable(l, x[1], x[0]))
	}
}

// repeatable returns v with as many dimensions as x, so that it is repeated within the
// samples and not over them.
func repeatable(l Lifter, v, x *graph.Value) *graph.Value {
	if len(v.Shape) == len(x.Shape) {
		return v
	}
	shape := make(tensor.Shape, len(x.Shape))
	for d := range shape {
		shape[d] = 1
	}
	return l.Node(Reshape{Shape: shape[1:]}, l.Temp("one", shape, v.Grid), v)
}

// traceArithmetic joins the channels of two activations, or passes those of one on
// beside a constant.
func traceArithmetic(c Channels, n *graph.Node) bool {
	l, r, out := n.Inputs[0], n.Inputs[1], n.Outputs[0]
	if l.Param == nil && r.Param == nil {
		a, b := c.Layout(l), c.Layout(r)
		if a.Axis != b.Axis || len(a.IDs) != len(b.IDs) || len(l.Shape) != len(r.Shape) {
			return false
		}
		c.Join(a.IDs, b.IDs)
		c.SetLayout(out, a)
		return true
	}
	x, k := l, r
	if l.Param != nil {
		x, k = r, l
	}
	if k.Param == nil || x.Param != nil || len(k.Shape) > len(x.Shape) {
		return false
	}
	a := c.Layout(x)
	at := a.Axis - (len(x.Shape) - len(k.Shape))
	if a.Axis < 0 || out.Shape[a.Axis] != x.Shape[a.Axis] {
		return false
	}
	if at >= 0 && k.Shape[at] != 1 {
		c.Own(n, k.Param, at, a.IDs)
	}
	c.SetLayout(out, a)
	return true
}

// arithmeticConstants evaluates o where both sides are constant.
func arithmeticConstants(o Arithmetic, c Constants, n *graph.Node, k []float32) {
	axis := c.Layout(n.Outputs[0]).Axis
	sides := [2][]float32{}
	for s, v := range n.Inputs[:2] {
		if v.Param == nil {
			sides[s] = c.Of(v)
		} else {
			sides[s] = PerChannel(v.Param, n.Outputs[0].Shape, axis)
		}
		if len(sides[s]) != len(k) && (v.Param == nil || len(sides[s]) != 1) {
			return
		}
	}
	for i := range k {
		a, b := sides[0][i%len(sides[0])], sides[1][i%len(sides[1])]
		if a == a && b == b {
			k[i] = evaluate(o, a, b)
		}
	}
}

// PerChannel returns the values of constant p for each position of one axis of an
// activation of shape x that it is broadcast to, or for all of them (one value); nil when
// it varies along other dimensions.
func PerChannel(p *graph.Param, x tensor.Shape, axis int) []float32 {
	s := p.Shadow.Shape
	if len(s) > len(x) {
		return nil
	}
	for i, d := range s {
		if at := len(x) - len(s) + i; d != 1 && (at != axis || d != x[axis]) {
			return nil
		}
	}
	return p.Value.Data
}
