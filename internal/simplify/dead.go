package simplify

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// Removed says what RemoveDead took away.
type Removed struct {
	Channels int // channels removed
	Values   int // parameter entries removed
}

// RemoveDead removes, without changing what the network computes:
//
//   - channels that nobody reads: all weights behind them are zero;
//   - channels that are constant: all weights before them are zero, so that
//     what arrives at each reader is the bias, sent through activations and
//     pools. The constant is folded into the biases of the readers.
//
// Effective values decide (shadow under mask, grid and codebook). A nonzero
// constant stays where a reader pads with zeros. On a graph with grids
// the folding is exact in integers, or it is not done. It repeats until nothing
// more can go, at most 16 + 2^17/n times in a graph of n nodes. Float results change by rounding
// only, and not at all where only zeros were removed.
func RemoveDead(g *graph.Graph) (Removed, error) { return RemoveDeadExactly(g, nil) }

// Exact corrects the constants k that float arithmetic has found for the output of n, whose
// values are rounded to a grid: k[i] is that of position i along the axis; NaN: not constant.
// at returns the same of an input.
type Exact func(n *graph.Node, at func(v *graph.Value) (k []float32, axis int), k []float32, axis int)

// RemoveDeadExactly is RemoveDead with constants that exact has corrected. Without, a constant
// may be a step of its grid beside what the device computes, whose arithmetic is in
// integers.
func RemoveDeadExactly(g *graph.Graph, exact Exact) (Removed, error) {
	var total Removed
	for _, p := range g.Params() {
		p.Refresh()
	}
	for rounds := mostRounds(g); ; rounds-- {
		before := size(g)
		n, err := removeDeadOnce(g, exact)
		if err != nil || n == 0 {
			return total, err
		}
		total.Channels += n
		total.Values += before - size(g)
		if rounds == 0 {
			return total, nil
		}
	}
}

func size(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		n += len(p.Shadow.Data)
	}
	return n
}

// dead is one round of RemoveDead. It is the op.Constants that operators report to.
type dead struct {
	*channels
	exact  Exact
	consts map[*graph.Value][]float32 // per position of the layout; NaN: not constant
	uses   map[*graph.Param]int
	reads  map[int][]read // of each channel
}

func removeDeadOnce(g *graph.Graph, exact Exact) (int, error) {
	d := &dead{channels: analyse(g), exact: exact, consts: map[*graph.Value][]float32{}, uses: map[*graph.Param]int{}, reads: map[int][]read{}}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil {
				d.uses[v.Param]++
			}
		}
	}
	for _, r := range d.channels.reads {
		id := d.Root(d.owner[position{slab{r.param, 1}, r.index}])
		d.reads[id] = append(d.reads[id], r)
	}
	for _, n := range g.Nodes {
		d.constants(n)
	}
	gone := d.choose()
	if len(gone) == 0 {
		return 0, nil
	}
	for id := range len(d.parent) { // in order, so that float sums are reproducible
		if gone[id] {
			for _, r := range d.reads[id] {
				d.fold(r)
			}
		}
	}
	return len(gone), d.cut(func(id int) bool { return gone[id] })
}

// choose returns the channels that can go, leaving one position on each axis.
func (d *dead) choose() map[int]bool {
	candidate := map[int]bool{}
	for _, list := range [][]slab{d.rows, d.cols} {
		for _, s := range list {
			for i := 0; i < s.param.Shadow.Shape[s.axis]; i++ {
				if id, ok := d.owner[position{s, i}]; ok {
					candidate[d.Root(id)] = true
				}
			}
		}
	}
	for id := range candidate {
		if d.fixed[id] || !d.removable(id) {
			delete(candidate, id)
		}
	}
	for _, list := range [][]slab{d.rows, d.cols} {
		for _, s := range list {
			d.keepOne(s, candidate)
		}
	}
	return candidate
}

// keepOne takes the first channel of a slab off the list when all are on it.
func (d *dead) keepOne(s slab, candidate map[int]bool) {
	for i := 0; i < s.param.Shadow.Shape[s.axis]; i++ {
		if id, ok := d.owner[position{s, i}]; !ok || !candidate[d.Root(id)] {
			return
		}
	}
	delete(candidate, d.Root(d.owner[position{s, 0}]))
}

// removable reports whether every reader of the channel ignores it or can take
// its constant into the bias.
func (d *dead) removable(id int) bool {
	for _, r := range d.reads[id] {
		if d.columnIsZero(r) || d.readsOnlyItself(r, id) {
			continue
		}
		k := d.constantAt(r)
		if k == 0 {
			continue
		}
		if k != k || !d.takesConstant(r, k) {
			return false
		}
	}
	return true
}

func (d *dead) constantAt(r read) float32 {
	if k := d.consts[r.from]; k != nil {
		return k[r.at]
	}
	return nan
}

var nan = float32(math.NaN())

// column calls f with the flat index of each weight that reads column r.
func column(r read, f func(out, i int)) {
	s := r.param.Shadow.Shape
	inner := tensor.Shape(s[2:]).Size()
	for o := 0; o < s[0]; o++ {
		for k := 0; k < inner; k++ {
			f(o, (o*s[1]+r.index)*inner+k)
		}
	}
}

func (d *dead) columnIsZero(r read) bool {
	zero := true
	column(r, func(_, i int) { zero = zero && r.param.Value.Data[i] == 0 })
	return zero
}

// readsOnlyItself reports whether column r of weights that read their own node's output has
// its nonzero weights in rows of the very channel, which go with it.
func (d *dead) readsOnlyItself(r read, id int) bool {
	if r.from != r.node.Outputs[0] {
		return false
	}
	only := true
	column(r, func(o, i int) {
		owner, ok := d.owner[position{slab{r.param, 0}, o}]
		only = only && (r.param.Value.Data[i] == 0 || ok && d.Root(owner) == id)
	})
	return only
}

// takesConstant reports whether k can move into the reader's bias.
func (d *dead) takesConstant(r read, k float32) bool {
	l, ok := r.node.Op.(op.Layer)
	if !ok {
		return false
	}
	if kernel, _ := l.Kernel(); kernel.Padded() {
		return false
	}
	b := input(r.node, 2)
	if d.uses[r.param] != 1 || b != nil && (d.uses[b.Param] != 1 || b.Param.Book != nil) {
		return false
	}
	w := r.param
	if w.Grid == nil {
		return b == nil || b.Param.Grid == nil
	}
	// Integers: weight and activation grids give the bias grid.
	x := l.MetGrid(r.node)
	if x == nil || b != nil && b.Param.Grid == nil {
		return false
	}
	fits := true
	sum := d.contribution(r, k)
	for o, v := range sum {
		scale := float64(x.Scale) * float64(w.Grid.ScaleOf(o))
		q := math.Round(v / scale)
		if b != nil {
			g := b.Param.Grid
			if math.Abs(float64(g.ScaleOf(o))/scale-1) > 1e-6 {
				fits = false
			}
			q += math.Round(float64(b.Param.Value.Data[o]) / float64(g.ScaleOf(o)))
			fits = fits && math.Abs(q) <= float64(g.Max)
		}
		fits = fits && math.Abs(q) < 1<<21 // float32 holds it exactly, after a few sums
	}
	return fits
}

// contribution is what a constant k in column r adds to each output.
func (d *dead) contribution(r read, k float32) []float64 {
	sum := make([]float64, r.param.Channels())
	column(r, func(o, i int) { sum[o] += float64(r.param.Value.Data[i]) * float64(k) })
	return sum
}

// fold adds the contribution of a constant column to the reader's bias.
func (d *dead) fold(r read) {
	k := d.constantAt(r)
	if k != k || k == 0 || d.columnIsZero(r) || !op.IsLayer(r.node) {
		return
	}
	fresh := input(r.node, op.BiasInput) == nil
	if fresh {
		for len(r.node.Inputs) <= op.BiasInput {
			r.node.Inputs = append(r.node.Inputs, nil)
		}
		r.node.Inputs[op.BiasInput] = paramValue(newBias(r.node))
	}
	b := r.node.Inputs[op.BiasInput].Param
	if fresh {
		d.uses[b] = 1
		d.channels.Own(r.node, b, 0, d.channels.outputOwners(r.node))
		if w := r.param.Grid; w != nil {
			b.Grid = &graph.Grid{Scale: make([]float32, b.Channels()), Max: math.MaxInt32}
			for o := range b.Grid.Scale {
				b.Grid.Scale[o] = r.node.Op.(op.Layer).MetGrid(r.node).Scale * w.ScaleOf(o)
			}
		}
	}
	for o, v := range d.contribution(r, k) {
		b.Shadow.Data[o] = b.Value.Data[o] + float32(v)
		if b.Exact != nil {
			b.Exact[o] += int32(math.Round(v / float64(b.Grid.ScaleOf(o))))
		}
		if b.Mask != nil && b.Shadow.Data[o] != 0 {
			b.Mask[o] = 1
		}
	}
	if b.Grid != nil {
		b.Grid.Shift = 0
	}
	b.Refresh()
}

// outputOwners returns the channel of each row of a Conv2D or Dense.
func (c *channels) outputOwners(n *graph.Node) []int {
	w := n.Inputs[1].Param
	ids := make([]int, w.Channels())
	for i := range ids {
		ids[i] = c.owner[position{slab{w, 0}, i}]
	}
	return ids
}

// constants computes which channels of n's output are constant, and their
// value.
func (d *dead) constants(n *graph.Node) {
	out := n.Outputs[0]
	l, ok := d.layouts[out]
	if !ok || len(n.Outputs) != 1 {
		return
	}
	k := make([]float32, len(l.IDs))
	for i := range k {
		k[i] = nan
	}
	op.TraceConstants(d, n, k)
	if out.Grid != nil {
		for i := range k {
			if k[i] == k[i] {
				out.Grid.Round(k[i : i+1])
			}
		}
	}
	if out.Grid != nil && d.exact != nil && slices.ContainsFunc(k, func(v float32) bool { return v == v }) {
		d.exact(n, func(v *graph.Value) ([]float32, int) { return d.consts[v], d.layouts[v].Axis }, k, l.Axis)
	}
	d.consts[out] = k
}

// Of implements op.Constants.
func (d *dead) Of(v *graph.Value) []float32 { return d.consts[v] }
