package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Ceil is the least whole number that is not below x.
type Ceil struct{}

// Name implements graph.Op.
func (Ceil) Name() string { return "Ceil" }

// F implements Elementwise.
func (Ceil) F(x float64) float64 {
	return math.Ceil(x)
}

// DF implements Elementwise: 0, also at the steps.
func (Ceil) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (Ceil) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Ceil) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Ceil) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Ceil) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Ceil) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Ceil", in, out)
}

var _ Elementwise = Ceil{}
