package onnx

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// one is an attribute and what it is where a file leaves it out.
type one struct {
	name string
	def  float32
}

// withFloats makes an operator of float attributes.
func withFloats(make func(v []float32) graph.Op, attrs ...one) func(*node) (graph.Op, error) {
	return func(n *node) (graph.Op, error) {
		var v []float32
		for _, a := range attrs {
			f, err := n.finite(a.name, a.def)
			if err != nil {
				return nil, err
			}
			v = append(v, f)
		}
		return make(v), nil
	}
}

// Functions with attributes.
var (
	elu       = withFloats(func(v []float32) graph.Op { return op.Elu{Alpha: elusAlpha(v[0])} }, one{"alpha", 1})
	selu      = withFloats(func(v []float32) graph.Op { return op.Selu{Alpha: v[0], Gamma: v[1]} }, one{"alpha", 1.67326319217681884765625}, one{"gamma", 1.05070102214813232421875})
	celu      = withFloats(func(v []float32) graph.Op { return op.Celu{Alpha: v[0]} }, one{"alpha", 1})
	swish     = withFloats(func(v []float32) graph.Op { return op.Swish{Alpha: v[0]} }, one{"alpha", 1})
	threshold = withFloats(func(v []float32) graph.Op { return op.ThresholdedRelu{Alpha: v[0]} }, one{"alpha", 1})
	shrink    = withFloats(func(v []float32) graph.Op { return op.Shrink{Lambda: v[0], Bias: v[1]} }, one{"lambd", 0.5}, one{"bias", 0})
)

// elusAlpha writes the common alpha 1 as 0, which op.Elu takes for it, so that there is one
// form of it.
func elusAlpha(v float32) float32 {
	if v == 1 {
		return 0
	}
	return v
}

func isInf(n *node) (graph.Op, error) {
	return op.IsInf{OnlyNegative: n.attrInt("detect_positive", 1) == 0, OnlyPositive: n.attrInt("detect_negative", 1) == 0}, nil
}

// withAttrs is the row of an elementwise operator with attributes.
func withAttrs(name string, since []int, make func(*node) (graph.Op, error)) row {
	return row{name, since, 1, foldElementwise(make), elementwise(make)}
}

// truths is the row of an elementwise operator whose results, or operands, are truth values:
// constants go the same way.
func truths(name string, since []int, make func(*node) (graph.Op, error)) row {
	return row{name, since, 1, nil, elementwise(make)}
}

// buildDiv reads a quotient; that of integers is rounded towards zero.
func buildDiv(n *node) error { return n.arithmeticOf(opDiv(), op.Quotient{}) }

// buildMod reads a remainder, which has the sign of the divisor unless fmod says otherwise.
func buildMod(n *node) error {
	o := op.Mod{C: n.attrInt("fmod", 0) != 0}
	return n.arithmeticOf(o, o)
}

// arithmeticOf reads two operands; whole is the operator for integers.
func (n *node) arithmeticOf(o, whole graph.Op) error {
	if len(n.in) != 2 {
		return n.fail("", "%d inputs, two are needed; the file is damaged", len(n.in))
	}
	a, b, at, err := n.pair(0, 1)
	if err != nil {
		return err
	}
	if a.Elem != graph.Float && b.Elem != graph.Float {
		o = whole
	}
	return n.resultAs(at, o, a, b)
}

// buildMean reads the mean of any number of operands.
func buildMean(n *node) error {
	s := n.steps()
	sum := s.input(0)
	for i := 1; i < len(n.in); i++ {
		sum = s.pair(op.Add{}, sum, s.input(i))
	}
	if s.err == nil && sum.act == nil {
		return n.fail("", "all operands are constants, which is not supported here")
	}
	return s.result(0, s.times(sum, 1/float32(len(n.in))))
}

// clipBetween reads a Clip whose limits are not constant, or whose elements are integers.
func (n *node) clipBetween() error {
	s := n.steps()
	x := s.activation(0)
	for i, o := range []graph.Op{op.Maximum{}, op.Minimum{}} {
		if n.has(i + 1) {
			x = s.pair(o, x, n.in[i+1])
		}
	}
	return s.result(0, x)
}

// wide reports whether an operand is not float, or has infinities: sums around a Relu, by
// which other choices of the larger are made, would not do.
func (o *operand) wide() bool {
	if o.act != nil {
		return o.act.Elem != graph.Float
	}
	c := o.constant()
	if c == nil || !c.isFloat() {
		return true
	}
	for _, v := range c.f {
		if math.IsInf(float64(v), 0) {
			return true
		}
	}
	return false
}

// buildSwiGLU reads a swish of one activation times another.
func buildSwiGLU(n *node) error {
	alpha, err := n.finite("alpha", 1)
	if err != nil {
		return err
	}
	s := n.steps()
	return s.result(0, s.pair(op.Mul{}, s.of(op.Swish{Alpha: alpha}, s.activation(0)), s.input(1)))
}
