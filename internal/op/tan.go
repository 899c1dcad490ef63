package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Tan is the tangent of x in radians.
type Tan struct{}

// Name implements graph.Op.
func (Tan) Name() string { return "Tan" }

// F implements Elementwise.
func (Tan) F(x float64) float64 {
	return math.Tan(x)
}

// DF implements Elementwise.
func (Tan) DF(_, y float64) float64 {
	return 1 + y*y
}

// Infer implements graph.Op.
func (Tan) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Tan) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Tan) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Tan) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Tan", in, out)
}

var _ Elementwise = Tan{}
