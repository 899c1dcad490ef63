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
	tries int // after which one that is good will do; two more look for one
}

const (
	stride    = 1.5
	precision = 1.2
)

// newHunt starts above a number of weights that was good before rounding, from
// which a shot loses some more.
func newHunt(limit, most, tries int) *hunt {
	return &hunt{keep: min(int(stride*float64(limit)), most), most: most, tries: tries}
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
	case h.tried == h.tries+2, h.tried >= h.tries && h.good > 0, h.bad == h.most:
		h.keep = 0
	case h.good == 0:
		h.keep = int(math.Min(float64(h.most), float64(h.keep)*math.Pow(stride, float64(max(1, h.tried-1)))))
	case h.bad == 0:
		h.keep = int(float64(h.keep) / stride)
	case float64(h.good) < precision*float64(h.bad):
		h.keep = 0
	default:
		h.keep = int(math.Sqrt(float64(h.good) * float64(h.bad)))
	}
	if h.keep < fewest {
		h.keep = 0
	}
}

// lasts tries, so many times and as long as it is good, a number of weights a little below
// what was good, or one above what was not.
func (h *hunt) lasts(times int, try func(keep int) (good bool, err error)) error {
	for range times {
		keep := h.last()
		if good, err := try(keep); err != nil || !good {
			return err
		}
		h.good = keep
	}
	return nil
}

// last is the number of weights for one more shot that trains longer: a little below
// what was good, or above what was not.
func (h *hunt) last() int {
	if h.good > 0 {
		return max(fewest, int(lastShare*float64(h.good)))
	}
	return min(h.most, int(stride*float64(h.bad)))
}
