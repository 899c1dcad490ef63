package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Celu is x for x >= 0, Alpha (exp(x/Alpha) - 1) otherwise.
type Celu struct{ Alpha float32 }

// Name implements graph.Op.
func (Celu) Name() string { return "Celu" }

// F implements Elementwise.
func (o Celu) F(x float64) float64 {
	if x >= 0 {
		return x
	}
	return float64(o.Alpha) * math.Expm1(x/float64(o.Alpha))
}

// DF implements Elementwise.
func (o Celu) DF(x, _ float64) float64 {
	if x >= 0 {
		return 1
	}
	return math.Exp(x / float64(o.Alpha))
}

// Infer implements graph.Op.
func (Celu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Celu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Celu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Celu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Celu", in, out, Attr{"alpha", o.Alpha})
}

var _ Elementwise = Celu{}
