package passes

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// maxWeight is the largest magnitude of a weight's integer: -128 is left out,
// so that the grid is symmetric.
const maxWeight = 127

// layer is a node with weights.
type layer struct {
	node *graph.Node
	op   op.Layer     // of the node
	w, b *graph.Param // b is nil without a bias
}

// layers returns the nodes of layers whose weights are parameters, in
// execution order.
func layers(g *graph.Graph) []layer {
	var ls []layer
	for _, n := range g.Nodes {
		o, ok := n.Op.(op.Layer)
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

// Weights gives every weight tensor a symmetric int8 grid (Param.Grid), with one
// scale for each output channel or one in all (see Config), and refreshes its
// effective value. Each scale minimizes the squared error over the weights that
// the mask keeps, clipping included, and is rounded to what the file stores. A
// channel without weights takes the scale of the whole tensor. Parameters with
// a codebook keep their grid, on which the codebook depends.
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
			return fmt.Errorf("quantize: parameter %q: weight %d is %v: the network is broken", l.w.Name, i, l.w.Shadow.Data[i])
		}
		scale := weightScales(l.w, cfg)
		raiseForBias(scale, l)
		l.w.Grid = &graph.Grid{Scale: scale, Max: maxWeight}
		l.w.Refresh()
	}
	return nil
}

// weightScales returns one scale, or one for each output channel.
func weightScales(p *graph.Param, cfg Config) []float32 {
	channels := p.Channels()
	whole := bestScale(kept(p, 0, len(p.Shadow.Data)), 0)
	each := make([]float32, channels)
	row := len(p.Shadow.Data) / channels
	ratio, live := 0.0, 0
	for c := range each {
		w := kept(p, c*row, (c+1)*row)
		if each[c] = bestScale(w, whole); norm2(w) > 0 {
			ratio += squaredError(w, whole) / norm2(w)
			live++
		}
	}
	perTensor := channels == 1 || ratio <= cfg.PerTensorError*float64(live)
	if cfg.PerTensor != nil {
		perTensor = cfg.PerTensor(p)
	}
	if perTensor {
		return []float32{whole}
	}
	return each
}

// kept returns the weights lo..hi-1 that the mask keeps, zeros left out: they
// are exact on every grid.
func kept(p *graph.Param, lo, hi int) []float32 {
	var w []float32
	for i := lo; i < hi; i++ {
		if (p.Mask == nil || p.Mask[i] != 0) && p.Shadow.Data[i] != 0 {
			w = append(w, p.Shadow.Data[i])
		}
	}
	return w
}

// bestScale returns the scale of least squared error for w, otherwise when w is
// empty (or 1/127 when that is zero).
func bestScale(w []float32, otherwise float32) float32 {
	top := 0.0
	for _, v := range w {
		top = max(top, math.Abs(float64(v)))
	}
	if top == 0 {
		if otherwise == 0 {
			return quantize.RoundScale(1.0 / maxWeight)
		}
		return otherwise
	}
	const steps, narrowest = 20, 0.5
	best, least := float32(0), math.Inf(1)
	for i := 0; i < steps; i++ {
		f := 1 - (1-narrowest)*float64(i)/steps
		s := quantize.RoundScale(f * top / maxWeight)
		if s == 0 {
			s = math.SmallestNonzeroFloat32
		}
		if e := squaredError(w, s); e < least {
			best, least = s, e
		}
	}
	return best
}

// squaredError is sum (w - rounded w)^2.
func squaredError(w []float32, scale float32) float64 {
	s, inv, sum := float64(scale), 1/float64(scale), 0.0
	for _, v := range w {
		q := min(math.Floor(math.Abs(float64(v))*inv+0.5), maxWeight)
		e := math.Abs(float64(v)) - q*s
		sum += e * e
	}
	return sum
}

func norm2(w []float32) float64 {
	sum := 0.0
	for _, v := range w {
		sum += float64(v) * float64(v)
	}
	return sum
}

// raiseForBias enlarges scales so far that the bias fits its integer: a channel
// of tiny weights may carry a large bias.
func raiseForBias(scale []float32, l layer) {
	in := l.node.Inputs[0].Grid
	if l.b == nil || in == nil {
		return
	}
	const room = 1 << 26
	for c, b := range l.b.Shadow.Data {
		least := math.Abs(float64(b)) / (float64(in.Scale) * room)
		if k := min(c, len(scale)-1); float64(scale[k]) < least {
			scale[k] = quantize.RoundScale(least * 1.001)
		}
	}
}

// maxBias bounds the magnitude of a bias's integer, which leaves the
// accumulator as much room again.
const maxBias = 1 << 30

// Biases gives every bias the grid of its layer's accumulator: scale inScale *
// wScale[c], whose Shift lowest bits stay zero. The shift is the largest for
// which the bias moves in steps of at most Config.BiasStep output steps; behind
// a float output, of the output change that one input step makes (inScale times
// the median norm of a channel's weights); or of Config.CoarsestBias. Activation and
// weight grids must exist; call it again whenever one of them has changed.
func Biases(g *graph.Graph, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	done := map[*graph.Param]bool{}
	for _, l := range layers(g) {
		if l.b == nil {
			continue
		}
		in := l.node.Inputs[0].Grid
		if in == nil || l.w.Grid == nil {
			return fmt.Errorf("quantize: node %q: its input or its weights have no grid yet: calibrate first", l.node.Name)
		}
		grid := &graph.Grid{Scale: biasScale(in, l.w.Grid), Max: maxBias}
		grid.Shift = biasShift(slices.Max(grid.Scale), l, cfg)
		if done[l.b] && !slices.Equal(grid.Scale, l.b.Grid.Scale) {
			return fmt.Errorf("quantize: node %q: bias %q is shared by layers with different scales: give each layer its own", l.node.Name, l.b.Name)
		}
		done[l.b] = true
		for c, b := range l.b.Shadow.Data {
			if math.Abs(float64(b)) > float64(grid.ScaleOf(c))*maxBias {
				return fmt.Errorf("quantize: node %q: bias %v of channel %d does not fit 30 bits of %v: choose the weights' scales again", l.node.Name, b, c, grid.ScaleOf(c))
			}
		}
		l.b.Grid = grid
		l.b.Refresh()
	}
	return nil
}

func biasScale(in *graph.Affine, w *graph.Grid) []float32 {
	scale := make([]float32, len(w.Scale))
	for c, s := range w.Scale {
		scale[c] = in.Scale * s
	}
	return scale
}

func biasShift(scale float32, l layer, cfg Config) int {
	step := 0.0
	if out := l.node.Outputs[0].Grid; out != nil {
		step = float64(out.Scale)
	} else {
		step = float64(l.node.Inputs[0].Grid.Scale) * medianNorm(l.w)
	}
	const most = 20
	shift := 0
	step *= cfg.BiasStep
	if cfg.CoarsestBias != nil {
		step = max(step, cfg.CoarsestBias(l.w))
	}
	for shift < most && float64(scale)*float64(int64(2)<<shift) <= step {
		shift++
	}
	return shift
}

// medianNorm is the median over the output channels that have weights of
// sqrt(sum w^2).
func medianNorm(p *graph.Param) float64 {
	row := len(p.Value.Data) / p.Channels()
	var norms []float64
	for c := 0; c < p.Channels(); c++ {
		if n := norm2(p.Value.Data[c*row : (c+1)*row]); n > 0 {
			norms = append(norms, math.Sqrt(n))
		}
	}
	if len(norms) == 0 {
		return 0
	}
	slices.Sort(norms)
	return norms[len(norms)/2]
}
