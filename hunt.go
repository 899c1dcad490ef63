package edgec

import "math"

// hunt looks for the fewest weights that are good enough: it tries numbers that
// differ by stride, from the third denser one on by growing powers of it, until one
// is good and one is not, and then halves the gap on a scale of ratios until it is
// smaller than precision.
type hunt struct {
	keep  int // to try next; 0: the hunt is over
	most  int // there are
	good  int // the fewest that were good, 0: none
	bad   int // the most that were not, 0: none
	tried int
}

const (
	stride    = 1.5
	precision = 1.2
	mostTried = 7
)

// newHunt starts above a number of weights that was good before rounding, from
// which a shot loses some more.
func newHunt(limit, most int) *hunt {
	return &hunt{keep: min(int(stride*float64(limit)), most), most: most}
}

// learn takes the verdict on h.keep weights and sets the next number.
func (h *hunt) learn(good bool) {
	h.tried++
	if good {
		h.good = h.keep
	} else {
		h.bad = h.keep
	}
	switch {
	case h.tried == mostTried, h.bad == h.most:
		h.keep = 0
	case h.good == 0:
		h.keep = int(math.Min(float64(h.most), float64(h.keep)*math.Pow(stride, float64(max(1, h.tried-1)))))
	case h.bad == 0:
		h.keep = int(float64(h.keep) / stride)
	case float64(h.good) < precision*float64(h.bad):
		h.keep = 0
	default:
		h.keep = geometricMean(h.good, h.bad)
	}
	if h.keep < fewest {
		h.keep = 0
	}
}

func geometricMean(a, b int) int { return int(math.Sqrt(float64(a) * float64(b))) }
