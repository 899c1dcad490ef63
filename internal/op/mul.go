package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Mul is a * b.
type Mul struct{}

// Name implements graph.Op.
func (Mul) Name() string { return "Mul" }

// Elems implements graph.Typed.
func (Mul) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (Mul) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (Mul) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(a, b float32) float32 { return a * b })
}

// Backward implements graph.Differentiable.
func (Mul) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in, right, left)
}

// Combine implements Arithmetic.
func (Mul) Combine(a, b float64) float64 { return a * b }

// Affine implements Arithmetic.
func (Mul) Affine(k []float64, _ bool) (mul, add []float64, err error) { return k, nil, nil }

// Lower emits OpMul, or a depthwise convolution when one operand is constant.
func (o Mul) Lower(d Device, n *graph.Node) error {
	if done, err := lowerConstant(d, n, o); done {
		return err
	}
	return lowerPair(d, n, format.OpMul, true, FusedClamp(o))
}

// TraceChannels implements ChannelTracer.
func (Mul) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Mul) TraceConstants(c Constants, n *graph.Node, k []float32) { arithmeticConstants(o, c, n, k) }

// WriteONNX implements ONNXWriter.
func (Mul) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Mul", in, out) }

func init() {
	RegisterLift(format.OpMul, liftPair(func(_ Clamp) graph.Op { return Mul{} }))
}

var _ Arithmetic = Mul{}
