package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Neg is -x.
type Neg struct{}

// Name implements graph.Op.
func (Neg) Name() string { return "Neg" }

// F implements Elementwise.
func (Neg) F(x float64) float64 { return -x }

// DF implements Elementwise.
func (Neg) DF(_, _ float64) float64 { return -1 }

// Elems implements graph.Typed.
func (Neg) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Neg) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (o Neg) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }

// Backward implements graph.Differentiable.
func (o Neg) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}

// WriteONNX implements ONNXWriter.
func (Neg) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Neg", in, out) }

var _ Elementwise = Neg{}
