package tflite

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// function appends functions of one activation, one after the other.
func (n *node) function(ops ...graph.Op) error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	return n.move(0, x.whole, x.v, ops...)
}

// pair returns inputs 0 and 1, repeated to one number of dimensions.
func (n *node) pair() (a, b *graph.Value, whole bool, err error) {
	shapes, rank := [2][]int{}, 0
	for k := range shapes {
		if !n.has(k) {
			return nil, nil, false, fmt.Errorf("input %d is missing: the file is damaged", k)
		}
		if o, ok := n.at[n.in[k]]; ok {
			shapes[k] = o.shape()
		} else {
			shapes[k] = n.tensors[n.in[k]].shape
		}
		rank = max(rank, len(shapes[k]))
	}
	for k, s := range shapes {
		shapes[k] = append(slices.Repeat([]int{1}, rank-len(s)), s...)
		whole = whole || !isBatch(shapes[k])
	}
	var v [2]*graph.Value
	for k, s := range shapes {
		if v[k], err = n.aligned(k, s, whole); err != nil {
			return nil, nil, false, err
		}
	}
	return v[0], v[1], whole, nil
}

// aligned returns input k under a shape of the file, as part of one sample if whole.
func (n *node) aligned(k int, shape []int, whole bool) (*graph.Value, error) {
	o, activation := n.at[n.in[k]]
	if !activation {
		a, err := n.constant(k)
		if err != nil {
			return nil, err
		}
		return n.param(k, a.laid(shape, whole), graph.Constant, fmt.Sprint("operand ", whole)), nil
	}
	if !whole || !isBatch(shape) {
		return n.reshaped(o, shape).v, nil
	}
	if o.whole && slices.Equal(o.shape(), shape) {
		return o.v, nil
	}
	return n.emit(n.name+"_sample", op.Reshape{Shape: shape}, n.turned(o)), nil
}

// binary appends an operator of two inputs that are broadcast to one shape; act is the field of
// its fused activation, -1: it has none.
func (n *node) binary(o graph.Op, act int, then ...graph.Op) error {
	a, b, whole, err := n.pair()
	if err != nil {
		return err
	}
	v := n.emit(n.name, o, a, b)
	for _, next := range then {
		v = n.emit(n.name, next, v)
	}
	if act < 0 {
		n.set(0, v, whole)
		return nil
	}
	return n.finish(v, whole, n.small(act))
}

// limit reads MAXIMUM and MINIMUM with a constant number, a clamp.
func (n *node) limit(clip func(v float32) op.Clip) error {
	x, k := 0, 1
	if n.isConstant(0) {
		x, k = 1, 0
	}
	a, err := n.constant(k)
	if err != nil {
		return err
	}
	if len(a.f) != 1 {
		return fmt.Errorf("limits of shape %v; one number is supported", a.shape)
	}
	o, err := n.x(x)
	if err != nil {
		return err
	}
	return n.move(0, o.whole, o.v, clip(a.f[0]))
}

// prelu reads PRELU; one slope for all is a LEAKY_RELU.
func (n *node) prelu() error {
	if n.isConstant(1) {
		if a, err := n.constant(1); err == nil && len(a.f) == 1 {
			return n.function(op.LeakyRelu{Alpha: a.f[0]})
		}
	}
	return n.binary(op.PRelu{}, -1)
}

// softmax reads SOFTMAX over the last dimension.
func (n *node) softmax() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	axis, err := x.axis(-1)
	if err != nil {
		return err
	}
	v := x.v
	if beta := n.real(0, 1); beta != 1 {
		v = n.emit(n.name+"_scaled", op.Mul{}, v, n.number("beta", beta))
	}
	return n.move(0, x.whole, v, op.Softmax{Axis: axis})
}

func (n *node) logSoftmax() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	axis, err := x.axis(-1)
	if err != nil {
		return err
	}
	return n.move(0, x.whole, x.v, op.LogSoftmax{Axis: axis})
}

// number returns a constant of one number.
func (n *node) number(name string, v float32) *graph.Value {
	a := &array{name: n.name + "_" + name, shape: []int{1}, f: []float32{v}}
	p := graph.NewParam(n.fresh(a.name), graph.Constant, tensorOf(a))
	return &graph.Value{Name: p.Name, Shape: p.Shadow.Shape.Clone(), Param: p}
}

// mean reads MEAN over rows and columns of an image.
func (n *node) mean() error {
	x, err := n.image(0)
	if err != nil {
		return err
	}
	axes, err := n.ints(1)
	if err != nil {
		return err
	}
	for i, a := range axes {
		if a < 0 {
			axes[i] += 4
		}
	}
	slices.Sort(axes)
	if axes = slices.Compact(axes); !slices.Equal(axes, []int{1, 2}) {
		return fmt.Errorf("mean over axes %v; rows and columns of an image are supported", axes)
	}
	o := operand{v: n.emit(n.name, op.GlobalAvgPool{}, x.v)}
	if n.small(0) == 0 {
		o = n.reshaped(o, []int{1, x.v.Shape[1]})
	}
	n.at[n.out[0]] = o
	return nil
}
