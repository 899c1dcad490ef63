package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Gelu is x (1 + erf(x / sqrt 2)) / 2.
type Gelu struct{}

// Name implements graph.Op.
func (Gelu) Name() string { return "Gelu" }

// F implements Elementwise.
func (Gelu) F(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }

// DF implements Elementwise.
func (Gelu) DF(x, _ float64) float64 {
	return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// Infer implements graph.Op.
func (Gelu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Gelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Gelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Gelu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Need(20)
	w.Emit("Gelu", in, out)
}

var _ Elementwise = Gelu{}
