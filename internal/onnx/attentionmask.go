package onnx

import (
	"math"
	"slices"

	"edgec/internal/op"
)

// attentionBias returns what is added to scores [B, heads, rows, columns], nil where it is
// nothing: the mask, input 3, minus infinity where a row must not look ahead, and beyond the
// valid keys, input 6. empty says of each row whether it attends to nothing; nil is none.
func (s *steps) attentionBias(causal bool, rows, columns, past int) (bias, empty *operand) {
	n := s.n
	if s.err == nil && volume([]int{rows, columns}) > n.r.budget {
		s.err = n.fail("", "scores of %d queries and %d keys are too large", rows, columns)
	}
	if s.err != nil {
		return nil, nil
	}
	n.r.budget -= rows * columns
	var parts []*operand
	if n.has(3) {
		parts = append(parts, s.maskBias(n.in[3], columns))
	}
	var valid *operand // numbers of keys
	if n.has(6) {
		valid = s.reshape(n.in[6], s.shaped(n.in[6], func(d []int) []int { return append(d, 1, 1, 1) }))
		parts = append(parts, s.unless(s.call("Less", []*operand{s.counted(columns, 1, 1, columns), valid})))
	}
	switch {
	case causal && valid != nil:
		offset := s.call("Sub", []*operand{valid, s.shapedInts([]int{rows}, 1)})
		last := s.call("Add", []*operand{s.counted(rows, 1, rows, 1), offset})
		parts = append(parts, s.unless(s.call("LessOrEqual", []*operand{s.counted(columns, 1, 1, columns), last})))
	case causal:
		parts = append(parts, s.triangle(rows, columns, past))
	}
	if len(parts) == 0 || s.err != nil {
		return nil, nil
	}
	bias = parts[0]
	for _, p := range parts[1:] {
		bias = s.call("Add", []*operand{bias, p})
	}
	return bias, s.emptyRows(bias)
}

// maskBias returns a mask as what it adds, with minus infinity for missing columns.
func (s *steps) maskBias(mask *operand, columns int) *operand {
	if mask.act != nil && mask.typ == typeBool || mask.act == nil && mask.known[0].typ == typeBool {
		mask = s.unless(mask)
	}
	d := s.dims(mask)[0]
	if s.err != nil || len(d) == 0 || d[len(d)-1] == columns || d[len(d)-1] == 1 {
		return mask
	}
	missing := columns - d[len(d)-1]
	if missing < 0 || volume(d) > s.n.r.budget/max(missing, 1) {
		s.err = s.n.fail(s.n.inputName(3), "a mask of shape %v for %d keys; the file is damaged", d, columns)
		return nil
	}
	pads := make([]int, 2*len(d))
	pads[len(pads)-1] = missing
	dims := slices.Clone(d)
	dims[len(d)-1] = missing
	low := slices.Repeat([]float32{float32(math.Inf(-1))}, volume(dims))
	return s.joined(len(d)-1, mask, s.numbers("masked", low, dims...))
}

// unless returns 0 where a truth value holds, and minus infinity elsewhere.
func (s *steps) unless(holds *operand) *operand {
	return s.call("Where", []*operand{holds, s.numbers("open", []float32{0}), s.numbers("masked", []float32{float32(math.Inf(-1))})})
}

// triangle lets row i see the columns up to i + past.
func (s *steps) triangle(rows, columns, past int) *operand {
	f := make([]float32, rows*columns)
	for i := range f {
		if i%columns > i/columns+past {
			f[i] = float32(math.Inf(-1))
		}
	}
	return s.numbers("causal", f, rows, columns)
}

// counted is 0, 1, ... count-1 under a shape.
func (s *steps) counted(count int, dims ...int) *operand {
	v := make([]int, count)
	for i := range v {
		v[i] = i
	}
	return s.shapedInts(v, dims...)
}

func (s *steps) shapedInts(v []int, dims ...int) *operand {
	o := s.ints(v...)
	a := o.known[0].reshaped(dims)
	return &operand{known: [2]*array{a, a}}
}

// emptyRows says which rows of a bias are minus infinity throughout; nil is none.
func (s *steps) emptyRows(bias *operand) *operand {
	if s.err != nil {
		return nil
	}
	low := float32(math.Inf(-1))
	a := bias.constant()
	if a == nil {
		top := s.reduce(op.Max, bias, len(s.dims(bias)[0])-1)
		return s.call("Equal", []*operand{top, s.numbers("masked", []float32{low})})
	}
	columns := a.dims[len(a.dims)-1]
	e := &array{name: s.n.outputs[0] + "_empty", typ: typeBool, dims: append(slices.Clone(a.dims[:len(a.dims)-1]), 1)}
	for at := 0; at < len(a.f); at += columns {
		e.i = append(e.i, truth(!slices.ContainsFunc(a.f[at:at+columns], func(v float32) bool { return v != low })))
	}
	if !slices.Contains(e.i, 1) {
		return nil
	}
	return &operand{known: [2]*array{e, e}}
}
