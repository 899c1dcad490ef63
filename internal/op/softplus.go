package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Softplus is log(1 + exp(x)).
type Softplus struct{}

// Name implements graph.Op.
func (Softplus) Name() string { return "Softplus" }

// F implements Elementwise.
func (Softplus) F(x float64) float64 {
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// DF implements Elementwise.
func (Softplus) DF(x, _ float64) float64 {
	return 1 / (1 + math.Exp(-x))
}

// Infer implements graph.Op.
func (Softplus) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Softplus) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Softplus) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Softplus) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Softplus", in, out)
}

var _ Elementwise = Softplus{}
