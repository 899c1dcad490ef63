package quantize

import "math"

// Lattice recognizes inputs that were bytes: at most 256 distinct values, all
// multiples of one step. The zero Lattice has seen nothing.
type Lattice struct {
	seen map[float32]bool
	over bool // more than 256 distinct values
}

// Add looks at the values of x.
func (l *Lattice) Add(x []float32) {
	if l.over {
		return
	}
	if l.seen == nil {
		l.seen = map[float32]bool{}
	}
	for i, v := range x {
		if i > 0 && v == x[i-1] {
			continue // most pixels of a dark picture
		}
		if !l.seen[v] {
			l.seen[v] = true
			if len(l.seen) > 256 {
				l.over, l.seen = true, nil
				return
			}
		}
	}
}

// byteSteps are the usual steps of scaled bytes, tried before the smallest
// difference that was seen: a few dark pictures must not hide the full range.
var byteSteps = []float64{1.0 / 255, 1, 1.0 / 256, 1.0 / 128, 1.0 / 127}

// Grid returns the grid on which every value seen is exact, up to the rounding
// of the scale; not ok: there is none, or fewer than two values were seen.
func (l *Lattice) Grid() (a Affine, ok bool) {
	if l.over || len(l.seen) < 2 {
		return Affine{}, false
	}
	lo, hi, gap := 0.0, 0.0, math.Inf(1)
	for v := range l.seen {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
		if v != 0 {
			gap = min(gap, math.Abs(float64(v)))
		}
	}
	for _, step := range append(byteSteps[:len(byteSteps):len(byteSteps)], gap) {
		if math.Round((hi-lo)/step) > 255 || !l.multiples(step) {
			continue
		}
		// As much room above the range as there is: bytes start at zero.
		zero := math.Round(-128 - lo/step)
		return Affine{Scale: RoundScale(step), Zero: int(min(max(zero, -128), 127))}, true
	}
	return Affine{}, false
}

func (l *Lattice) multiples(step float64) bool {
	for v := range l.seen {
		k := float64(v) / step
		if math.Abs(k-math.Round(k)) > 0.01 {
			return false
		}
	}
	return true
}
