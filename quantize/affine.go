package quantize

import (
	"math"

	"github.com/x448/float16"

	"edgec/internal/vec"
)

// Affine is an int8 grid: real = Scale * (q - Zero), with q and Zero in -128..127 and a
// positive Scale. The real number 0 is the integer Zero, exactly.
type Affine struct {
	Scale float32
	Zero  int
}

// Limits returns the least and the largest number of the grid.
func (a Affine) Limits() (lo, hi float32) {
	return a.Scale * float32(-128-a.Zero), a.Scale * float32(127-a.Zero)
}

// Round replaces each x by the nearest number of the grid, halves away from zero,
// saturating at its limits.
func (a Affine) Round(x []float32) {
	vec.Quantize(x, x, a.Scale, 1, float64(-128-a.Zero), float64(127-a.Zero))
}

// smallestHalf is the smallest scale that is stored with half precision: below
// it, 16 steps above the smallest subnormal, rounding would change it by more
// than 3 %.
const smallestHalf = 1.0 / (1 << 20)

// RoundScale returns the positive half-precision number nearest to s, which the
// file stores in two bytes, or float32(s) where half precision does not reach.
func RoundScale(s float64) float32 {
	if s < smallestHalf || s > 65504 {
		return float32(s)
	}
	return float16.Fromfloat32(float32(s)).Float32()
}

// Fit returns the grid whose 256 values span lo..hi, extended to include zero.
// The scale is rounded (see RoundScale), so the ends may move by one step.
func Fit(lo, hi float64) Affine {
	lo, hi = min(lo, 0), max(hi, 0)
	if hi-lo < math.SmallestNonzeroFloat32*512 {
		return Affine{Scale: RoundScale(1.0 / 128), Zero: 0}
	}
	scale := RoundScale((hi - lo) / 255)
	zero := math.Round(-128 - lo/float64(scale))
	return Affine{Scale: scale, Zero: int(min(max(zero, -128), 127))}
}

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
	for _, v := range x {
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
