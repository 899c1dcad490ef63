package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Sub is a - b.
type Sub struct{ Clamp Clamp }

// Name implements graph.Op.
func (Sub) Name() string { return "Sub" }

// Elems implements graph.Typed.
func (Sub) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (Sub) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Sub) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return a - b })
	o.Clamp.Apply(out[0].Data)
}

// Backward implements graph.Differentiable.
func (o Sub) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	dy := o.Clamp.scratch(s, dout[0].Data, out[0].Data)
	back2(dy, out[0].Shape, din, in, one, minusOne)
}

// Combine implements Arithmetic.
func (Sub) Combine(a, b float64) float64 { return a - b }

// Affine implements Arithmetic.
func (Sub) Affine(k []float64, xLeft bool) (mul, add []float64, err error) {
	if xLeft {
		return nil, mapped(k, func(v float64) float64 { return -v }), nil
	}
	return mapped(k, func(float64) float64 { return -1 }), k, nil
}

// Fused implements Clamper.
func (o Sub) Fused() Clamp { return o.Clamp }

// WithClamp implements Clamper.
func (o Sub) WithClamp(c Clamp) graph.Op {
	o.Clamp = c
	return o
}

// Lower emits OpSub, or a depthwise convolution when one operand is constant.
func (o Sub) Lower(d Device, n *graph.Node) error {
	if done, err := lowerConstant(d, n, o); done {
		return err
	}
	return lowerPair(d, n, format.OpSub, false, FusedClamp(o))
}

// TraceChannels implements ChannelTracer.
func (Sub) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Sub) TraceConstants(c Constants, n *graph.Node, k []float32) { arithmeticConstants(o, c, n, k) }

// WriteONNX implements ONNXWriter.
func (Sub) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Sub", in, out) }

func init() {
	RegisterLift(format.OpSub, liftPair(func(c Clamp) graph.Op { return Sub{Clamp: c} }))
}

var _ Arithmetic = Sub{}
