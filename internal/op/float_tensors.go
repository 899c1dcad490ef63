package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Lower emits OpMatMul.
func (o MatMul) Lower(d Device, n *graph.Node) error {
	y := n.Outputs[0]
	var in []int
	for _, v := range n.Inputs {
		s := v.Shape
		if len(s) == len(y.Shape) && (v.Param == nil || s[0] == 1) {
			s = s[1:]
		} else if v.Param == nil {
			return fmt.Errorf("factor %q of shape %v is repeated over the samples of %v", v.Name, s, y.Shape)
		}
		in = append(in, d.Natural(v, s...))
	}
	shape := y.Shape[1:]
	if len(shape) > 4 || len(shape) < 2 {
		return fmt.Errorf("the device multiplies matrices of up to 2 further dimensions, not %v", y.Shape)
	}
	d.EmitNatural(format.Instr{Op: format.OpMatMul, In: in, Reverse: o.TransposeB}, y, shape)
	return nil
}

// rows returns the shape [rows, n] of a sample of shape s whose dimensions from axis on are a row.
func rows(s tensor.Shape, axis int) []int { return []int{s[1:axis].Size(), s[axis:].Size()} }

// Lower emits OpNormalize.
func (o Normalize) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	in := format.Instr{Op: format.OpNormalize, Real: o.Epsilon, Function: format.NormalizeLayer}
	if o.RMS {
		in.Function = format.NormalizeRMS
	}
	shape := rows(x.Shape, o.Axis)
	in.In = []int{d.Natural(x, shape...)}
	d.EmitNatural(in, y, shape)
	return nil
}

// deviceReduction is the function of OpReduce for a Reduction, and what is computed of each
// element before, and of the result behind.
type deviceReduction struct {
	function      int
	before, after []floatStep
}

var deviceReductions = [...]deviceReduction{
	Sum:       {function: format.ReduceSum},
	Mean:      {function: format.ReduceMean},
	Max:       {function: format.ReduceMax},
	Min:       {function: format.ReduceMin},
	Prod:      {function: format.ReduceProd},
	L1:        {function: format.ReduceSum, before: unary(format.UnaryAbs)},
	L2:        {function: format.ReduceSumSquare, after: unary(format.UnarySqrt)},
	SumSquare: {function: format.ReduceSumSquare},
	LogSum:    {function: format.ReduceSum, after: unary(format.UnaryLog)},
	LogSumExp: {function: format.ReduceLogSumExp},
}

// LowerFloat emits OpReduce for the dimensions; those that do not follow each other come
// together by a Transpose before.
func (o Reduce) LowerFloat(d Device, n *graph.Node) error {
	x, y, row := n.Inputs[0], n.Outputs[0], deviceReductions[o.Kind]
	t := d.Natural(x)
	s, first := x.Shape[1:], o.Axes[0]-1
	if count := len(o.Axes); o.Axes[count-1]-1 == first+count-1 {
		s = tensor.Shape{s[:first].Size(), s[first : first+count].Size(), s[first+count:].Size()}
		t = d.Natural(x, s...)
	} else {
		if len(s) > 4 {
			return fmt.Errorf("the device reduces dimensions %v of %v only where they follow each other", o.Axes, x.Shape)
		}
		t, s = together(d, t, s, o.Axes)
	}
	for _, in := range instructions(d, row.before) {
		in.In[0], in.Out = t, d.Temp(s...)
		d.Emit(in)
		t = in.Out
	}
	in := format.Instr{Op: format.OpReduce, Function: row.function, In: []int{t}, Axis: 1, Dims: 1}
	d.EmitNatural(in, y, []int{s[0], 1, s[2]}, instructions(d, row.after)...)
	return nil
}

// together brings the dimensions axes (counted with the batch) of tensor t of shape s to the end.
func together(d Device, t int, s tensor.Shape, axes []int) (int, tensor.Shape) {
	over := make([]bool, len(s))
	n := 1
	for _, a := range axes {
		over[a-1] = true
		n *= s[a-1]
	}
	var perm, moved []int
	for _, last := range []bool{false, true} {
		for k := range s {
			if over[k] == last {
				perm, moved = append(perm, k), append(moved, s[k])
			}
		}
	}
	out := d.Temp(moved...)
	d.Emit(format.Instr{Op: format.OpTranspose, In: []int{t}, Out: out, Perm: perm, Weight: -1, LUT: -1})
	shape := tensor.Shape{s.Size() / n, n, 1}
	view := d.Temp(shape...)
	d.Emit(format.Instr{Op: format.OpReshape, In: []int{out}, Out: view, Shape: shape, Weight: -1, LUT: -1})
	return view, shape
}

// NeedsFloat implements FloatNeeder: int8 has the mean and the largest of rows.
func (o Reduce) NeedsFloat(n *graph.Node) bool {
	return o.Kind != Mean && o.Kind != Max || len(n.Inputs[0].Shape) != 3 || len(o.Axes) != 1 || o.Axes[0] != 2
}

// Lower emits OpReduce.
func (o ArgMax) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer. The last of equal elements is the first from the end.
func (o ArgMax) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	s := []int{x.Shape[1:o.Axis].Size(), x.Shape[o.Axis], x.Shape[o.Axis+1:].Size()}
	in := format.Instr{Op: format.OpReduce, Function: format.ReduceArgMax, In: []int{d.Natural(x, s...)}, Axis: 1, Dims: 1}
	if o.Min {
		in.Function = format.ReduceArgMin
	}
	var after []floatStep
	if o.Last {
		move := format.Instr{Op: format.OpMove, In: in.In, Start: (s[1] - 1) * s[2], Shape: s, Strides: []int{s[1] * s[2], -s[2], 1}, Weight: -1, LUT: -1}
		in.In = []int{d.EmitLike(move, s)}
		after = []floatStep{{function: format.BinarySub, binary: true, k: float32(s[1] - 1), left: true}}
	}
	d.EmitNatural(in, y, []int{s[0], 1, s[2]}, instructions(d, after)...)
	return nil
}

// NeedsFloat implements FloatNeeder.
func (ArgMax) NeedsFloat(*graph.Node) bool { return true }

// Lower emits what changes the elements, if anything does.
func (o Cast) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer: numbers become integers without their fraction, which wrap
// to 8 or 16 bits.
func (o Cast) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	var steps []floatStep
	switch {
	case o.To == graph.Boolean && x.Elem != graph.Boolean:
		steps = append(unary(format.UnaryNot), unary(format.UnaryNot)...)
	case o.To == graph.Integer && x.Elem == graph.Float:
		steps = unary(format.UnaryTruncate)
	}
	if o.To == graph.Integer && o.Bits > 0 && o.Bits < 24 && x.Elem != graph.Boolean {
		all := float32(int(1) << o.Bits)
		if o.Signed {
			steps = append(steps, with(format.BinaryAdd, all/2), with(format.BinaryMod, all), with(format.BinarySub, all/2))
		} else {
			steps = append(steps, with(format.BinaryMod, all))
		}
	}
	if len(steps) == 0 {
		d.View(y, x, nil)
		return nil
	}
	d.EmitSteps(x, y, instructions(d, steps))
	return nil
}

// LowerFloat emits the stable form: x less the LogSumExp of its row.
func (o LogSoftmax) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	axis := o.Axis
	if axis < 0 {
		axis += len(x.Shape)
	}
	s := []int{x.Shape[1:axis].Size(), x.Shape[axis], x.Shape[axis+1:].Size()}
	t := d.Natural(x, s...)
	sum := d.Temp(s[0], 1, s[2])
	d.Emit(format.Instr{Op: format.OpReduce, Function: format.ReduceLogSumExp, In: []int{t}, Out: sum, Axis: 1, Dims: 1, Weight: -1, LUT: -1})
	d.EmitNatural(format.Instr{Op: format.OpBinary, Function: format.BinarySub, In: []int{t, sum}}, y, s)
	return nil
}

// LowerFloat computes softmax along any dimension: the last one as it is, others after a
// Transpose.
func (o Softmax) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	axis := o.Axis
	if axis < 0 {
		axis += len(x.Shape)
	}
	s := []int{x.Shape[1:axis].Size(), x.Shape[axis], x.Shape[axis+1:].Size()}
	if s[2] == 1 {
		t := d.Natural(x, s[0], s[1])
		d.EmitNatural(format.Instr{Op: format.OpSoftmax, In: []int{t}}, y, s[:2])
		return nil
	}
	t := d.Natural(x, s...)
	last, soft := d.Temp(s[0], s[2], s[1]), d.Temp(s[0], s[2], s[1])
	d.Emit(format.Instr{Op: format.OpTranspose, In: []int{t}, Out: last, Perm: []int{0, 2, 1}, Weight: -1, LUT: -1})
	d.Emit(format.Instr{Op: format.OpSoftmax, In: []int{last}, Out: soft, Weight: -1, LUT: -1})
	d.EmitNatural(format.Instr{Op: format.OpTranspose, In: []int{soft}, Perm: []int{0, 2, 1}}, y, s)
	return nil
}

// Lower emits OpGather: of the rows of a parameter, or of an activation.
func (o Gather) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Gather) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	in := format.Instr{Op: format.OpGather, Weight: -1, LUT: -1}
	switch s := x.Shape; {
	case o.Axis == 0:
		index := n.Inputs[1]
		in.In = []int{d.Natural(index, index.Shape[1:].Size())}
		in.Weight = d.Rows(x)
		d.EmitNatural(in, y, []int{index.Shape[1:].Size(), s[1:].Size()})
	default:
		shape := []int{s[1:o.Axis].Size(), s[o.Axis], s[o.Axis+1:].Size()}
		if walk := o.walkOf(s); walk != nil {
			return walk.lower(d, x, y)
		}
		var index, picked int
		if o.Index != nil {
			picked = len(o.Index)
			numbers := make([]float32, picked)
			for i, k := range o.Index {
				numbers[i] = float32(k)
			}
			index = d.Numbers(numbers, picked)
		} else {
			picked = n.Inputs[1].Shape[1:].Size()
			index = d.Natural(n.Inputs[1], picked)
		}
		in.In, in.Axis = []int{d.Natural(x, shape...), index}, 1
		d.EmitNatural(in, y, []int{shape[0], picked, shape[2]})
	}
	return nil
}

// NeedsFloat implements FloatNeeder: indexes are no int8, unless they are constants that one
// OpMove follows.
func (o Gather) NeedsFloat(n *graph.Node) bool { return o.walkOf(n.Inputs[0].Shape) == nil }

// walkOf returns how OpMove picks by constant indexes from a tensor of shape s; nil: it cannot.
func (o Gather) walkOf(s tensor.Shape) *walk {
	if len(o.Index) == 0 {
		return nil
	}
	index := make([]int, len(o.Index))
	for i, k := range o.Index {
		if index[i] = k; k < 0 {
			index[i] += s[o.Axis]
		}
	}
	dims, steps, ok := regular(index)
	if !ok {
		return nil
	}
	before, size, after := s[1:o.Axis].Size(), s[o.Axis], s[o.Axis+1:].Size()
	w := &walk{start: index[0] * after}
	w.add(before, size*after)
	for k, n := range dims {
		w.add(n, steps[k]*after)
	}
	w.add(after, 1)
	if len(w.shape) > 4 {
		return nil
	}
	return w
}

// regular returns the dimensions and steps, outermost first, of indexes that are sums of a first
// one and multiples of these steps.
func regular(index []int) (dims, steps []int, ok bool) {
	n := 1
	for n+1 < len(index) && index[n+1]-index[n] == index[1]-index[0] {
		n++
	}
	if len(index) == 1 {
		return nil, nil, true
	}
	n++
	if len(index)%n != 0 {
		return nil, nil, false
	}
	var firsts []int
	for at := 0; at < len(index); at += n {
		for i := range n {
			if index[at+i]-index[at] != index[i]-index[0] {
				return nil, nil, false
			}
		}
		firsts = append(firsts, index[at])
	}
	dims, steps, ok = regular(firsts)
	return append(dims, n), append(steps, index[1]-index[0]), ok
}
