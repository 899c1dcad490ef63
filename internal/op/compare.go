package op

import (
	"errors"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Relation is a truth value of two numbers.
type Relation uint8

// The relations of ONNX. Of And, Or and Xor 0 is false and all else true.
const (
	Equal Relation = iota
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
	And
	Or
	Xor
)

// relations has the name of each Relation in ONNX, and the function.
var relations = [...]struct {
	onnx  string
	holds func(a, b float64) bool
}{
	Equal:          {"Equal", func(a, b float64) bool { return a == b }},
	Less:           {"Less", func(a, b float64) bool { return a < b }},
	LessOrEqual:    {"LessOrEqual", func(a, b float64) bool { return a <= b }},
	Greater:        {"Greater", func(a, b float64) bool { return a > b }},
	GreaterOrEqual: {"GreaterOrEqual", func(a, b float64) bool { return a >= b }},
	And:            {"And", func(a, b float64) bool { return a != 0 && b != 0 }},
	Or:             {"Or", func(a, b float64) bool { return a != 0 || b != 0 }},
	Xor:            {"Xor", func(a, b float64) bool { return (a != 0) != (b != 0) }},
}

// Compare is 1 where a relation of a and b holds, 0 elsewhere.
type Compare struct{ Is Relation }

// Name implements graph.Op.
func (Compare) Name() string { return "Compare" }

// Elems implements graph.Typed.
func (Compare) Elems([]graph.Elem) []graph.Elem { return []graph.Elem{graph.Boolean} }

// Infer implements graph.Op.
func (o Compare) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if int(o.Is) >= len(relations) {
		return nil, errors.New("an unknown relation")
	}
	return broadcast(in)
}

// Forward implements graph.Op.
func (o Compare) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { combineAll(o, out, in) }

// Backward implements graph.Differentiable: it is constant between its steps.
func (Compare) Backward(_ *graph.Scratch, _, _, _, _ []*tensor.Tensor) {}

// Combine implements Arithmetic.
func (o Compare) Combine(a, b float64) float64 { return step(relations[o.Is].holds(a, b)) }

// Affine implements Arithmetic.
func (Compare) Affine(_ []float64, _ bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("the device has no comparison of two activations")
}

// TraceChannels implements ChannelTracer.
func (Compare) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o Compare) TraceConstants(c Constants, n *graph.Node, k []float32) {
	arithmeticConstants(o, c, n, k)
}

// WriteONNX implements ONNXWriter.
func (o Compare) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit(relations[o.Is].onnx, in, out)
}

var _ Arithmetic = Compare{}
