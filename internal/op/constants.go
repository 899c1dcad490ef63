package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Constants is an analysis of which channels hold one known number, whatever the input of
// the network is.
type Constants interface {
	// Layout returns the channels of v.
	Layout(v *graph.Value) Layout
	// Of returns the number of each position of v's layout, NaN where it is not constant;
	// nil when none is known.
	Of(v *graph.Value) []float32
}

// ConstantTracer is an operator that passes constants on; behind others nothing is
// constant.
type ConstantTracer interface {
	graph.Op
	// TraceConstants sets k, one number for each position of the layout of n's output,
	// where that is constant. The others stay NaN.
	TraceConstants(c Constants, n *graph.Node, k []float32)
}

// TraceConstants has n's operator set k; an Elementwise one computes its function.
func TraceConstants(c Constants, n *graph.Node, k []float32) {
	switch o := n.Op.(type) {
	case ConstantTracer:
		o.TraceConstants(c, n, k)
	case Elementwise:
		for i, v := range inputConstants(c, n, k) {
			if v == v {
				k[i] = evaluate(o, v)
			}
		}
	}
}

// inputConstants returns the constants of n's first input for an operator that keeps
// positions; nil when they are more than its output has.
func inputConstants(c Constants, n *graph.Node, k []float32) []float32 {
	in := c.Of(n.Inputs[0])
	if len(in) > len(k) {
		return nil
	}
	return in
}

// evaluate runs an operator on single numbers.
func evaluate(o graph.Op, x ...float32) float32 {
	in := make([]*tensor.Tensor, len(x))
	for i, v := range x {
		in[i] = tensor.Of([]float32{v}, 1, 1)
	}
	out := tensor.New(1, 1)
	o.Forward(&graph.Scratch{}, []*tensor.Tensor{out}, in)
	return out.Data[0]
}
