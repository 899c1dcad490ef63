package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// HardSigmoid is max(0, min(1, Alpha x + Beta)).
type HardSigmoid struct{ Alpha, Beta float32 }

// Name implements graph.Op.
func (HardSigmoid) Name() string { return "HardSigmoid" }

// F implements Elementwise.
func (o HardSigmoid) F(x float64) float64 {
	return math.Max(0, math.Min(1, float64(o.Alpha)*x+float64(o.Beta)))
}

// DF implements Elementwise.
func (o HardSigmoid) DF(_, y float64) float64 { return float64(o.Alpha) * step(y > 0 && y < 1) }

// Infer implements graph.Op.
func (HardSigmoid) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o HardSigmoid) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o HardSigmoid) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// NaturalGrid implements Bounded.
func (HardSigmoid) NaturalGrid() graph.Affine { return unitGrid }

// WriteONNX implements ONNXWriter.
func (o HardSigmoid) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("HardSigmoid", in, out, Attr{"alpha", o.Alpha}, Attr{"beta", o.Beta})
}

var _ Elementwise = HardSigmoid{}
