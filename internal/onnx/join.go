package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// buildConcat joins activations and constants along an axis.
func buildConcat(n *node) error {
	parts, err := n.parts()
	if err != nil {
		return err
	}
	first := parts[slices.IndexFunc(parts, func(o *operand) bool { return o.act != nil })]
	if len(parts) == 1 {
		return n.alias(first)
	}
	axis, err := n.valueAxis(first, n.attrInt("axis", 0))
	if err != nil {
		return err
	}
	in := make([]*graph.Value, len(parts))
	for i, o := range parts {
		if in[i] = o.act; in[i] == nil {
			if in[i], err = n.part(o, first, i); err != nil {
				return err
			}
		}
	}
	return n.resultAs(first.batch, op.Concat{Axis: axis}, in...)
}

// parts returns the operands that a Concat joins; the batches of all that are activations
// are at the same place. Empty constants are left out.
func (n *node) parts() (all []*operand, err error) {
	first, same := (*operand)(nil), true
	for i := range n.in {
		switch o := n.in[i]; {
		case o == nil:
			return nil, n.fail("", "input %d is missing; the file is damaged", i)
		case o.act == nil && o.known[0].size() == 0:
			continue
		case o.act != nil && first == nil:
			first = o
		case o.act != nil:
			same = same && o.batch == first.batch && len(o.act.Shape) == len(first.act.Shape)
		}
		all = append(all, n.in[i])
	}
	axis, err := n.axis(n.attrInt("axis", 0), len(n.fileDims(first, 0)))
	if err != nil || same && axis != first.batch.at {
		return all, err
	}
	if !n.r.ofOne() {
		if axis == first.batch.at {
			return nil, n.fail("axis", "concatenation along the batch is not supported")
		}
		return nil, n.fail("", "the inputs have the batch at different places; transpose them before")
	}
	for i, o := range all {
		if o.act != nil {
			v, err := n.withoutBatch(o, 0)
			if err != nil {
				return nil, err
			}
			all[i] = &operand{act: v, batch: noBatch}
		}
	}
	return all, nil
}

// maxShared bounds the elements of a constant that every sample has: files that are written
// repeat it for each of a batch.
const maxShared = 1 << 22

// part returns a constant that is joined with x as a parameter for one sample.
func (n *node) part(o, x *operand, i int) (*graph.Value, error) {
	c := n.ofSample(o, x.batch.at)
	if c == nil {
		return nil, n.fail("", "constant input %d differs between the samples of a batch; export the model with batch 1", i)
	}
	if c.size() > maxShared {
		return nil, n.fail("", "constant input %d of shape %v is too large to be part of every sample", i, c.dims)
	}
	dims := n.fileDims(x, 0)
	_, merged := x.batch.merged()
	if len(c.dims) != len(dims) || merged > 0 && x.batch != onlyBatch {
		return nil, n.fail("", "constant input %d of shape %v does not fit an input of shape %v", i, c.dims, dims)
	}
	shape := slices.Clone(c.dims)
	if x.batch.at >= 0 {
		shape = slices.Delete(shape, x.batch.at, x.batch.at+1)
	}
	shape = slices.Insert(shape, 0, 1)
	return n.param(c, graph.Constant, fmt.Sprint("part ", shape), func(c *array) (*array, error) { return c.reshaped(shape), nil })
}

// ofSample returns what a known operand has for one sample, whose batch of 1 is dimension
// at; negative: it has none. It is nil where samples differ.
func (n *node) ofSample(o *operand, at int) *array {
	if !o.isKnown() {
		return nil
	}
	if c := o.constant(); c != nil {
		if at < 0 || at < len(c.dims) && c.dims[at] == 1 {
			return c
		}
		return nil
	}
	var one [2]*array
	for t, a := range o.known {
		if at < 0 || at >= len(a.dims) || a.dims[at] != n.r.batch[t] {
			return nil
		}
		key := viewKey{a, -1 - at}
		if n.r.views[key] == nil {
			n.r.views[key] = firstOf(a, at)
		}
		if one[t] = n.r.views[key]; one[t] == nil {
			return nil
		}
	}
	if !one[0].same(one[1]) {
		return nil
	}
	return one[0]
}

// firstOf returns the first slice of dimension at; nil unless all are the same.
func firstOf(a *array, at int) *array {
	dims := slices.Clone(a.dims)
	dims[at] = 1
	r := a.like(dims)
	inner, size := volume(dims[at+1:]), a.dims[at]
	for k := range a.size() {
		i := k/(inner*size)*inner + k%inner
		first := k/inner%size == 0
		if first {
			r.set(i, a, k)
		}
		if !first && (a.isFloat() && r.f[i] != a.f[k] || !a.isFloat() && r.i[i] != a.i[k]) {
			return nil
		}
	}
	return r
}
