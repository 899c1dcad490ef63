package simplify

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// layout names the channel of each position along one axis of an activation.
// Features with the same channel (after union) are removed together.
type layout struct {
	axis int
	ids  []int
}

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
	index int // column of param (axis 1)
	at    int // position along the layout axis of node.Inputs[0]
}

// channels is the analysis of a graph: the channel of every feature.
type channels struct {
	g         *graph.Graph
	parent    []int // union-find over channel numbers
	fixed     []bool
	layouts   map[*graph.Value]layout
	owner     map[position]int // the channel that owns a row of a parameter
	rows      []slab           // slabs of output channels, in order of discovery
	cols      []slab           // slabs of input columns
	reads     []read
	nodeRows  map[*graph.Node][]slab // the slabs whose owners are channels of this node's output
	rowNode   map[slab]*graph.Node   // first node that uses the slab as rows
	knownSlab map[slab]bool
}

func analyse(g *graph.Graph) *channels {
	c := &channels{g: g, layouts: map[*graph.Value]layout{}, owner: map[position]int{}, nodeRows: map[*graph.Node][]slab{},
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

func (c *channels) fresh(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = len(c.parent)
		c.parent = append(c.parent, ids[i])
		c.fixed = append(c.fixed, false)
	}
	return ids
}

func (c *channels) find(id int) int {
	for c.parent[id] != id {
		c.parent[id] = c.parent[c.parent[id]]
		id = c.parent[id]
	}
	return id
}

// union joins two channels; the lower number stays.
func (c *channels) union(a, b int) {
	a, b = c.find(a), c.find(b)
	if a > b {
		a, b = b, a
	}
	c.parent[b] = a
	c.fixed[a] = c.fixed[a] || c.fixed[b]
}

func (c *channels) unionAll(a, b []int) {
	for i := range a {
		c.union(a[i], b[i])
	}
}

// fix forbids the removal of every channel of v.
func (c *channels) fix(v *graph.Value) {
	for _, id := range c.layouts[v].ids {
		c.fixed[c.find(id)] = true
	}
}

// opaque gives v channels of its own that stay.
func (c *channels) opaque(v *graph.Value) {
	axis := min(1, len(v.Shape)-1)
	c.layouts[v] = layout{axis, c.fresh(v.Shape[axis])}
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

// own makes ids the owners of the positions of p's axis 0; a parameter used
// twice joins the channels of both uses.
func (c *channels) own(n *graph.Node, p *graph.Param, axis int, ids []int) {
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

// consume registers column i of weights p as a reader of ids[i].
func (c *channels) consume(n *graph.Node, p *graph.Param, ids []int) {
	s := slab{p, 1}
	if !c.knownSlab[s] {
		c.knownSlab[s] = true
		c.cols = append(c.cols, s)
	}
	for i, id := range ids {
		c.claim(position{s, i}, id)
		c.reads = append(c.reads, read{n, p, i, i})
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
	if len(n.Outputs) != 1 || !c.known(n) {
		c.opaqueNode(n)
	}
}

// known propagates channels through n; it reports false, before any change,
// when it does not know how.
func (c *channels) known(n *graph.Node) bool {
	x, out := n.Inputs[0], n.Outputs[0]
	in := c.layouts[x]
	if x.Param != nil {
		in = layout{axis: -1}
	}
	switch o := n.Op.(type) {
	case op.Conv2D:
		return x.Param == nil && n.Inputs[1].Param != nil && in.axis == 1 && c.conv(n, o, in)
	case op.Dense:
		return x.Param == nil && n.Inputs[1].Param != nil && in.axis == len(x.Shape)-1 && c.dense(n, in)
	case op.BatchNorm:
		if in.axis != 1 {
			return false
		}
		for _, v := range n.Inputs[1:] {
			if v.Param == nil {
				return false
			}
		}
		for _, v := range n.Inputs[1:] {
			c.own(n, v.Param, 0, in.ids)
		}
	case op.MaxPool, op.AvgPool, op.GlobalAvgPool:
		if in.axis != 1 {
			return false
		}
	case op.Pad:
		if in.axis < 0 || o.Before[in.axis] != 0 || o.After[in.axis] != 0 {
			return false
		}
	case op.Add, op.Sub, op.Mul, op.Div:
		return c.binary(n)
	case op.Concat:
		return c.concat(n, o.Axis)
	case op.Transpose:
		if in.axis < 0 {
			return false
		}
		in.axis = slices.Index(o.Perm, in.axis)
	case op.Reshape:
		to, ok := c.reshape(in, x.Shape, out.Shape)
		if !ok {
			return false
		}
		in = to
	case op.Elementwise:
		if in.axis < 0 {
			return false
		}
	default:
		return false
	}
	c.layouts[out] = in
	return true
}

func (c *channels) conv(n *graph.Node, o op.Conv2D, in layout) bool {
	w := n.Inputs[1].Param
	outC := w.Channels()
	var ids []int
	switch {
	case o.Groups <= 1:
		c.consume(n, w, in.ids)
		ids = c.fresh(outC)
	case o.Groups == len(in.ids) && w.Shadow.Shape[1] == 1:
		for _, id := range in.ids { // depthwise: outC/Groups outputs belong to each input
			for range outC / o.Groups {
				ids = append(ids, id)
			}
		}
	default:
		return false
	}
	c.produce(n, ids, 1)
	return true
}

func (c *channels) dense(n *graph.Node, in layout) bool {
	c.consume(n, n.Inputs[1].Param, in.ids)
	c.produce(n, c.fresh(n.Inputs[1].Param.Channels()), len(n.Outputs[0].Shape)-1)
	return true
}

func (c *channels) produce(n *graph.Node, ids []int, axis int) {
	c.own(n, n.Inputs[1].Param, 0, ids)
	if b := input(n, 2); b != nil {
		if b.Param != nil {
			c.own(n, b.Param, 0, ids)
		} else {
			for _, id := range ids {
				c.fixed[c.find(id)] = true
			}
		}
	}
	c.layouts[n.Outputs[0]] = layout{axis, ids}
}

// binary joins the channels of two activations, or passes those of one on
// beside a constant.
func (c *channels) binary(n *graph.Node) bool {
	l, r, out := n.Inputs[0], n.Inputs[1], n.Outputs[0]
	if l.Param == nil && r.Param == nil {
		a, b := c.layouts[l], c.layouts[r]
		if a.axis != b.axis || len(a.ids) != len(b.ids) || len(l.Shape) != len(r.Shape) {
			return false
		}
		c.unionAll(a.ids, b.ids)
		c.layouts[out] = a
		return true
	}
	x, k := l, r
	if l.Param != nil {
		x, k = r, l
	}
	if k.Param == nil || x.Param != nil || len(k.Shape) > len(x.Shape) {
		return false
	}
	a := c.layouts[x]
	at := a.axis - (len(x.Shape) - len(k.Shape))
	if a.axis < 0 || out.Shape[a.axis] != x.Shape[a.axis] {
		return false
	}
	if at >= 0 && k.Shape[at] != 1 {
		c.own(n, k.Param, at, a.ids)
	}
	c.layouts[out] = a
	return true
}

func (c *channels) concat(n *graph.Node, axis int) bool {
	var all layout
	for i, v := range n.Inputs {
		l := c.layouts[v]
		if v.Param != nil || i > 0 && l.axis != all.axis {
			return false
		}
		all.axis = l.axis
	}
	for i, v := range n.Inputs {
		ids := c.layouts[v].ids
		switch {
		case all.axis == axis:
			all.ids = append(all.ids, ids...)
		case i == 0:
			all.ids = ids
		default:
			c.unionAll(all.ids, ids)
		}
	}
	c.layouts[n.Outputs[0]] = all
	return true
}

// reshape finds the axis of the new shape along which the channels lie: each
// of its indexes must hold features of one channel only. Of several (a single
// channel fits everywhere) the one of unchanged size is taken.
func (c *channels) reshape(in layout, from, to tensor.Shape) (layout, bool) {
	if in.axis < 0 || from.Size() != to.Size() {
		return in, false
	}
	if in.axis == 0 {
		return layout{0, in.ids}, from.Equal(to)
	}
	inner := tensor.Shape(from[in.axis+1:]).Size()
	channel := func(e int) int { return in.ids[e/inner%from[in.axis]] }
	total := to.Size()
	best := layout{axis: -1}
	for axis, stride := 1, total; axis < len(to); axis++ {
		stride /= to[axis]
		ids := make([]int, to[axis])
		for i := range ids {
			ids[i] = -1
		}
		ok := true
		for e := 0; e < total && ok; e++ {
			i := e / stride % to[axis]
			if ids[i] < 0 {
				ids[i] = c.find(channel(e))
			}
			ok = ids[i] == c.find(channel(e))
		}
		if ok && (best.axis < 0 || len(ids) == len(in.ids) && len(best.ids) != len(in.ids)) {
			best = layout{axis, ids}
		}
	}
	return best, best.axis >= 0
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
			if id, ok := c.owner[position{s, i}]; !ok || !gone(c.find(id)) {
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
	left := func(v *graph.Value) int {
		k := 0
		for _, id := range c.layouts[v].ids {
			if !gone(c.find(id)) {
				k++
			}
		}
		return k
	}
	switch o := n.Op.(type) {
	case op.Conv2D:
		if o.Groups > 1 && o.Groups == len(c.layouts[n.Inputs[0]].ids) {
			o.Groups = left(n.Inputs[0])
			n.Op = o
		}
	case op.Reshape:
		l := c.layouts[n.Outputs[0]]
		if k := left(n.Outputs[0]); l.axis > 0 && k != len(l.ids) {
			shape := slices.Clone(o.Shape)
			shape[l.axis-1] = k
			n.Op = op.Reshape{Shape: shape}
		}
	}
}
