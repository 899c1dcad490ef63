package pack

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
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

// averages makes a layer of every mean whose result is on another grid than the image: each
// weight is 1, times 1/(height width). The device's own mean is on the grid of the image,
// from which it would be rounded once more.
func averages(g *graph.Graph) {
	for _, n := range g.Nodes {
		x, y := n.Inputs[0], n.Outputs[0]
		o, ok := n.Op.(op.Averager)
		if !ok || x.Grid == nil || y.Grid == nil || *x.Grid == *y.Grid {
			continue
		}
		layer, h, w, ok := o.Averages(x.Shape)
		if !ok {
			continue
		}
		c := x.Shape[1]
		t := tensor.New(c, 1, h, w)
		for i := range t.Data {
			t.Data[i] = 1 / float32(h*w)
		}
		p := graph.NewParam(n.Name+"_mean", graph.Weight, t)
		p.Grid = &graph.Grid{Scale: []float32{1 / float32(h*w)}, Max: 127}
		n.Op = layer
		n.Inputs = []*graph.Value{x, {Name: p.Name, Shape: t.Shape.Clone(), Param: p}}
	}
}
