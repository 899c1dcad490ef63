package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Selu is Gamma x for x > 0, Gamma Alpha (exp(x) - 1) otherwise.
type Selu struct{ Alpha, Gamma float32 }

// Name implements graph.Op.
func (Selu) Name() string { return "Selu" }

// F implements Elementwise.
func (o Selu) F(x float64) float64 {
	if x > 0 {
		return float64(o.Gamma) * x
	}
	return float64(o.Gamma) * float64(o.Alpha) * math.Expm1(x)
}

// DF implements Elementwise.
func (o Selu) DF(x, _ float64) float64 {
	if x > 0 {
		return float64(o.Gamma)
	}
	return float64(o.Gamma) * float64(o.Alpha) * math.Exp(x)
}

// Infer implements graph.Op.
func (Selu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Selu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Selu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Selu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Selu", in, out, Attr{"alpha", o.Alpha}, Attr{"gamma", o.Gamma})
}

var _ Elementwise = Selu{}
