package simplify

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// free reports whether p carries no constraint that its values must keep. The grid of an
// operand of arithmetic only says where its values come from.
func free(p *graph.Param) bool {
	return p.Mask == nil && p.Book == nil && (p.Grid == nil || p.Role == graph.Constant)
}

// rewritable reports whether p's values may be changed for the sake of one
// node: it is used once and has neither grid nor codebook.
func rewritable(g *graph.Links, p *graph.Param) bool {
	return p != nil && p.Grid == nil && p.Book == nil && g.Uses(p) == 1
}

func paramValue(p *graph.Param) *graph.Value {
	return &graph.Value{Name: p.Name, Shape: p.Shadow.Shape.Clone(), Param: p}
}

// input returns input i of n, nil when it is absent.
func input(n *graph.Node, i int) *graph.Value {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return nil
}

// newBias returns a bias of zeros for a Conv2D or Dense node.
func newBias(n *graph.Node) *graph.Param {
	w := n.Inputs[op.WeightInput].Param
	return graph.NewParam(w.Name+"_bias", graph.Bias, tensor.New(w.Channels()))
}

// take keeps the listed positions of one axis of p, in every array that
// belongs to it: shadow and effective values, mask, codebook indexes, the
// optimizer's state and, for axis 0, the scales of each channel.
func take(p *graph.Param, axis int, keep []int) {
	s := p.Shadow.Shape
	outer, inner := tensor.Shape(s[:axis]).Size(), tensor.Shape(s[axis+1:]).Size()
	size := s[axis]
	shape := s.Clone()
	shape[axis] = len(keep)
	p.Shadow = tensor.Of(taken(p.Shadow.Data, outer, size, inner, keep), shape...)
	p.Value = tensor.Of(taken(p.Value.Data, outer, size, inner, keep), shape...)
	if p.Mask != nil {
		p.Mask = taken(p.Mask, outer, size, inner, keep)
	}
	if p.Exact != nil {
		p.Exact = taken(p.Exact, outer, size, inner, keep)
	}
	if p.Book != nil {
		p.Book.Index = taken(p.Book.Index, outer, size, inner, keep)
	}
	for i, s := range p.State {
		p.State[i] = taken(s, outer, size, inner, keep)
	}
	if p.Grid != nil && axis == 0 && len(p.Grid.Scale) == size && size > 1 {
		p.Grid.Scale = taken(p.Grid.Scale, 1, size, 1, keep)
	}
}

func taken[T any](x []T, outer, size, inner int, keep []int) []T {
	r := make([]T, 0, outer*len(keep)*inner)
	for o := 0; o < outer; o++ {
		for _, k := range keep {
			at := (o*size + k) * inner
			r = append(r, x[at:at+inner]...)
		}
	}
	return slices.Clip(r)
}

// syncShapes sets the shape of every parameter value to its parameter's.
func syncShapes(g *graph.Graph) {
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil {
				v.Shape = v.Param.Shadow.Shape.Clone()
			}
		}
	}
}
