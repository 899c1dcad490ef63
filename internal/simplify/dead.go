package simplify

import (
	"math"

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
// Effective values decide (shadow under mask, grid and codebook). A constant
// other than zero stays where a reader pads with zeros. On a graph with grids
// the folding is exact in integers, or it is not done. It repeats until nothing
// more can go. Float results change by rounding only, and not at all where only
// zeros were removed.
func RemoveDead(g *graph.Graph) (Removed, error) {
	var total Removed
	for _, p := range g.Params() {
		p.Refresh()
	}
	for {
		before := size(g)
		n, err := removeDeadOnce(g)
		if err != nil || n == 0 {
			return total, err
		}
		total.Channels += n
		total.Values += before - size(g)
	}
}

func size(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		n += len(p.Shadow.Data)
	}
	return n
}

// dead is one round of RemoveDead.
type dead struct {
	*channels
	consts map[*graph.Value][]float32 // per position of the layout; NaN: not constant
	uses   map[*graph.Param]int
	reads  map[int][]read // of each channel
}

func removeDeadOnce(g *graph.Graph) (int, error) {
	d := &dead{channels: analyse(g), consts: map[*graph.Value][]float32{}, uses: map[*graph.Param]int{}, reads: map[int][]read{}}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil {
				d.uses[v.Param]++
			}
		}
	}
	for _, r := range d.channels.reads {
		id := d.find(d.owner[position{slab{r.param, 1}, r.index}])
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
					candidate[d.find(id)] = true
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
		if id, ok := d.owner[position{s, i}]; !ok || !candidate[d.find(id)] {
			return
		}
	}
	delete(candidate, d.find(d.owner[position{s, 0}]))
}

// removable reports whether every reader of the channel ignores it or can take
// its constant into the bias.
func (d *dead) removable(id int) bool {
	for _, r := range d.reads[id] {
		if d.columnIsZero(r) {
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
	if k := d.consts[r.node.Inputs[0]]; k != nil {
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

// takesConstant reports whether k can move into the reader's bias.
func (d *dead) takesConstant(r read, k float32) bool {
	if o, ok := r.node.Op.(op.Conv2D); ok && (o.PadT != 0 || o.PadL != 0 || o.PadB != 0 || o.PadR != 0) {
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
	x := r.node.Inputs[0].Grid
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
	if k != k || k == 0 || d.columnIsZero(r) {
		return
	}
	fresh := input(r.node, 2) == nil
	b := ensureBias(r.node)
	if fresh {
		d.uses[b] = 1
		d.channels.own(r.node, b, 0, d.channels.outputOwners(r.node))
		if w := r.param.Grid; w != nil {
			b.Grid = &graph.Grid{Scale: make([]float32, b.Channels()), Max: math.MaxInt32}
			for o := range b.Grid.Scale {
				b.Grid.Scale[o] = r.node.Inputs[0].Grid.Scale * w.ScaleOf(o)
			}
		}
	}
	for o, v := range d.contribution(r, k) {
		b.Shadow.Data[o] = b.Value.Data[o] + float32(v)
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
	k := make([]float32, len(l.ids))
	for i := range k {
		k[i] = nan
	}
	in := d.consts[n.Inputs[0]]
	if len(in) > len(k) { // an operator that the analysis does not see through
		in = nil
	}
	switch o := n.Op.(type) {
	case op.Conv2D:
		d.convConstants(n, o, k)
	case op.Dense:
		d.rowConstants(n, o.Clamp, k)
	case op.MaxPool, op.GlobalAvgPool:
		copy(k, in)
	case op.AvgPool:
		padded := o.CountPad && o.PadT+o.PadL+o.PadB+o.PadR > 0
		for i, v := range in {
			if !padded || v == 0 {
				k[i] = v
			}
		}
	case op.Pad:
		for i, v := range in {
			if v == o.Value {
				k[i] = v
			}
		}
	case op.Transpose:
		copy(k, in)
	case op.Reshape:
		d.reshapeConstants(n, k)
	case op.Concat:
		if l.axis == o.Axis {
			k = k[:0]
			for _, v := range n.Inputs {
				k = append(k, d.constsOf(v)...)
			}
		}
	case op.Add, op.Sub, op.Mul, op.Div:
		d.binaryConstants(n, k)
	case op.Elementwise:
		for i, v := range in {
			if v == v {
				k[i] = evaluate(n.Op, v)
			}
		}
	}
	if len(k) != len(l.ids) {
		return
	}
	if out.Grid != nil {
		for i := range k {
			if k[i] == k[i] {
				out.Grid.Round(k[i : i+1])
			}
		}
	}
	d.consts[out] = k
}

// constsOf returns the constants of v, all NaN when none are known.
func (d *dead) constsOf(v *graph.Value) []float32 {
	if k := d.consts[v]; k != nil {
		return k
	}
	k := make([]float32, len(d.layouts[v].ids))
	for i := range k {
		k[i] = nan
	}
	return k
}

// evaluate runs an operator on single numbers.
func evaluate(o graph.Op, x ...float32) float32 {
	in := make([]*tensor.Tensor, len(x))
	for i, v := range x {
		in[i] = tensor.Of([]float32{v}, 1, 1)
	}
	out := tensor.New(1, 1)
	o.Forward(&graph.Scratch{}, []*tensor.Tensor{out}, in)
	return out.Data[0]
}

// rowConstants sets outputs whose weights are all zero to their bias.
func (d *dead) rowConstants(n *graph.Node, c op.Clamp, k []float32) {
	w := n.Inputs[1].Param
	if w == nil || len(k) != w.Channels() {
		return
	}
	row := len(w.Value.Data) / w.Channels()
	for o := range k {
		if zeroRow(w, o, row) {
			k[o] = clamped(c, biasOf(n, o))
		}
	}
}

func zeroRow(w *graph.Param, o, row int) bool {
	for _, v := range w.Value.Data[o*row : (o+1)*row] {
		if v != 0 {
			return false
		}
	}
	return true
}

func biasOf(n *graph.Node, o int) float32 {
	b := input(n, 2)
	switch {
	case b == nil:
		return 0
	case b.Param == nil:
		return nan
	}
	return b.Param.Value.Data[o]
}

func clamped(c op.Clamp, v float32) float32 {
	if !c.On {
		return v
	}
	return min(max(v, c.Lo), c.Hi)
}

// convConstants adds to rowConstants that a depthwise kernel over a constant
// is constant, if it does not meet padding.
func (d *dead) convConstants(n *graph.Node, o op.Conv2D, k []float32) {
	d.rowConstants(n, o.Clamp, k)
	in := d.consts[n.Inputs[0]]
	w := n.Inputs[1].Param
	if w == nil || o.Groups <= 1 || in == nil || o.Groups != len(in) || w.Shadow.Shape[1] != 1 || len(k) != w.Channels() {
		return
	}
	padded := o.PadT != 0 || o.PadL != 0 || o.PadB != 0 || o.PadR != 0
	row := len(w.Value.Data) / w.Channels()
	for c := range k {
		x := in[c/(len(k)/o.Groups)]
		if k[c] == k[c] || x != x || padded && x != 0 {
			continue
		}
		sum := biasOf(n, c)
		for _, v := range w.Value.Data[c*row : (c+1)*row] {
			sum += v * x
		}
		k[c] = clamped(o.Clamp, sum)
	}
}

// reshapeConstants carries constants to the new axis: an index there is
// constant when the features that it holds are, with one value.
func (d *dead) reshapeConstants(n *graph.Node, k []float32) {
	x, out := n.Inputs[0], n.Outputs[0]
	in := d.consts[x]
	from, to := d.layouts[x], d.layouts[out]
	if in == nil || from.axis < 1 || to.axis < 1 {
		return
	}
	inner := tensor.Shape(x.Shape[from.axis+1:]).Size()
	stride := tensor.Shape(out.Shape[to.axis+1:]).Size()
	seen := make([]bool, len(k))
	for e := range out.Shape.Size() {
		i, v := e/stride%len(k), in[e/inner%len(in)]
		if !seen[i] {
			seen[i], k[i] = true, v
		} else if k[i] != v {
			k[i] = nan
		}
	}
}

// binaryConstants evaluates arithmetic where both sides are constant.
func (d *dead) binaryConstants(n *graph.Node, k []float32) {
	l := d.layouts[n.Outputs[0]]
	sides := [2][]float32{}
	for s, v := range n.Inputs[:2] {
		if v.Param == nil {
			sides[s] = d.consts[v]
		} else {
			sides[s] = perChannel(v.Param, n.Outputs[0].Shape, l.axis)
		}
		if len(sides[s]) != len(k) && (v.Param == nil || len(sides[s]) != 1) {
			return
		}
	}
	for i := range k {
		a, b := sides[0][i%len(sides[0])], sides[1][i%len(sides[1])]
		if a == a && b == b {
			k[i] = evaluate(n.Op, a, b)
		}
	}
}
