package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Atanh is the inverse of Tanh, log((1 + x)/(1 - x))/2; x outside of -1..1 gives NaN.
type Atanh struct{}

// Name implements graph.Op.
func (Atanh) Name() string { return "Atanh" }

// F implements Elementwise.
func (Atanh) F(x float64) float64 {
	return math.Atanh(x)
}

// DF implements Elementwise.
func (Atanh) DF(x, _ float64) float64 {
	return 1 / (1 - x*x)
}

// Infer implements graph.Op.
func (Atanh) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Atanh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Atanh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Atanh) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Atanh", in, out)
}

var _ Elementwise = Atanh{}
