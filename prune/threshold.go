package prune

import (
	"math"

	"edgec/internal/vec"
)

// Hysteresis of the masks, as factors of the layer's threshold (Guo, Yao, Chen 2016).
const (
	pruneBelow  = 0.9
	spliceAbove = 1.1
)

// Layer is the pruning state of one tensor. All slices have its length and belong to the
// caller.
type Layer struct {
	Weights []float32 // shadow weights, also of pruned elements; for Harm, nil if SquaredGradient is
	Mask    []float32 // 1: kept, 0: pruned; Update changes it
	Score   []float32 // importance, comparable between layers, >= 0, no NaN

	// SquaredGradient is a mean of the squared gradient of the loss, for Harm; nil: unknown.
	SquaredGradient []float32

	Gain      float64 // the layer's threshold is Gain times the global one; > 0, 1 at first
	Threshold float64 // the layer's threshold at the last Update, in units of the score
	Harm      float64 // estimate of what pruning has added to the loss, in its unit; see Update
}

// level returns the global threshold at which element i changes sides: a kept one is pruned
// above it, a pruned one spliced back below it.
func (l *Layer) level(i int) float32 {
	e := l.Score[i] / float32(l.Gain)
	if l.Mask[i] != 0 {
		return e / pruneBelow
	}
	return e / spliceAbove
}

// Kept returns the number of elements that the masks keep.
func Kept(layers []*Layer) int {
	n := 0
	for _, l := range layers {
		for _, m := range l.Mask {
			if m != 0 {
				n++
			}
		}
	}
	return n
}

// Threshold returns the global threshold at which keep elements of all layers survive an
// Update under the present scores, gains and hysteresis. Elements that tie at the threshold
// survive together. It is +Inf for keep <= 0, and 0 when keep is the number of elements or more.
//
// Cost: O(n) on average for n elements, and a copy of the scores.
func Threshold(layers []*Layer, keep int) float64 {
	n := 0
	for _, l := range layers {
		n += len(l.Score)
	}
	if keep <= 0 {
		return math.Inf(1)
	}
	if keep >= n {
		return 0
	}
	levels := make([]float32, 0, n)
	for _, l := range layers {
		for i := range l.Score {
			levels = append(levels, l.level(i))
		}
	}
	return float64(selectNth(levels, n-keep))
}

// Update sets the masks by the global threshold t and each layer's gain, with hysteresis:
//
//	kept weight:   pruned when score < 0.9 Gain t
//	pruned weight: kept   when score > 1.1 Gain t
//
// Where SquaredGradient v is known, Harm grows by v w^2 / 2 for each element pruned and
// falls by as much for each spliced back (LeCun, Denker, Solla 1990, equation 3, with the
// Fisher diagonal). It returns the number of elements pruned and spliced back.
func Update(layers []*Layer, t float64) (pruned, spliced int) {
	for _, l := range layers {
		l.Threshold = t * l.Gain
		for i, m := range l.Mask {
			keep := float64(l.level(i)) >= t
			switch {
			case m != 0 && !keep:
				l.Mask[i] = 0
				l.Harm += l.cost(i)
				pruned++
			case m == 0 && keep:
				l.Mask[i] = 1
				l.Harm -= l.cost(i)
				spliced++
			}
		}
	}
	return pruned, spliced
}

// cost estimates the loss that removing element i costs, 0.5 v w^2.
func (l *Layer) cost(i int) float64 {
	if l.SquaredGradient == nil {
		return 0
	}
	w := float64(l.Weights[i])
	return 0.5 * float64(l.SquaredGradient[i]) * w * w
}

// easing is what Ease multiplies a gain by.
const easing = 0.8

// Ease lowers the gain of each layer whose Harm per element is above the average of all
// elements, to 0.8 times what it was: after a step that cost too much, the layers that it
// hurt are pruned less.
func Ease(layers []*Layer) {
	sum, n := 0.0, 0
	for _, l := range layers {
		sum += l.Harm
		n += len(l.Score)
	}
	for _, l := range layers {
		if l.Harm*float64(n) > sum*float64(len(l.Score)) {
			l.Gain *= easing
		}
	}
}

// Schedule returns the number of elements to keep at the fraction done (0..1) of a training
// run that starts with start elements and ends with keep (Zhu, Gupta 2017, equation 1):
//
//	keep + (start - keep) (1 - u)^3,   u = min(1, done / ramp)
//
// rounded towards keep. ramp, in (0, 1], is the fraction at which keep is reached.
func Schedule(start, keep int, done, ramp float64) int {
	u := math.Min(1, done/ramp)
	return keep + int(float64(start-keep)*math.Pow(1-u, 3))
}

// decay is what Decay multiplies by.
const decay = 0.999

// Decay multiplies the weights w of pruned elements by 0.999: called every training step, it
// keeps a weight that no gradient asks for from lingering near the threshold. mask has the
// length of w; 1 leaves a weight as it is, 0 decays it.
func Decay(w, mask []float32) { vec.Fade(w, mask, decay) }

// selectNth returns the element that would stand at index n after sorting
// (quickselect with median of three, Hoare 1961). It reorders x; x holds no NaN.
func selectNth(x []float32, n int) float32 {
	lo, hi := 0, len(x)-1
	for lo < hi {
		a, b, c := x[lo], x[(lo+hi)/2], x[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			hi = j
		case n >= i:
			lo = i
		default:
			return x[n]
		}
	}
	return x[lo]
}
