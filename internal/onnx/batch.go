package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// batchAxis says which dimension of a tensor in the file is the batch. The graph's value
// has the batch as dimension 0, then the file's other dimensions in the file's order. The
// zero value is a tensor whose batch is first in the file too.
//
// A Reshape may merge the batch with dimensions before and after it. Such a dimension has
// outer * N * inner elements in the file; the value has a dimension of its own for outer
// and one for inner.
type batchAxis struct {
	at           int // the file's dimension; -1: none, a batch of 1 that the file has dropped
	outer, inner int // elements of a sample that are merged with the batch; 0: no such dimension of the value
}

// The forms that occur most.
var (
	batchFirst = batchAxis{}
	noBatch    = batchAxis{at: -1}
	// A value has at least one dimension beside the batch. These are for tensors that
	// have fewer in the file: their values are [1, 1].
	onlyBatch = batchAxis{inner: 1}
	scalar    = batchAxis{at: -1, inner: 1}
)

// merged returns the number of elements of a sample, and of dimensions of the value, that
// the batch's dimension of the file holds.
func (b batchAxis) merged() (size, dims int) {
	size = 1
	for _, d := range []int{b.outer, b.inner} {
		if d > 0 {
			size, dims = size*d, dims+1
		}
	}
	return size, dims
}

// fileDims returns the file's shape of a value for a batch of n.
func (b batchAxis) fileDims(s tensor.Shape, n int) []int {
	sample := []int(s.Sample())
	size, k := b.merged()
	if b.at < 0 {
		return slices.Clone(sample[:len(sample)-k])
	}
	return slices.Concat(sample[:b.at], []int{n * size}, sample[b.at+k:])
}

// valueDims returns, for each dimension of the file, the dimensions of the value of the
// given rank that it holds: one, or, for the batch, those that are merged with it.
func (b batchAxis) valueDims(rank int) [][]int {
	_, k := b.merged()
	files := rank - 1 - k
	if b.at >= 0 {
		files++
	}
	dims, v := make([][]int, files), 1
	for i := range dims {
		count := 1
		if i == b.at {
			count = k
		}
		for range count {
			dims[i] = append(dims[i], v)
			v++
		}
	}
	return dims
}

// before returns the number of elements of a sample that come before the batch in the
// file's order: the batch's stride is the volume of the rest.
func (b batchAxis) before(s tensor.Shape) int {
	return volume(s.Sample()[:max(b.at, 0)]) * max(b.outer, 1)
}

// ofOne reports whether the file's batch is fixed at 1. It can then be dropped and put
// elsewhere: a file for one sample says nothing about the order of several.
func (r *reader) ofOne() bool { return r.fixed && r.batch[0] == 1 }

// fileDims returns the file's shape of an activation at trial batch t.
func (n *node) fileDims(o *operand, t int) []int { return o.batch.fileDims(o.act.Shape, n.r.batch[t]) }

// activation returns input i, which must be an activation, wherever its batch is.
func (n *node) activation(i int) (*operand, error) {
	if i >= len(n.in) || n.in[i] == nil {
		return nil, n.fail("", "input %d is missing; the file is damaged", i)
	}
	if n.in[i].act == nil {
		return nil, n.fail(n.inputName(i), "a constant is not supported here; only the network's activations are")
	}
	return n.in[i], nil
}

// act returns input i, which must be an activation whose batch is dimension 0.
func (n *node) act(i int) (*graph.Value, error) {
	o, err := n.activation(i)
	if err != nil {
		return nil, err
	}
	dims := n.fileDims(o, 0)
	switch {
	case o.batch == batchFirst:
		return o.act, nil
	case o.batch.at < 0:
		return nil, n.fail(n.inputName(i), "its shape %v has no batch of 1 as dimension 0, which the operator needs; reshape it to [1, sizes...]", dims)
	case o.batch.at > 0:
		return nil, n.fail(n.inputName(i), "the batch is dimension %d of its shape %v, the operator needs it first; transpose it before", o.batch.at, dims)
	}
	return nil, n.fail(n.inputName(i), "the batch is merged with other dimensions in its shape %v; reshape it to [batch, sizes...] before", dims)
}

// valueAxis returns the dimension of o's value that is the given, possibly negative, axis
// of the file. The batch is refused.
func (n *node) valueAxis(o *operand, axis int) (int, error) {
	dims := o.batch.valueDims(len(o.act.Shape))
	axis, err := n.axis(axis, len(dims))
	if err != nil {
		return 0, err
	}
	if axis == o.batch.at {
		return 0, n.fail("axis", "dimension %d of %v is the batch, along which samples cannot be combined", axis, n.fileDims(o, 0))
	}
	return dims[axis][0], nil
}

// resultAs emits the node's last graph node and binds output 0 to it; its batch is b. A
// tensor without a batch that begins with a dimension of 1 is one with a batch again.
func (n *node) resultAs(b batchAxis, o graph.Op, in ...*graph.Value) error {
	emit, again := n.resultValue, false
	if b == noBatch {
		s, err := n.infer(o, in)
		if err != nil {
			return err
		}
		again = len(s) > 2 && s[1] == 1
		if len(s) == 2 && s[1] == 1 {
			b = onlyBatch
		}
	}
	if again {
		emit = n.emit
	}
	v, err := emit(o, in...)
	switch {
	case err != nil:
		return err
	case again:
		return n.result(op.Reshape{Shape: slices.Clone([]int(v.Shape[2:]))}, v)
	}
	n.define(0, &operand{act: v, batch: b})
	return nil
}

// resultLike is resultAs for an operator on the elements of x.
func (n *node) resultLike(x *operand, o graph.Op) error { return n.resultAs(x.batch, o, x.act) }

// place finds the batch in the file's shapes out of the two trial batches, for a tensor
// that has the elements of o in the same order. It returns the value's sample.
func (r *reader) place(o *operand, out [2][]int) (b batchAxis, sample []int, ok bool) {
	if r.ofOne() {
		switch dims := out[0]; {
		case len(dims) == 0:
			return scalar, []int{1}, true
		case len(dims) == 1 && dims[0] == 1:
			return onlyBatch, []int{1}, true
		case dims[0] == 1:
			return batchFirst, dims[1:], true
		default:
			return noBatch, dims, true
		}
	}
	before := o.batch.before(o.act.Shape)
	for k := range out[0] {
		c, fits := r.batchAt(k, before, out)
		if fits && !ok {
			b, ok = c, true
		}
		if _, dims := c.merged(); fits && dims == 0 { // the batch alone, where possible
			b = c
			break
		}
	}
	if !ok {
		return b, nil, false
	}
	sample = slices.Clone(out[0][:b.at])
	for _, d := range []int{b.outer, b.inner} {
		if d > 0 {
			sample = append(sample, d)
		}
	}
	if sample = append(sample, out[0][b.at+1:]...); len(sample) == 0 {
		return onlyBatch, []int{1}, true
	}
	return b, sample, true
}

// batchAt reports whether dimension k of the shapes out can hold the batch, with before
// elements of a sample in front of it.
func (r *reader) batchAt(k, before int, out [2][]int) (b batchAxis, ok bool) {
	outside := volume(out[0][:k])
	if outside < 1 || before%outside != 0 || len(out[0]) != len(out[1]) {
		return b, false
	}
	outer := before / outside
	inner := 0
	for t, dims := range out {
		part := outer * r.batch[t]
		if dims[k]%part != 0 || t == 1 && dims[k]/part != inner || !slices.Equal(dims[:k], out[0][:k]) || !slices.Equal(dims[k+1:], out[0][k+1:]) {
			return b, false
		}
		inner = dims[k] / part
	}
	b = batchAxis{at: k}
	if outer > 1 {
		b.outer = outer
	}
	if inner > 1 {
		b.inner = inner
	}
	return b, inner > 0
}

// reshapeFile ends the node with o under the file's shapes out of the two trial batches.
func (n *node) reshapeFile(o *operand, out [2][]int) error {
	y, err := n.reshaped(o, out, n.resultValue)
	if err == nil {
		n.define(0, y)
	}
	return err
}

// reshaped returns o under the file's shapes out of the two trial batches. emit appends the
// Reshape, if the value needs one.
func (n *node) reshaped(o *operand, out [2][]int, emit func(graph.Op, ...*graph.Value) (*graph.Value, error)) (*operand, error) {
	b, sample, ok := n.r.place(o, out)
	if !ok {
		return nil, n.fail("shape", "the result %v of an input %v splits the batch or mixes its samples; export with target [batch or -1, sizes...]", out[0], n.fileDims(o, 0))
	}
	if slices.Equal(o.act.Shape[1:], sample) {
		return &operand{act: o.act, batch: b}, nil
	}
	v, err := emit(op.Reshape{Shape: sample}, o.act)
	return &operand{act: v, batch: b}, err
}

// transposed returns o with its file's dimensions permuted: dimension i of the result is
// perm[i] of o. emit appends the Transpose, if the value needs one.
func (n *node) transposed(o *operand, perm []int, emit func(graph.Op, ...*graph.Value) (*graph.Value, error)) (*operand, error) {
	dims := o.batch.valueDims(len(o.act.Shape))
	full, b := []int{0}, o.batch
	for i, p := range perm {
		full = append(full, dims[p]...)
		if p == o.batch.at {
			b.at = i
		}
	}
	if b == scalar {
		full = append(full, 1)
	}
	if slices.IsSorted(full) {
		return &operand{act: o.act, batch: b}, nil
	}
	v, err := emit(op.Transpose{Perm: full}, o.act)
	if err != nil {
		return nil, err
	}
	return &operand{act: v, batch: b}, nil
}

// withoutBatch returns o's value for a file of one sample under all of the file's
// dimensions, with ones before them up to rank: [1, dims...].
func (n *node) withoutBatch(o *operand, rank int) (*graph.Value, error) {
	dims := n.fileDims(o, 0)
	for len(dims) < max(rank, 1) {
		dims = slices.Insert(dims, 0, 1)
	}
	if slices.Equal(o.act.Shape[1:], dims) {
		return o.act, nil
	}
	return n.emit(op.Reshape{Shape: dims}, o.act)
}
