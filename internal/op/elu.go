package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Elu is x for x >= 0, exp(x) - 1 otherwise.
type Elu struct{}

// Name implements graph.Op.
func (Elu) Name() string { return "Elu" }

// F implements Elementwise.
func (Elu) F(x float64) float64 {
	if x >= 0 {
		return x
	}
	return math.Expm1(x)
}

// DF implements Elementwise.
func (Elu) DF(x, y float64) float64 {
	if x >= 0 {
		return 1
	}
	return y + 1
}

// Infer implements graph.Op.
func (Elu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Elu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Elu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Elu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Elu", in, out) }

var _ Elementwise = Elu{}
