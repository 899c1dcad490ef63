package op

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Tile repeats x: dimension i of the output is Repeats[i] copies of x's, one after the
// other. The batch is not repeated.
type Tile struct {
	Repeats []int
}

// Name implements graph.Op.
func (Tile) Name() string { return "Tile" }

// Elems implements graph.Typed.
func (Tile) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Tile) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	y := in[0].Clone()
	if len(y) != len(o.Repeats) || len(y) == 0 || o.Repeats[0] != 1 || slices.Min(o.Repeats) < 1 {
		return nil, fmt.Errorf("repeats %v of input %v: needs one or more for each dimension, and one for the batch", o.Repeats, y)
	}
	for i, r := range o.Repeats {
		y[i] *= r
	}
	return []tensor.Shape{y}, nil
}

// walk calls f with the places of each run of n elements in output and input.
func (o Tile) walk(out, in tensor.Shape, f func(y, x, n int)) {
	last := len(in) - 1
	index := make([]int, last) // of the output
	for y := 0; y < out.Size(); {
		x := 0
		for d, i := range index {
			x = (x + i%in[d]) * in[d+1]
		}
		for range o.Repeats[last] {
			f(y, x, in[last])
			y += in[last]
		}
		for d := last - 1; d >= 0; d-- {
			if index[d]++; index[d] < out[d] {
				break
			}
			index[d] = 0
		}
	}
}

// Forward implements graph.Op.
func (o Tile) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.walk(out[0].Shape, in[0].Shape, func(y, x, n int) { copy(out[0].Data[y:y+n], in[0].Data[x:x+n]) })
}

// Backward implements graph.Differentiable.
func (o Tile) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.walk(out[0].Shape, in[0].Shape, func(y, x, n int) { add(din[0].Data[x:x+n], dout[0].Data[y:y+n]) })
	}
}

// Grids implements GridRelater.
func (Tile) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Tile) Selects() {}

// IsIdentity implements Identity.
func (o Tile) IsIdentity(*graph.Node) bool { return slices.Max(o.Repeats) == 1 }

// TraceChannels implements ChannelTracer: channels pass that are not repeated.
func (o Tile) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis < 0 || o.Repeats[in.Axis] != 1 {
		return false
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// WriteONNX implements ONNXWriter.
func (o Tile) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Tile", append(in, w.Int64s(out+"_repeats", o.Repeats)), out)
}

var _ graph.Differentiable = Tile{}
