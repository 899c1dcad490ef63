package op

import (
	"errors"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Div is a / b.
type Div struct{}

// Name implements graph.Op.
func (Div) Name() string { return "Div" }

// Infer implements graph.Op.
func (Div) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (Div) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return a / b })
}

// Backward implements graph.Differentiable.
func (Div) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in,
		func(_, b float32) float32 { return 1 / b },
		func(a, b float32) float32 { return -a / (b * b) })
}

// Combine implements Arithmetic.
func (Div) Combine(a, b float64) float64 { return a / b }

// Affine implements Arithmetic.
func (Div) Affine(k []float64, xLeft bool) (mul, add []float64, err error) {
	if !xLeft || slices.Contains(k, 0) {
		return nil, nil, errors.New("the device cannot divide by an activation or by zero")
	}
	return mapped(k, func(v float64) float64 { return 1 / v }), nil, nil
}

// Lower emits a depthwise convolution; only a constant can be divided by.
func (o Div) Lower(d Device, n *graph.Node) error {
	if done, err := lowerConstant(d, n, o); done {
		return err
	}
	return errors.New("the device cannot divide one activation by another: divide by a constant, or multiply")
}

// TraceChannels implements ChannelTracer.
func (Div) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Div) TraceConstants(c Constants, n *graph.Node, k []float32) { arithmeticConstants(o, c, n, k) }

// WriteONNX implements ONNXWriter.
func (Div) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Div", in, out) }

var _ Arithmetic = Div{}
