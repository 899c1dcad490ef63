package op

import (
	"edgec/internal/graph"
)

// CompositeNorm returns the normalization that n and nodes before it compute from x, as
// exporters write it in parts:
//
//	x / sqrt(mean(x^2) + epsilon)                        RMS
//	d / sqrt(mean(d^2) + epsilon) with d = x - mean(x)   layer
//
// with squares as products or powers, and with the root divided by, inverted and multiplied,
// or as a power of -1/2. of returns the node that computes a value, nil for inputs.
func CompositeNorm(of func(*graph.Value) *graph.Node, n *graph.Node) (o Normalize, x *graph.Value, ok bool) {
	p := normParts{of}
	if len(n.Outputs) != 1 || n.Outputs[0].Grid != nil {
		return o, nil, false
	}
	for _, pair := range p.quotients(n) {
		if o, x, ok = p.match(pair[0], pair[1]); ok && x.Shape.Equal(n.Outputs[0].Shape) {
			return o, x, true
		}
	}
	return o, nil, false
}

// normParts looks for the parts of a normalization.
type normParts struct {
	of func(*graph.Value) *graph.Node
}

// producer returns the node of a float activation that is on no grid.
func (p normParts) producer(v *graph.Value) *graph.Node {
	if v == nil || v.Param != nil || v.Grid != nil {
		return nil
	}
	return p.of(v)
}

// quotients returns pairs of a value and the variance whose root n divides it by.
func (p normParts) quotients(n *graph.Node) (pairs [][2]*graph.Value) {
	switch n.Op.(type) {
	case Div:
		if s := p.root(n.Inputs[1], 0.5); s != nil {
			pairs = append(pairs, [2]*graph.Value{n.Inputs[0], s})
		}
	case Mul:
		for i := range 2 {
			if s := p.inverse(n.Inputs[1-i]); s != nil {
				pairs = append(pairs, [2]*graph.Value{n.Inputs[i], s})
			}
		}
	}
	return pairs
}

// root returns s where v is s^k.
func (p normParts) root(v *graph.Value, k float32) *graph.Value {
	n := p.producer(v)
	if n == nil {
		return nil
	}
	switch o := n.Op.(type) {
	case Sqrt:
		if k == 0.5 {
			return n.Inputs[0]
		}
	case Power:
		if o.K == k {
			return n.Inputs[0]
		}
	}
	return nil
}

// inverse returns s where v is 1/sqrt(s).
func (p normParts) inverse(v *graph.Value) *graph.Value {
	n := p.producer(v)
	if n == nil {
		return nil
	}
	switch o := n.Op.(type) {
	case Reciprocal:
		return p.root(n.Inputs[0], 0.5)
	case Power:
		if o.K == -1 {
			return p.root(n.Inputs[0], 0.5)
		}
	case Div:
		if k, ok := number(n.Inputs[0]); ok && k == 1 {
			return p.root(n.Inputs[1], 0.5)
		}
	}
	return p.root(v, -0.5)
}

// number returns the only value of a constant.
func number(v *graph.Value) (k float32, ok bool) {
	if v == nil || v.Param == nil || len(v.Param.Value.Data) != 1 {
		return 0, false
	}
	return v.Param.Value.Data[0], true
}

// match reads a, which is divided by the root of s, as a normalization.
func (p normParts) match(a, s *graph.Value) (o Normalize, x *graph.Value, ok bool) {
	mean, epsilon, ok := p.plusNumber(s)
	if !ok {
		return o, nil, false
	}
	squares, axis, ok := p.mean(mean)
	if !ok {
		return o, nil, false
	}
	base := p.square(squares)
	if base == nil || !p.same(base, a) {
		return o, nil, false
	}
	o = Normalize{RMS: true, Axis: axis, Epsilon: epsilon}
	if x, centered := p.centered(base, axis); centered {
		o.RMS = false
		return o, x, true
	}
	return o, base, true
}

// plusNumber returns v and k where s is v + k, or s and 0.
func (p normParts) plusNumber(s *graph.Value) (v *graph.Value, k float32, ok bool) {
	n := p.producer(s)
	if n == nil {
		return nil, 0, false
	}
	if _, is := n.Op.(Add); !is || FusedClamp(n.Op).On {
		return s, 0, true
	}
	for i := range 2 {
		if k, ok := number(n.Inputs[i]); ok && k >= 0 {
			return n.Inputs[1-i], k, true
		}
	}
	return nil, 0, false
}

// mean returns x where v is its mean over the dimensions from axis to the last.
func (p normParts) mean(v *graph.Value) (x *graph.Value, axis int, ok bool) {
	n := p.producer(v)
	if n == nil {
		return nil, 0, false
	}
	o, is := n.Op.(Reduce)
	if !is || o.Kind != Mean || o.Axes[0]+len(o.Axes) != len(n.Inputs[0].Shape) {
		return nil, 0, false
	}
	return n.Inputs[0], o.Axes[0], true
}

// square returns d where v is d^2.
func (p normParts) square(v *graph.Value) *graph.Value {
	n := p.producer(v)
	if n == nil {
		return nil
	}
	switch o := n.Op.(type) {
	case Mul:
		if p.same(n.Inputs[0], n.Inputs[1]) {
			return n.Inputs[0]
		}
	case Power:
		if o.K == 2 {
			return n.Inputs[0]
		}
	}
	return nil
}

// centered returns x where v is x less its mean over the dimensions from axis on.
func (p normParts) centered(v *graph.Value, axis int) (x *graph.Value, ok bool) {
	n := p.producer(v)
	if n == nil {
		return nil, false
	}
	if o, is := n.Op.(Sub); !is || o.Clamp.On {
		return nil, false
	}
	of, from, ok := p.mean(n.Inputs[1])
	return n.Inputs[0], ok && of == n.Inputs[0] && from == axis
}

// same reports whether a and b are one value, or two differences from the same mean.
func (p normParts) same(a, b *graph.Value) bool {
	if a == b {
		return true
	}
	_, axis, _ := p.subtracted(a)
	x, ok := p.centered(a, axis)
	y, also := p.centered(b, axis)
	return ok && also && x == y
}

// subtracted returns what is subtracted to give v, as a mean.
func (p normParts) subtracted(v *graph.Value) (x *graph.Value, axis int, ok bool) {
	n := p.producer(v)
	if n == nil {
		return nil, 0, false
	}
	if _, is := n.Op.(Sub); !is {
		return nil, 0, false
	}
	return p.mean(n.Inputs[1])
}

// Standardizer is an operator whose results have a mean square of 1 along the last
// dimensions, whatever the scale of its input.
type Standardizer interface {
	graph.Op
	Standardizes()
}

// Standardizes reports whether o is a Standardizer.
func Standardizes(o graph.Op) bool {
	_, ok := o.(Standardizer)
	return ok
}
