package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Atan is the arc tangent.
type Atan struct{}

// Name implements graph.Op.
func (Atan) Name() string { return "Atan" }

// F implements Elementwise.
func (Atan) F(x float64) float64 {
	return math.Atan(x)
}

// DF implements Elementwise.
func (Atan) DF(x, _ float64) float64 {
	return 1 / (1 + x*x)
}

// Infer implements graph.Op.
func (Atan) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Atan) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Atan) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Atan) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Atan", in, out)
}

var _ Elementwise = Atan{}
