package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Round is the nearest whole number, of two equally near ones the even one.
type Round struct{}

// Name implements graph.Op.
func (Round) Name() string { return "Round" }

// F implements Elementwise.
func (Round) F(x float64) float64 {
	return math.RoundToEven(x)
}

// DF implements Elementwise: 0, also at the steps.
func (Round) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (Round) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Round) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Round) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Round) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Round) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Round", in, out)
}

var _ Elementwise = Round{}
