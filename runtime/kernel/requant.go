package kernel

import "math"

// Multiplier is a positive real number as Mantissa * 2^(Shift-31), with the
// mantissa in 2^30..2^31-1, or zero.
type Multiplier struct {
	Mantissa int32
	Shift    int32 // left if positive
}

// NewMultiplier returns the multiplier nearest to real (TFLite's
// QuantizeMultiplier). Numbers below 2^-32 become zero.
func NewMultiplier(real float64) Multiplier {
	if !(real > 0) {
		return Multiplier{}
	}
	frac, exp := math.Frexp(real)
	m := int64(math.Floor(frac*(1<<31) + 0.5))
	if m == 1<<31 {
		m /= 2
		exp++
	}
	if exp < -31 {
		return Multiplier{}
	}
	if exp > 30 {
		return Multiplier{1<<31 - 1, 30}
	}
	return Multiplier{int32(m), int32(exp)}
}

// Apply returns x times the multiplier, rounded as TFLite's reference does:
// SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT.
func (m Multiplier) Apply(x int32) int32 {
	if m.Shift > 0 {
		return highMul(x<<uint32(m.Shift), m.Mantissa)
	}
	return roundShift(highMul(x, m.Mantissa), uint32(-m.Shift))
}

// highMul is the high half of twice the product, rounded to nearest, halves
// away from zero. b is not negative, so that it never saturates.
func highMul(a, b int32) int32 {
	ab := int64(a) * int64(b)
	if ab >= 0 {
		return int32((ab + 1<<30) >> 31)
	}
	return int32(-((-ab + 1<<30 - 1) >> 31))
}

// roundShift is x / 2^n rounded to nearest, halves away from zero.
func roundShift(x int32, n uint32) int32 {
	if n == 0 {
		return x
	}
	mask := int32(1)<<n - 1
	rest := x & mask
	threshold := mask >> 1
	if x < 0 {
		threshold++
	}
	x >>= n
	if rest > threshold {
		x++
	}
	return x
}

// Output turns accumulators into int8: zero + acc*M, clamped.
type Output struct {
	Mul    []Multiplier // one for each channel
	Zero   int32
	Lo, Hi int32
}

func (o *Output) quantize(c int, acc int32) int8 {
	v := o.Mul[c].Apply(acc) + o.Zero
	if v < o.Lo {
		v = o.Lo
	}
	if v > o.Hi {
		v = o.Hi
	}
	return int8(v)
}
