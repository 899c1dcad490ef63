package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Power is x^K; negative x give NaN unless K is whole.
type Power struct{ K float32 }

// Name implements graph.Op.
func (Power) Name() string { return "Power" }

// F implements Elementwise.
func (o Power) F(x float64) float64 { return math.Pow(x, float64(o.K)) }

// DF implements Elementwise.
func (o Power) DF(x, _ float64) float64 { return float64(o.K) * math.Pow(x, float64(o.K)-1) }

// Infer implements graph.Op.
func (Power) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Power) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Power) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Power) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Pow", []string{in[0], w.Scalar(out+"_exponent", o.K)}, out)
}

var _ Elementwise = Power{}
