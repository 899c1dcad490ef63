package pack

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// spread gives grids to values that are not rounded in the file, where that changes nothing:
// behind operators that select among rounded values, and before those whose result is
// rounded.
func spread(g *graph.Graph, l *graph.Links) {
	for _, n := range g.Nodes {
		if v := n.Outputs[0]; v.Grid == nil && selects(n) && !l.IsOutput(v) {
			v.Grid = commonGrid(n)
		}
	}
	for _, n := range slices.Backward(g.Nodes) {
		if v := n.Outputs[0]; v.Grid == nil && !l.IsOutput(v) {
			v.Grid = roundedAfter(v, l)
		}
	}
	for _, v := range g.Inputs {
		if v.Grid == nil && !l.IsOutput(v) {
			v.Grid = roundedAfter(v, l)
		}
	}
}

func selects(n *graph.Node) bool {
	_, ok := n.Op.(op.Selector)
	return ok
}

// commonGrid returns the grid on which all inputs of n are, nil if there is none.
func commonGrid(n *graph.Node) *graph.Affine {
	grid := n.Inputs[0].Grid
	for _, v := range n.Inputs {
		if v == nil || v.Grid == nil || *v.Grid != *grid {
			return nil
		}
	}
	return copied(grid)
}

// roundedAfter returns the grid to which all readers of v round what they select of it.
func roundedAfter(v *graph.Value, l *graph.Links) (grid *graph.Affine) {
	for _, n := range l.Consumers(v) {
		out := n.Outputs[0].Grid
		if !selects(n) || out == nil || grid != nil && *grid != *out {
			return nil
		}
		grid = out
	}
	return copied(grid)
}

func copied(grid *graph.Affine) *graph.Affine {
	if grid == nil {
		return nil
	}
	c := *grid
	return &c
}
