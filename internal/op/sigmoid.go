package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Sigmoid is 1 / (1 + exp(-x)).
type Sigmoid struct{}

// Name implements graph.Op.
func (Sigmoid) Name() string { return "Sigmoid" }

// F implements Elementwise.
func (Sigmoid) F(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// DF implements Elementwise.
func (Sigmoid) DF(_, y float64) float64 { return y * (1 - y) }

// Infer implements graph.Op.
func (Sigmoid) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Sigmoid) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Sigmoid) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// NaturalGrid implements Bounded.
func (Sigmoid) NaturalGrid() graph.Affine { return unitGrid }

// WriteONNX implements ONNXWriter.
func (Sigmoid) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Sigmoid", in, out) }

var _ Elementwise = Sigmoid{}
