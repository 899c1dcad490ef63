package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Shrink is x + Bias for x < -Lambda, x - Bias for x > Lambda, 0 otherwise.
type Shrink struct{ Lambda, Bias float32 }

// Name implements graph.Op.
func (Shrink) Name() string { return "Shrink" }

// F implements Elementwise.
func (o Shrink) F(x float64) float64 {
	switch l, b := float64(o.Lambda), float64(o.Bias); {
	case x < -l:
		return x + b
	case x > l:
		return x - b
	}
	return 0
}

// DF implements Elementwise.
func (o Shrink) DF(x, _ float64) float64 {
	return step(x < -float64(o.Lambda) || x > float64(o.Lambda))
}

// Infer implements graph.Op.
func (Shrink) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Shrink) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Shrink) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Shrink) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Shrink", in, out, Attr{"lambd", o.Lambda}, Attr{"bias", o.Bias})
}

var _ Elementwise = Shrink{}
