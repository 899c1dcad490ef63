package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Clip is min(max(x, Lo), Hi).
type Clip struct{ Lo, Hi float32 }

// Name implements graph.Op.
func (Clip) Name() string { return "Clip" }

// F implements Elementwise.
func (o Clip) F(x float64) float64 { return math.Min(math.Max(x, float64(o.Lo)), float64(o.Hi)) }

// DF implements Elementwise.
func (o Clip) DF(x, _ float64) float64 {
	return step(x > float64(o.Lo) && x < float64(o.Hi))
}

// Elems implements graph.Typed.
func (Clip) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Clip) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op; it stays in float32.
func (o Clip) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	copy(out[0].Data, in[0].Data)
	Clamp{On: true, Lo: o.Lo, Hi: o.Hi}.Apply(out[0].Data)
}

// Backward implements graph.Differentiable.
func (o Clip) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// Limits implements Limiter.
func (o Clip) Limits() Clamp { return Clamp{On: true, Lo: o.Lo, Hi: o.Hi} }

// IsIdentity implements Identity.
func (o Clip) IsIdentity(*graph.Node) bool {
	return math.IsInf(float64(o.Lo), -1) && math.IsInf(float64(o.Hi), 1)
}

// WriteONNX implements ONNXWriter.
func (o Clip) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Clip(in[0], out, o.Limits())
}

var _ Elementwise = Clip{}
