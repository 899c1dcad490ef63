package simplify

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// slab is a set of positions along one axis of a parameter.
type slab struct {
	param *graph.Param
	axis  int
}

// position is one index along the axis of a slab.
type position struct {
	slab
	index int
}

// read is a place where a channel ends: column index of a consumer's weights,
// reached through feature at (a position along the axis) of the node's input.
type read struct {
	node  *graph.Node
	param *graph.Param
	index int          // column of param (axis 1)
	from  *graph.Value // node's first input, or its own output
	at    int          // position along the layout axis of from
}

// channels is the analysis of a graph: the channel of every feature. It is the
// op.Channels that operators report to.
type channels struct {
	g         *graph.Graph
	parent    []int // union-find over channel numbers
	fixed     []bool
	layouts   map[*graph.Value]op.Layout
	owner     map[position]int // the channel that owns a row of a parameter
	rows      []slab           // slabs of output channels, in order of discovery
	cols      []slab           // slabs of input columns
	reads     []read
	nodeRows  map[*graph.Node][]slab // the slabs whose owners are channels of this node's output
	rowNode   map[slab]*graph.Node   // first node that uses the slab as rows
	knownSlab map[slab]bool
}

func analyse(g *graph.Graph) *channels {
	c := &channels{g: g, layouts: map[*graph.Value]op.Layout{}, owner: map[position]int{}, nodeRows: map[*graph.Node][]slab{},
		rowNode: map[slab]*graph.Node{}, knownSlab: map[slab]bool{}}
	for _, v := range g.Inputs {
		c.opaque(v)
	}
	for _, n := range g.Nodes {
		c.visit(n)
	}
	for _, v := range g.Outputs {
		c.fix(v)
	}
	return c
}

// Layout implements op.Channels.
func (c *channels) Layout(v *graph.Value) op.Layout {
	if v.Param != nil {
		return op.Layout{Axis: -1}
	}
	return c.layouts[v]
}

// SetLayout implements op.Channels.
func (c *channels) SetLayout(v *graph.Value, l op.Layout) { c.layouts[v] = l }

// Fresh implements op.Channels.
func (c *channels) Fresh(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = len(c.parent)
		c.parent = append(c.parent, ids[i])
		c.fixed = append(c.fixed, false)
	}
	return ids
}

// Root implements op.Channels.
func (c *channels) Root(id int) int {
	for c.parent[id] != id {
		c.parent[id] = c.parent[c.parent[id]]
		id = c.parent[id]
	}
	return id
}

// union joins two channels; the lower number stays.
func (c *channels) union(a, b int) {
	a, b = c.Root(a), c.Root(b)
	if a > b {
		a, b = b, a
	}
	c.parent[b] = a
	c.fixed[a] = c.fixed[a] || c.fixed[b]
}

// Join implements op.Channels.
func (c *channels) Join(a, b []int) {
	for i := range a {
		c.union(a[i], b[i])
	}
}

// Fix implements op.Channels.
func (c *channels) Fix(ids []int) {
	for _, id := range ids {
		c.fixed[c.Root(id)] = true
	}
}

// fix forbids the removal of every channel of v.
func (c *channels) fix(v *graph.Value) { c.Fix(c.layouts[v].IDs) }

// opaque gives v channels of its own that stay.
func (c *channels) opaque(v *graph.Value) {
	axis := min(1, len(v.Shape)-1)
	c.layouts[v] = op.Layout{Axis: axis, IDs: c.Fresh(v.Shape[axis])}
	c.fix(v)
}

// opaqueNode keeps all channels that n reads and writes.
func (c *channels) opaqueNode(n *graph.Node) {
	for _, v := range n.Inputs {
		if v != nil && v.Param == nil {
			c.fix(v)
		}
	}
	for _, v := range n.Outputs {
		c.opaque(v)
	}
}

// Own implements op.Channels.
func (c *channels) Own(n *graph.Node, p *graph.Param, axis int, ids []int) {
	s := slab{p, axis}
	if !c.knownSlab[s] {
		c.knownSlab[s] = true
		c.rows = append(c.rows, s)
		c.rowNode[s] = n
	}
	c.nodeRows[n] = append(c.nodeRows[n], s)
	for i, id := range ids {
		c.claim(position{s, i}, id)
	}
}

func (c *channels) claim(at position, id int) {
	if other, ok := c.owner[at]; ok {
		c.union(other, id)
	} else {
		c.owner[at] = id
	}
}

// Consume implements op.Channels.
func (c *channels) Consume(n *graph.Node, p *graph.Param, ids []int) {
	c.consume(n, p, n.Inputs[0], ids)
}

// ConsumeOwn implements op.Channels.
func (c *channels) ConsumeOwn(n *graph.Node, p *graph.Param, ids []int) {
	c.consume(n, p, n.Outputs[0], ids)
}

func (c *channels) consume(n *graph.Node, p *graph.Param, from *graph.Value, ids []int) {
	s := slab{p, 1}
	if !c.knownSlab[s] {
		c.knownSlab[s] = true
		c.cols = append(c.cols, s)
	}
	for i, id := range ids {
		c.claim(position{s, i}, id)
		c.reads = append(c.reads, read{n, p, i, from, i})
	}
}

func (c *channels) visit(n *graph.Node) {
	for _, v := range n.Inputs {
		if v != nil && v.Param == nil {
			if _, ok := c.layouts[v]; !ok {
				c.opaqueNode(n)
				return
			}
		}
	}
	if len(n.Outputs) != 1 || !op.TraceChannels(c, n) {
		c.opaqueNode(n)
	}
}

// cut removes every channel for which gone is true: parameters shrink, and
// operators that state sizes are rewritten. Each axis must keep one position
// at least, else nothing is changed.
func (c *channels) cut(gone func(id int) bool) error {
	type kept struct {
		slab
		keep []int
	}
	var work []kept
	for _, s := range slices.Concat(c.rows, c.cols) {
		k := kept{slab: s}
		size := s.param.Shadow.Shape[s.axis]
		for i := 0; i < size; i++ {
			if id, ok := c.owner[position{s, i}]; !ok || !gone(c.Root(id)) {
				k.keep = append(k.keep, i)
			}
		}
		if len(k.keep) == 0 {
			return fmt.Errorf("simplify: parameter %q: nothing would be left of axis %d; keep one channel", s.param.Name, s.axis)
		}
		if len(k.keep) < size {
			work = append(work, k)
		}
	}
	for _, k := range work {
		take(k.param, k.axis, k.keep)
	}
	syncShapes(c.g)
	for _, n := range c.g.Nodes {
		c.resize(n, gone)
	}
	if err := c.g.InferShapes(); err != nil {
		return fmt.Errorf("simplify: %w", err)
	}
	if err := c.g.Check(); err != nil {
		return fmt.Errorf("simplify: %w", err)
	}
	return nil
}

// resize rewrites the attributes of n that depend on the number of channels.
func (c *channels) resize(n *graph.Node, gone func(id int) bool) {
	extent := func(v *graph.Value) op.Extent {
		l := c.layouts[v]
		e := op.Extent{Axis: l.Axis, Before: len(l.IDs)}
		for _, id := range l.IDs {
			if !gone(c.Root(id)) {
				e.After++
			}
		}
		return e
	}
	if o, ok := n.Op.(op.Narrower); ok {
		n.Op = o.Narrow(extent(n.Inputs[0]), extent(n.Outputs[0]))
	}
}
