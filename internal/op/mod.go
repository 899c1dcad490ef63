package op

import (
	"errors"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Mod is the remainder of a / b: with the sign of b, or, with C, of a.
type Mod struct{ C bool }

// Name implements graph.Op.
func (Mod) Name() string { return "Mod" }

// Elems implements graph.Typed.
func (Mod) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (Mod) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Mod) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { combineAll(o, out, in) }

// Backward implements graph.Differentiable, within one period.
func (o Mod) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	back2(dout[0].Data, out[0].Shape, din, in,
		one,
		func(a, b float32) float32 {
			return float32((o.Combine(float64(a), float64(b)) - float64(a)) / float64(b))
		})
}

// Combine implements Arithmetic.
func (o Mod) Combine(a, b float64) float64 {
	r := math.Mod(a, b)
	if r != 0 && !o.C && r < 0 != (b < 0) {
		r += b
	}
	return r
}

// Affine implements Arithmetic.
func (Mod) Affine(_ []float64, _ bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("the device has no remainder")
}

// TraceChannels implements ChannelTracer.
func (Mod) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Mod) TraceConstants(c Constants, n *graph.Node, k []float32) { arithmeticConstants(o, c, n, k) }

// WriteONNX implements ONNXWriter.
func (o Mod) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Mod", in, out, Attr{"fmod", bit(o.C)})
}

var _ Arithmetic = Mod{}
