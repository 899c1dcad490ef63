package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Acosh is the inverse of Cosh, log(x + sqrt(x^2 - 1)); x below 1 gives NaN.
type Acosh struct{}

// Name implements graph.Op.
func (Acosh) Name() string { return "Acosh" }

// F implements Elementwise.
func (Acosh) F(x float64) float64 {
	return math.Acosh(x)
}

// DF implements Elementwise.
func (Acosh) DF(x, _ float64) float64 {
	return 1 / math.Sqrt(x*x-1)
}

// Infer implements graph.Op.
func (Acosh) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Acosh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Acosh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Acosh) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Acosh", in, out)
}

var _ Elementwise = Acosh{}
