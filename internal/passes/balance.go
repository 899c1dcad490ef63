package passes

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// Sensitivity is how much the loss minds what rounding does to a layer.
type Sensitivity struct {
	Curvature       []float32 // second derivative of the loss in each weight
	OutputCurvature []float64 // second derivative in the output of each channel, summed over its places
	AbsMax          []float64 // largest magnitude of each channel's outputs, after the activation
}

// Scaling is what Balance has multiplied the weights of a layer by: those of each output
// channel, and those that read each input of each group, one group after the other.
type Scaling struct {
	Rows, Columns []float64
}

// Balance moves scale between consecutive layers, as Equalize does, but so that entropy-coded
// weights on grids of one step a layer cost the fewest bits at the same loss, when a bit is
// worth the given lambda in loss. It returns what it has done, for each parameter of a pair.
//
// A layer of n weights with curvatures c that is to lose no more than before takes
//
//	n/2 log2(mean of c) + sum of log2|w|
//
// bits, but for a constant (a step d loses c d^2 / 24). Its step is at least the 127th part of
// its largest weight, and that of the activations between two layers the 255th part of their
// largest peak, or the 127th where they have a sign; a step of that size in all weights, or
// in all activations, loses
//
//	(largest/levels)^2 / 24 * sum of curvatures or minds
//
// which, divided by the lambda, are bits too. When channel k is divided by s_k, its weights in a
// are, and those in b multiplied; curvatures go the other way in squares, as its mind does.
// The sum of all bits, with norms of peakNorm for the largest, is convex in log s. It is
// minimised by Newton's method, channel after channel.
//
// Balance fails where weights have a grid, and if of has other shapes than the layers.
func Balance(g *graph.Graph, of map[*graph.Param]Sensitivity, lambda float64) (map[*graph.Param]*Scaling, error) {
	if err := gridless(g); err != nil {
		return nil, err
	}
	done := map[*graph.Param]*Scaling{}
	now := map[*graph.Param]*Sensitivity{}
	var pairs []pair
	for _, p := range findPairs(g) {
		a, known := of[p.a.w]
		b, knownToo := of[p.b.w]
		if !known || !knownToo {
			continue
		}
		if n := p.a.w.Channels(); len(a.Curvature) != len(p.a.w.Shadow.Data) || len(b.Curvature) != len(p.b.w.Shadow.Data) || len(a.OutputCurvature) != n || len(a.AbsMax) != n {
			return nil, fmt.Errorf("quantize: the sensitivities of %q and %q have other shapes than the parameters", p.a.w.Name, p.b.w.Name)
		}
		pairs = append(pairs, p)
		for _, l := range []layer{p.a, p.b} {
			if done[l.w] == nil {
				kernel, _ := l.op.Kernel()
				row := len(l.w.Shadow.Data) / l.w.Channels()
				done[l.w] = &Scaling{ones(l.w.Channels()), ones(kernel.Groups * row)}
				s := of[l.w]
				now[l.w] = &Sensitivity{slices.Clone(s.Curvature), slices.Clone(s.OutputCurvature), slices.Clone(s.AbsMax)}
			}
		}
	}
	repeat(pairs, func(p pair) float64 {
		return p.balance(now[p.a.w], now[p.b.w], done[p.a.w], done[p.b.w], lambda)
	})
	refresh(pairs)
	return done, nil
}

func ones(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// peakNorm is the norm that stands for the largest of several peaks, mostMove what log s may
// change by at a time.
const (
	peakNorm = 16
	mostMove = 0.5
)

// balance moves every channel once and returns the largest |log s|.
func (p pair) balance(a, b *Sensitivity, da, db *Scaling, lambda float64) float64 {
	wa, wb := newLeastStep(p.a.w.Shadow.Data, a.Curvature, 127, lambda), newLeastStep(p.b.w.Shadow.Data, b.Curvature, 127, lambda)
	peaks, minds := narrow(a.AbsMax), narrow(a.OutputCurvature)
	between := newLeastStep(peaks, minds, levels(p.a.node), lambda)
	if wa.sum <= 0 || wb.sum <= 0 || between.sum <= 0 {
		return 0
	}
	moved := 0.0
	for c := range a.OutputCurvature {
		na, fa, ra := wa.part(p.writers(c, p.a.w.Shadow.Data), p.writers(c, a.Curvature))
		nb, fb, rb := wb.part(p.readers(c, p.b.w.Shadow.Data), p.readers(c, b.Curvature))
		_, fm, rm := between.part([][]float32{peaks[c : c+1]}, [][]float32{minds[c : c+1]})
		if fa <= 0 || fb <= 0 || fm <= 0 {
			continue
		}
		// fa, fb and fm are parts of sums; na and nb of the layers' weights
		slope := (wa.n*fa-na-wb.n*fb+nb)/math.Ln2 + 2*(wa.lost*(fa-ra)-wb.lost*(fb-rb)+between.lost*(fm-rm))
		bend := 2*(wa.n*fa+wb.n*fb)/math.Ln2 + 2*(wa.lost*(2*fa+peakNorm*ra)+wb.lost*(2*fb+peakNorm*rb)+between.lost*(2*fm+peakNorm*rm))
		x := math.Max(-mostMove, math.Min(mostMove, -slope/bend))
		s := math.Exp(x)
		p.scale(c, float32(s))
		scaleAll(p.writers(c, a.Curvature), float32(s*s))
		scaleAll(p.readers(c, b.Curvature), float32(1/(s*s)))
		a.OutputCurvature[c] *= s * s
		a.AbsMax[c] /= s
		da.Rows[c] /= s
		width := len(db.Columns) / len(a.OutputCurvature)
		for i := c * width; i < (c+1)*width; i++ {
			db.Columns[i] *= s
		}
		moved = math.Max(moved, math.Abs(x))
	}
	return moved
}

// leastStep is what the least step that int8 allows loses.
type leastStep struct {
	n, sum    float64 // values, and their second derivatives
	top, norm float64 // the largest value, and the sum of their powers of peakNorm, relative to it
	lost      float64 // bits
}

func newLeastStep(x, curvature []float32, levels, lambda float64) (r leastStep) {
	r.top = largest([][]float32{x})
	for _, c := range curvature {
		r.sum += float64(c)
	}
	r.n = float64(len(x))
	if r.top > 0 {
		r.norm = r.powers(x)
		step := r.top * math.Pow(r.norm, 1.0/peakNorm) / levels
		r.lost = step * step / 24 * r.sum / lambda
	}
	return r
}

// powers returns the sum of (x/top)^16.
func (r leastStep) powers(x []float32) (sum float64) {
	inv := float32(1 / r.top)
	for _, v := range x {
		v *= inv
		v *= v
		v *= v
		v *= v
		sum += float64(v * v)
	}
	return sum
}

// part returns how many values x are, and their parts of the second derivatives and of the
// powers.
func (r leastStep) part(x, curvature [][]float32) (n, second, peak float64) {
	for i, v := range x {
		n += float64(len(v))
		peak += r.powers(v) / r.norm
		for _, c := range curvature[i] {
			second += float64(c) / r.sum
		}
	}
	return n, second, peak
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// levels is how many steps of an activation there are from zero to its largest peak.
func levels(n *graph.Node) float64 {
	if clamp := op.FusedClamp(n.Op); clamp.On && clamp.Lo >= 0 {
		return 255
	}
	return 127
}
