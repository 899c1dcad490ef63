package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Swish is x / (1 + exp(-Alpha x)); of Alpha 1 it is also called SiLU.
type Swish struct{ Alpha float32 }

// Name implements graph.Op.
func (Swish) Name() string { return "Swish" }

// F implements Elementwise.
func (o Swish) F(x float64) float64 {
	return x / (1 + math.Exp(-float64(o.Alpha)*x))
}

// DF implements Elementwise.
func (o Swish) DF(x, _ float64) float64 {
	s := 1 / (1 + math.Exp(-float64(o.Alpha)*x))
	return s + float64(o.Alpha)*x*s*(1-s)
}

// Infer implements graph.Op.
func (Swish) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Swish) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Swish) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (o Swish) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	s, x := w.Fresh(out+"_sigmoid"), in[0]
	if o.Alpha != 1 {
		x = w.Fresh(out + "_scaled")
		w.Emit("Mul", []string{in[0], w.Scalar(out+"_alpha", o.Alpha)}, x)
	}
	w.Emit("Sigmoid", []string{x}, s)
	w.Emit("Mul", []string{in[0], s}, out)
}

var _ Elementwise = Swish{}
