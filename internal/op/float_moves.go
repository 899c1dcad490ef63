package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// walk is what an OpMove follows: the element at index i is that of x at start plus the sum of i
// times the strides.
type walk struct {
	start          int
	shape, strides []int
}

// add adds a dimension inside those before; those that are walked as one become one.
func (w *walk) add(n, stride int) {
	last := len(w.shape) - 1
	switch {
	case n == 1:
	case last >= 0 && w.strides[last] == stride*n:
		w.shape[last], w.strides[last] = w.shape[last]*n, stride
	default:
		w.shape, w.strides = append(w.shape, n), append(w.strides, stride)
	}
}

// lower emits the OpMove from x to y.
func (w *walk) lower(d Device, x, y *graph.Value) error {
	if len(w.shape) == 0 {
		w.shape, w.strides = []int{1}, []int{0}
	}
	if len(w.shape) > 4 {
		return fmt.Errorf("the device moves elements along 4 dimensions, not from %v to %v: do one after the other", x.Shape, y.Shape)
	}
	in := format.Instr{Op: format.OpMove, In: []int{d.Elements(x, x.Shape[1:].Size())}, Start: w.start, Shape: w.shape, Strides: w.strides}
	d.EmitNatural(in, y, w.shape)
	return nil
}

// move emits the slice for a sample of any number of dimensions.
func (o Slice) move(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	s := x.Shape[1:]
	w := &walk{}
	for k, stride := range strides(s) {
		step := o.Step[k+1]
		if step > 0 {
			w.start += o.Before[k+1] * stride
		} else {
			w.start += (s[k] - 1 - o.After[k+1]) * stride
		}
		w.add(y.Shape[k+1], stride*step)
	}
	return w.lower(d, x, y)
}

// LowerFloat implements FloatLowerer.
func (o Slice) LowerFloat(d Device, n *graph.Node) error { return o.move(d, n) }

// Lower emits OpMove for each dimension that is repeated: y [A, n, B] seen as [A, r, n B].
func (o Tile) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Tile) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	var repeated []int
	for k, r := range o.Repeats {
		if r > 1 {
			repeated = append(repeated, k)
		}
	}
	s := x.Shape[1:].Clone()
	t := d.Elements(x, s.Size())
	if len(repeated) == 0 {
		d.View(y, x, nil)
		return nil
	}
	for i := len(repeated) - 1; i >= 0; i-- { // from the last to the first
		k := repeated[i] - 1
		shape := []int{s[:k].Size(), o.Repeats[k+1], s[k:].Size()}
		in := format.Instr{Op: format.OpMove, In: []int{t}, Shape: shape, Strides: []int{shape[2], 0, 1}, Weight: -1, LUT: -1}
		s[k] *= o.Repeats[k+1]
		if i == 0 {
			d.EmitNatural(in, y, shape)
			return nil
		}
		t = d.EmitLike(in, shape)
	}
	return nil
}

// LowerFloat joins [A, n_k, B] of all inputs.
func (o Concat) LowerFloat(d Device, n *graph.Node) error {
	y := n.Outputs[0]
	in := format.Instr{Op: format.OpConcat, Axis: 1}
	a, b := y.Shape[1:o.Axis].Size(), y.Shape[o.Axis+1:].Size()
	for _, x := range n.Inputs {
		in.In = append(in.In, d.Natural(x, a, x.Shape[o.Axis], b))
	}
	d.EmitNatural(in, y, []int{a, y.Shape[o.Axis], b})
	return nil
}

// NeedsFloat implements FloatNeeder: constants are float32.
func (Concat) NeedsFloat(n *graph.Node) bool {
	for _, x := range n.Inputs {
		if x.Param != nil {
			return true
		}
	}
	return false
}

// LowerFloat pads one dimension after the other: dimension k of [A, n, B] is the rows of an
// image of A n columns, or A, n and B are rows, columns and channels.
func (o Pad) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	s := x.Shape[1:].Clone()
	t := d.Natural(x, s.Size())
	left := 0
	for k := range s {
		if o.Before[k+1]+o.After[k+1] > 0 {
			left++
		}
	}
	if left == 0 {
		d.View(y, x, nil)
		return nil
	}
	for k := range s {
		before, after := o.Before[k+1], o.After[k+1]
		if before+after == 0 {
			continue
		}
		from := []int{s[:k].Size(), s[k], s[k+1:].Size()}
		view := d.EmitLike(format.Instr{Op: format.OpReshape, In: []int{t}, Shape: from, Weight: -1, LUT: -1}, from)
		in := format.Instr{Op: format.OpPad, In: []int{view}, PadL: before, PadR: after, Real: Representable(o.Value), Weight: -1, LUT: -1}
		s[k] += before + after
		to := []int{from[0], s[k], from[2]}
		if left--; left == 0 {
			d.EmitNatural(in, y, to)
			return nil
		}
		t = d.EmitLike(in, to)
	}
	return nil
}
