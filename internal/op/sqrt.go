package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Sqrt is the square root; negative x give NaN.
type Sqrt struct{}

// Name implements graph.Op.
func (Sqrt) Name() string { return "Sqrt" }

// F implements Elementwise.
func (Sqrt) F(x float64) float64 { return math.Sqrt(x) }

// DF implements Elementwise.
func (Sqrt) DF(_, y float64) float64 { return 0.5 / y }

// Infer implements graph.Op.
func (Sqrt) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Sqrt) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Sqrt) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Sqrt) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Sqrt", in, out) }

var _ Elementwise = Sqrt{}
