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

// divergence is the Kullback-Leibler divergence of the histogram, its outliers
// added to the ends of the grid's range, from the histogram inside that range
// spread evenly over the bins of each grid value. Zeros are left out.
func divergence(h *Histogram, a Affine) float64 {
	scale := float64(a.Scale)
	lo, hi := float64(-128-a.Zero), float64(127-a.Zero)
	var inside, used [256]float64
	level := func(i int) (int, bool) {
		q := math.Round(h.center(i) / scale)
		c := min(max(q, lo), hi)
		return int(c - lo), q == c
	}
	first, last := -1, -1
	total := 0.0
	for i, n := range h.bins {
		total += n
		if k, ok := level(i); ok {
			if first < 0 {
				first = i
			}
			last = i
			if n > 0 {
				inside[k] += n
				used[k]++
			}
		}
	}
	if first < 0 || total == 0 {
		return 0
	}
	kept := 0.0
	for _, n := range inside {
		kept += n
	}
	if kept == 0 {
		return math.Inf(1)
	}
	const floor = 1e-9 // stands for an empty bin of q, so that a lost outlier costs something finite
	sum, below, above := 0.0, 0.0, 0.0
	for i, n := range h.bins {
		switch {
		case i < first:
			below += n
		case i > last:
			above += n
		}
	}
	for i := first; i <= last; i++ {
		n := h.bins[i]
		k, _ := level(i)
		q := floor
		if n > 0 {
			q = inside[k] / used[k] / kept
		}
		if i == first {
			n += below
		}
		if i == last {
			n += above
		}
		if n > 0 {
			p := n / total
			sum += p * math.Log(p/q)
		}
	}
	return sum
}
