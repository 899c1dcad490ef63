package op

import (
	"errors"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Quotient is a / b of whole numbers, rounded towards 0.
type Quotient struct{}

// Name implements graph.Op.
func (Quotient) Name() string { return "Quotient" }

// Elems implements graph.Typed.
func (Quotient) Elems(_ []graph.Elem) []graph.Elem { return []graph.Elem{graph.Integer} }

// Infer implements graph.Op.
func (Quotient) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return broadcast(in) }

// Forward implements graph.Op.
func (o Quotient) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { combineAll(o, out, in) }

// Backward implements graph.Differentiable: it is constant between its steps.
func (Quotient) Backward(_ *graph.Scratch, _, _, _, _ []*tensor.Tensor) {}

// Combine implements Arithmetic.
func (Quotient) Combine(a, b float64) float64 {
	return math.Trunc(a / b)
}

// Affine implements Arithmetic.
func (Quotient) Affine(_ []float64, _ bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("the device has no quotient of whole numbers")
}

// TraceChannels implements ChannelTracer.
func (Quotient) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Quotient) TraceConstants(c Constants, n *graph.Node, k []float32) {
	arithmeticConstants(o, c, n, k)
}

// WriteONNX implements ONNXWriter.
func (Quotient) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Div", in, out)
}

var _ Arithmetic = Quotient{}
