package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ThresholdedRelu is x for x > Alpha, 0 otherwise.
type ThresholdedRelu struct{ Alpha float32 }

// Name implements graph.Op.
func (ThresholdedRelu) Name() string { return "ThresholdedRelu" }

// F implements Elementwise.
func (o ThresholdedRelu) F(x float64) float64 {
	return x * step(x > float64(o.Alpha))
}

// DF implements Elementwise.
func (o ThresholdedRelu) DF(x, _ float64) float64 {
	return step(x > float64(o.Alpha))
}

// Infer implements graph.Op.
func (ThresholdedRelu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o ThresholdedRelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o ThresholdedRelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o ThresholdedRelu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("ThresholdedRelu", in, out, Attr{"alpha", o.Alpha})
}

var _ Elementwise = ThresholdedRelu{}
