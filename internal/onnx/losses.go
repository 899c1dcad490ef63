package onnx

import (
	"slices"

	"edgec/internal/op"
)

// buildCumulate reads the sum or product of what comes before along a dimension.
func buildCumulate(product bool) func(*node) error {
	return func(n *node) error {
		s := n.steps()
		x := s.activation(0)
		if s.err != nil {
			return s.err
		}
		at, err := n.integers(1)
		if err != nil {
			return err
		}
		if len(at) != 1 {
			return n.fail(n.inputName(1), "it has %d values, one is needed", len(at))
		}
		axis, err := n.axis(int(max(-100, min(at[0], 100))), len(s.dims(x)[0]))
		if err != nil {
			return err
		}
		x = s.free(x, axis)
		return s.result(0, s.of(op.Cumulate{Axis: s.axis(x, axis), Prod: product, Exclusive: n.attrInt("exclusive", 0) != 0, Reverse: n.attrInt("reverse", 0) != 0}, x))
	}
}

// buildLoss reads the negative log likelihood of classes y [N, ...] under the logarithms of
// their probabilities x [N, C, ...], or, with scores, the softmax cross entropy, whose
// logarithms are output 1.
func buildLoss(scores bool) func(*node) error {
	return func(n *node) error {
		s := n.steps()
		x := s.activation(0)
		d := s.dims(x)[0]
		if s.err == nil && len(d) < 2 {
			return n.fail("", "scores of shape %v; needs [N, C, ...]", d)
		}
		if scores {
			x = s.of(op.LogSoftmax{Axis: s.axis(x, 1)}, x)
			if s.err == nil {
				s.err = n.steps().result(1, x)
			}
			if s.err != nil {
				return s.err
			}
		}
		loss, weight := s.likelihood(x)
		switch reduction := n.attrString("reduction", "mean"); reduction {
		case "none":
			loss = s.reshape(loss, s.shaped(loss, func(d []int) []int { return slices.Delete(d, 1, 2) }))
		case "sum":
			loss = s.total(loss)
		case "mean":
			if weight == nil {
				weight = s.ones(loss)
			}
			loss = s.pair(op.Div{}, s.total(loss), s.total(weight))
		default:
			return n.fail("reduction", "%q is not known, only none, sum and mean", reduction)
		}
		return s.result(0, loss)
	}
}

// likelihood returns the weighted loss of each position, [N, 1, ...], and its weight, nil for
// ones.
func (s *steps) likelihood(x *operand) (loss, weight *operand) {
	d := s.dims(x)[0]
	y := s.input(1)
	y = s.reshape(y, s.shaped(y, func(d []int) []int { return slices.Insert(d, min(1, len(d)), 1) }))
	if s.err != nil {
		return nil, nil
	}
	classes := slices.Repeat([]int{1}, len(d))
	classes[1] = d[1]
	class := s.call("Equal", []*operand{y, s.counted(d[1], classes...)})
	pick := func(v *operand) *operand {
		return s.reduce(op.Sum, s.call("Where", []*operand{class, v, s.number(0)}), 1)
	}
	loss = s.of(op.Neg{}, pick(x))
	if s.n.has(2) {
		w := s.input(2)
		weight = pick(s.reshape(w, [2][]int{classes, classes}))
	}
	if a := s.n.attr("ignore_index"); a != nil {
		if weight == nil {
			weight = s.number(1)
		}
		ignored := s.call("Equal", []*operand{y, s.shapedInts([]int{int(a.i)}, 1)})
		weight = s.call("Where", []*operand{ignored, s.number(0), weight})
	}
	if weight != nil {
		loss = s.pair(op.Mul{}, loss, weight)
	}
	return loss, weight
}

// ones is 1 for each element of x.
func (s *steps) ones(x *operand) *operand {
	d := s.dims(x)[0]
	if s.err != nil || volume(d) > s.n.r.budget {
		s.err = cmpOr(s.err, s.n.fail("", "shape %v is too large", d))
		return nil
	}
	return s.numbers("ones", slices.Repeat([]float32{1}, volume(d)), d...)
}

// total is the sum of all elements, of a file for one sample.
func (s *steps) total(x *operand) *operand {
	if s.err != nil {
		return nil
	}
	if a := x.constant(); a != nil {
		sum := float32(0)
		for _, v := range a.f {
			sum += v
		}
		return s.numbers("sum", []float32{sum})
	}
	var axes []int
	for k := range s.dims(x)[0] {
		x, axes = s.free(x, k), append(axes, k)
	}
	return s.reshape(s.reduce(op.Sum, x, axes...), [2][]int{{}, {}})
}
