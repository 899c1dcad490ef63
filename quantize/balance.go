package quantize

import "math"

// Sensitivity is what an error in a layer costs, to second order, and how large its outputs are.
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

// NewScaling returns the Scaling of a layer that was not scaled.
func NewScaling(rows, columns int) *Scaling { return &Scaling{ones(rows), ones(columns)} }

func ones(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// BalancedPair is a Pair with what Balance needs of its layers. A layer that is in two pairs
// has the same Sensitivity and Scaling in both.
type BalancedPair struct {
	Pair
	SensitivityA, SensitivityB *Sensitivity // Balance changes them with the weights
	ScalingA, ScalingB         *Scaling     // multiplied by what Balance does
	Levels                     float64      // steps of the activations between A and B from zero to the largest magnitude: 255 without a sign, 127 with one
}

// Balance moves scale between consecutive layers, as Equalize does, but so that entropy-coded
// weights on grids of one step per layer cost the fewest bits at the same loss, when a bit is
// worth lambda of loss.
//
// A layer of n weights w with curvatures c that may lose a given amount takes
//
//	n/2 log2(mean of c) + sum of log2|w|
//
// bits, up to a constant (a step d loses c d^2 / 24 for each weight). Its step is at least
// 1/127 of its largest weight, and that of the activations between two layers at least
// 1/Levels of their largest magnitude. A step of that size in all weights, or in all
// activations, loses
//
//	(largest/levels)^2 / 24 * sum of curvatures
//
// which counts as bits when divided by lambda. Dividing channel c by s divides its weights in
// A and multiplies those in B; curvatures, and the output curvature, change by the inverse
// squares. The sum of all bits, with 16-norms instead of the largest values, is convex in
// log s. It is minimised by Newton's method, channel after channel; the pairs are visited
// until no s differs from 1 by more than 1 %, at most 20 times.
func Balance(pairs []BalancedPair, lambda float64) {
	repeat(pairs, func(p BalancedPair) float64 { return p.balance(lambda) })
}

// peakNorm is the norm that stands for the largest of several magnitudes, mostMove what log s
// may change by at a time.
const (
	peakNorm = 16
	mostMove = 0.5
)

// balance moves every channel once and returns the largest |log s|.
func (p BalancedPair) balance(lambda float64) float64 {
	a, b := p.SensitivityA, p.SensitivityB
	wa, wb := newLeastStep(p.A.Weights, a.Curvature, MaxWeight, lambda), newLeastStep(p.B.Weights, b.Curvature, MaxWeight, lambda)
	absMax, curvature := narrow(a.AbsMax), narrow(a.OutputCurvature)
	between := newLeastStep(absMax, curvature, p.Levels, lambda)
	if wa.sum <= 0 || wb.sum <= 0 || between.sum <= 0 {
		return 0
	}
	moved := 0.0
	for c := range a.OutputCurvature {
		na, fa, ra := wa.part(p.writers(c, p.A.Weights), p.writers(c, a.Curvature))
		nb, fb, rb := wb.part(p.readers(c, p.B.Weights), p.readers(c, b.Curvature))
		_, fm, rm := between.part(whole(absMax[c:c+1]), whole(curvature[c:c+1]))
		if fa <= 0 || fb <= 0 || fm <= 0 {
			continue
		}
		// fa, fb and fm are parts of sums; na and nb of the layers' weights
		slope := (wa.n*fa-na-wb.n*fb+nb)/math.Ln2 + 2*(wa.lost*(fa-ra)-wb.lost*(fb-rb)+between.lost*(fm-rm))
		bend := 2*(wa.n*fa+wb.n*fb)/math.Ln2 + 2*(wa.lost*(2*fa+peakNorm*ra)+wb.lost*(2*fb+peakNorm*rb)+between.lost*(2*fm+peakNorm*rm))
		x := math.Max(-mostMove, math.Min(mostMove, -slope/bend))
		p.move(c, math.Exp(x))
		moved = math.Max(moved, math.Abs(x))
	}
	return moved
}

// move scales channel c by s and notes it.
func (p BalancedPair) move(c int, s float64) {
	a, b := p.SensitivityA, p.SensitivityB
	p.scale(c, float32(s))
	scaleAll(p.writers(c, a.Curvature), float32(s*s))
	scaleAll(p.readers(c, b.Curvature), float32(1/(s*s)))
	a.OutputCurvature[c] *= s * s
	a.AbsMax[c] /= s
	p.ScalingA.Rows[c] /= s
	width := len(p.ScalingB.Columns) / len(a.OutputCurvature)
	for i := c * width; i < (c+1)*width; i++ {
		p.ScalingB.Columns[i] *= s
	}
}

// leastStep is what the least step that int8 allows loses.
type leastStep struct {
	n, sum    float64 // values, and their second derivatives
	top, norm float64 // the largest value, and the sum of their powers of peakNorm, relative to it
	lost      float64 // bits
}

func newLeastStep(x, curvature []float32, levels, lambda float64) (r leastStep) {
	r.top = largest(whole(x))
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

// part returns the number of values x, and their parts of the second derivatives and of the
// powers.
func (r leastStep) part(x, curvature runs) (n, second, peak float64) {
	for at := x.from; at < len(x.x); at += x.step {
		n += float64(x.width)
		peak += r.powers(x.run(at)) / r.norm
		for _, c := range curvature.run(at) {
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
