package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// IsNaN is 1 for NaN, 0 otherwise.
type IsNaN struct{}

// Name implements graph.Op.
func (IsNaN) Name() string { return "IsNaN" }

// F implements Elementwise.
func (IsNaN) F(x float64) float64 {
	return step(x != x)
}

// DF implements Elementwise: 0, also at the steps.
func (IsNaN) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (IsNaN) Elems(_ []graph.Elem) []graph.Elem { return []graph.Elem{graph.Boolean} }

// Infer implements graph.Op.
func (IsNaN) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o IsNaN) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o IsNaN) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (IsNaN) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("IsNaN", in, out)
}

var _ Elementwise = IsNaN{}
