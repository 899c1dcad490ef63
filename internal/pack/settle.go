package pack

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// layer is a node with int8 weights and an int8 input.
type layer struct {
	in   *graph.Affine // grid of the input
	out  *graph.Affine // grid of the output; nil: float
	w, b *graph.Param  // b is nil without a bias
}

// settle gives every layer the weights and biases of the device's form that compute the
// same; see the package. What cannot be, stays: lowering says why. It returns the number of
// layers whose float biases it has rounded.
func settle(g *graph.Graph) (rounded int) {
	shared := graph.NewLinks(g)
	spread(g, shared)
	averages(g)
	done := map[*graph.Param]bool{} // weights that several layers read
	for _, n := range g.Nodes {
		l, ok := layerOf(n)
		if !ok {
			continue
		}
		if l.b != nil && shared.Uses(l.b) > 1 { // layers have steps of their own
			l.b = l.b.Clone()
			n.Inputs[op.BiasInput] = &graph.Value{Name: l.b.Name, Shape: l.b.Shadow.Shape.Clone(), Param: l.b}
		}
		if shared.Uses(l.w) == 1 || !done[l.w] {
			l.weakChannels(shared.Uses(l.w) == 1)
			done[l.w] = true
		}
		if l.b != nil && l.b.Grid == nil {
			rounded++
		}
		l.bias()
	}
	return rounded
}

func layerOf(n *graph.Node) (l layer, ok bool) {
	if !op.IsLayer(n) {
		return l, false
	}
	w := n.Inputs[op.WeightInput]
	l.in, l.out = n.Inputs[0].Grid, n.Outputs[0].Grid
	if l.in == nil || w == nil || w.Param == nil {
		return l, false
	}
	if l.w = w.Param; l.w.Grid == nil && !oneWeight(l.w) {
		return l, false
	}
	if len(n.Inputs) > op.BiasInput && n.Inputs[op.BiasInput] != nil {
		l.b = n.Inputs[op.BiasInput].Param
	}
	return l, true
}

// oneWeight puts float weights of which each output channel has one, such as those of a
// BatchNormalization, on a grid that holds them, 127 or -127 times a scale of its own; ok is
// false for others.
func oneWeight(w *graph.Param) (ok bool) {
	n := w.Channels()
	if len(w.Shadow.Data) != n || w.Why != "" {
		return false
	}
	grid := &graph.Grid{Max: 127}
	for _, v := range w.Shadow.Data {
		s := float32(math.Abs(float64(v)) / 127)
		if s == 0 {
			s = 1.0 / 127
		}
		grid.Scale = append(grid.Scale, s)
	}
	w.Grid = grid
	w.Refresh()
	return true
}

// step returns the float32 step of the sum of channel c.
func (l *layer) step(c int) float32 { return l.in.Scale * l.w.Grid.ScaleOf(c) }

// onStep reports whether the bias of channel c is in steps of the sum.
func (l *layer) onStep(c int) bool {
	const rounding = 1e-5 // the grid's scale is a float32 product
	step := float64(l.step(c))
	return l.b.Grid != nil && math.Abs(float64(l.b.Grid.ScaleOf(c))-step) <= rounding*step
}

// bias puts the bias in steps of the sum: rounded if it is float, else if it is a
// multiple of them.
func (l *layer) bias() {
	if l.b == nil {
		return
	}
	q := make([]int32, l.b.Channels())
	var was []int32
	if l.b.Grid != nil {
		was = l.b.Quanta()
	}
	for c := range q {
		switch v, ok := l.quotient(c, was); {
		case was != nil && l.onStep(c):
			q[c] = was[c]
		case !ok:
			return
		default:
			q[c] = v
		}
	}
	setQuanta(l.b, quantize.BiasScales(l.in.Scale, l.w.Grid.Scale), q)
}

// quotient returns the bias of channel c in steps of the sum; ok is false when it is beyond
// 32 bits, or, with the integers was of another grid, between two steps.
func (l *layer) quotient(c int, was []int32) (q int32, ok bool) {
	v := float64(l.b.Shadow.Data[c] / l.step(c)) // as in float32: halves, and what the runtimes make of them
	if was != nil {
		v = float64(was[c]) * float64(l.b.Grid.ScaleOf(c)) / (float64(l.in.Scale) * float64(l.w.Grid.ScaleOf(c)))
	}
	r := math.RoundToEven(v)
	const resolution = 1.0 / (1 << 22) // of three float32 scales
	ok = math.Abs(r) <= math.MaxInt32 && (was == nil || math.Abs(v-r) <= resolution*math.Abs(v))
	return int32(r), ok
}

// setQuanta puts p on a grid of the given scales, with the integers q, row by row.
func setQuanta(p *graph.Param, scale []float32, q []int32) {
	p.Grid = &graph.Grid{Scale: scale, Max: math.MaxInt32}
	p.Exact = nil
	row := max(len(q)/p.Channels(), 1)
	for i, v := range q {
		p.Shadow.Data[i] = float32(float64(v) * float64(p.Grid.ScaleOf(i/row)))
	}
	p.Refresh()
	if !slices.Equal(p.Quanta(), q) {
		p.Exact = q
	}
}

// weakChannels makes constants of the channels whose scale no file can hold, and finds a
// scale for channels of zeros under which their bias has a fine step. Weights that are
// not the layer's own keep their scales unless all of the channel's weights are zero.
func (l *layer) weakChannels(own bool) {
	g, q := l.w.Grid, l.w.Quanta()
	n := l.w.Channels()
	row := len(q) / n
	weak := func(c int) bool { return !usable(g.ScaleOf(c)) }
	zeros := func(c int) bool {
		return !slices.ContainsFunc(q[c*row:(c+1)*row], func(v int32) bool { return v != 0 })
	}
	var some []int
	for c := range n {
		if z := zeros(c); z && (weak(c) || l.coarse(c)) || weak(c) && own && l.constant(c, q[c*row:(c+1)*row]) {
			some = append(some, c)
		}
	}
	if len(some) == 0 {
		return
	}
	g.Scale = slices.Clone(g.Scale)
	if len(g.Scale) == 1 {
		g.Scale = slices.Repeat(g.Scale, n)
	}
	for _, c := range some {
		clear(l.w.Shadow.Data[c*row : (c+1)*row])
		if l.w.Exact != nil {
			clear(l.w.Exact[c*row : (c+1)*row])
		}
		g.Scale[c] = l.fineScale(c)
	}
	l.w.Refresh()
	if exact := l.w.Exact; exact != nil {
		if l.w.Exact = nil; !slices.Equal(l.w.Quanta(), exact) {
			l.w.Exact = exact
		}
	}
}

// The scales that a file can hold (SPEC.md).
const (
	leastScale = 1.0 / (1 << 40)
	mostScale  = 1 << 30
)

func usable(s float32) bool { return s >= leastScale && s <= mostScale }

// value returns the bias of channel c.
func (l *layer) value(c int) float64 {
	if l.b == nil {
		return 0
	}
	return float64(l.b.Shadow.Data[c])
}

// fineSteps is the number of steps that a bias of a channel of zeros is worth.
const fineSteps = 1 << 20

// coarse reports whether the step of channel c is too large for its bias, or too small.
func (l *layer) coarse(c int) bool {
	steps := math.Abs(l.value(c)) / float64(l.step(c))
	return l.b != nil && !l.onStep(c) && steps != 0 && (steps < fineSteps/2 || steps > quantize.MaxBias)
}

// fineScale returns a weight scale for channel c, whose weights are zeros: one of the
// tensor's, or what makes its bias a million steps.
func (l *layer) fineScale(c int) float32 {
	if v := math.Abs(l.value(c)); v != 0 {
		return float32(max(leastScale, min(mostScale, v/fineSteps/float64(l.in.Scale))))
	}
	for _, s := range l.w.Grid.Scale {
		if usable(s) {
			return s
		}
	}
	return 1
}

// constant reports whether the output of channel c, with the weights q, is the same for all
// inputs: its bias.
func (l *layer) constant(c int, q []int32) bool {
	sum := 0.0
	for _, v := range q {
		sum += math.Abs(float64(v))
	}
	if l.out == nil {
		return sum == 0
	}
	const span = 255 // of an int8 input
	reach := span * sum * float64(l.in.Scale) * float64(l.w.Grid.ScaleOf(c))
	low, high := (l.value(c)-reach)/float64(l.out.Scale), (l.value(c)+reach)/float64(l.out.Scale)
	const guard = 1.0 / (1 << 12) // of a step of the output, for the rounding of the bias
	return math.Round(low-guard) == math.Round(high+guard)
}
