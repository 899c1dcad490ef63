package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Tanh is the hyperbolic tangent.
type Tanh struct{}

// Name implements graph.Op.
func (Tanh) Name() string { return "Tanh" }

// F implements Elementwise.
func (Tanh) F(x float64) float64 { return math.Tanh(x) }

// DF implements Elementwise.
func (Tanh) DF(_, y float64) float64 { return 1 - y*y }

// Infer implements graph.Op.
func (Tanh) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Tanh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Tanh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// NaturalGrid implements Bounded.
func (Tanh) NaturalGrid() graph.Affine { return signGrid }

// WriteONNX implements ONNXWriter.
func (Tanh) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Tanh", in, out) }

var _ Elementwise = Tanh{}
