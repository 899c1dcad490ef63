package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Sin is the sine of x in radians.
type Sin struct{}

// Name implements graph.Op.
func (Sin) Name() string { return "Sin" }

// F implements Elementwise.
func (Sin) F(x float64) float64 {
	return math.Sin(x)
}

// DF implements Elementwise.
func (Sin) DF(x, _ float64) float64 {
	return math.Cos(x)
}

// NaturalGrid implements Bounded.
func (Sin) NaturalGrid() graph.Affine { return signGrid }

// Infer implements graph.Op.
func (Sin) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Sin) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Sin) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Sin) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Sin", in, out)
}

var _ Elementwise = Sin{}
