package op

import (
	"errors"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Minimum is the lesser of a and b.
type Minimum struct{}

// Name implements graph.Op.
func (Minimum) Name() string { return "Minimum" }

// Elems implements graph.Typed.
func (Minimum) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (Minimum) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Minimum) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { combineAll(o, out, in) }

// Backward implements graph.Differentiable.
func (Minimum) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in,
		func(a, b float32) float32 { return float32(step(a <= b)) },
		func(a, b float32) float32 { return float32(step(b < a)) })
}

// Combine implements Arithmetic.
func (Minimum) Combine(a, b float64) float64 {
	return math.Min(a, b)
}

// Affine implements Arithmetic.
func (Minimum) Affine(_ []float64, _ bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("the device has no minimum of two activations; write it as b - Relu(b - a)")
}

// TraceChannels implements ChannelTracer.
func (Minimum) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Minimum) TraceConstants(c Constants, n *graph.Node, k []float32) {
	arithmeticConstants(o, c, n, k)
}

// WriteONNX implements ONNXWriter.
func (Minimum) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Min", in, out)
}

var _ Arithmetic = Minimum{}
