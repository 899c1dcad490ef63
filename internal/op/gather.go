package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Gather picks what lies at some indexes of a dimension of x:
//
//	y[n, a..., i..., b...] = x[n, a..., index[n, i...], b...]
//
// Axis is that dimension. With Axis 0 x is a parameter [rows, b...] that has no batch, such
// as an embedding, and y is [N, i..., b...]. The indexes are input 1, an activation
// [N, i...] of whole numbers, or, where there is none, the constants Index, one dimension of
// y, which are the same for all samples. A negative index counts from the end. One that the
// dimension does not have is taken as the nearest that it has.
//
// The gradient is added to the rows that were picked; indexes have none.
type Gather struct {
	Axis  int
	Index []int
}

// Name implements graph.Op.
func (Gather) Name() string { return "Gather" }

// Elems implements graph.Typed.
func (Gather) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Gather) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	inputs := 2
	if o.Index != nil {
		inputs = 1
	}
	if err := arity(in, inputs, inputs); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Axis < 0 || o.Axis >= len(x) || o.Axis == 0 && o.Index != nil || x[o.Axis] < 1 {
		return nil, fmt.Errorf("indexes along dimension %d of %v", o.Axis, x)
	}
	for _, k := range o.Index {
		if k < -x[o.Axis] || k >= x[o.Axis] {
			return nil, fmt.Errorf("index %d is outside dimension %d of %v", k, o.Axis, x)
		}
	}
	picked := tensor.Shape{len(o.Index)}
	if o.Index == nil {
		index := in[1]
		if len(index) < 1 || o.Axis > 0 && index[0] != x[0] {
			return nil, fmt.Errorf("indexes of shape %v for %v; they need the same batch", index, x)
		}
		picked = index[1:]
		if o.Axis == 0 {
			picked = index
		}
	}
	y := append(append(x[:o.Axis].Clone(), picked...), x[o.Axis+1:]...)
	return []tensor.Shape{y}, nil
}

// walk calls f with the places of each run of n elements in output and input.
func (o Gather) walk(out, in []*tensor.Tensor, f func(y, x, n int)) {
	s := in[0].Shape
	size, n := s[o.Axis], s[o.Axis+1:].Size()
	blocks, inSample, each := s[:o.Axis].Size(), 1, len(o.Index)
	if o.Index == nil {
		each = len(in[1].Data)
		if o.Axis > 0 {
			each = in[1].Shape.Sample().Size()
			inSample = s[1:o.Axis].Size()
		}
	}
	y := 0
	for b := range blocks {
		for i := range each {
			var k int
			if o.Index != nil {
				k = o.Index[i]
				if k < 0 {
					k += size
				}
			} else {
				k = indexOf(in[1].Data[b/inSample*each+i], size)
			}
			f(y, (b*size+k)*n, n)
			y += n
		}
	}
}

// indexOf returns the index of a dimension of n that v means: one from the end where it is
// negative, the nearest that there is where it is outside.
func indexOf(v float32, n int) int {
	k := math.Round(float64(v))
	if k < 0 {
		k += float64(n)
	}
	if !(k > 0) { // also NaN
		return 0
	}
	return int(min(k, float64(n-1)))
}

// Forward implements graph.Op.
func (o Gather) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.walk(out, in, func(y, x, n int) { copy(out[0].Data[y:y+n], in[0].Data[x:x+n]) })
}

// Backward implements graph.Differentiable.
func (o Gather) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.walk(out, in, func(y, x, n int) { add(din[0].Data[x:x+n], dout[0].Data[y:y+n]) })
	}
}

// Grids implements GridRelater: elements of an activation keep their grid, what is picked
// from a parameter has one of its own.
func (o Gather) Grids() GridRelation {
	if o.Axis == 0 {
		return OwnGrid
	}
	return InputGrid
}

// TraceChannels implements ChannelTracer: channels pass that are not picked from.
func (o Gather) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if o.Axis == 0 || in.Axis < 0 || in.Axis == o.Axis {
		return false
	}
	if index := optional(n, 1); index != nil {
		c.Fix(c.Layout(index).IDs)
	}
	if in.Axis > o.Axis {
		in.Axis += len(n.Outputs[0].Shape) - len(n.Inputs[0].Shape)
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// WriteONNX implements ONNXWriter. Indexes of each sample are written as a GatherND behind
// the batch, for which the dimension comes to the front and those before it go back.
func (o Gather) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	switch {
	case o.Index != nil:
		w.Emit("Gather", append(in, w.Int64s(out+"_index", o.Index)), out, Attr{"axis", o.Axis})
		return
	case o.Axis == 0:
		w.Emit("Gather", in, out, Attr{"axis", 0})
		return
	}
	index := w.Fresh(out + "_index")
	w.Emit("Unsqueeze", []string{in[1], w.Int64s(out+"_last", []int{-1})}, index)
	if o.Axis == 1 {
		w.Emit("GatherND", []string{in[0], index}, out, Attr{"batch_dims", 1})
		return
	}
	front, picked := []int{0, o.Axis}, len(n.Inputs[1].Shape)-1
	for d := range n.Inputs[0].Shape {
		if d != 0 && d != o.Axis {
			front = append(front, d)
		}
	}
	back := []int{0}
	for d := 1; d < len(n.Outputs[0].Shape); d++ {
		switch {
		case d < o.Axis:
			back = append(back, d+picked)
		case d < o.Axis+picked:
			back = append(back, d-o.Axis+1)
		default:
			back = append(back, d)
		}
	}
	moved, rows := w.Fresh(out+"_moved"), w.Fresh(out+"_rows")
	w.Emit("Transpose", in[:1], moved, Attr{"perm", front})
	w.Emit("GatherND", []string{moved, index}, rows, Attr{"batch_dims", 1})
	w.Emit("Transpose", []string{rows}, out, Attr{"perm", back})
}

var _ graph.Differentiable = Gather{}
