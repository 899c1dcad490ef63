package op

import (
	"maps"
	"slices"

	"edgec/internal/graph"
)

// FloatLowerer is an operator that the device can compute in float32 as well as on int8.
type FloatLowerer interface {
	graph.Op
	// LowerFloat emits the instructions on float32 that compute n.Outputs[0]; see
	// Lowerer.Lower.
	LowerFloat(d Device, n *graph.Node) error
}

// FloatNeeder is an operator some of whose nodes have no form on int8.
type FloatNeeder interface {
	graph.Op
	// NeedsFloat reports whether n is computed in float32, whatever it reads.
	NeedsFloat(n *graph.Node) bool
}

// needsFloat reports whether n is computed in float32, whatever it reads.
func needsFloat(n *graph.Node) bool {
	if o, ok := n.Op.(FloatNeeder); ok {
		return o.NeedsFloat(n)
	}
	return InFloat(n.Op) && !follows(n.Op)
}

// follows reports whether o is a FloatOperator whose result may well be int8: it is
// float32 where what it reads is.
func follows(o graph.Op) bool {
	switch o.(type) {
	case Softmax, LogSoftmax, Recurrent:
		return true
	}
	return false
}

// CanFloat reports whether the device can compute n in float32.
func CanFloat(n *graph.Node) bool {
	if x, _, ok := Pointwise(n); ok && len(n.Inputs) == 1 {
		return x.Elem != graph.Float || functionSteps(n.Op) != nil
	}
	_, ok := n.Op.(FloatLowerer)
	return ok || InFloat(n.Op) || IsView(n.Op)
}

// Floats returns the values that are float32 on the device, as an operator that computes them
// has no other form, and the values that follow from these:
//
//   - whole numbers and truth values, which have no grid;
//   - inputs that are outputs of the run before: errors of a grid would add up;
//   - what operators compute that need float32, and what other operators compute from such
//     values as long as they can; layers behind a fine grid (ToGrid) are such operators;
//   - what float32 operators alone read, or divide by: what others compute that can, layers without
//     a fused clamp among them, or any that only fine grids read, and inputs of the network.
//
// Networks without such operators have none: what else stays float at their end is up to
// package passes.
func Floats(g *graph.Graph) map[*graph.Value]bool {
	f := &floats{g: g, links: graph.NewLinks(g), of: map[*graph.Value]bool{}, demanded: map[*graph.Value]bool{}}
	for i, v := range g.Inputs {
		f.of[v] = v.Elem != graph.Float || g.IsState(i)
	}
	for _, n := range g.Nodes {
		f.forward(n)
	}
	for _, n := range slices.Backward(g.Nodes) {
		f.backward(n.Outputs[0])
		l, layer := n.Op.(Layer)
		if f.demanded[n.Outputs[0]] && (layer && (!l.Fused().On || f.refined(n.Outputs[0])) || !layer && CanFloat(n)) {
			f.of[n.Outputs[0]] = true
		}
	}
	for _, v := range g.Inputs {
		f.backward(v)
		f.of[v] = f.of[v] || f.demanded[v] && ScaledInput(g, v) == nil
	}
	maps.DeleteFunc(f.of, func(_ *graph.Value, float bool) bool { return !float })
	return f.of
}

// floats is the search of Floats.
type floats struct {
	g        *graph.Graph
	links    *graph.Links
	of       map[*graph.Value]bool
	demanded map[*graph.Value]bool // float32 operators alone read it
}

// needs reports whether n is computed in float32, whatever else it reads: a layer behind a
// fine grid adds two sums.
func (f *floats) needs(n *graph.Node) bool {
	return needsFloat(n) || IsLayer(n) && IsFine(f.links.Producer(n.Inputs[0]))
}

// forward marks the outputs of n that are float32 because of n or of what it reads.
func (f *floats) forward(n *graph.Node) {
	float := f.needs(n)
	if !IsLayer(n) && CanFloat(n) {
		for _, v := range n.Inputs {
			float = float || v != nil && v.Param == nil && f.of[v]
		}
	}
	for _, v := range n.Outputs {
		if float || v.Elem != graph.Float {
			f.of[v] = true
		}
	}
}

// refined reports whether all that read v bring it onto fine grids.
func (f *floats) refined(v *graph.Value) bool {
	return !slices.ContainsFunc(f.links.Consumers(v), func(n *graph.Node) bool { return !IsFine(n) })
}

// dividesBy reports whether n divides by v: a step of a grid near 0 would be everything.
func dividesBy(n *graph.Node, v *graph.Value) bool {
	_, div := n.Op.(Div)
	return div && n.Inputs[1] == v && needsFloat(n)
}

// backward finds out whether float32 operators alone read v, after it has for what they
// compute.
func (f *floats) backward(v *graph.Value) {
	if f.links.IsOutput(v) {
		return
	}
	readers := f.links.Consumers(v)
	if slices.ContainsFunc(readers, func(n *graph.Node) bool { return dividesBy(n, v) }) {
		f.demanded[v] = true
		return
	}
	for _, n := range readers {
		y := n.Outputs[0]
		if _, to := n.Op.(ToGrid); !to && !f.needs(n) && (IsLayer(n) || !CanFloat(n) || !f.of[y] && !f.demanded[y]) {
			return
		}
	}
	f.demanded[v] = len(readers) > 0
}

// ReadsInt8 reports whether n reads its input v as int8, whatever v is: a layer, or an operator
// without a form on float32. ToGrid is no such reader.
func ReadsInt8(n *graph.Node) bool {
	if _, is := n.Op.(ToGrid); is {
		return false
	}
	return IsLayer(n) || !CanFloat(n) && n.Outputs[0].Elem == graph.Float
}
