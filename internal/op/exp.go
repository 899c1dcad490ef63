package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Exp is e^x.
type Exp struct{}

// Name implements graph.Op.
func (Exp) Name() string { return "Exp" }

// F implements Elementwise.
func (Exp) F(x float64) float64 { return math.Exp(x) }

// DF implements Elementwise.
func (Exp) DF(_, y float64) float64 { return y }

// Infer implements graph.Op.
func (Exp) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Exp) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Exp) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Exp) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Exp", in, out) }

var _ Elementwise = Exp{}
