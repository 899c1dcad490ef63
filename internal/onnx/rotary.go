package onnx

import (
	"slices"

	"edgec/internal/op"
)

// buildRotary reads a rotary embedding: pairs (a, b) of a head's first elements, half a head
// apart or, interleaved, side by side, are turned by the angle of their position,
//
//	(a cos - b sin, a sin + b cos)
//
// x is [B, heads, T, d] or [B, T, heads d]. Cosines and sines are rows of caches that
// position_ids pick, or are given for each position.
func buildRotary(n *node) error {
	s := n.steps()
	x := s.activation(0)
	dims := s.dims(x)
	if s.err != nil {
		return s.err
	}
	headsAt, flat := 1, len(dims[0]) == 3
	if flat {
		headsAt = 2
		heads := n.attrInt("num_heads", 0)
		if heads < 1 || dims[0][2]%heads != 0 {
			return n.fail("num_heads", "%d heads do not fit an input of shape %v", heads, dims[0])
		}
		x = s.reshape(x, s.shaped(x, func(d []int) []int { return []int{d[0], d[1], heads, d[2] / heads} }))
	}
	if s.err == nil && len(s.dims(x)[0]) != 4 {
		return n.fail("", "an input of shape %v is not supported; needs [B, heads, T, d] or [B, T, heads d]", dims[0])
	}
	cos, sin := s.angles(1, headsAt), s.angles(2, headsAt)
	y := s.turn(x, cos, sin, n.attrInt("rotary_embedding_dim", 0), n.attrInt("interleaved", 0) != 0)
	if flat {
		y = s.reshape(y, dims)
	}
	return s.result(0, y)
}

// angles returns the cosines or sines of input i, with a dimension of one for the heads.
func (s *steps) angles(i, headsAt int) *operand {
	c := s.input(i)
	if s.n.has(3) {
		c = s.call("Gather", []*operand{c, s.n.in[3]}, withInt("axis", 0))
	}
	d := s.dims(c)[0]
	if s.err == nil && len(d) != 3 {
		s.err = s.n.fail(s.n.inputName(i), "its shape %v does not fit; needs [B, T, half of what is turned], or a cache and position_ids", d)
	}
	if s.err != nil {
		return nil
	}
	return s.reshape(c, s.shaped(c, func(d []int) []int { return slices.Insert(d, headsAt, 1) }))
}

// turn turns the first size elements of the last dimension of x, all where size is 0.
func (s *steps) turn(x, cos, sin *operand, size int, interleaved bool) *operand {
	d := s.dims(x)[0]
	if s.err != nil {
		return nil
	}
	whole := d[3]
	if size == 0 {
		size = whole
	}
	if size < 2 || size > whole || size%2 != 0 {
		s.err = s.n.fail("rotary_embedding_dim", "%d of %d elements cannot be turned in pairs", size, whole)
		return nil
	}
	a, b := s.part(x, 3, 0, size/2, 1), s.part(x, 3, size/2, size, 1)
	if interleaved {
		a, b = s.part(x, 3, 0, size, 2), s.part(x, 3, 1, size, 2)
	}
	real := s.pair(op.Sub{}, s.pair(op.Mul{}, a, cos), s.pair(op.Mul{}, b, sin))
	imaginary := s.pair(op.Add{}, s.pair(op.Mul{}, a, sin), s.pair(op.Mul{}, b, cos))
	var y *operand
	if interleaved {
		column := func(d []int) []int { return append(d, 1) }
		y = s.joined(4, s.reshape(real, s.shaped(real, column)), s.reshape(imaginary, s.shaped(imaginary, column)))
		y = s.reshape(y, s.shaped(y, func(d []int) []int { return []int{d[0], d[1], d[2], size} }))
	} else {
		y = s.joined(3, real, imaginary)
	}
	if size < whole {
		y = s.joined(3, y, s.part(x, 3, size, whole, 1))
	}
	return y
}

// buildCausalConv reads a depthwise convolution over time, x [B, C, T] with weights [C, 1, k],
// that looks back: the k-1 inputs before are a state, 0 where it is not given. Output 1 is the
// state after.
func buildCausalConv(n *node) error {
	s := n.steps()
	x := s.activation(0)
	d, w := s.dims(x)[0], s.dims(s.input(1))[0]
	if s.err != nil {
		return s.err
	}
	if len(d) != 3 || len(w) != 3 || w[0] != d[1] || w[1] != 1 || w[2] < 1 {
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of shape %v", w, d)
	}
	before := w[2] - 1
	switch {
	case before == 0:
	case n.has(3):
		x = s.joined(2, n.in[3], x)
	default:
		x = s.joined(2, s.numbers("state", make([]float32, d[1]*before), 1, d[1], before), x)
	}
	in := []*operand{x, n.in[1]}
	if n.has(2) {
		in = append(in, n.in[2])
	}
	y := s.convolved(in, d[1])
	switch a := n.attrString("activation", "none"); a {
	case "none", "":
	case "silu", "swish":
		y = s.of(op.Swish{Alpha: 1}, y)
	default:
		return n.fail("activation", "%q is not known, only none, silu and swish", a)
	}
	if err := s.result(0, y); err != nil || before == 0 {
		return err
	}
	return s.result(1, s.part(x, 2, d[2], d[2]+before, 1))
}

// mostSteps bounds the parts that a node is unrolled into.
const mostSteps = 1 << 10

// convolved is a convolution of x [B, C, T], sample by sample where the batch is no
// batch of the graph.
func (s *steps) convolved(in []*operand, groups int, attrs ...*attrProto) *operand {
	attrs = append(attrs, withInt("group", groups))
	if s.err != nil || in[0].batch == batchFirst {
		return s.call("Conv", in, attrs...)
	}
	d := s.dims(in[0])[0]
	if d[0] > mostSteps {
		s.err = s.n.fail("", "%d samples in one file are not supported, at most %d; export the model with batch 1", d[0], mostSteps)
		return nil
	}
	var rows []*operand
	for b := range d[0] {
		row := s.part(in[0], 0, b, b+1, 1)
		rows = append(rows, s.call("Conv", append([]*operand{row}, in[1:]...), attrs...))
	}
	if len(rows) == 1 || s.err != nil {
		return rows[0]
	}
	return s.joined(0, rows...)
}
