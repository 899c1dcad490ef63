package onnx

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// buildPick reads the largest (or least) of any number of operands, some of which may be
// constant: a limit that is one number is a Clip, others are sums around a Relu,
//
//	max(a, b) = b + relu(a - b)
//	min(a, b) = b - relu(b - a)
func buildPick(largest bool) func(*node) error {
	return func(n *node) error {
		for i := range n.in {
			if !n.has(i) {
				return n.fail("", "input %d is missing; the file is damaged", i)
			}
		}
		first := slices.IndexFunc(n.in, func(o *operand) bool { return o.act != nil })
		rest := slices.Delete(slices.Clone(n.in), first, first+1)
		x := n.in[first]
		if len(rest) == 0 {
			return n.alias(x)
		}
		for i, y := range rest {
			end := func(at batchAxis, o graph.Op, in ...*graph.Value) error {
				v, err := n.emit(o, in...)
				x = &operand{act: v, batch: at}
				return err
			}
			if i == len(rest)-1 {
				end = n.resultAs
			}
			if err := n.pickOne(x, y, largest, end); err != nil {
				return err
			}
		}
		return nil
	}
}

// pickOne ends with the larger or smaller of x and y.
func (n *node) pickOne(x, y *operand, largest bool, end func(batchAxis, graph.Op, ...*graph.Value) error) error {
	if x.wide() || y.wide() {
		a, b, at, err := n.broadcast(x, y)
		if err != nil {
			return err
		}
		if largest {
			return end(at, op.Maximum{}, a, b)
		}
		return end(at, op.Minimum{}, a, b)
	}
	if k, ok := n.limit(x, y); ok {
		lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
		switch {
		case largest && k == 0:
			return end(x.batch, op.Relu{}, x.act)
		case largest:
			lo = k
		default:
			hi = k
		}
		return end(x.batch, op.Clip{Lo: lo, Hi: hi}, x.act)
	}
	a, b, at, err := n.broadcast(x, y)
	if err != nil {
		return err
	}
	join := graph.Op(op.Add{})
	if !largest {
		a, b, join = b, a, op.Sub{}
	}
	d, err := n.emit(op.Sub{}, a, b)
	if err != nil {
		return err
	}
	if d, err = n.emit(op.Relu{}, d); err != nil {
		return err
	}
	if !largest {
		b = a
	}
	return end(at, join, b, d)
}

// limit returns the number that y is beside x; ok is false where y is no constant, has
// different values, or repeats x.
func (n *node) limit(x, y *operand) (k float32, ok bool) {
	c := y.constant()
	if c == nil || c.size() == 0 {
		return 0, false
	}
	values := c.f
	if !c.isFloat() { // an exponent, which may be an integer
		values = converted(c.i)
	}
	dims := n.fileDims(x, 0)
	if r, fits := broadcast(dims, c.dims); !fits || !slices.Equal(r, dims) {
		return 0, false
	}
	for _, v := range values {
		if v != values[0] || v != v {
			return 0, false
		}
	}
	return values[0], true
}

// converted returns integers as floats.
func converted(x []int64) (y []float32) {
	for _, v := range x {
		y = append(y, float32(v))
	}
	return y
}

// buildPow reads a power; one with a constant number as exponent is a function.
func buildPow(n *node) error {
	if n.in[0] == nil || n.in[0].act == nil || !n.has(1) {
		return combine(func() graph.Op { return op.Pow{} })(n)
	}
	x := n.in[0]
	k, ok := n.limit(x, n.in[1])
	switch {
	case !ok || k-k != 0 || x.act.Elem != graph.Float:
		return combine(func() graph.Op { return op.Pow{} })(n)
	case k == 1:
		return n.alias(x)
	}
	return n.resultLike(x, op.Power{K: k})
}
