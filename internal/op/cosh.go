package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Cosh is the hyperbolic cosine, (exp(x) + exp(-x))/2.
type Cosh struct{}

// Name implements graph.Op.
func (Cosh) Name() string { return "Cosh" }

// F implements Elementwise.
func (Cosh) F(x float64) float64 {
	return math.Cosh(x)
}

// DF implements Elementwise.
func (Cosh) DF(x, _ float64) float64 {
	return math.Sinh(x)
}

// Infer implements graph.Op.
func (Cosh) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Cosh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Cosh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Cosh) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Cosh", in, out)
}

var _ Elementwise = Cosh{}
