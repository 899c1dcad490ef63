package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Where is a where the condition c is not 0, and b elsewhere; c, a and b are broadcast to one
// shape.
type Where struct{}

// Name implements graph.Op.
func (Where) Name() string { return "Where" }

// Elems implements graph.Typed: what both branches are.
func (Where) Elems(in []graph.Elem) []graph.Elem {
	if in[1] == in[2] {
		return in[1:2]
	}
	return wholeIfAll(in[1:])
}

// Infer implements graph.Op.
func (Where) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if len(in) != 3 {
		return nil, fmt.Errorf("has %d inputs, needs 3", len(in))
	}
	ab, err := broadcast(in[1:])
	if err != nil {
		return nil, err
	}
	return broadcast([]tensor.Shape{in[0], ab[0]})
}

// each calls f with the index of each result and of the operands that it is made of.
func (Where) each(out []*tensor.Tensor, in []*tensor.Tensor, f func(y, c, a, b int)) {
	s := out[0].Shape
	first := make([]int, s.Size())
	pairs(s, in[1].Shape, in[2].Shape, func(o, _, ib, _, sb, n int) {
		for i := range n {
			first[o+i] = ib + i*sb
		}
	})
	pairs(s, in[0].Shape, in[1].Shape, func(o, ic, ia, sc, sa, n int) {
		for i := range n {
			f(o+i, ic+i*sc, ia+i*sa, first[o+i])
		}
	})
}

// Forward implements graph.Op.
func (o Where) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.each(out, in, func(y, c, a, b int) {
		if in[0].Data[c] != 0 {
			out[0].Data[y] = in[1].Data[a]
		} else {
			out[0].Data[y] = in[2].Data[b]
		}
	})
}

// Backward implements graph.Differentiable: the gradient goes to the branch that was taken.
func (o Where) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	o.each(out, in, func(y, c, a, b int) {
		switch taken := in[0].Data[c] != 0; {
		case taken && din[1] != nil:
			din[1].Data[a] += dout[0].Data[y]
		case !taken && din[2] != nil:
			din[2].Data[b] += dout[0].Data[y]
		}
	})
}

// WriteONNX implements ONNXWriter.
func (Where) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Where", in, out)
}

var _ graph.Differentiable = Where{}
