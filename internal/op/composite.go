package op

import (
	"math"

	"edgec/internal/graph"
)

// composites are functions that exporters write as several nodes on one activation.
var composites = []Elementwise{Gelu{}, Gelu{Tanh: true}}

// mostParts bounds the nodes of a function that Composite looks at, mostBack how many nodes
// before the last its argument may lie on the shortest way.
const (
	mostParts = 64
	mostBack  = 3
)

// Composite returns the operator that n and nodes before it compute together from x, in
// any order of its factors and terms: Gelu, written with Erf or Tanh. It compares values:
// functions are equal that differ by at most 5e-5 (1 + |y|) from -12 to 12. ok is false
// where there is none. of returns the node that computes a value, nil for inputs.
func Composite(of func(*graph.Value) *graph.Node, n *graph.Node) (o Elementwise, x *graph.Value, ok bool) {
	if _, is := n.Op.(Arithmetic); !is || n.Outputs[0].Grid != nil {
		return nil, nil, false
	}
	for _, x := range arguments(of, n, mostBack) {
		if !x.Shape.Equal(n.Outputs[0].Shape) {
			continue
		}
		left := mostParts
		if f := functionOf(of, n, x, &left); f != nil && left < mostParts-2 {
			for _, o := range composites {
				if sameFunction(f, o.F) {
					return o, x, true
				}
			}
		}
	}
	return nil, nil, false
}

// arguments returns the activations that n and the nodes before it read, at most back nodes
// before it.
func arguments(of func(*graph.Value) *graph.Node, n *graph.Node, back int) (all []*graph.Value) {
	for _, v := range n.Inputs {
		if v == nil || v.Param != nil {
			continue
		}
		all = append(all, v)
		if prev := of(v); prev != nil && back > 1 {
			all = append(all, arguments(of, prev, back-1)...)
		}
	}
	return all
}

// functionOf returns n's output as a function of an element of x, nil where it is none, or
// where more nodes than are left have to be looked at.
func functionOf(producer func(*graph.Value) *graph.Node, n *graph.Node, x *graph.Value, left *int) func(float64) float64 {
	if *left--; *left < 0 || n == nil || len(n.Outputs) != 1 {
		return nil
	}
	of := func(v *graph.Value) func(float64) float64 {
		switch {
		case v == x:
			return func(t float64) float64 { return t }
		case v == nil || v.Param != nil && len(v.Param.Value.Data) != 1:
			return nil
		case v.Param != nil:
			k := float64(v.Param.Value.Data[0])
			return func(float64) float64 { return k }
		case v.Grid != nil || !v.Shape.Equal(x.Shape):
			return nil
		}
		return functionOf(producer, producer(v), x, left)
	}
	switch e := n.Op.(type) {
	case Elementwise:
		if f := of(n.Inputs[0]); f != nil {
			return func(t float64) float64 { return e.F(f(t)) }
		}
	case Arithmetic:
		clamp := FusedClamp(n.Op)
		if a, b := of(n.Inputs[0]), of(n.Inputs[1]); a != nil && b != nil {
			return func(t float64) float64 { return clamp.limit(e.Combine(a(t), b(t))) }
		}
	}
	return nil
}

// sameFunction compares two functions from -12 to 12.
func sameFunction(f, g func(float64) float64) bool {
	const tolerance = 5e-5 // constants of half precision move the argument by 2^-12
	for i := -96; i <= 96; i++ {
		t := float64(i) / 8
		if want := g(t); !(math.Abs(f(t)-want) <= tolerance*(1+math.Abs(want))) {
			return false
		}
	}
	return true
}
