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
	v, whole, err := n.alike(2)
	if err != nil {
		return nil, nil, false, err
	}
	return v[0], v[1], whole, nil
}

// alike returns the first inputs, repeated to one number of dimensions.
func (n *node) alike(count int) (v []*graph.Value, whole bool, err error) {
	shapes, rank := make([][]int, count), 0
	for k := range shapes {
		if !n.has(k) {
			return nil, false, fmt.Errorf("input %d is missing: the file is damaged", k)
		}
		if o, ok := n.at[n.in[k]]; ok {
			shapes[k] = o.shape()
		} else if a := n.constants[n.in[k]]; a != nil {
			shapes[k] = a.shape
		} else {
			shapes[k] = n.tensors[n.in[k]].shape
		}
		rank = max(rank, len(shapes[k]))
	}
	for k, s := range shapes {
		shapes[k] = append(slices.Repeat([]int{1}, rank-len(s)), s...)
		whole = whole || !isBatch(shapes[k])
	}
	for k, s := range shapes {
		x, err := n.aligned(k, s, whole)
		if err != nil {
			return nil, false, err
		}
		v = append(v, x)
	}
	return v, whole, nil
}

// choose reads SELECT and SELECT_V2: input 1 where input 0 is true, input 2 elsewhere.
func (n *node) choose() error {
	v, whole, err := n.alike(3)
	if err == nil {
		n.set(0, n.emit(n.name, op.Where{}, v...), whole)
	}
	return err
}

// leastLength is the least length that L2_NORMALIZATION divides by.
const leastLength = 1e-6

// unitLength reads L2_NORMALIZATION: x over the root of the sum of its squares along the last
// dimension.
func (n *node) unitLength() error {
	x, axis, err := n.lastAxis()
	if err != nil {
		return err
	}
	root := n.emit(n.name+"_length", op.Reduce{Kind: op.SumSquare, Axes: []int{axis}}, x.v)
	for _, o := range []graph.Op{op.Sqrt{}, op.Clip{Lo: leastLength, Hi: inf}} {
		root = n.emit(n.name+"_length", o, root)
	}
	return n.finish(n.emit(n.name, op.Div{}, x.v, root), x.whole, n.small(0))
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

// limit reads MAXIMUM and MINIMUM, a clamp where one operand is a number.
func (n *node) limit(o graph.Op, clip func(v float32) op.Clip) error {
	for k := range 2 {
		if !n.isConstant(k) {
			continue
		}
		a, err := n.constant(k)
		if err != nil {
			return err
		}
		x, err := n.x(1 - k)
		if err != nil {
			return err
		}
		if len(a.f) == 1 && len(a.shape) <= len(x.shape()) {
			return n.move(0, x.whole, x.v, clip(a.f[0]))
		}
	}
	return n.binary(o, -1)
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
	x, axis, err := n.lastAxis()
	if err != nil {
		return err
	}
	v := x.v
	if beta := n.real(0, 1); beta != 1 {
		v = n.emit(n.name+"_scaled", op.Mul{}, v, n.number("beta", beta))
	}
	return n.move(0, x.whole, v, op.Softmax{Axis: axis})
}

// lastAxis returns input 0 and the graph's dimension of its last one.
func (n *node) lastAxis() (x operand, axis int, err error) {
	if x, err = n.x(0); err == nil {
		axis, err = x.axis(-1)
	}
	return x, axis, err
}

func (n *node) logSoftmax() error {
	x, axis, err := n.lastAxis()
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

// reduce reads MEAN, SUM and others: the axes are input 1, whose dimensions become 1, or go.
func (n *node) reduce(kind op.Reduction) error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	axes, err := n.ints(1)
	if err != nil {
		return err
	}
	shape, o := x.shape(), op.Reduce{Kind: kind}
	for _, a := range axes {
		at, err := x.axis(a)
		if err != nil {
			return err
		}
		if at == 0 {
			return fmt.Errorf("samples are combined, which is not supported")
		}
		if a < 0 {
			a += len(shape)
		}
		o.Axes, shape[a] = append(o.Axes, at), 1
	}
	slices.Sort(o.Axes)
	o.Axes = slices.Compact(o.Axes)
	var y graph.Op = o
	if kind == op.Mean && !x.whole && len(x.v.Shape) == 4 && slices.Equal(o.Axes, []int{2, 3}) {
		y = op.GlobalAvgPool{}
	}
	v := operand{n.emit(n.name, y, x.v), x.whole}
	if n.small(0) == 0 {
		var kept []int
		for d, size := range shape {
			if at, _ := x.axis(d); !slices.Contains(o.Axes, at) {
				kept = append(kept, size)
			}
		}
		v = n.reshaped(v, kept)
	}
	n.at[n.out[0]] = v
	return nil
}

// matmul reads BATCH_MATMUL, the product of the last two dimensions; options: the first and the
// second factor are transposed.
func (n *node) matmul() error {
	a, b, whole, err := n.pair()
	if err != nil {
		return err
	}
	if n.small(0) != 0 {
		return fmt.Errorf("a transposed first factor is not supported")
	}
	if len(a.Shape) == 4 && !whole { // of a file's order
		turn := op.Transpose{Perm: []int{0, 2, 3, 1}}
		v := n.emit(n.name, op.MatMul{TransposeB: n.small(1) != 0}, n.emit(n.name+"_a", turn, a), n.emit(n.name+"_b", turn, b))
		n.set(0, n.emit(n.name+"_first", op.Transpose{Perm: []int{0, 3, 1, 2}}, v), false)
		return nil
	}
	n.set(0, n.emit(n.name, op.MatMul{TransposeB: n.small(1) != 0}, a, b), whole)
	return nil
}

// gather reads GATHER along an axis: constant indexes, or rows of a constant by whole numbers
// that the network is given.
func (n *node) gather() error {
	axis := n.option(0, 0)
	if n.isConstant(1) {
		x, err := n.x(0)
		if err != nil {
			return err
		}
		index, err := n.ints(1)
		if err != nil {
			return err
		}
		at, err := x.axis(axis)
		if err != nil {
			return err
		}
		if shape := n.tensors[n.in[1]].shape; len(shape) > 1 || at == 0 {
			return fmt.Errorf("indexes of shape %v along axis %d; a list, and no samples, are supported", shape, axis)
		} else if len(shape) == 0 { // a number, whose dimension goes
			if axis < 0 {
				axis += len(x.shape())
			}
			v := operand{n.emit(n.name, op.Gather{Axis: at, Index: index}, x.v), x.whole}
			n.at[n.out[0]] = n.reshaped(v, slices.Delete(v.shape(), axis, axis+1))
			return nil
		}
		return n.move(0, x.whole, x.v, op.Gather{Axis: at, Index: index})
	}
	w, err := n.constant(0)
	if err != nil {
		return err
	}
	if len(w.shape) == 0 {
		return fmt.Errorf("a number is picked from: the file is damaged")
	}
	ids, err := n.indexes(1, w.shape[0])
	if err != nil {
		return err
	}
	if axis != 0 || len(w.shape) != 2 || n.option(1, 0) != 0 || len(ids.v.Shape) > 2 {
		return fmt.Errorf("elements of %v along axis %d by numbers of shape %v; rows of a matrix by a list are supported", w.shape, axis, ids.shape())
	}
	n.set(0, n.emit(n.name, op.Gather{}, n.param(0, w, graph.Weight, "rows"), ids.v), ids.whole)
	return nil
}

// indexes returns input k, numbers of rows. Keras adds the number of rows to negative ones, which
// a Gather does by itself.
func (n *node) indexes(k, rows int) (operand, error) {
	pick := n.made[n.in[k]]
	if pick == nil || pick.code != opSelect {
		return n.x(k)
	}
	below, around := n.made[pick.in[0]], n.made[pick.in[1]]
	is := func(m *node, code int, number float32) bool {
		if m == nil || m.code != code || m.in[0] != pick.in[2] || !m.isConstant(1) {
			return false
		}
		a, err := m.constant(1)
		return err == nil && len(a.f) == 1 && a.f[0] == number
	}
	if is(below, opLess, 0) && is(around, opAdd, float32(rows)) {
		return pick.x(2)
	}
	return n.x(k)
}
