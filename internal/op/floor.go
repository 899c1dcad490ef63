package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Floor is the largest whole number that is not above x.
type Floor struct{}

// Name implements graph.Op.
func (Floor) Name() string { return "Floor" }

// F implements Elementwise.
func (Floor) F(x float64) float64 {
	return math.Floor(x)
}

// DF implements Elementwise: 0, also at the steps.
func (Floor) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (Floor) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Floor) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Floor) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Floor) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Floor) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Floor", in, out)
}

var _ Elementwise = Floor{}
