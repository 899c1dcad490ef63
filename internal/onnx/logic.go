package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// relation reads a comparison of two operands, of which one may be constant.
func relation(is op.Relation) func(*node) error {
	return deciding(combine(func() graph.Op { return op.Compare{Is: is} }))
}

// broadcastAll is broadcast for any number of operands.
func (n *node) broadcastAll(all ...*operand) (in []*graph.Value, at batchAxis, err error) {
	first := slices.IndexFunc(all, func(o *operand) bool { return o.act != nil })
	if first < 0 {
		return nil, at, n.fail("", "all operands are constants, which is not supported here")
	}
	ref := all[first]
	for _, o := range all {
		if o == all[first] {
			continue
		}
		if err := n.refer(&ref, o); err != nil {
			return nil, at, err
		}
	}
	for _, o := range all {
		_, b, k, err := n.broadcast(ref, o)
		if err != nil {
			return nil, at, err
		}
		in, at = append(in, b), k
	}
	return in, at, nil
}

// refer makes ref an activation under as many dimensions as it needs beside o, of o's
// elements or its own: the batch is where that of their combination is.
func (n *node) refer(ref **operand, o *operand) error {
	a, _, at, err := n.broadcast(*ref, o)
	if err == nil {
		*ref = &operand{act: a, batch: at}
	}
	return err
}

// buildWhere reads a choice between two operands by a third; any of them may be constant.
func buildWhere(n *node) error {
	var all []*operand
	for i := range 3 {
		if !n.has(i) {
			return n.fail("", "input %d is missing; the file is damaged", i)
		}
		all = append(all, n.in[i])
	}
	in, at, err := n.broadcastAll(all...)
	if err != nil {
		return err
	}
	return n.resultAs(at, op.Where{}, in...)
}

// buildArg reads the index of the largest or least element.
func buildArg(least bool) func(*node) error {
	return deciding(func(n *node) error {
		s := n.steps()
		x := s.activation(0)
		axis, err := n.axis(n.attrInt("axis", 0), len(s.dims(x)[0]))
		if s.err != nil || err != nil {
			return cmpOr(s.err, err)
		}
		x = s.free(x, axis)
		y := s.of(op.ArgMax{Axis: s.axis(x, axis), Min: least, Last: n.attrInt("select_last_index", 0) != 0}, x)
		if n.attrInt("keepdims", 1) == 0 {
			y = s.reshape(y, s.shaped(y, func(d []int) []int { return slices.Delete(d, axis, axis+1) }))
		}
		return s.result(0, y)
	})
}

// cmpOr returns the first error that is one.
func cmpOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
