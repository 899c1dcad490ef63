package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Sign is -1 for x < 0, 0 for 0, 1 for x > 0.
type Sign struct{}

// Name implements graph.Op.
func (Sign) Name() string { return "Sign" }

// F implements Elementwise.
func (Sign) F(x float64) float64 {
	return signOf(x)
}

// DF implements Elementwise: 0, also at the steps.
func (Sign) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (Sign) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Sign) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Sign) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Sign) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Sign) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Sign", in, out)
}

var _ Elementwise = Sign{}
