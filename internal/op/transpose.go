package op

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Transpose makes x's dimension Perm[i] the output's dimension i; Perm[0] is 0.
type Transpose struct {
	Perm []int
}

func (Transpose) Name() string { return "Transpose" }

// Elems implements graph.Typed.
func (Transpose) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Transpose) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	sorted := slices.Sorted(slices.Values(o.Perm))
	for i, p := range sorted {
		if i != p || len(sorted) != len(x) {
			return nil, fmt.Errorf("permutation %v of input %v", o.Perm, x)
		}
	}
	if len(o.Perm) != len(x) || len(x) == 0 || o.Perm[0] != 0 {
		return nil, fmt.Errorf("permutation %v of input %v; the batch must stay first", o.Perm, x)
	}
	y := make(tensor.Shape, len(x))
	for i, p := range o.Perm {
		y[i] = x[p]
	}
	return []tensor.Shape{y}, nil
}

// walk calls f with each output index and the input index that it comes from.
func (o Transpose) walk(out, in tensor.Shape, f func(y, x int)) {
	stride := make([]int, len(in))
	size := 1
	for i := len(in) - 1; i >= 0; i-- {
		stride[i] = size
		size *= in[i]
	}
	index := make([]int, len(out))
	x := 0
	for y := 0; y < size; y++ {
		f(y, x)
		for d := len(out) - 1; d >= 0; d-- {
			index[d]++
			x += stride[o.Perm[d]]
			if index[d] < out[d] {
				break
			}
			x -= stride[o.Perm[d]] * out[d]
			index[d] = 0
		}
	}
}

// Forward implements graph.Op.
func (o Transpose) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.walk(out[0].Shape, in[0].Shape, func(y, x int) { out[0].Data[y] = in[0].Data[x] })
}

// Backward implements graph.Differentiable.
func (o Transpose) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.walk(out[0].Shape, in[0].Shape, func(y, x int) { din[0].Data[x] += dout[0].Data[y] })
	}
}

// IsView implements View.
func (Transpose) IsView() {}

// Permutation implements Permuter.
func (o Transpose) Permutation() []int { return o.Perm }

// Grids implements GridRelater.
func (Transpose) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Transpose) Selects() {}

// IsIdentity implements Identity.
func (o Transpose) IsIdentity(*graph.Node) bool { return slices.IsSorted(o.Perm) }

// Merge implements Merger.
func (o Transpose) Merge(first graph.Op) (graph.Op, bool) {
	p, ok := first.(Transpose)
	if !ok {
		return nil, false
	}
	perm := make([]int, len(o.Perm))
	for i, d := range o.Perm {
		perm[i] = p.Perm[d]
	}
	return Transpose{Perm: perm}, true
}

// Simpler implements Simplifier: a Reshape, if all dimensions but those of size 1 keep
// their order, so that the elements do too.
func (o Transpose) Simpler(n *graph.Node) (graph.Op, bool) {
	last := -1
	for _, d := range o.Perm {
		if n.Inputs[0].Shape[d] == 1 && d != 0 {
			continue
		}
		if d < last {
			return nil, false
		}
		last = d
	}
	return Reshape{Shape: slices.Clone([]int(n.Outputs[0].Shape[1:]))}, true
}

// Lower makes the output another view of the input; elements move only when a
// reader needs them in the standard order.
func (o Transpose) Lower(d Device, n *graph.Node) error {
	perm := make([]int, len(o.Perm)-1)
	for i, p := range o.Perm[1:] {
		perm[i] = p - 1
	}
	d.View(n.Outputs[0], n.Inputs[0], perm)
	return nil
}

func init() { RegisterLift(format.OpTranspose, liftTranspose) }

func liftTranspose(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	rank := len(in.Perm)
	perm := make([]int, rank+1)
	for d, p := range in.Perm {
		perm[hostAxis(rank, d)] = hostAxis(rank, p)
	}
	return l.Node(Transpose{Perm: perm}, out, x[0])
}

// TraceChannels implements ChannelTracer.
func (o Transpose) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis < 0 {
		return false
	}
	c.SetLayout(n.Outputs[0], Layout{slices.Index(o.Perm, in.Axis), in.IDs})
	return true
}

// TraceConstants implements ConstantTracer.
func (Transpose) TraceConstants(c Constants, n *graph.Node, k []float32) {
	copy(k, inputConstants(c, n, k))
}

// WriteONNX implements ONNXWriter.
func (o Transpose) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Transpose", in, out, Attr{"perm", o.Perm})
}

var _ graph.Differentiable = Transpose{}
