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

// A file's scales are from MinScale to MaxScale: products of three, times 2^31, are normal
// float32 numbers (SPEC.md).
const (
	MinScale = 1.0 / (1 << 40)
	MaxScale = 1 << 30
)

// RoundScale returns the positive half-precision number nearest to s, which the
// file stores in two bytes, or float32(s) where half precision does not reach. Below
// MinScale it is MinScale: what is too small for a file rounds to zero.
func RoundScale(s float64) float32 {
	if s < MinScale {
		return MinScale
	}
	if s < smallestHalf || s > 65504 {
		return float32(s)
	}
	return float16.Fromfloat32(float32(s)).Float32()
}

// Fit returns the grid whose 256 numbers span lo..hi, extended to include zero:
//
//	Scale = (hi - lo) / 255, rounded (see RoundScale)
//	Zero  = round(-128 - lo/Scale), within -128..127
//
// The ends may move by one step. A range without width gives steps of 1/128.
func Fit(lo, hi float64) Affine {
	lo, hi = min(lo, 0), max(hi, 0)
	if hi-lo < math.SmallestNonzeroFloat32*512 {
		return Affine{Scale: RoundScale(1.0 / 128), Zero: 0}
	}
	scale := RoundScale((hi - lo) / 255)
	zero := math.Round(-128 - lo/float64(scale))
	return Affine{Scale: scale, Zero: int(min(max(zero, -128), 127))}
}
