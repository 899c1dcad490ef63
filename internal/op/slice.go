package op

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Slice drops Before[i] elements at the start and After[i] at the end of dimension i of x,
// then keeps every Step[i]-th element, beginning with the first; a negative step begins with
// the last and goes backwards. The batch stays whole.
type Slice struct {
	Before, After, Step []int
}

// Name implements graph.Op.
func (Slice) Name() string { return "Slice" }

// Elems implements graph.Typed.
func (Slice) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Slice) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	y := in[0].Clone()
	if len(o.Before) != len(y) || len(o.After) != len(y) || len(o.Step) != len(y) {
		return nil, fmt.Errorf("slice from %v to %v in steps of %v for input %v", o.Before, o.After, o.Step, y)
	}
	for i, n := range y {
		left := n - o.Before[i] - o.After[i]
		if o.Before[i] < 0 || o.After[i] < 0 || o.Step[i] == 0 || left < 1 || i == 0 && !o.whole(i) {
			return nil, fmt.Errorf("slice less %v before and %v after in steps of %v: needs one element at least of each dimension of %v, and the whole batch", o.Before, o.After, o.Step, y)
		}
		y[i] = (left-1)/max(o.Step[i], -o.Step[i]) + 1
	}
	return []tensor.Shape{y}, nil
}

// whole reports whether dimensions stay as they are.
func (o Slice) whole(dims ...int) bool {
	return !slices.ContainsFunc(dims, func(d int) bool { return o.Before[d] != 0 || o.After[d] != 0 || o.Step[d] != 1 })
}

// walk calls f with each output index and the input index that it comes from.
func (o Slice) walk(out, in tensor.Shape, f func(y, x int)) {
	stride, x, size := make([]int, len(in)), 0, 1
	for d := len(in) - 1; d >= 0; d-- {
		if o.Step[d] > 0 {
			x += o.Before[d] * size
		} else {
			x += (in[d] - 1 - o.After[d]) * size
		}
		stride[d] = o.Step[d] * size
		size *= in[d]
	}
	index := make([]int, len(out))
	for y := range out.Size() {
		f(y, x)
		for d := len(out) - 1; d >= 0; d-- {
			index[d]++
			x += stride[d]
			if index[d] < out[d] {
				break
			}
			x -= stride[d] * out[d]
			index[d] = 0
		}
	}
}

// Forward implements graph.Op.
func (o Slice) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.walk(out[0].Shape, in[0].Shape, func(y, x int) { out[0].Data[y] = in[0].Data[x] })
}

// Backward implements graph.Differentiable.
func (o Slice) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.walk(out[0].Shape, in[0].Shape, func(y, x int) { din[0].Data[x] += dout[0].Data[y] })
	}
}

// Grids implements GridRelater.
func (Slice) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Slice) Selects() {}

// Homogeneous implements Homogeneous: channels of an image that stay.
func (o Slice) Homogeneous(n *graph.Node) bool { return len(n.Inputs[0].Shape) == 4 && o.whole(1) }

// IsIdentity implements Identity.
func (o Slice) IsIdentity(n *graph.Node) bool {
	return o.forwards() && n.Inputs[0].Shape.Equal(n.Outputs[0].Shape)
}

// forwards reports whether no step is negative.
func (o Slice) forwards() bool { return slices.Min(o.Step) > 0 }

// Merge implements Merger, as long as the device can do both at once.
func (o Slice) Merge(first graph.Op) (graph.Op, bool) {
	f, ok := first.(Slice)
	if !ok || len(f.Step) != len(o.Step) || !f.forwards() || !o.forwards() {
		return nil, false
	}
	m := Slice{slices.Clone(f.Before), slices.Clone(f.After), slices.Clone(f.Step)}
	for d, step := range f.Step {
		m.Before[d] += o.Before[d] * step
		m.After[d] += o.After[d] * step
		m.Step[d] *= o.Step[d]
	}
	return m, len(m.Step) != 4 || m.whole(1) || m.whole(2, 3)
}

// Lower emits OpSlice: for rows and columns of an image, or for its channels, which are
// columns of the image [H W, C, 1].
func (o Slice) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	s, t := x.Shape, y.Shape
	if !o.forwards() {
		return o.move(d, n)
	}
	emit := func(from, to []int, row, column int) { // dimensions of x; 0: none
		in := format.Instr{Op: format.OpSlice, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
		in.PadT, in.PadB, in.StrideH = o.Before[row], o.After[row], o.Step[row]
		in.PadL, in.PadR, in.StrideW = o.Before[column], o.After[column], o.Step[column]
		v := d.Tensor(x, from...)
		in.In, in.Out = []int{v}, d.OutputOn(v, y, to...)
		d.Emit(in)
	}
	switch {
	case len(s) == 4 && o.whole(1):
		emit([]int{s[2], s[3], s[1]}, []int{t[2], t[3], t[1]}, 2, 3)
	case len(s) == 4 && o.whole(2, 3):
		emit([]int{s[2] * s[3], s[1], 1}, []int{t[2] * t[3], t[1], 1}, 0, 1)
	case len(s) == 3:
		emit([]int{s[1], s[2], 1}, []int{t[1], t[2], 1}, 1, 2)
	case len(s) == 2:
		emit([]int{1, s[1], 1}, []int{1, t[1], 1}, 0, 1)
	default:
		return o.move(d, n)
	}
	return nil
}

func init() { RegisterLift(format.OpSlice, liftSlice) }

func liftSlice(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	return l.Node(Slice{Before: []int{0, 0, in.PadT, in.PadL}, After: []int{0, 0, in.PadB, in.PadR}, Step: []int{1, 1, in.StrideH, in.StrideW}}, out, x[0])
}

// TraceChannels implements ChannelTracer: channels pass that are not cut themselves, or
// that come again and again of which one turn is left, as of one step of a sequence that
// has been flattened.
func (o Slice) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis < 0 {
		return false
	}
	if !o.whole(in.Axis) {
		turn := n.Outputs[0].Shape[in.Axis]
		if o.Step[in.Axis] != 1 || len(in.IDs)%turn != 0 || o.Before[in.Axis]%turn != 0 {
			return false
		}
		for i, id := range in.IDs {
			if c.Root(id) != c.Root(in.IDs[i%turn]) {
				return false
			}
		}
		in.IDs = in.IDs[:turn]
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// Narrow implements Narrower: turns become shorter.
func (o Slice) Narrow(in, out Extent) graph.Op {
	if in.Axis < 0 || in.Before == in.After || o.whole(in.Axis) {
		return o
	}
	o.Before, o.After = slices.Clone(o.Before), slices.Clone(o.After)
	o.Before[in.Axis] = o.Before[in.Axis] / out.Before * out.After
	o.After[in.Axis] = o.After[in.Axis] / out.Before * out.After
	return o
}

// TraceConstants implements ConstantTracer.
func (o Slice) TraceConstants(c Constants, n *graph.Node, k []float32) {
	axis, in := c.Layout(n.Inputs[0]).Axis, c.Of(n.Inputs[0])
	if axis >= 0 && len(in) >= o.Before[axis]+len(k) && o.Step[axis] == 1 {
		copy(k, in[o.Before[axis]:])
	}
}

// WriteONNX implements ONNXWriter.
func (o Slice) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	var starts, ends, axes []int
	for i, step := range o.Step[1:] {
		before, after := o.Before[i+1], o.After[i+1]
		start, end := before, math.MaxInt
		switch {
		case step > 0 && after > 0:
			end = -after
		case step < 0:
			start, end = -1-after, math.MinInt
			if before > 0 {
				end = before - 1
			}
		}
		starts, ends, axes = append(starts, start), append(ends, end), append(axes, i+1)
	}
	w.Emit("Slice", append(in, w.Int64s(out+"_starts", starts), w.Int64s(out+"_ends", ends), w.Int64s(out+"_axes", axes), w.Int64s(out+"_steps", o.Step[1:])), out)
}

var _ graph.Differentiable = Slice{}
