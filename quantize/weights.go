package quantize

import (
	"math"
	"slices"
)

// MaxWeight is the largest magnitude of a weight's integer: -128 is left out, so that the
// grid is symmetric.
const MaxWeight = 127

// A scale is chosen among scaleSteps scales from that at which the
// largest weight is MaxWeight down to narrowest times as much.
const (
	scaleSteps = 20
	narrowest  = 0.5
)

// WeightScales returns the scales of a symmetric int8 grid, w = scale[c] q with q in
// -127..127, for weights [channels, ...], row-major: one for each output channel, or one for
// the whole tensor where that hardly rounds worse. Only weights that the mask keeps count
// (nil: all). Each scale minimises the squared error, clipping included, and is rounded to
// what a file stores (RoundScale). A channel without weights takes the scale of the tensor.
//
// One scale is preferred when the mean over channels of sum (w-q)^2 / sum w^2 under it is at
// most tolerance; 0 or more. A negative tolerance gives one for each channel, +Inf one.
//
// Cost: O(n) for n weights, times 40.
func WeightScales(weights, mask []float32, channels int, tolerance float64) []float32 {
	each := make([]float32, channels)
	row := len(weights) / channels
	whole := bestScale(kept(weights, mask, 0, len(weights)), 0)
	ratio, live := 0.0, 0
	for c := range each {
		w := kept(weights, mask, c*row, (c+1)*row)
		if each[c] = bestScale(w, whole); norm2(w) > 0 {
			ratio += squaredError(w, whole) / norm2(w)
			live++
		}
	}
	if channels == 1 || math.IsInf(tolerance, 1) || tolerance >= 0 && ratio <= tolerance*float64(live) {
		return []float32{whole}
	}
	return each
}

// kept returns the weights lo..hi-1 that the mask keeps, zeros left out: they are exact on
// every grid.
func kept(weights, mask []float32, lo, hi int) []float32 {
	var w []float32
	for i := lo; i < hi; i++ {
		if (mask == nil || mask[i] != 0) && weights[i] != 0 {
			w = append(w, weights[i])
		}
	}
	return w
}

// bestScale returns the scale of least squared error for w, otherwise when w is empty (or
// 1/127 when that is zero).
func bestScale(w []float32, otherwise float32) float32 {
	top := 0.0
	for _, v := range w {
		top = max(top, math.Abs(float64(v)))
	}
	if top == 0 {
		if otherwise == 0 {
			return RoundScale(1.0 / MaxWeight)
		}
		return otherwise
	}
	best, least := float32(0), math.Inf(1)
	for i := 0; i < scaleSteps; i++ {
		f := 1 - (1-narrowest)*float64(i)/scaleSteps
		s := RoundScale(f * top / MaxWeight)
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
		q := min(math.Floor(math.Abs(float64(v))*inv+0.5), MaxWeight)
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

// MedianNorm returns the median over the rows of weights [channels, ...] that are not zero of
// sqrt(sum w^2): what one step of the inputs moves a typical output by, in steps. 0: all are zero.
func MedianNorm(weights []float32, channels int) float64 {
	row := len(weights) / channels
	var norms []float64
	for c := 0; c < channels; c++ {
		if n := norm2(weights[c*row : (c+1)*row]); n > 0 {
			norms = append(norms, math.Sqrt(n))
		}
	}
	if len(norms) == 0 {
		return 0
	}
	slices.Sort(norms)
	return norms[len(norms)/2]
}
