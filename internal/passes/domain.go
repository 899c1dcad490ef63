package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// domain is a set of activations that share one grid, or that stay float.
type domain struct {
	values  []*graph.Value
	sources []*graph.Value // the values that others of the domain are made of: observed
	fixed   *graph.Affine  // the natural grid of a bounded function, nil: observed
	float   bool
	input   bool      // the only source is an input of the network
	extra   []float32 // padding values that the grid has to hold
}

// domains partitions the activations of g that exist on the device.
func domains(g *graph.Graph) []*domain {
	of := map[*graph.Value]*domain{}
	var all []*domain
	start := func(v *graph.Value) *domain {
		d := &domain{values: []*graph.Value{v}, sources: []*graph.Value{v}}
		of[v] = d
		all = append(all, d)
		return d
	}
	join := func(a, b *domain) {
		if a == b {
			return
		}
		for _, v := range b.values {
			of[v] = a
		}
		a.values = append(a.values, b.values...)
		a.sources = append(a.sources, b.sources...)
		a.extra = append(a.extra, b.extra...)
		b.values = nil
	}
	for _, v := range g.Inputs {
		start(v)
	}
	for _, n := range g.Nodes {
		if !op.SharesGrid(n.Op) {
			for _, v := range n.Outputs {
				start(v)
			}
			continue
		}
		var d *domain
		for _, v := range n.Inputs {
			switch {
			case v.Param != nil:
			case d == nil:
				d = of[v]
			default:
				join(d, of[v])
			}
		}
		if d == nil {
			continue
		}
		if p, ok := n.Op.(op.Padder); ok {
			if _, _, value := p.Padding(); value != 0 && !math.IsInf(float64(value), 0) {
				d.extra = append(d.extra, value)
			}
		}
		for _, v := range n.Outputs {
			d.values = append(d.values, v)
			of[v] = d
		}
	}
	var kept []*domain
	for _, d := range all {
		if len(d.values) == 0 || len(d.values) == 1 && op.Interior(g, d.values[0]) {
			continue
		}
		d.classify(g)
		kept = append(kept, d)
	}
	return kept
}

func (d *domain) classify(g *graph.Graph) {
	d.float, d.input = d.isFloat(g), len(d.sources) == 1 && g.Producer(d.sources[0]) == nil
	for i, v := range d.sources {
		f := naturalGrid(g.Producer(v))
		if f == nil || i > 0 && (d.fixed == nil || *d.fixed != *f) {
			d.fixed = nil
			return
		}
		d.fixed = f
	}
	if len(d.extra) > 0 {
		d.fixed = nil
	}
}

func naturalGrid(n *graph.Node) *graph.Affine {
	if n == nil {
		return nil
	}
	if b, ok := n.Op.(op.Bounded); ok {
		grid := b.NaturalGrid()
		return &grid
	}
	return nil
}

// isFloat reports whether the values are made by a layer without clamp, or by
// a softmax, and go to the network's outputs, a softmax or a change of view
// only.
func (d *domain) isFloat(g *graph.Graph) bool {
	for _, v := range d.sources {
		n := g.Producer(v)
		if n == nil {
			return false
		}
		if l, ok := n.Op.(op.Layer); !op.InFloat(n.Op) && (!ok || l.Fused().On) {
			return false
		}
	}
	for _, v := range d.values {
		for _, n := range g.Consumers(v) {
			if !op.IsView(n.Op) && !op.InFloat(n.Op) {
				return false
			}
		}
	}
	return true
}
