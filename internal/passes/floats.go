package passes

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// SplitGrids puts an op.ToGrid before the operators that read, as int8, a value that float32
// operators compute: so the layers have a grid of their own, and what else reads the value
// sees float32. A graph without such values, or that has been split, stays as it is.
func SplitGrids(g *graph.Graph) {
	floats := op.Floats(g)
	split := map[*graph.Value]*graph.Value{}
	var nodes []*graph.Node
	for _, n := range g.Nodes {
		if op.ReadsInt8(n) {
			for i, v := range n.Inputs {
				if v == nil || !floats[v] {
					continue
				}
				if split[v] == nil {
					split[v] = &graph.Value{Name: v.Name + "_int8", Shape: v.Shape.Clone()}
					nodes = append(nodes, &graph.Node{Name: v.Name + "_int8", Op: op.ToGrid{}, Inputs: []*graph.Value{v}, Outputs: []*graph.Value{split[v]}})
				}
				n.Inputs[i] = split[v]
			}
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
}

// The sizes of constants, and the integers that they are rounded to.
const (
	fewNumbers    = 16   // elements; fewer stay exact
	largeConstant = 1024 // elements; from here on a constant is rounded as weights are
	constantSteps = 2047 // of smaller ones, 12 bits: far below the error of int8 activations
	fewValues     = 4    // distinct values, as of masks, which stay exact
)

// Constants gives the constants that float32 operators read a symmetric grid: tables, from
// which rows are picked by number, that of Weights; large ones int8 with one scale, such as
// positions; others 12 bits. Those that have a grid keep it. Few numbers, few distinct values
// (masks) and whole numbers stay as they are.
func Constants(g *graph.Graph, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	floats := op.Floats(g)
	layered := map[*graph.Param]bool{}
	for _, l := range layers(g) {
		layered[l.w] = true
		if l.b != nil {
			layered[l.b] = true
		}
	}
	for _, n := range g.Nodes {
		if !floats[n.Outputs[0]] {
			continue
		}
		for _, v := range n.Inputs {
			if v == nil || v.Param == nil || layered[v.Param] || v.Param.Grid != nil || v.Elem != graph.Float {
				continue
			}
			if err := roundConstant(n, v.Param, cfg); err != nil {
				return err
			}
		}
	}
	return nil
}

func roundConstant(n *graph.Node, p *graph.Param, cfg Config) error {
	if t, ok := n.Op.(op.Picker); ok && t.Table(n) == p {
		if i := p.Shadow.FirstNonFinite(); i >= 0 {
			return fmt.Errorf("passes: table %q: number %d is %v: the network is broken", p.Name, i, p.Shadow.Data[i])
		}
		p.Grid = &graph.Grid{Scale: quantize.WeightScales(p.Shadow.Data, p.Mask, p.Channels(), cfg.tolerance(p)), Max: quantize.MaxWeight}
		p.Refresh()
		return nil
	}
	if staysExact(p.Shadow.Data) {
		return nil
	}
	steps := constantSteps
	if len(p.Shadow.Data) >= largeConstant {
		steps = quantize.MaxWeight
	}
	top := float32(0)
	for _, v := range p.Shadow.Data {
		top = max(top, float32(math.Abs(float64(v))))
	}
	p.Grid = &graph.Grid{Scale: []float32{quantize.RoundScale(float64(top) / float64(steps))}, Max: steps}
	p.Refresh()
	return nil
}

// staysExact reports whether numbers are few, of few values, whole, or none that a grid holds.
func staysExact(x []float32) bool {
	if len(x) < fewNumbers {
		return true
	}
	whole, values := true, []float32{}
	for _, v := range x {
		if v != v || math.IsInf(float64(v), 0) {
			return true
		}
		whole = whole && v == float32(math.Trunc(float64(v)))
		if len(values) <= fewValues && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return whole || len(values) <= fewValues
}
