package op

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Reshape gives x [N,...] the sample shape Shape: [N, Shape...]. Flatten is
// Reshape.
type Reshape struct {
	Shape []int
}

// Names, as in messages.
func (Reshape) Name() string { return "Reshape" }

// Elems implements graph.Typed.
func (Reshape) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Reshape) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(x) == 0 {
		return nil, fmt.Errorf("a scalar has no samples to reshape to %v", tensor.Shape(o.Shape))
	}
	if n, want := x.Sample().Size(), tensor.Shape(o.Shape).Size(); n != want {
		return nil, fmt.Errorf("input %v has %d elements a sample, shape %v needs %d", x, n, tensor.Shape(o.Shape), want)
	}
	return []tensor.Shape{append(tensor.Shape{x[0]}, o.Shape...)}, nil
}

// Forward implements graph.Op.
func (Reshape) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { copy(out[0].Data, in[0].Data) }

// Backward implements graph.Differentiable.
func (Reshape) Backward(_ *graph.Scratch, din, _, _, dout []*tensor.Tensor) {
	if din[0] != nil {
		add(din[0].Data, dout[0].Data)
	}
}

// IsView implements View.
func (Reshape) IsView() {}

// SampleShape implements Reshaper.
func (o Reshape) SampleShape() []int { return o.Shape }

// Grids implements GridRelater.
func (Reshape) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Reshape) Selects() {}

// Homogeneous implements Homogeneous: flattening keeps the channels in order, each a
// block of features.
func (Reshape) Homogeneous(n *graph.Node) bool {
	return len(n.Inputs[0].Shape) == 2 || len(n.Inputs[0].Shape) == 4 && len(n.Outputs[0].Shape) == 2
}

// IsIdentity implements Identity.
func (Reshape) IsIdentity(n *graph.Node) bool { return n.Inputs[0].Shape.Equal(n.Outputs[0].Shape) }

// Merge implements Merger.
func (o Reshape) Merge(first graph.Op) (graph.Op, bool) {
	_, ok := first.(Reshape)
	return o, ok
}

// Lower makes the output another view of the input: no instruction.
func (Reshape) Lower(d Device, n *graph.Node) error {
	d.View(n.Outputs[0], n.Inputs[0], nil)
	return nil
}

func init() { RegisterLift(format.OpReshape, liftReshape) }

// liftReshape keeps the device's order of elements: images pass through channels last.
func liftReshape(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	from, to := l.Tensor(in.In[0]).Shape, l.Tensor(in.Out).Shape
	v := x[0]
	if len(from) == 3 {
		v = l.Node(Transpose{Perm: []int{0, 2, 3, 1}}, l.Temp("last", append(tensor.Shape{1}, from...), v.Grid), v)
	}
	if len(to) != 3 {
		return l.Node(Reshape{Shape: to}, out, v)
	}
	v = l.Node(Reshape{Shape: to}, l.Temp("shaped", append(tensor.Shape{1}, to...), out.Grid), v)
	return l.Node(Transpose{Perm: []int{0, 3, 1, 2}}, out, v)
}

// TraceChannels implements ChannelTracer. It finds the axis of the new shape along which
// the channels lie: each of its indexes must hold features of one channel only. Of several
// (a single channel fits everywhere) the one of unchanged size is taken.
func (Reshape) TraceChannels(c Channels, n *graph.Node) bool {
	in, from, to := c.Layout(n.Inputs[0]), n.Inputs[0].Shape, n.Outputs[0].Shape
	if in.Axis < 0 || from.Size() != to.Size() {
		return false
	}
	if in.Axis == 0 {
		if from.Equal(to) {
			c.SetLayout(n.Outputs[0], in)
		}
		return from.Equal(to)
	}
	best := Layout{Axis: -1}
	for axis := 1; axis < len(to); axis++ {
		ids := regrouped(c, in, from, to, axis)
		if ids != nil && (best.Axis < 0 || len(ids) == len(in.IDs) && len(best.IDs) != len(in.IDs)) {
			best = Layout{axis, ids}
		}
	}
	if best.Axis >= 0 {
		c.SetLayout(n.Outputs[0], best)
	}
	return best.Axis >= 0
}

// regrouped returns the channel of each index of an axis of shape to, nil when an index
// holds features of several.
func regrouped(c Channels, in Layout, from, to tensor.Shape, axis int) []int {
	inner, stride := from[in.Axis+1:].Size(), to[axis+1:].Size()
	ids := make([]int, to[axis])
	for i := range ids {
		ids[i] = -1
	}
	for e := range to.Size() {
		i, id := e/stride%to[axis], c.Root(in.IDs[e/inner%from[in.Axis]])
		if ids[i] < 0 {
			ids[i] = id
		}
		if ids[i] != id {
			return nil
		}
	}
	return ids
}

// Narrow implements Narrower.
func (o Reshape) Narrow(_, out Extent) graph.Op {
	if out.Axis <= 0 || out.After == out.Before {
		return o
	}
	shape := slices.Clone(o.Shape)
	shape[out.Axis-1] = out.After
	return Reshape{Shape: shape}
}

// TraceConstants implements ConstantTracer: an index of the new axis is constant when the
// features that it holds are, with one value.
func (Reshape) TraceConstants(c Constants, n *graph.Node, k []float32) {
	x, out := n.Inputs[0], n.Outputs[0]
	in, from, to := c.Of(x), c.Layout(x), c.Layout(out)
	if in == nil || from.Axis < 1 || to.Axis < 1 {
		return
	}
	inner, stride := x.Shape[from.Axis+1:].Size(), out.Shape[to.Axis+1:].Size()
	seen := make([]bool, len(k))
	for e := range out.Shape.Size() {
		i, v := e/stride%len(k), in[e/inner%len(in)]
		if !seen[i] {
			seen[i], k[i] = true, v
		} else if k[i] != v {
			k[i] = float32(math.NaN())
		}
	}
}

// WriteONNX implements ONNXWriter; a 0 copies the batch.
func (o Reshape) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Reshape", append(in, w.Int64s(out+"_shape", append([]int{0}, o.Shape...))), out)
}

var _ graph.Differentiable = Reshape{}
