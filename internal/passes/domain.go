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
	fine    bool      // the only source has 16 bits
	input   bool      // the only source is an input of the network
	extra   []float32 // padding values that the grid has to hold
}

// partition puts activations into domains.
type partition struct {
	of  map[*graph.Value]*domain
	all []*domain // joined ones have no values

	floats map[*graph.Value]bool
}

// domains partitions the activations of g that exist on the device as int8, or may: what float32
// operators compute (op.Floats) is in none.
func domains(g *graph.Graph) []*domain {
	p := &partition{of: map[*graph.Value]*domain{}, floats: op.Floats(g)}
	for _, v := range g.Inputs {
		p.start(v)
	}
	for _, n := range g.Nodes {
		if op.SharesGrid(n.Op) && !p.floats[n.Outputs[0]] {
			p.pass(n)
			continue
		}
		for _, v := range n.Outputs {
			p.start(v)
		}
	}
	links := graph.NewLinks(g)
	var kept []*domain
	for _, d := range p.all {
		if len(d.values) == 0 || len(d.values) == 1 && op.Interior(links, d.values[0]) {
			continue
		}
		d.classify(links)
		kept = append(kept, d)
	}
	return kept
}

// start makes a domain of v alone.
func (p *partition) start(v *graph.Value) {
	if p.floats[v] {
		return
	}
	d := &domain{values: []*graph.Value{v}, sources: []*graph.Value{v}}
	p.of[v] = d
	p.all = append(p.all, d)
}

// join adds what b has to a.
func (p *partition) join(a, b *domain) {
	if a == b {
		return
	}
	for _, v := range b.values {
		p.of[v] = a
	}
	a.values = append(a.values, b.values...)
	a.sources = append(a.sources, b.sources...)
	a.extra = append(a.extra, b.extra...)
	b.values = nil
}

// pass joins the domains of the inputs of n, whose outputs are on the same grid.
func (p *partition) pass(n *graph.Node) {
	var d *domain
	for _, v := range n.Inputs {
		switch {
		case v.Param != nil:
		case d == nil:
			d = p.of[v]
		default:
			p.join(d, p.of[v])
		}
	}
	if d == nil {
		return
	}
	if pad, ok := n.Op.(op.Padder); ok {
		if _, _, value := pad.Padding(); value != 0 && !math.IsInf(float64(value), 0) {
			d.extra = append(d.extra, value)
		}
	}
	for _, v := range n.Outputs {
		d.values = append(d.values, v)
		p.of[v] = d
	}
}

func (d *domain) classify(g *graph.Links) {
	d.float, d.input = d.isFloat(g), len(d.sources) == 1 && g.Producer(d.sources[0]) == nil
	d.fine = len(d.sources) == 1 && op.IsFine(g.Producer(d.sources[0]))
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
		if grid := b.NaturalGrid(); grid.Scale > 0 {
			return &grid
		}
	}
	return nil
}

// isFloat reports whether the values are made by a layer without clamp, or by
// a softmax, and go to the network's outputs, a softmax or a change of view
// only, or are an input that is scaled before the device sees it.
func (d *domain) isFloat(g *graph.Links) bool {
	for _, v := range d.sources {
		n := g.Producer(v)
		if n == nil {
			return op.ScaledInput(g, v) != nil
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
