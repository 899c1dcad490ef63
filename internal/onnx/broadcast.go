package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// broadcast returns two operands, of which one may be constant, as values that broadcast
// for each sample; the result's batch is at. The file aligns shapes at their last
// dimension.
func (n *node) broadcast(x, y *operand) (a, b *graph.Value, at batchAxis, err error) {
	switch {
	case y.act == nil:
		return n.withConstant(x, y)
	case x.act == nil:
		b, a, at, err = n.withConstant(y, x)
		return a, b, at, err
	case x.batch == y.batch && len(x.act.Shape) == len(y.act.Shape):
		return x.act, y.act, x.batch, nil
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
	c := k.constant()
	name := "an operand"
	for i, o := range n.in {
		if o == k {
			name = n.inputName(i)
		}
	}
	if c == nil {
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
	b, err = n.param(c, graph.Constant, form, func(c *array) (*array, error) { return c.reshaped(shape), nil })
	return a, b, at, err
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
