package quantize

import "math"

// Bins is the number of bins of a Histogram: eight for each value of an int8
// grid.
const Bins = 2048

// Histogram counts a stream of values in bounded memory. Its range doubles,
// merging bins in pairs, whenever a value falls outside, so no pass over the
// data is needed to find the range. Exact zeros are counted apart: they are
// exact on every grid. The zero Histogram is empty.
type Histogram struct {
	bins     [Bins]float64
	lo       float64 // lower end of bin 0
	width    float64 // of a bin; 0 until a nonzero value arrives
	min, max float64
	zeros    float64
	total    float64 // all values, zeros included
}

// Add counts the values of x. It reports false, and counts nothing, when one
// of them is not finite.
func (h *Histogram) Add(x []float32) bool {
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, v := range x {
		if v-v != 0 {
			return false
		}
		if v < lo && v != 0 {
			lo = v
		}
		if v > hi && v != 0 {
			hi = v
		}
	}
	h.total += float64(len(x))
	if lo > hi {
		h.zeros += float64(len(x))
		return true
	}
	h.cover(float64(lo), float64(hi))
	inv := 1 / h.width
	for _, v := range x {
		if v == 0 {
			h.zeros++
			continue
		}
		h.bins[min(max(int((float64(v)-h.lo)*inv), 0), Bins-1)]++
	}
	return true
}

// cover extends the range to lo..hi.
func (h *Histogram) cover(lo, hi float64) {
	if h.width == 0 {
		h.min, h.max = lo, hi
		span := hi - lo
		if span == 0 {
			span = math.Abs(hi) / Bins
		}
		h.lo, h.width = lo, span*(1+1e-9)/Bins
		return
	}
	h.min, h.max = min(h.min, lo), max(h.max, hi)
	for lo < h.lo {
		h.merge(Bins / 2)
		h.lo -= h.width * Bins
		h.width *= 2
	}
	for hi > h.lo+h.width*Bins {
		h.merge(0)
		h.width *= 2
	}
}

// merge joins the bins in pairs and puts the result at bins at..at+Bins/2-1.
func (h *Histogram) merge(at int) {
	var half [Bins / 2]float64
	for i := range half {
		half[i] = h.bins[2*i] + h.bins[2*i+1]
	}
	clear(h.bins[:])
	copy(h.bins[at:], half[:])
}

// Total returns the number of values counted, zeros included.
func (h *Histogram) Total() float64 { return h.total }

// Range returns the smallest and largest value, zero included.
func (h *Histogram) Range() (lo, hi float64) { return min(h.min, 0), max(h.max, 0) }

func (h *Histogram) center(i int) float64 { return h.lo + (float64(i)+0.5)*h.width }

// Quantile returns the value below which the fraction p (0..1) of all values
// lies, up to a bin's width.
func (h *Histogram) Quantile(p float64) float64 {
	want := p * h.total
	sum, zeros := 0.0, h.zeros
	for i, n := range h.bins {
		if zeros > 0 && h.center(i) > 0 {
			if sum += zeros; sum >= want {
				return 0
			}
			zeros = 0
		}
		if n > 0 && sum+n >= want {
			v := h.lo + (float64(i)+(want-sum)/n)*h.width
			return min(max(v, h.min), h.max)
		}
		sum += n
	}
	if zeros > 0 {
		return 0
	}
	return h.max
}
