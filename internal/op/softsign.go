package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Softsign is x / (1 + |x|).
type Softsign struct{}

// Name implements graph.Op.
func (Softsign) Name() string { return "Softsign" }

// F implements Elementwise.
func (Softsign) F(x float64) float64 { return x / (1 + math.Abs(x)) }

// DF implements Elementwise: 1 / (1 + |x|)^2.
func (Softsign) DF(x, _ float64) float64 {
	d := 1 + math.Abs(x)
	return 1 / (d * d)
}

// Infer implements graph.Op.
func (Softsign) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Softsign) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Softsign) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Softsign) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Softsign", in, out)
}

var _ Elementwise = Softsign{}
