package onnx

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// broadcast returns two operands, of which one may be constant, as values that broadcast
// for each sample; the result's batch is at. The file aligns shapes at their last
// dimension.
func (n *node) broadcast(x, y *operand) (a, b *graph.Value, at batchAxis, err error) {
	switch {
	case x.act == nil && y.act == nil:
		return nil, nil, at, n.fail("", "none of the operands is an activation or an array; only those are supported")
	case y.act == nil:
		return n.withConstant(x, y)
	case x.act == nil:
		b, a, at, err = n.withConstant(y, x)
		return a, b, at, err
	case x.batch == y.batch && len(x.act.Shape) == len(y.act.Shape):
		return x.act, y.act, x.batch, nil
	}
	switch scalar {
	case x.batch: // one number beside any shape
		a, err = n.emit(op.Reshape{Shape: slices.Repeat([]int{1}, len(y.act.Shape)-1)}, x.act)
		return a, y.act, y.batch, err
	case y.batch:
		b, err = n.emit(op.Reshape{Shape: slices.Repeat([]int{1}, len(x.act.Shape)-1)}, y.act)
		return x.act, b, x.batch, err
	}
	dx, dy := n.fileDims(x, 0), n.fileDims(y, 0)
	rank := max(len(dx), len(dy))
	_, kx := x.batch.merged()
	_, ky := y.batch.merged()
	same := kx+ky == 0 && min(x.batch.at, y.batch.at) >= 0 && len(dx)-x.batch.at == len(dy)-y.batch.at
	change := n.widen
	switch {
	case same:
		at = batchAxis{at: max(x.batch.at, y.batch.at)}
	case n.r.ofOne():
		change, at = n.withoutBatch, noBatch
	default:
		return nil, nil, at, n.fail("", "inputs %v and %v would mix the batch with others; reshape them to the same number of dimensions", dx, dy)
	}
	if a, err = change(x, rank); err == nil {
		b, err = change(y, rank)
	}
	return a, b, at, err
}

// widen returns o's value with dimensions of one before the others, as many as the file's
// shape has fewer than rank.
func (n *node) widen(o *operand, rank int) (*graph.Value, error) {
	shape := slices.Clone([]int(o.act.Shape[1:]))
	for range rank - len(n.fileDims(o, 0)) {
		shape = slices.Insert(shape, 0, 1)
	}
	if len(shape) == len(o.act.Shape)-1 {
		return o.act, nil
	}
	return n.emit(op.Reshape{Shape: shape}, o.act)
}

// withConstant is broadcast for an activation and a constant.
func (n *node) withConstant(x, k *operand) (a, b *graph.Value, at batchAxis, err error) {
	c := n.r.batchless(k)
	name := "an operand"
	for i, o := range n.in {
		if o == k {
			name = n.inputName(i)
		}
	}
	if c == nil {
		if b, err := n.repeated(x, k); b != nil || err != nil {
			return x.act, b, x.batch, err
		}
		return nil, nil, at, n.fail(name, "it is computed while the network runs; only constants are supported here (weights as initializers)")
	}
	dims := n.fileDims(x, 0)
	shape, form, ok := x.batch.constantShape(c.dims, len(dims), len(x.act.Shape))
	a, at = x.act, x.batch
	if !ok {
		if !n.r.ofOne() {
			return nil, nil, at, n.fail(name, "a constant of shape %v differs between the samples of a batch; export the model with batch 1", c.dims)
		}
		if a, err = n.withoutBatch(x, len(c.dims)); err != nil {
			return nil, nil, at, err
		}
		shape, form, at = c.dims, "", noBatch
	}
	b, err = n.constantOf(c, form, shape)
	return a, b, at, err
}

// repeated returns a constant k that repeats one sample for each of the batch where x has the
// batch merged with other dimensions, as the queries of a decoder do for each head; nil is
// another one.
func (n *node) repeated(x, k *operand) (*graph.Value, error) {
	b := x.batch
	size, merged := b.merged()
	if !k.isKnown() || merged == 0 {
		return nil, nil
	}
	at := b.at - len(n.fileDims(x, 0)) + len(k.known[0].dims)
	if at < 0 || at >= len(k.known[0].dims) {
		return nil, nil
	}
	var one [2]*array
	for t, a := range k.known {
		if len(a.dims) != len(k.known[0].dims) || a.dims[at] != n.r.batch[t]*size {
			return nil, nil
		}
		split := slices.Concat(a.dims[:at], []int{max(b.outer, 1), n.r.batch[t], max(b.inner, 1)}, a.dims[at+1:])
		if one[t] = a.reshaped(split).first(at + 1); one[t] == nil {
			return nil, nil
		}
	}
	if !one[0].same(one[1]) {
		return nil, nil
	}
	shape := slices.Clone(one[0].dims[:at])
	for _, d := range []int{b.outer, b.inner} {
		if d > 0 {
			shape = append(shape, d)
		}
	}
	shape = append(shape, one[0].dims[at+3:]...)
	return n.constantOf(one[0], fmt.Sprint("repeated ", shape), shape)
}

// constantOf returns a constant of any numbers under a shape; form is as in param. Infinities
// are allowed: they stand in masks.
func (n *node) constantOf(c *array, form string, shape []int) (*graph.Value, error) {
	if !slices.ContainsFunc(c.f, func(v float32) bool { return math.IsInf(float64(v), 0) }) {
		return n.param(c, graph.Constant, form, func(c *array) (*array, error) { return c.reshaped(shape), nil })
	}
	for i, v := range c.f {
		if v != v {
			return nil, n.fail(fmt.Sprintf("initializer %q", c.name), "value %d is NaN; export a network with finite weights", i)
		}
	}
	key := paramKey{c, graph.Constant, form}
	p := n.r.params[key]
	if p == nil {
		p = graph.NewParam(n.r.unique("value", c.name), graph.Constant, tensor.Of(slices.Clone(c.f), shape...))
		n.r.params[key] = p
	}
	return &graph.Value{Name: p.Name, Shape: p.Shadow.Shape.Clone(), Param: p}, nil
}

// batchless returns the array of a constant. One that repeats a sample for each of the batch
// has a dimension of 1 in the batch's place; nil is one that differs otherwise.
func (r *reader) batchless(o *operand) *array {
	if c := o.constant(); c != nil || !o.isKnown() {
		return c
	}
	a, b := o.known[0], o.known[1]
	if len(a.dims) != len(b.dims) || a.typ != b.typ {
		return nil
	}
	for k := range a.dims {
		if a.dims[k] == r.batch[0] && b.dims[k] == r.batch[1] {
			if x, y := a.first(k), b.first(k); x != nil && y != nil && x.same(y) {
				return x
			}
		}
	}
	return nil
}

// first returns a's part at index 0 of dimension k, if it equals that at all others.
func (a *array) first(k int) *array {
	dims := slices.Clone(a.dims)
	dims[k] = 1
	r := a.like(dims)
	inner := volume(a.dims[k+1:])
	outer, n := volume(a.dims[:k]), a.dims[k]
	for o := range outer {
		for i := range inner {
			r.set(o*inner+i, a, o*n*inner+i)
			for j := 1; j < n; j++ {
				if !a.equal((o*n+j)*inner+i, o*n*inner+i) {
					return nil
				}
			}
		}
	}
	return r
}

// equal reports whether elements i and j are the same.
func (a *array) equal(i, j int) bool {
	if a.isFloat() {
		return a.f[i] == a.f[j]
	}
	return a.i[i] == a.i[j]
}

// constantShape returns the shape of a constant [dims] of the file beside a value of the
// given rank, whose shape has fileRank dimensions in the file. form names the change; it
// is empty where there is none. It is not ok where the constant varies along the batch.
func (b batchAxis) constantShape(dims []int, fileRank, rank int) (shape []int, form string, ok bool) {
	if len(dims) == 0 {
		return []int{1}, "", true
	}
	missing := fileRank - len(dims)
	if missing < 0 || missing <= b.at && dims[b.at-missing] != 1 {
		return nil, "", false
	}
	if b == batchFirst || b == noBatch || missing > b.at {
		return dims, "", true
	}
	for i, own := range b.valueDims(rank)[missing:] {
		switch {
		case i+missing != b.at:
			shape = append(shape, dims[i])
		default:
			for range own {
				shape = append(shape, 1)
			}
		}
	}
	if len(shape) == 0 {
		shape = []int{1}
	}
	return shape, fmt.Sprint("beside ", shape), true
}
