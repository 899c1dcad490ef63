package quantize

import "math"

// Choose returns the grid that the method picks for the histogram. percentile is the
// share of values that the method of that name keeps at each end, in (0.5, 1].
func Choose(h *Histogram, method Method, percentile float64) Affine {
	lo, hi := h.Range()
	switch method {
	case MinMax:
		return Fit(lo, hi)
	case Percentile:
		return Fit(h.Quantile(1-percentile), h.Quantile(percentile))
	case Entropy:
		return search(lo, hi, func(a Affine) float64 { return divergence(h, a) })
	}
	return search(lo, hi, func(a Affine) float64 { return SquaredError(h, a) })
}

// search narrows lo..hi to the grid of least cost: first both ends by the same
// factor, then each alone.
func search(lo, hi float64, cost func(Affine) float64) Affine {
	const steps = 72 // factors 1, 0.9875, ... 0.1
	best, least := Fit(lo, hi), math.Inf(1)
	bestLo, bestHi := lo, hi
	try := func(l, h float64) {
		a := Fit(l, h)
		if c := cost(a); c < least {
			best, least, bestLo, bestHi = a, c, l, h
		}
	}
	sweep := func(f func(k float64)) {
		for i := 0; i < steps; i++ {
			f(1 - 0.0125*float64(i))
		}
	}
	sweep(func(k float64) { try(k*lo, k*hi) })
	if lo < 0 && hi > 0 {
		fixedLo, fixedHi := bestLo, bestHi
		sweep(func(k float64) { try(fixedLo, k*hi) })
		fixedHi = bestHi
		sweep(func(k float64) { try(k*lo, fixedHi) })
	}
	return best
}

// SquaredError returns the mean of (x - rounded x)^2 over the histogram, each
// bin standing at its centre.
func SquaredError(h *Histogram, a Affine) float64 {
	scale := float64(a.Scale)
	lo, hi := float64(-128-a.Zero), float64(127-a.Zero)
	sum := 0.0
	for i, n := range h.bins {
		if n == 0 {
			continue
		}
		x := h.center(i)
		e := x - scale*min(max(math.Round(x/scale), lo), hi)
		sum += n * e * e
	}
	return sum / max(h.total, 1)
}

// levels groups the bins of a histogram by the integers of a grid.
type levels struct {
	h             *Histogram
	scale, lo, hi float64      // of the grid: its step, and its ends in steps
	first, last   int          // bins within the grid's range; -1: none
	inside, used  [256]float64 // of each integer: values, and bins that are not empty
	total, kept   float64      // all values but zeros, and those within the range
}

func newLevels(h *Histogram, a Affine) *levels {
	l := &levels{h: h, scale: float64(a.Scale), lo: float64(-128 - a.Zero), hi: float64(127 - a.Zero), first: -1, last: -1}
	for i, n := range h.bins {
		l.total += n
		k, ok := l.of(i)
		if !ok {
			continue
		}
		if l.first < 0 {
			l.first = i
		}
		l.last = i
		if n > 0 {
			l.inside[k] += n
			l.used[k]++
		}
	}
	for _, n := range l.inside {
		l.kept += n
	}
	return l
}

// of returns the integer of bin i, counted from the least; not ok: the bin is cut off.
func (l *levels) of(i int) (k int, ok bool) {
	q := math.Round(l.h.center(i) / l.scale)
	c := min(max(q, l.lo), l.hi)
	return int(c - l.lo), q == c
}

// outliers returns the number of values below and above the range.
func (l *levels) outliers() (below, above float64) {
	for i, n := range l.h.bins {
		switch {
		case i < l.first:
			below += n
		case i > l.last:
			above += n
		}
	}
	return below, above
}

// divergence is the Kullback-Leibler divergence of the histogram, its outliers
// added to the ends of the grid's range, from the histogram inside that range
// spread evenly over the bins of each grid value. Zeros are left out.
func divergence(h *Histogram, a Affine) float64 {
	l := newLevels(h, a)
	if l.first < 0 || l.total == 0 {
		return 0
	}
	if l.kept == 0 {
		return math.Inf(1)
	}
	const floor = 1e-9 // stands for an empty bin of q, so that a lost outlier costs something finite
	below, above := l.outliers()
	sum := 0.0
	for i := l.first; i <= l.last; i++ {
		n := h.bins[i]
		k, _ := l.of(i)
		q := floor
		if n > 0 {
			q = l.inside[k] / l.used[k] / l.kept
		}
		if i == l.first {
			n += below
		}
		if i == l.last {
			n += above
		}
		if n > 0 {
			p := n / l.total
			sum += p * math.Log(p/q)
		}
	}
	return sum
}
