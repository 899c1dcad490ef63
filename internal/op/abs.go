package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Abs is |x|.
type Abs struct{}

// Name implements graph.Op.
func (Abs) Name() string { return "Abs" }

// F implements Elementwise.
func (Abs) F(x float64) float64 { return math.Abs(x) }

// DF implements Elementwise.
func (Abs) DF(x, _ float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// Elems implements graph.Typed.
func (Abs) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Abs) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Abs) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Abs) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Abs) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Abs", in, out) }

var _ Elementwise = Abs{}
