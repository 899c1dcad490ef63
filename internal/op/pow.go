package op

import (
	"errors"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Pow is a^b; a negative a gives NaN unless b is whole.
type Pow struct{}

// Name implements graph.Op.
func (Pow) Name() string { return "Pow" }

// Elems implements graph.Typed.
func (Pow) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Pow) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Pow) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { combineAll(o, out, in) }

// Backward implements graph.Differentiable.
func (Pow) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in,
		func(a, b float32) float32 { return b * float32(math.Pow(float64(a), float64(b)-1)) },
		func(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b)) * math.Log(float64(a))) })
}

// Combine implements Arithmetic.
func (Pow) Combine(a, b float64) float64 {
	return math.Pow(a, b)
}

// Affine implements Arithmetic.
func (Pow) Affine(_ []float64, _ bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("the device has no power of one activation by another")
}

// TraceChannels implements ChannelTracer.
func (Pow) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Pow) TraceConstants(c Constants, n *graph.Node, k []float32) { arithmeticConstants(o, c, n, k) }

// WriteONNX implements ONNXWriter.
func (Pow) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Pow", in, out)
}

var _ Arithmetic = Pow{}
