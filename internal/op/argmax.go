package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ArgMax is the index of the largest element, or with Min the least, along dimension Axis >= 1,
// which becomes 1. Of equal elements it is the first, or with Last the last.
type ArgMax struct {
	Axis      int
	Min, Last bool
}

// Name implements graph.Op.
func (ArgMax) Name() string { return "ArgMax" }

// Elems implements graph.Typed.
func (ArgMax) Elems([]graph.Elem) []graph.Elem { return []graph.Elem{graph.Integer} }

// Infer implements graph.Op.
func (o ArgMax) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return Reduce{Kind: Max, Axes: []int{o.Axis}}.Infer(in)
}

// Forward implements graph.Op.
func (o ArgMax) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	Reduce{Axes: []int{o.Axis}}.lanes(in[0].Shape, func(y, at int, offsets []int) {
		best := 0
		for i, k := range offsets {
			v, top := in[0].Data[at+k], in[0].Data[at+offsets[best]]
			if o.Min {
				v, top = -v, -top
			}
			if v > top || o.Last && v == top {
				best = i
			}
		}
		out[0].Data[y] = float32(best)
	})
}

// WriteONNX implements ONNXWriter.
func (o ArgMax) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	name := "ArgMax"
	if o.Min {
		name = "ArgMin"
	}
	attrs := []Attr{{"axis", o.Axis}, {"keepdims", 1}}
	if o.Last {
		attrs = append(attrs, Attr{"select_last_index", 1})
	}
	w.Emit(name, in, out, attrs...)
}

var _ ONNXWriter = ArgMax{}
