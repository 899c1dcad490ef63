package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// buildGather reads what picks along an axis by indexes: of a constant, such as an
// embedding, by an activation; of an activation by constants; of one by another.
func buildGather(n *node) error {
	switch {
	case n.has(1) && n.in[1].quant != nil:
		return n.gatherQuantized()
	case n.has(0) && n.in[0].act == nil:
		return n.gatherRows()
	}
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	axis, err := n.axis(n.attrInt("axis", 0), len(n.fileDims(x, 0)))
	switch {
	case err != nil:
		return err
	case !n.has(1):
		return n.fail("", "input 1 is missing; the file is damaged")
	case n.in[1].act == nil:
		index, err := n.constant(1)
		if err != nil {
			return err
		}
		return n.gatherConstant(x, axis, index)
	case !n.r.ofOne():
		return n.fail(n.inputName(1), "indexes that the network computes would pick among the samples of a batch; export the network with batch 1")
	}
	dims, picked := n.fileDims(x, 0), n.fileDims(n.in[1], 0)
	v, err := n.withoutBatch(x, 0)
	if err != nil {
		return err
	}
	index, err := n.withoutBatch(n.in[1], 0)
	if err != nil {
		return err
	}
	out := slices.Concat(dims[:axis], picked, dims[axis+1:])
	return n.shapedResult(noBatch, [2][]int{out, out}, op.Gather{Axis: axis + 1}, v, index)
}

// gatherRows reads rows of a constant [before..., rows, after...] at the indexes of an
// activation.
func (n *node) gatherRows() error {
	table, err := n.constant(0)
	if err != nil {
		return err
	}
	index, err := n.activation(1)
	if err != nil {
		return err
	}
	axis, err := n.axis(n.attrInt("axis", 0), len(table.dims))
	if err != nil {
		return err
	}
	w, err := n.tableRows(table, axis)
	if err != nil {
		return err
	}
	var out [2][]int
	for t := range out {
		out[t] = slices.Concat(n.fileDims(index, t), table.dims[:axis], table.dims[axis+1:])
	}
	if axis == 0 {
		return n.shapedResult(index.batch, out, op.Gather{}, w, index.act)
	}
	y, err := n.shaped(n.emit, index.batch, out, op.Gather{}, w, index.act)
	if err != nil {
		return err
	}
	picked, rank := len(out[0])-len(table.dims)+1, len(out[0])
	var perm []int
	for k := range rank {
		switch { // [picked..., before..., after...] becomes [before..., picked..., after...]
		case k < axis:
			perm = append(perm, picked+k)
		case k < axis+picked:
			perm = append(perm, k-axis)
		default:
			perm = append(perm, k)
		}
	}
	if y, err = n.transposed(y, perm, n.resultValue); err != nil {
		return err
	}
	return n.alias(y)
}

// tableRows returns a constant that is picked from along axis as a parameter [rows, K]:
// weights, if K numbers belong to each index. One that a Gemm multiplies by, too, is the
// same parameter there.
func (n *node) tableRows(a *array, axis int) (*graph.Value, error) {
	if axis == 0 && len(a.dims) == 2 && a.isFloat() && a.dims[1] > 1 {
		return n.denseWeights(a, true, 1)
	}
	role := graph.Constant
	if a.isFloat() && a.size() > a.dims[axis] {
		role = graph.Weight
	}
	return n.param(a, role, fmt.Sprint("rows ", axis, a.dims), func(a *array) (*array, error) {
		perm := []int{axis}
		for k := range a.dims {
			if k != axis {
				perm = append(perm, k)
			}
		}
		t := transpose(a, perm)
		return t.reshaped([]int{t.dims[0], volume(t.dims[1:])}), nil
	})
}

// gatherConstant reads what constant indexes pick of x: a Slice, where they have the same
// distance.
func (n *node) gatherConstant(x *operand, axis int, index *array) error {
	dims := n.fileDims(x, 0)
	if axis == x.batch.at {
		if !n.r.ofOne() {
			return n.fail("axis", "dimension %d of %v is the batch, whose samples cannot be picked from; export the network without", axis, dims)
		}
		v, err := n.withoutBatch(x, 0)
		if err != nil {
			return err
		}
		x = &operand{act: v, batch: noBatch}
	}
	var at []int
	for _, k := range index.i {
		if k < 0 {
			k += int64(dims[axis])
		}
		if k < 0 || k >= int64(dims[axis]) {
			return n.fail(n.inputName(1), "index %d is outside dimension %d of %v", k, axis, dims)
		}
		at = append(at, int(k))
	}
	if len(at) == 0 {
		return n.fail(n.inputName(1), "it has no integers; something has to be picked")
	}
	var out [2][]int
	for t := range out {
		d := n.fileDims(x, t)
		out[t] = slices.Concat(d[:axis], index.dims, d[axis+1:])
	}
	d := x.batch.valueDims(len(x.act.Shape))[axis][0]
	return n.shapedResult(x.batch, out, pickAlong(x.act.Shape, d, at), x.act)
}

// pickAlong returns the operator that picks the indexes of dimension d.
func pickAlong(s tensor.Shape, d int, index []int) graph.Op {
	step := 1
	if len(index) > 1 {
		step = index[1] - index[0]
	}
	for i, k := range index {
		if step < 1 || k != index[0]+i*step {
			return op.Gather{Axis: d, Index: index}
		}
	}
	o := op.Slice{Before: make([]int, len(s)), After: make([]int, len(s)), Step: slices.Repeat([]int{1}, len(s))}
	o.Before[d], o.After[d], o.Step[d] = index[0], s[d]-1-index[len(index)-1], step
	return o
}

// shapedResult ends the node with o, whose result at batch b takes the file's shapes out of
// the two trial batches.
func (n *node) shapedResult(b batchAxis, out [2][]int, o graph.Op, in ...*graph.Value) error {
	y, err := n.shaped(n.resultValue, b, out, o, in...)
	if err == nil {
		n.define(0, y)
	}
	return err
}

// shaped appends o, whose result has its batch at b, and reshapes the result to the file's
// shapes out of the two trial batches. end appends the last of both.
func (n *node) shaped(end func(graph.Op, ...*graph.Value) (*graph.Value, error), b batchAxis, out [2][]int, o graph.Op, in ...*graph.Value) (*operand, error) {
	s, err := n.infer(o, in)
	if err != nil {
		return nil, err
	}
	at, sample, ok := n.r.place(&operand{act: &graph.Value{Shape: s}, batch: b}, out)
	if !ok {
		return nil, n.fail("", "the result %v splits the batch or mixes its samples; export the network with batch 1", out[0])
	}
	if slices.Equal(s[1:], sample) {
		v, err := end(o, in...)
		return &operand{act: v, batch: at}, err
	}
	v, err := n.emit(o, in...)
	if err != nil {
		return nil, err
	}
	v, err = end(op.Reshape{Shape: sample}, v)
	return &operand{act: v, batch: at}, err
}
