package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Add is a + b.
type Add struct{ Clamp Clamp }

// Name implements graph.Op.
func (Add) Name() string { return "Add" }

// Elems implements graph.Typed.
func (Add) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (Add) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Add) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return a + b })
	o.Clamp.Apply(out[0].Data)
}

// Backward implements graph.Differentiable.
func (o Add) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	dy := o.Clamp.scratch(s, dout[0].Data, out[0].Data)
	back2(dy, out[0].Shape, din, in, one, one)
}

// Combine implements Arithmetic.
func (Add) Combine(a, b float64) float64 { return a + b }

// Affine implements Arithmetic.
func (Add) Affine(k []float64, _ bool) (mul, add []float64, err error) { return nil, k, nil }

// Fused implements Clamper.
func (o Add) Fused() Clamp { return o.Clamp }

// WithClamp implements Clamper.
func (o Add) WithClamp(c Clamp) graph.Op {
	o.Clamp = c
	return o
}

// Lower emits OpAdd, or a depthwise convolution when one operand is constant.
func (o Add) Lower(d Device, n *graph.Node) error {
	if done, err := lowerConstant(d, n, o); done {
		return err
	}
	return lowerPair(d, n, format.OpAdd, true, FusedClamp(o))
}

// TraceChannels implements ChannelTracer.
func (Add) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Add) TraceConstants(c Constants, n *graph.Node, k []float32) { arithmeticConstants(o, c, n, k) }

// WriteONNX implements ONNXWriter.
func (Add) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Add", in, out) }

func init() {
	RegisterLift(format.OpAdd, liftPair(func(c Clamp) graph.Op { return Add{Clamp: c} }))
}

var _ Arithmetic = Add{}
