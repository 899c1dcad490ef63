package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// IsInf is 1 for +Inf, unless OnlyNegative, and for -Inf, unless OnlyPositive.
type IsInf struct{ OnlyNegative, OnlyPositive bool }

// Name implements graph.Op.
func (IsInf) Name() string { return "IsInf" }

// F implements Elementwise.
func (o IsInf) F(x float64) float64 {
	return step(math.IsInf(x, 1) && !o.OnlyNegative || math.IsInf(x, -1) && !o.OnlyPositive)
}

// DF implements Elementwise: 0, also at the steps.
func (IsInf) DF(_, _ float64) float64 {
	return 0
}

// Elems implements graph.Typed.
func (IsInf) Elems(_ []graph.Elem) []graph.Elem { return []graph.Elem{graph.Boolean} }

// Infer implements graph.Op.
func (IsInf) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o IsInf) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o IsInf) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o IsInf) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("IsInf", in, out, Attr{"detect_negative", bit(!o.OnlyPositive)}, Attr{"detect_positive", bit(!o.OnlyNegative)})
}

var _ Elementwise = IsInf{}
