package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Gelu is x (1 + erf(x / sqrt 2)) / 2, or with Tanh its approximation
// x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
type Gelu struct{ Tanh bool }

// Name implements graph.Op.
func (Gelu) Name() string { return "Gelu" }

// gate returns tanh's argument for x, and its derivative.
func (Gelu) gate(x float64) (u, du float64) {
	const k, c = 0.7978845608028654, 0.044715 // sqrt(2/pi)
	return k * (x + c*x*x*x), k * (1 + 3*c*x*x)
}

// F implements Elementwise.
func (o Gelu) F(x float64) float64 {
	if o.Tanh {
		u, _ := o.gate(x)
		return 0.5 * x * (1 + math.Tanh(u))
	}
	return 0.5 * x * (1 + math.Erf(x/math.Sqrt2))
}

// DF implements Elementwise.
func (o Gelu) DF(x, _ float64) float64 {
	if o.Tanh {
		u, du := o.gate(x)
		t := math.Tanh(u)
		return 0.5*(1+t) + 0.5*x*(1-t*t)*du
	}
	return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// Infer implements graph.Op.
func (Gelu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Gelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Gelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Gelu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Need(20)
	if o.Tanh {
		w.Emit("Gelu", in, out, Attr{"approximate", "tanh"})
		return
	}
	w.Emit("Gelu", in, out)
}

var _ Elementwise = Gelu{}
