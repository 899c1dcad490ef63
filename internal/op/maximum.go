package op

import (
	"errors"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Maximum is the larger of a and b.
type Maximum struct{}

// Name implements graph.Op.
func (Maximum) Name() string { return "Maximum" }

// Elems implements graph.Typed.
func (Maximum) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (Maximum) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Maximum) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { combineAll(o, out, in) }

// Backward implements graph.Differentiable.
func (Maximum) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in,
		func(a, b float32) float32 { return float32(step(a >= b)) },
		func(a, b float32) float32 { return float32(step(b > a)) })
}

// Combine implements Arithmetic.
func (Maximum) Combine(a, b float64) float64 {
	return math.Max(a, b)
}

// Affine implements Arithmetic.
func (Maximum) Affine(_ []float64, _ bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("the device has no maximum of two activations; write it as b + Relu(a - b)")
}

// TraceChannels implements ChannelTracer.
func (Maximum) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Maximum) TraceConstants(c Constants, n *graph.Node, k []float32) {
	arithmeticConstants(o, c, n, k)
}

// WriteONNX implements ONNXWriter.
func (Maximum) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Max", in, out)
}

var _ Arithmetic = Maximum{}
