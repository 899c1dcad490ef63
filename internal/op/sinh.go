package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Sinh is the hyperbolic sine, (exp(x) - exp(-x))/2.
type Sinh struct{}

// Name implements graph.Op.
func (Sinh) Name() string { return "Sinh" }

// F implements Elementwise.
func (Sinh) F(x float64) float64 {
	return math.Sinh(x)
}

// DF implements Elementwise.
func (Sinh) DF(x, _ float64) float64 {
	return math.Cosh(x)
}

// Infer implements graph.Op.
func (Sinh) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Sinh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Sinh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Sinh) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Sinh", in, out)
}

var _ Elementwise = Sinh{}
