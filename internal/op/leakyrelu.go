package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// LeakyRelu is x for x >= 0, Alpha x otherwise.
type LeakyRelu struct{ Alpha float32 }

// Name implements graph.Op.
func (LeakyRelu) Name() string { return "LeakyRelu" }

// F implements Elementwise.
func (o LeakyRelu) F(x float64) float64 {
	if x >= 0 {
		return x
	}
	return float64(o.Alpha) * x
}

// DF implements Elementwise.
func (o LeakyRelu) DF(x, _ float64) float64 {
	if x >= 0 {
		return 1
	}
	return float64(o.Alpha)
}

// Infer implements graph.Op.
func (LeakyRelu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o LeakyRelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o LeakyRelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// Homogeneous implements Homogeneous.
func (LeakyRelu) Homogeneous(*graph.Node) bool { return true }

// WriteONNX implements ONNXWriter.
func (o LeakyRelu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("LeakyRelu", in, out, Attr{"alpha", o.Alpha})
}

var _ Elementwise = LeakyRelu{}
