package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Mish is x tanh(log(1 + exp(x))).
type Mish struct{}

// Name implements graph.Op.
func (Mish) Name() string { return "Mish" }

// F implements Elementwise.
func (Mish) F(x float64) float64 {
	return x * math.Tanh(Softplus{}.F(x))
}

// DF implements Elementwise.
func (Mish) DF(x, _ float64) float64 {
	t := math.Tanh(Softplus{}.F(x))
	return t + x*(1-t*t)*Softplus{}.DF(x, 0)
}

// Infer implements graph.Op.
func (Mish) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Mish) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Mish) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Mish) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	soft, t := w.Fresh(out+"_softplus"), w.Fresh(out+"_tanh")
	w.Emit("Softplus", in, soft)
	w.Emit("Tanh", []string{soft}, t)
	w.Emit("Mul", []string{in[0], t}, out)
}

var _ Elementwise = Mish{}
