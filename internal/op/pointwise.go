package op

import (
	"edgec/internal/graph"
)

// Pointwise returns the activation x and the function f when n computes f of every
// element of x: an Elementwise operator, a Table, or Arithmetic with one constant number.
func Pointwise(n *graph.Node) (x *graph.Value, f func(float64) float64, ok bool) {
	if len(n.Inputs) == 1 {
		if e, is := n.Op.(interface{ F(x float64) float64 }); is && n.Inputs[0].Param == nil {
			return n.Inputs[0], e.F, true
		}
		return nil, nil, false
	}
	o, is := n.Op.(Arithmetic)
	if !is || len(n.Inputs) != 2 || n.Inputs[0] == nil || n.Inputs[1] == nil {
		return nil, nil, false
	}
	a, b, clamp := n.Inputs[0], n.Inputs[1], FusedClamp(n.Op)
	switch {
	case a.Param != nil && b.Param == nil && len(a.Param.Value.Data) == 1:
		k := float64(a.Param.Value.Data[0])
		x, f = b, func(v float64) float64 { return clamp.limit(o.Combine(k, v)) }
	case a.Param == nil && b.Param != nil && len(b.Param.Value.Data) == 1:
		k := float64(b.Param.Value.Data[0])
		x, f = a, func(v float64) float64 { return clamp.limit(o.Combine(v, k)) }
	default:
		return nil, nil, false
	}
	if !x.Shape.Equal(n.Outputs[0].Shape) {
		return nil, nil, false
	}
	return x, f, true
}

// Flow says who writes and who reads a value: a *graph.Graph, or *graph.Links, which
// answer at once.
type Flow interface {
	IsOutput(v *graph.Value) bool
	Producer(v *graph.Value) *graph.Node
	Consumers(v *graph.Value) []*graph.Node
}

// Interior reports whether v exists only between two functions of one
// activation that package lower fuses: it is no tensor on the device.
func Interior(g Flow, v *graph.Value) bool {
	if v.Grid != nil || g.IsOutput(v) {
		return false
	}
	p := g.Producer(v)
	if p == nil {
		return false
	}
	if _, _, ok := Pointwise(p); !ok {
		return false
	}
	readers := g.Consumers(v)
	if len(readers) != 1 {
		return false
	}
	x, _, ok := Pointwise(readers[0])
	return ok && x == v
}
