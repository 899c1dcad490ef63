package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Reciprocal is 1/x.
type Reciprocal struct{}

// Name implements graph.Op.
func (Reciprocal) Name() string { return "Reciprocal" }

// F implements Elementwise.
func (Reciprocal) F(x float64) float64 {
	return 1 / x
}

// DF implements Elementwise.
func (Reciprocal) DF(_, y float64) float64 {
	return -y * y
}

// Infer implements graph.Op.
func (Reciprocal) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Reciprocal) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Reciprocal) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Reciprocal) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Reciprocal", in, out)
}

var _ Elementwise = Reciprocal{}
