package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Cos is the cosine of x in radians.
type Cos struct{}

// Name implements graph.Op.
func (Cos) Name() string { return "Cos" }

// F implements Elementwise.
func (Cos) F(x float64) float64 {
	return math.Cos(x)
}

// DF implements Elementwise.
func (Cos) DF(x, _ float64) float64 {
	return -math.Sin(x)
}

// NaturalGrid implements Bounded.
func (Cos) NaturalGrid() graph.Affine { return signGrid }

// Infer implements graph.Op.
func (Cos) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Cos) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Cos) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Cos) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Cos", in, out)
}

var _ Elementwise = Cos{}
