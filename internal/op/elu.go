package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Elu is x for x >= 0, (exp(x) - 1) times Alpha, or 1 if Alpha is 0, otherwise.
type Elu struct{ Alpha float32 }

// Name implements graph.Op.
func (Elu) Name() string { return "Elu" }

// F implements Elementwise.
func (o Elu) F(x float64) float64 {
	if x >= 0 {
		return x
	}
	return o.alpha() * math.Expm1(x)
}

// DF implements Elementwise.
func (o Elu) DF(x, y float64) float64 {
	if x >= 0 {
		return 1
	}
	return y + o.alpha()
}

// alpha is Alpha, or 1.
func (o Elu) alpha() float64 {
	if o.Alpha == 0 {
		return 1
	}
	return float64(o.Alpha)
}

// Infer implements graph.Op.
func (Elu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Elu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Elu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Elu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	if o.Alpha == 0 || o.Alpha == 1 {
		w.Emit("Elu", in, out)
		return
	}
	w.Emit("Elu", in, out, Attr{"alpha", o.Alpha})
}

var _ Elementwise = Elu{}
