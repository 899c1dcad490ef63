package kernel

import "math"

// Multiplier is a positive real number as Mantissa * 2^(Shift-31), with the
// mantissa in 2^30..2^31-1, or zero.
type Multiplier struct {
	Mantissa int32 // 2^30..2^31-1, or 0
	Shift    int32 // -31..30, left if positive
}

// NewMultiplier returns the multiplier nearest to real (TFLite's
// QuantizeMultiplier): mantissa and shift of frexp, the mantissa rounded half
// up. Numbers below 2^-32 become zero, those from 2^30 on the largest.
func NewMultiplier(real float64) Multiplier {
	if !(real > 0) {
		return Multiplier{}
	}
	frac, exp := math.Frexp(min(real, 1<<31))
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
// SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT. A left shift
// saturates where TFLite's is undefined.
func (m Multiplier) Apply(x int32) int32 {
	if m.Shift > 0 {
		return highMul(shiftLeft(x, uint32(m.Shift)), m.Mantissa)
	}
	return roundShift(highMul(x, m.Mantissa), uint32(-m.Shift))
}

// ApplyOnce returns x times the multiplier, rounded once, halves up: TFLite's
// MultiplyByQuantizedMultiplier where it is built for single rounding. It saturates.
func (m Multiplier) ApplyOnce(x int32) int32 {
	n := 31 - m.Shift // 1 to 62
	y := (int64(x)*int64(m.Mantissa) + int64(1)<<(n-1)) >> n
	return int32(min(max(y, math.MinInt32), math.MaxInt32))
}

// shiftLeft is x * 2^n, saturated to 32 bits.
func shiftLeft(x int32, n uint32) int32 {
	y := x << n
	if y>>n == x {
		return y
	}
	return x>>31 ^ math.MaxInt32
}

// highMul is a*b / 2^31 rounded to nearest, halves up: the high half of twice
// the product. b is not negative, so that it never saturates.
func highMul(a, b int32) int32 { return int32((int64(a)*int64(b) + 1<<30) >> 31) }

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

// Output turns accumulators into int8: zero + acc*M, clamped to Lo..Hi.
type Output struct {
	Mul    []Multiplier // one for each channel
	Zero   int32        // -128..127
	Lo, Hi int32        // -128..127
	Once   bool         // round once, not twice
}

func (o *Output) quantize(c int, acc int32) int8 {
	if o.Once {
		return clamped(o.Mul[c].ApplyOnce(acc), o.Zero, o.Lo, o.Hi)
	}
	return clamped(o.Mul[c].Apply(acc), o.Zero, o.Lo, o.Hi)
}

// clamped is v + zero within lo..hi; the sum itself may pass 32 bits.
func clamped(v, zero, lo, hi int32) int8 {
	return int8(min(max(v, lo-zero), hi-zero) + zero)
}
