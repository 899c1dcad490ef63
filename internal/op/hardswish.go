package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// HardSwish is x max(0, min(1, x/6 + 0.5)).
type HardSwish struct{}

// Name implements graph.Op.
func (HardSwish) Name() string { return "HardSwish" }

// F implements Elementwise.
func (HardSwish) F(x float64) float64 { return x * math.Max(0, math.Min(1, x/6+0.5)) }

// DF implements Elementwise.
func (HardSwish) DF(x, _ float64) float64 {
	switch {
	case x <= -3:
		return 0
	case x >= 3:
		return 1
	}
	return x/3 + 0.5
}

// Infer implements graph.Op.
func (HardSwish) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o HardSwish) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o HardSwish) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (HardSwish) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Need(14)
	w.Emit("HardSwish", in, out)
}

var _ Elementwise = HardSwish{}
