package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Asin is the arc sine; x outside of -1..1 gives NaN.
type Asin struct{}

// Name implements graph.Op.
func (Asin) Name() string { return "Asin" }

// F implements Elementwise.
func (Asin) F(x float64) float64 {
	return math.Asin(x)
}

// DF implements Elementwise.
func (Asin) DF(x, _ float64) float64 {
	return 1 / math.Sqrt(1-x*x)
}

// Infer implements graph.Op.
func (Asin) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Asin) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Asin) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Asin) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Asin", in, out)
}

var _ Elementwise = Asin{}
