package op

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
	"edgec/runtime/format"
)

// Reshape gives x [N,...] the sample shape Shape: [N, Shape...]. Flatten is
// Reshape.
type Reshape struct {
	Shape []int
}

// Transpose makes x's dimension Perm[i] the output's dimension i; Perm[0] is 0.
type Transpose struct {
	Perm []int
}

// Concat joins its inputs along dimension Axis >= 1.
type Concat struct {
	Axis int
}

// Pad surrounds x with Value: Before[i] and After[i] elements in dimension i,
// none in the batch. Negative counts are refused.
type Pad struct {
	Before, After []int
	Value         float32
}

// Names, as in messages.
func (Reshape) Name() string   { return "Reshape" }
func (Transpose) Name() string { return "Transpose" }
func (Concat) Name() string    { return "Concat" }
func (Pad) Name() string       { return "Pad" }

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
			ok = ok && (d == o.Axis || s[d] == y[d])
		}
		if !ok {
			return nil, fmt.Errorf("input %d has shape %v, input 0 has %v; they may differ in dimension %d only", i+1, s, in[0], o.Axis)
		}
		y[o.Axis] += s[o.Axis]
	}
	return []tensor.Shape{y}, nil
}

// blocks calls f for each run of elements of input k that lies together.
func (o Concat) blocks(out *tensor.Tensor, in []*tensor.Tensor, f func(k, y, x, n int)) {
	total := out.Shape[o.Axis:].Size()
	for b := 0; b*total < len(out.Data); b++ {
		y := b * total
		for k, t := range in {
			n := t.Shape[o.Axis:].Size()
			f(k, y, b*n, n)
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

// Infer implements graph.Op.
func (o Pad) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	y := in[0].Clone()
	if len(o.Before) != len(y) || len(o.After) != len(y) {
		return nil, fmt.Errorf("pads %v and %v for input %v", o.Before, o.After, y)
	}
	for i := range y {
		if o.Before[i] < 0 || o.After[i] < 0 || i == 0 && o.Before[i]+o.After[i] > 0 {
			return nil, fmt.Errorf("pads %v and %v: needs none in the batch and none negative", o.Before, o.After)
		}
		y[i] += o.Before[i] + o.After[i]
	}
	return []tensor.Shape{y}, nil
}

// rows calls f with the place in the output of each row of n input elements.
func (o Pad) rows(out, in tensor.Shape, f func(y, x, n int)) {
	rank := len(in)
	n := in[rank-1]
	index := make([]int, rank-1)
	for x := 0; x < in.Size(); x += n {
		y := 0
		for d := 0; d < rank-1; d++ {
			y = (y + index[d] + o.Before[d]) * out[d+1]
		}
		f(y+o.Before[rank-1], x, n)
		for d := rank - 2; d >= 0; d-- {
			if index[d]++; index[d] < in[d] {
				break
			}
			index[d] = 0
		}
	}
}

// Forward implements graph.Op.
func (o Pad) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	vec.Fill(out[0].Data, o.Value)
	o.rows(out[0].Shape, in[0].Shape, func(y, x, n int) { copy(out[0].Data[y:y+n], in[0].Data[x:x+n]) })
}

// Backward implements graph.Differentiable.
func (o Pad) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.rows(out[0].Shape, in[0].Shape, func(y, x, n int) { add(din[0].Data[x:x+n], dout[0].Data[y:y+n]) })
	}
}

// Lower makes the output another view of the input: no instruction.
func (Reshape) Lower(d Device, n *graph.Node) error {
	d.View(n.Outputs[0], n.Inputs[0], nil)
	return nil
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

// Lower emits OpPad for rows and columns of an image, or for the steps of a
// sequence.
func (o Pad) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	in := format.Instr{Op: format.OpPad, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
	switch {
	case len(x.Shape) == 4 && o.Before[1] == 0 && o.After[1] == 0:
		in.PadT, in.PadL, in.PadB, in.PadR = o.Before[2], o.Before[3], o.After[2], o.After[3]
		t := d.Tensor(x)
		in.In, in.Out = []int{t}, d.OutputOn(t, y)
	case len(x.Shape) == 3 && o.Before[2] == 0 && o.After[2] == 0:
		in.PadT, in.PadB = o.Before[1], o.After[1]
		t := d.Tensor(x, x.Shape[1], 1, x.Shape[2])
		in.In, in.Out = []int{t}, d.OutputOn(t, y, y.Shape[1], 1, y.Shape[2])
	default:
		return fmt.Errorf("the device pads rows and columns of images only, not channels or features")
	}
	in.PadValue, _ = d.Clamp(x, Clamp{On: true, Lo: o.Value, Hi: o.Value})
	d.Emit(in)
	return nil
}
