package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Acos is the arc cosine; x outside of -1..1 gives NaN.
type Acos struct{}

// Name implements graph.Op.
func (Acos) Name() string { return "Acos" }

// F implements Elementwise.
func (Acos) F(x float64) float64 {
	return math.Acos(x)
}

// DF implements Elementwise.
func (Acos) DF(x, _ float64) float64 {
	return -1 / math.Sqrt(1-x*x)
}

// Infer implements graph.Op.
func (Acos) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Acos) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Acos) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Acos) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Acos", in, out)
}

var _ Elementwise = Acos{}
