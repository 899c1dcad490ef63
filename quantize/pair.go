package quantize

import "math"

// Layer is a convolution or a dense layer as equalization sees it. The slices belong to the
// caller, who reads the scaled weights from them.
type Layer struct {
	Weights  []float32 // [channels, ...], row-major
	Bias     []float32 // [channels]; nil: none
	Channels int       // output channels
}

// Pair is two consecutive layers that can trade scale: channel c of A reaches B alone, through
// functions with f(s x) = s f(x) for s > 0 such as Relu and pools. B reads it by a block of
// neighbouring columns of each row, [channels of B, channels of A, block], or, where B is
// depthwise, by row c.
type Pair struct {
	A, B      *Layer
	Depthwise bool
}

// scale moves the factor s of channel c from A to B.
func (p Pair) scale(c int, s float32) {
	scaleAll(p.writers(c, p.A.Weights), 1/s)
	scaleAll(p.readers(c, p.B.Weights), s)
	if p.A.Bias != nil {
		p.A.Bias[c] /= s
	}
}

// Writers returns the weights of A that make channel c. They alias A's.
func (p Pair) Writers(c int) []float32 {
	w := p.writers(c, p.A.Weights)
	return w.run(w.from)
}

// Readers returns the weights of B that read channel c: those of each output, or of the one
// output where B is depthwise. They alias B's.
func (p Pair) Readers(c int) [][]float32 {
	var all [][]float32
	r := p.readers(c, p.B.Weights)
	for at := r.from; at < len(r.x); at += r.step {
		all = append(all, r.run(at))
	}
	return all
}

// runs are stretches of width values of x, one every step from from on.
type runs struct {
	x                 []float32
	from, width, step int
}

// run is the one that begins at at.
func (r runs) run(at int) []float32 { return r.x[at : at+r.width] }

// whole is all of x.
func whole(x []float32) runs { return runs{x, 0, len(x), max(len(x), 1)} }

// writers returns the part of x, parallel to A's weights, that makes channel c.
func (p Pair) writers(c int, x []float32) runs {
	row := len(x) / p.A.Channels
	return whole(x[c*row : (c+1)*row])
}

// readers returns the parts of x, parallel to B's weights, that read channel c.
func (p Pair) readers(c int, x []float32) runs {
	n := p.A.Channels
	if p.Depthwise {
		size := len(x) / n
		return whole(x[c*size : (c+1)*size])
	}
	row := len(x) / p.B.Channels
	width := row / n // kernel positions or features of one channel
	return runs{x, c * width, width, row}
}

// Equalize moves scale between the layers of each pair so that the weights of a channel have
// the same largest magnitude in both, without changing the network's function:
//
//	A's weights and bias of channel c  *= 1/s
//	B's weights that read channel c    *= s        s = sqrt(rA/rB)
//
// with rA and rB the largest magnitudes of the two sets of weights, both of which become
// sqrt(rA rB). Channels all of whose weights are zero on one side stay, and those for which
// that is below 2^-32 or above 2^32. The pairs are visited in order until no s differs from 1
// by more than 1 %, at most 20 times.
//
// Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and
// Bias Correction" (2019), section 4.1.
func Equalize(pairs []Pair) { repeat(pairs, Pair.equalize) }

// Bound is Equalize for channels alone whose largest magnitude on either side is below 2^-24
// or above 2^24. A file holds scales from 2^-40 to 2^30 (see RoundScale).
func Bound(pairs []Pair) {
	repeat(pairs, func(p Pair) float64 {
		return p.equalizeWhere(func(a, b float64) bool { return min(a, b) < 1.0/extreme || max(a, b) > extreme })
	})
}

const (
	extreme        = 1 << 24 // magnitude of weights beyond which Bound moves scale
	mostEqualized  = 1 << 32 // and that equalization leaves on both sides at the most
	leastEqualized = 1.0 / mostEqualized
)

// equalize visits every channel once and returns the largest |log s|.
func (p Pair) equalize() float64 {
	return p.equalizeWhere(func(_, _ float64) bool { return true })
}

// equalizeWhere visits the channels once whose largest weights of A and B are chosen, and
// returns the largest |log s|.
func (p Pair) equalizeWhere(chosen func(a, b float64) bool) float64 {
	moved := 0.0
	for c := 0; c < p.A.Channels; c++ {
		r1, r2 := largest(p.writers(c, p.A.Weights)), largest(p.readers(c, p.B.Weights))
		if r1 == 0 || r2 == 0 || !chosen(r1, r2) {
			continue
		}
		s := float32(math.Sqrt(r1 / r2))
		if both := math.Sqrt(r1 * r2); both < leastEqualized || both > mostEqualized || s == 0 || s-s != 0 {
			continue
		}
		p.scale(c, s)
		moved = max(moved, math.Abs(math.Log(float64(s))))
	}
	return moved
}

// repeat visits the pairs until none moves by more than 1 %, at most 20 times. visit returns
// the largest |log s|.
func repeat[P any](pairs []P, visit func(P) float64) {
	const visits = 20
	for range visits {
		moved := 0.0
		for _, p := range pairs {
			moved = max(moved, visit(p))
		}
		if moved < 0.01 {
			break
		}
	}
}

func largest(all runs) float64 {
	top := float32(0)
	for at := all.from; at < len(all.x); at += all.step {
		for _, v := range all.run(at) {
			top = max(top, v, -v)
		}
	}
	return float64(top)
}

func scaleAll(all runs, k float32) {
	for at := all.from; at < len(all.x); at += all.step {
		x := all.run(at)
		for i := range x {
			x[i] *= k
		}
	}
}
