package passes

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// layer is a node with weights.
type layer struct {
	node *graph.Node
	op   op.Weighted  // of the node
	w, b *graph.Param // b is nil without a bias
}

// layers returns the nodes that multiply by weights that are parameters, in
// execution order.
func layers(g *graph.Graph) []layer {
	var ls []layer
	for _, n := range g.Nodes {
		o, ok := n.Op.(op.Weighted)
		if !ok || n.Inputs[op.WeightInput] == nil || n.Inputs[op.WeightInput].Param == nil {
			continue
		}
		l := layer{node: n, op: o, w: n.Inputs[op.WeightInput].Param}
		if len(n.Inputs) > op.BiasInput && n.Inputs[op.BiasInput] != nil {
			l.b = n.Inputs[op.BiasInput].Param
		}
		ls = append(ls, l)
	}
	return ls
}

// linear returns the layers that are an op.Layer, a linear map of their input.
func linear(g *graph.Graph) []layer {
	return slices.DeleteFunc(layers(g), func(l layer) bool { return !op.IsLayer(l.node) })
}

// linear returns l's operator, which must be an op.Layer.
func (l layer) linear() op.Layer { return l.op.(op.Layer) }

// Weights gives every weight tensor a symmetric int8 grid (Param.Grid), with one
// scale for each output channel or one in all (see Config), and refreshes its
// effective value; see quantize.WeightScales. Parameters with a codebook keep their grid,
// on which the codebook depends.
func Weights(g *graph.Graph, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	done := map[*graph.Param]bool{}
	for _, l := range layers(g) {
		if l.w.Book != nil || done[l.w] {
			continue
		}
		done[l.w] = true
		if i := l.w.Shadow.FirstNonFinite(); i >= 0 {
			return fmt.Errorf("passes: parameter %q: weight %d is %v: the network is broken", l.w.Name, i, l.w.Shadow.Data[i])
		}
		scale := quantize.WeightScales(l.w.Shadow.Data, l.w.Mask, l.w.Channels(), cfg.tolerance(l.w))
		if in := l.op.MetGrid(l.node); in != nil && l.b != nil {
			quantize.RaiseForBias(scale, l.b.Shadow.Data, in.Scale)
		}
		l.w.Grid = &graph.Grid{Scale: scale, Max: quantize.MaxWeight}
		l.w.Refresh()
	}
	return nil
}

// tolerance is what quantize.WeightScales takes for p.
func (c Config) tolerance(p *graph.Param) float64 {
	switch {
	case c.PerTensor == nil:
		return c.PerTensorError
	case c.PerTensor(p):
		return math.Inf(1)
	}
	return -1
}
