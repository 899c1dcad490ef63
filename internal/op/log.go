package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Log is the natural logarithm; 0 gives minus infinity, a negative x NaN.
type Log struct{}

// Name implements graph.Op.
func (Log) Name() string { return "Log" }

// F implements Elementwise.
func (Log) F(x float64) float64 {
	return math.Log(x)
}

// DF implements Elementwise.
func (Log) DF(x, _ float64) float64 {
	return 1 / x
}

// Infer implements graph.Op.
func (Log) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Log) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Log) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Log) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Log", in, out)
}

var _ Elementwise = Log{}
