package op

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Concat joins its inputs along dimension Axis >= 1. An input whose batch is 1 beside a
// larger one, such as a parameter, is the same for all samples.
type Concat struct {
	Axis int
}

func (Concat) Name() string { return "Concat" }

// Elems implements graph.Typed.
func (Concat) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Concat) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("has no inputs")
	}
	y := in[0].Clone()
	if o.Axis < 1 || o.Axis >= len(y) {
		return nil, fmt.Errorf("axis %d of input %v; needs 1 to %d", o.Axis, y, len(y)-1)
	}
	for i, s := range in[1:] {
		ok := len(s) == len(y)
		for d := range s {
			ok = ok && (d == o.Axis || s[d] == y[d] || d == 0 && min(s[0], y[0]) == 1)
		}
		if !ok {
			return nil, fmt.Errorf("input %d has shape %v, input 0 has %v; they may differ in dimension %d only", i+1, s, in[0], o.Axis)
		}
		y[o.Axis] += s[o.Axis]
		y[0] = max(y[0], s[0])
	}
	return []tensor.Shape{y}, nil
}

// blocks calls f for each run of elements of input k that lies together.
func (o Concat) blocks(out *tensor.Tensor, in []*tensor.Tensor, f func(k, y, x, n int)) {
	total, blocks := out.Shape[o.Axis:].Size(), out.Shape[1:o.Axis].Size() // of a sample
	for b := 0; b*total < len(out.Data); b++ {
		y := b * total
		for k, t := range in {
			n, at := t.Shape[o.Axis:].Size(), b
			if t.Shape[0] == 1 {
				at %= blocks
			}
			f(k, y, at*n, n)
			y += n
		}
	}
}

// Forward implements graph.Op.
func (o Concat) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.blocks(out[0], in, func(k, y, x, n int) { copy(out[0].Data[y:y+n], in[k].Data[x:x+n]) })
}

// Backward implements graph.Differentiable.
func (o Concat) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	o.blocks(out[0], in, func(k, y, x, n int) {
		if din[k] != nil {
			add(din[k].Data[x:x+n], dout[0].Data[y:y+n])
		}
	})
}

// Grids implements GridRelater.
func (Concat) Grids() GridRelation { return JoinedGrid }

// Selects implements Selector.
func (Concat) Selects() {}

// IsIdentity implements Identity.
func (Concat) IsIdentity(n *graph.Node) bool { return len(n.Inputs) == 1 }

// Lower emits OpConcat; inputs on another grid pass a table first.
func (o Concat) Lower(d Device, n *graph.Node) error {
	y := n.Outputs[0]
	in := format.Instr{Op: format.OpConcat, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
	for _, x := range n.Inputs {
		if x.Param != nil {
			return fmt.Errorf("the device cannot join a constant: simplify the network, or compute it from an input")
		}
	}
	if rank := len(y.Shape); rank == 2 && d.AnyOrder(y) {
		var order []int
		at := 0
		for _, x := range n.Inputs {
			t, from := d.Flat(x, x.Shape[1])
			in.In = append(in.In, d.OnGrid(t, y))
			for i := 0; i < x.Shape[1]; i++ {
				if from == nil {
					order = append(order, at+i)
				} else {
					order = append(order, at+from[i])
				}
			}
			at += x.Shape[1]
		}
		in.Out = d.OutputFlat(y, order)
	} else {
		in.Axis = o.Axis - 1
		if rank == 4 {
			in.Axis = [3]int{2, 0, 1}[o.Axis-1]
		}
		for _, x := range n.Inputs {
			in.In = append(in.In, d.OnGrid(d.Tensor(x), y))
		}
		in.Out = d.Output(y)
	}
	d.Emit(in)
	return nil
}

// AnyOrder implements OrderReader.
func (Concat) AnyOrder(n *graph.Node, v *graph.Value, after func(*graph.Value) bool) bool {
	return len(v.Shape) == 2 && after(n.Outputs[0])
}

func init() { RegisterLift(format.OpConcat, liftConcat) }

func liftConcat(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	return l.Node(Concat{Axis: hostAxis(len(l.Tensor(in.Out).Shape), in.Axis)}, out, x...)
}

// TraceChannels implements ChannelTracer. Along the axis of the channels those of all
// inputs follow each other; otherwise they are joined.
func (o Concat) TraceChannels(c Channels, n *graph.Node) bool {
	axis := c.Layout(n.Inputs[0]).Axis
	for _, v := range n.Inputs {
		if v.Param != nil || c.Layout(v).Axis != axis {
			return false
		}
	}
	all := Layout{Axis: axis}
	for i, v := range n.Inputs {
		ids := c.Layout(v).IDs
		switch {
		case axis == o.Axis:
			all.IDs = append(all.IDs, ids...)
		case i == 0:
			all.IDs = ids
		default:
			c.Join(all.IDs, ids)
		}
	}
	c.SetLayout(n.Outputs[0], all)
	return true
}

// TraceConstants implements ConstantTracer.
func (o Concat) TraceConstants(c Constants, n *graph.Node, k []float32) {
	total := 0
	for _, v := range n.Inputs {
		total += len(c.Layout(v).IDs)
	}
	if c.Layout(n.Outputs[0]).Axis != o.Axis || total != len(k) {
		return
	}
	for _, v := range n.Inputs {
		copy(k, c.Of(v))
		k = k[len(c.Layout(v).IDs):]
	}
}

// WriteONNX implements ONNXWriter. Parameters are repeated for each sample.
func (o Concat) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	in = withBatch(w, n, in, out)
	w.Emit("Concat", in, out, Attr{"axis", o.Axis})
}

// writeBatch emits the number of samples, [N], of n's first activation.
func writeBatch(w ONNX, n *graph.Node, in []string, out string) string {
	k := slices.IndexFunc(n.Inputs, func(v *graph.Value) bool { return v.Param == nil })
	sizes, batch := w.Fresh(out+"_sizes"), w.Fresh(out+"_batch")
	w.Emit("Shape", in[k:k+1], sizes)
	w.Emit("Slice", []string{sizes, w.Int64s(out+"_from", []int{0}), w.Int64s(out+"_to", []int{1})}, batch)
	return batch
}

var _ graph.Differentiable = Concat{}
