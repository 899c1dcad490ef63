package simplify

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

var (
	toChannelsFirst = []int{0, 3, 1, 2}
	toChannelsLast  = []int{0, 2, 3, 1}
)

// ChannelsFirst turns input 0 of a network that takes pictures as [N,H,W,C], as those of
// Keras do, into one of [N,C,H,W], marks it (graph.Value.ChannelsLast) and puts a Transpose
// before each reader, which Run cancels against the network's own. It changes no result.
//
// An input has its channels last if what reads it, after elementwise operators, is a
// Transpose to channels first. If nothing tells, as where a Reshape flattens it, the shape
// does: one or three channels at the end, and not at the front.
func ChannelsFirst(g *graph.Graph) {
	if len(g.Inputs) == 0 || len(g.Inputs[0].Shape) != 4 {
		return
	}
	l := graph.NewLinks(g)
	if !channelsLast(l, g.Inputs[0]) {
		return
	}
	old := g.Inputs[0]
	s := old.Shape
	in := &graph.Value{Name: old.Name, Shape: tensor.Shape{s[0], s[3], s[1], s[2]}, Grid: old.Grid, ChannelsLast: true}
	g.Inputs[0] = in
	var turns []*graph.Node
	for i, n := range l.Consumers(old) {
		v := &graph.Value{Name: fmt.Sprint(old.Name, "/channels_last", i), Shape: s.Clone()}
		if old.Grid != nil {
			grid := *old.Grid
			v.Grid = &grid
		}
		for k, x := range n.Inputs {
			if x == old {
				n.Inputs[k] = v
			}
		}
		turn := &graph.Node{Name: v.Name, Op: op.Transpose{Perm: toChannelsLast}, Inputs: []*graph.Value{in}, Outputs: []*graph.Value{v}}
		turns = append(turns, turn)
	}
	slices.Reverse(turns)
	g.Nodes = slices.Concat(turns, g.Nodes)
}

// ChannelsLast undoes ChannelsFirst, for those who write the network: input 0 is [N,H,W,C]
// again, and a Transpose follows it. Other networks stay as they are.
func ChannelsLast(g *graph.Graph) {
	first := g.Inputs[0]
	if !first.ChannelsLast || g.IsOutput(first) {
		return
	}
	s := first.Shape
	in := &graph.Value{Name: first.Name, Shape: tensor.Shape{s[0], s[2], s[3], s[1]}}
	if first.Grid != nil {
		grid := *first.Grid
		in.Grid = &grid
	}
	first.Name, first.ChannelsLast = first.Name+"/channels_first", false
	turn := &graph.Node{Name: first.Name, Op: op.Transpose{Perm: toChannelsFirst}, Inputs: []*graph.Value{in}, Outputs: []*graph.Value{first}}
	g.Inputs[0], g.Nodes = in, slices.Insert(g.Nodes, 0, turn)
}

// channelsLast says whether an input [N,H,W,C] has its channels last.
func channelsLast(g *graph.Links, v *graph.Value) bool {
	if g.IsOutput(v) {
		return false
	}
	last, first := orders(g, v)
	if last || first {
		return last && !first
	}
	picture := func(c int) bool { return c == 1 || c == 3 }
	return picture(v.Shape[3]) && !picture(v.Shape[1]) && v.Shape[1] > 1 && v.Shape[2] > 1
}

// orders says whether a reader of v brings channels last to the front, and whether one
// reads channels first.
func orders(g *graph.Links, v *graph.Value) (last, first bool) {
	for _, n := range g.Consumers(v) {
		t, turns := n.Op.(op.Permuter)
		switch {
		case turns && slices.Equal(t.Permutation(), toChannelsFirst):
			last = true
		case pointwise(n, v), isPad(n):
			l, f := orders(g, n.Outputs[0])
			last, first = last || l, first || f
		case !turns && !op.IsReshape(n.Op):
			first = true
		}
	}
	return last, first
}

func isPad(n *graph.Node) bool {
	_, ok := n.Op.(op.Padder)
	return ok
}

// padBeforeTranspose exchanges a Transpose and the padding that follows, so that the
// Transpose meets the one that it cancels.
func padBeforeTranspose(g *graph.Links, n *graph.Node) bool {
	pad, ok := n.Op.(op.Padder)
	if !ok || n.Inputs[0].Param != nil || n.Inputs[0].Grid != nil || n.Outputs[0].Grid != nil || !onlyReader(g, n.Inputs[0], n) {
		return false
	}
	view := g.Producer(n.Inputs[0])
	if view == nil || view.Inputs[0].Param != nil {
		return false
	}
	t, ok := view.Op.(op.Permuter)
	if !ok {
		return false
	}
	before, after, value := pad.Padding()
	turned := op.Pad{Before: make([]int, len(before)), After: make([]int, len(after)), Value: value}
	for i, p := range t.Permutation() {
		turned.Before[p], turned.After[p] = before[i], after[i]
	}
	shape, err := turned.Infer([]tensor.Shape{view.Inputs[0].Shape})
	if err != nil {
		return false
	}
	// The nodes stay where they are and exchange their operators.
	n.Op, view.Op = view.Op, turned
	n.Name, view.Name = view.Name, n.Name
	view.Outputs[0].Shape = shape[0]
	return true
}

// pointwise reports whether n computes each element of its output from one element of v
// and constants.
func pointwise(n *graph.Node, v *graph.Value) bool {
	if _, ok := n.Op.(op.Elementwise); ok {
		return true
	}
	if _, ok := n.Op.(op.Arithmetic); !ok || len(n.Outputs[0].Shape) != 4 {
		return false
	}
	for _, in := range n.Inputs {
		if in != v && (in == nil || in.Param == nil) {
			return false
		}
	}
	return true
}

// constantBeforeView exchanges a Transpose, or a Reshape, and the arithmetic with a
// constant that follows, so that the view meets the one that it cancels, and the
// arithmetic the layer that it folds into. A Reshape lets only single numbers pass.
func constantBeforeView(g *graph.Links, n *graph.Node) bool {
	a, ok := constantOperand(n)
	if !ok || a.x.Grid != nil || n.Outputs[0].Grid != nil || !onlyReader(g, a.x, n) {
		return false
	}
	view := g.Producer(a.x)
	if view == nil || !op.IsView(view.Op) || view.Inputs[0].Param != nil {
		return false
	}
	k := a.k.Shadow
	if t, turns := view.Op.(op.Permuter); turns && len(k.Data) > 1 {
		k = turnedBack(k, t.Permutation())
	} else if len(k.Data) > 1 {
		return false
	} else {
		k = tensor.Of(k.Data, 1)
	}
	// The nodes stay where they are and exchange their operators.
	operand := paramValue(graph.NewParam(a.k.Name, a.k.Role, k))
	n.Op, view.Op = view.Op, n.Op
	n.Name, view.Name = view.Name, n.Name
	if a.k.Grid != nil && len(a.k.Grid.Scale) == 1 {
		operand.Param.Grid = a.k.Grid // says where the values come from
	}
	x := view.Inputs[0]
	if a.xLeft {
		g.SetInputs(view, x, operand)
	} else {
		g.SetInputs(view, operand, x)
	}
	g.SetInputs(n, a.x)
	a.x.Shape = x.Shape.Clone()
	return true
}

// turnedBack returns the constant that does before a Transpose what k does after it.
func turnedBack(k *tensor.Tensor, perm []int) *tensor.Tensor {
	shape := slices.Repeat([]int{1}, len(perm))
	copy(shape[len(perm)-len(k.Shape):], k.Shape)
	after, inverse, before := tensor.Of(k.Data, shape...), make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		inverse[p], before[p] = i, shape[i]
	}
	out := tensor.New(before...)
	op.Transpose{Perm: inverse}.Forward(&graph.Scratch{}, []*tensor.Tensor{out}, []*tensor.Tensor{after})
	return out
}
