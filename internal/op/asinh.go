package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Asinh is the inverse of Sinh, log(x + sqrt(x^2 + 1)).
type Asinh struct{}

// Name implements graph.Op.
func (Asinh) Name() string { return "Asinh" }

// F implements Elementwise.
func (Asinh) F(x float64) float64 {
	return math.Asinh(x)
}

// DF implements Elementwise.
func (Asinh) DF(x, _ float64) float64 {
	return 1 / math.Sqrt(1+x*x)
}

// Infer implements graph.Op.
func (Asinh) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Asinh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Asinh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Asinh) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Asinh", in, out)
}

var _ Elementwise = Asinh{}
