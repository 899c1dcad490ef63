package tflite

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// move appends a chain of operators of one input, and makes the result output k.
func (n *node) move(k int, whole bool, v *graph.Value, ops ...graph.Op) error {
	for _, o := range ops {
		v = n.emit(n.tensors[n.out[k]].name, o, v)
	}
	n.set(k, v, whole)
	return nil
}

// passes makes input 0 the output.
func (n *node) passes() error {
	if n.isConstant(0) {
		a, err := n.constant(0)
		if err != nil {
			return err
		}
		n.constants[n.out[0]] = a
		return nil
	}
	x, err := n.x(0)
	if err != nil {
		return err
	}
	n.at[n.out[0]] = x
	return nil
}

// cast passes numbers on whose type does not matter here.
func (n *node) cast() error {
	to := kinds[n.tensors[n.out[0]].kind]
	if !n.isConstant(0) && to.whole {
		if from := kinds[n.tensors[n.in[0]].kind]; !from.whole {
			return fmt.Errorf("real numbers are rounded to %s, which is not supported", typeName(n.tensors[n.out[0]].kind))
		}
	}
	return n.passes()
}

// reshape reads RESHAPE, SQUEEZE and EXPAND_DIMS: the result has the shape that the file says.
func (n *node) reshape() error {
	if s := n.spread[n.in[0]]; s != nil {
		return n.reshapeSpread(s)
	}
	x, err := n.x(0)
	if err != nil {
		return err
	}
	shape := n.target(x.shape())
	if volume(shape) != volume(x.shape()) {
		return fmt.Errorf("shape %v of an input of %v: give a network with fixed shapes", shape, x.shape())
	}
	n.at[n.out[0]] = n.reshaped(x, shape)
	return nil
}

func (n *node) transpose() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	perm, err := n.ints(1)
	if err != nil {
		return err
	}
	rank := len(x.shape())
	sorted := slices.Sorted(slices.Values(perm))
	for i, p := range sorted {
		if i != p || len(sorted) != rank {
			return fmt.Errorf("permutation %v of %d dimensions: the file is damaged", perm, rank)
		}
	}
	to := make([]int, rank)
	for i, p := range perm {
		to[i] = x.shape()[p]
	}
	v := n.turned(x)
	full := slices.Clone(perm)
	if x.whole || perm[0] != 0 { // all dimensions are those of one sample
		if !x.whole {
			v = n.emit(n.name+"_sample", op.Reshape{Shape: x.shape()}, v)
		}
		full = []int{0}
		for _, p := range perm {
			full = append(full, p+1)
		}
		n.at[n.out[0]] = n.reshaped(operand{n.emit(n.name, op.Transpose{Perm: full}, v), true}, to)
		return nil
	}
	v = n.emit(n.name, op.Transpose{Perm: full}, v)
	if rank == 4 {
		v = n.emit(n.name+"_first", op.Transpose{Perm: []int{0, 3, 1, 2}}, v)
	}
	n.set(0, v, false)
	return nil
}

func (n *node) concat() error {
	var in []*graph.Value
	whole, axis := false, 0
	for k := range n.in {
		x, err := n.x(k)
		if err != nil {
			return err
		}
		if along := n.option(0, 0); along == 0 || along == -len(x.shape()) {
			x = n.inSample(x)
		}
		at, err := x.axis(n.option(0, 0))
		if err != nil {
			return err
		}
		if k > 0 && (x.whole != whole || at != axis) {
			return fmt.Errorf("inputs of different dimensions are joined: the file is damaged")
		}
		whole, axis, in = x.whole, at, append(in, x.v)
	}
	return n.finish(n.emit(n.name, op.Concat{Axis: axis}, in...), whole, n.small(1))
}

// inSample returns o as part of a sample, with its first dimension in it.
func (n *node) inSample(o operand) operand {
	if o.whole {
		return o
	}
	return operand{n.emit(n.name+"_sample", op.Reshape{Shape: o.shape()}, n.turned(o)), true}
}

// pack reads PACK: inputs along a new dimension.
func (n *node) pack() error {
	axis := n.option(1, 0)
	var parts []*graph.Value
	whole, at := false, 0
	for k := range n.in {
		x, err := n.x(k)
		if err != nil {
			return err
		}
		s := x.shape()
		if axis < 0 {
			axis += len(s) + 1
		}
		if axis < 0 || axis > len(s) {
			return fmt.Errorf("axis %d of inputs of shape %v: the file is damaged", axis, s)
		}
		o := n.reshaped(x, slices.Insert(s, axis, 1))
		if axis == 0 {
			o = n.inSample(o)
		}
		if at, err = o.axis(axis); err != nil {
			return err
		}
		whole, parts = o.whole, append(parts, o.v)
	}
	return n.move(0, whole, n.emit(n.name, op.Concat{Axis: at}, parts...))
}

// split reads SPLIT, SPLIT_V and UNPACK: parts of x along an axis, of the outputs' sizes.
func (n *node) split(x operand, axis int, drop bool) error {
	at, err := x.axis(axis)
	if err != nil {
		return err
	}
	if at == 0 && len(n.out) > 1 {
		return fmt.Errorf("splitting samples is not supported")
	}
	if axis < 0 {
		axis += len(x.shape())
	}
	start := 0
	for k := range n.out {
		size := 1
		if !drop {
			if s := n.outShape(k); axis < len(s) {
				size = s[axis]
			}
		}
		o := whole(len(x.v.Shape))
		o.Before[at], o.After[at] = start, x.v.Shape[at]-start-size
		start += size
		part := operand{n.emit(n.tensors[n.out[k]].name, o, x.v), x.whole}
		if drop {
			s := part.shape()
			part = n.reshaped(part, slices.Delete(s, axis, axis+1))
		}
		n.at[n.out[k]] = part
	}
	if start != x.v.Shape[at] {
		return fmt.Errorf("%d of %d elements are split: the file is damaged", start, x.v.Shape[at])
	}
	return nil
}

// reverse reads REVERSE_V2: the elements along axes backwards.
func (n *node) reverse() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	axes, err := n.ints(1)
	if err != nil {
		return err
	}
	v := x.v
	for _, a := range axes {
		at, err := x.axis(a)
		if err != nil {
			return err
		}
		var index []int
		for i := v.Shape[at] - 1; i >= 0; i-- {
			index = append(index, i)
		}
		if at > 0 {
			v = n.emit(n.name, op.Gather{Axis: at, Index: index}, v)
		}
	}
	n.set(0, v, x.whole)
	return nil
}

// splits reads SPLIT and SPLIT_V; the axis is input axis, the tensor input tensor.
func (n *node) splits(axis, tensor int) error {
	a, err := n.ints(axis)
	if err != nil {
		return err
	}
	x, err := n.x(tensor)
	if err != nil {
		return err
	}
	if len(a) != 1 {
		return fmt.Errorf("%d axes: the file is damaged", len(a))
	}
	return n.split(x, a[0], false)
}

func (n *node) unpack() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	return n.split(x, n.option(1, 0), true)
}

// whole returns the slice that keeps all of rank dimensions.
func whole(rank int) op.Slice {
	o := op.Slice{Before: make([]int, rank), After: make([]int, rank), Step: make([]int, rank)}
	for d := range o.Step {
		o.Step[d] = 1
	}
	return o
}

// slice reads SLICE: begin and size, -1 for the rest.
func (n *node) slice() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	begin, err := n.ints(1)
	if err != nil {
		return err
	}
	size, err := n.ints(2)
	if err != nil {
		return err
	}
	s := x.shape()
	if len(begin) != len(s) || len(size) != len(s) {
		return fmt.Errorf("from %v, %v elements of %v: the file is damaged", begin, size, s)
	}
	o := whole(len(x.v.Shape))
	for d := range s {
		at, _ := x.axis(d)
		if size[d] == -1 {
			size[d] = s[d] - begin[d]
		}
		o.Before[at], o.After[at] = begin[d], s[d]-begin[d]-size[d]
	}
	return n.move(0, x.whole, x.v, o)
}

// stridedSlice reads STRIDED_SLICE with begin, end and strides, and the masks of its options.
func (n *node) stridedSlice() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	var from [3][]int
	for k := range from {
		if from[k], err = n.ints(k + 1); err != nil {
			return err
		}
	}
	s := x.shape()
	begins, ends, ellipsis, added, dropped := n.option(0, 0), n.option(1, 0), n.option(2, 0), n.option(3, 0), n.option(4, 0)
	if ellipsis|added != 0 || n.small(5) != 0 || len(from[0]) > len(s) || len(from[1]) != len(from[0]) || len(from[2]) != len(from[0]) {
		return fmt.Errorf("from %v to %v of %v with new dimensions, an ellipsis or offsets: plain begins, ends and strides are supported", from[0], from[1], s)
	}
	o, target := whole(len(x.v.Shape)), []int{}
	for d, size := range s {
		if d >= len(from[0]) {
			target = append(target, size)
			continue
		}
		first, end, step := from[0][d], from[1][d], from[2][d]
		if step < 1 {
			return fmt.Errorf("steps of %d in dimension %d; positive ones are supported", step, d)
		}
		first, end = bounded(first, size), bounded(end, size)
		if begins>>d&1 != 0 {
			first = 0
		}
		switch {
		case dropped>>d&1 != 0:
			end = first + 1
		case ends>>d&1 != 0:
			end = size
		}
		at, _ := x.axis(d)
		o.Before[at], o.After[at], o.Step[at] = first, size-end, step
		if dropped>>d&1 == 0 {
			target = append(target, (end-first-1)/step+1)
		}
	}
	v := operand{n.emit(n.name, o, x.v), x.whole}
	if dropped != 0 {
		v = n.reshaped(v, target)
	}
	n.at[n.out[0]] = v
	return nil
}

// bounded returns index i of n, counted from the end if it is negative, within 0 to n.
func bounded(i, n int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n)
}

// pads returns the elements that are added before and after each dimension of x in the graph.
func (n *node) pads(x operand) (before, after []int, err error) {
	p, err := n.ints(1)
	if err != nil {
		return nil, nil, err
	}
	s := x.shape()
	if len(p) != 2*len(s) {
		return nil, nil, fmt.Errorf("padding %v of %v: the file is damaged", p, s)
	}
	before, after = make([]int, len(x.v.Shape)), make([]int, len(x.v.Shape))
	for d := range s {
		at, _ := x.axis(d)
		before[at], after[at] = p[2*d], p[2*d+1]
	}
	return before, after, nil
}

// pad reads PAD, and PADV2 with its value.
func (n *node) pad() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	o := op.Pad{}
	if o.Before, o.After, err = n.pads(x); err != nil {
		return err
	}
	if n.has(2) {
		v, err := n.constant(2)
		if err != nil {
			return err
		}
		o.Value = v.f[0]
	}
	return n.move(0, x.whole, x.v, o)
}

// mirrorPad reads MIRROR_PAD: elements next to an edge are repeated beyond it, backwards; with mode
// 1 beginning with the one at the edge.
func (n *node) mirrorPad() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	before, after, err := n.pads(x)
	if err != nil {
		return err
	}
	v, skip := x.v, 1-n.small(0)
	for d, size := range x.v.Shape {
		if before[d] == 0 && after[d] == 0 {
			continue
		}
		if most := size - skip; d == 0 || min(before[d], after[d]) < 0 || max(before[d], after[d]) > most || skip < 0 || skip > 1 {
			return fmt.Errorf("padding of %d and %d beside %d elements; at most %d mirror", before[d], after[d], size, most)
		}
		var index []int
		for i := before[d]; i > 0; i-- {
			index = append(index, i-1+skip)
		}
		for i := range size {
			index = append(index, i)
		}
		for i := range after[d] {
			index = append(index, size-1-skip-i)
		}
		v = n.emit(n.name, op.Gather{Axis: d, Index: index}, v)
	}
	n.set(0, v, x.whole)
	return nil
}

// depth reads DEPTH_TO_SPACE and SPACE_TO_DEPTH.
func (n *node) depth(f func(x tensor.Shape, b int) ([]graph.Op, error)) error {
	x, err := n.image(0)
	if err != nil {
		return err
	}
	ops, err := f(x.v.Shape, n.option(0, 0))
	if err != nil {
		return err
	}
	return n.move(0, false, x.v, ops...)
}

// resize reads RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR to the size of input 1.
func (n *node) resize(o op.Resize, corners, half bool) error {
	x, err := n.image(0)
	if err != nil {
		return err
	}
	y := n.outShape(0)
	if len(y) != 4 || y[0] != 1 {
		return fmt.Errorf("output of shape %v: give a network with fixed shapes", y)
	}
	o.Sizes = []int{x.v.Shape[1], y[1], y[2]}
	switch {
	case corners && half:
		return fmt.Errorf("aligned corners of half pixels are not supported")
	case corners:
		o.Coords, o.Round = op.AlignCorners, op.RoundPreferCeil
	case half:
		o.Coords, o.Round = op.HalfPixel, op.RoundPreferCeil
	default:
		o.Coords, o.Round = op.Asymmetric, op.RoundFloor
	}
	return n.move(0, false, x.v, o)
}
