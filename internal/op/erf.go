package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Erf is the error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.
type Erf struct{}

// Name implements graph.Op.
func (Erf) Name() string { return "Erf" }

// F implements Elementwise.
func (Erf) F(x float64) float64 { return math.Erf(x) }

// DF implements Elementwise.
func (Erf) DF(x, _ float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }

// Infer implements graph.Op.
func (Erf) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Erf) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Erf) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Erf) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Erf", in, out) }

var _ Elementwise = Erf{}
