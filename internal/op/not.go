package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Not is 1 for 0, and 0 otherwise.
type Not struct{}

// Name implements graph.Op.
func (Not) Name() string { return "Not" }

// F implements Elementwise.
func (Not) F(x float64) float64 {
	return step(x == 0)
}

// DF implements Elementwise: 0, also at the steps.
func (Not) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (Not) Elems(_ []graph.Elem) []graph.Elem { return []graph.Elem{graph.Boolean} }

// Infer implements graph.Op.
func (Not) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Not) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Not) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Not) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Not", in, out)
}

var _ Elementwise = Not{}
