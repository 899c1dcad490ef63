package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// trials is how many random cases a test tries: a tenth with -short, for
// emulated machines.
func trials(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// tfliteHighMul is gemmlowp's SaturatingRoundingDoublingHighMul, as written
// there: a division that truncates after a nudge of the product's sign.
func tfliteHighMul(a, b int32) int32 {
	if a == math.MinInt32 && b == math.MinInt32 {
		return math.MaxInt32
	}
	ab := int64(a) * int64(b)
	nudge := int64(1 << 30)
	if ab < 0 {
		nudge = 1 - 1<<30
	}
	return int32((ab + nudge) / (1 << 31))
}

// tfliteRoundShift is gemmlowp's RoundingDivideByPOT.
func tfliteRoundShift(x int32, exponent uint) int32 {
	mask := int32(int64(1)<<exponent - 1)
	threshold := mask >> 1
	if x < 0 {
		threshold++
	}
	y := x >> exponent
	if x&mask > threshold {
		y++
	}
	return y
}

// tfliteApply is TFLite's MultiplyByQuantizedMultiplier; ok is false where its
// left shift overflows, which C++ does not define.
func tfliteApply(x int32, m Multiplier) (y int32, ok bool) {
	left, right := max(m.Shift, 0), max(-m.Shift, 0)
	shifted := int64(x) << left
	return tfliteRoundShift(tfliteHighMul(int32(shifted), m.Mantissa), uint(right)), shifted == int64(int32(shifted))
}

// bigApply computes x * mantissa * 2^(shift-31) in whole numbers of any size,
// with the two roundings of the definition: to nearest, halves up, after the
// mantissa; to nearest, halves away from zero, after the shift.
func bigApply(x int32, m Multiplier) int64 {
	v := big.NewInt(int64(x))
	if m.Shift > 0 {
		v.Lsh(v, uint(m.Shift))
		if !v.IsInt64() || v.Int64() > math.MaxInt32 {
			v.SetInt64(math.MaxInt32)
		}
		if v.Int64() < math.MinInt32 {
			v.SetInt64(math.MinInt32)
		}
	}
	v.Mul(v, big.NewInt(int64(m.Mantissa)))
	v.Add(v, big.NewInt(1<<30))
	v.Rsh(v, 31) // towards minus infinity
	if m.Shift < 0 {
		negative := v.Sign() < 0
		v.Abs(v)
		v.Add(v, new(big.Int).Lsh(big.NewInt(1), uint(-m.Shift-1)))
		v.Rsh(v, uint(-m.Shift))
		if negative {
			v.Neg(v)
		}
	}
	return v.Int64()
}

// bigApplyOnce computes the same with one rounding, to nearest, halves up.
func bigApplyOnce(x int32, m Multiplier) int64 {
	v := new(big.Int).Mul(big.NewInt(int64(x)), big.NewInt(int64(m.Mantissa)))
	v.Add(v, new(big.Int).Lsh(big.NewInt(1), uint(30-m.Shift)))
	v.Rsh(v, uint(31-m.Shift)) // towards minus infinity
	switch {
	case v.Cmp(big.NewInt(math.MaxInt32)) > 0:
		return math.MaxInt32
	case v.Cmp(big.NewInt(math.MinInt32)) < 0:
		return math.MinInt32
	}
	return v.Int64()
}

// extremes are sums at the edges of every rounding.
func extremes(r *rand.Rand) []int32 {
	out := []int32{0, 1, -1, 2, -2, math.MaxInt32, math.MinInt32, math.MaxInt32 - 1, math.MinInt32 + 1}
	for n := range 31 {
		p := int32(1) << n
		out = append(out, p, -p, p-1, 1-p, p+1, -p-1, p+p>>1, -p-p>>1)
	}
	for range 300 {
		out = append(out, int32(r.Uint32())>>r.IntN(32))
	}
	return out
}

func TestApply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	compared := 0
	for shift := int32(-31); shift <= 30; shift++ {
		for _, mantissa := range []int32{1 << 30, 1<<30 + 1, 1<<31 - 1, 1<<30 + int32(r.Uint32N(1<<30)), 3 << 29} {
			m := Multiplier{mantissa, shift}
			for _, x := range extremes(r) {
				got := m.Apply(x)
				if want := bigApply(x, m); int64(got) != want {
					t.Fatalf("%d * %+v = %d, in big integers %d", x, m, got, want)
				}
				if want, ok := tfliteApply(x, m); ok {
					compared++
					if got != want {
						t.Fatalf("%d * %+v = %d, TFLite has %d", x, m, got, want)
					}
				}
			}
		}
	}
	if compared < 50000 {
		t.Errorf("only %d products were compared with TFLite", compared)
	}
	if y := (Multiplier{}).Apply(math.MinInt32); y != 0 {
		t.Errorf("0 * x = %d", y)
	}
}

func TestNewMultiplier(t *testing.T) {
	for _, c := range []struct {
		real float64
		want Multiplier
	}{
		{0, Multiplier{}}, {-1, Multiplier{}}, {math.NaN(), Multiplier{}},
		{1, Multiplier{1 << 30, 1}}, {0.5, Multiplier{1 << 30, 0}}, {0.25, Multiplier{1 << 30, -1}},
		{math.Ldexp(1, -32), Multiplier{1 << 30, -31}}, {math.Ldexp(0.999, -32), Multiplier{}},
		{1 - math.Ldexp(1, -40), Multiplier{1 << 30, 1}}, // rounds up to the next power
		{math.Ldexp(1, 30), Multiplier{1<<31 - 1, 30}}, {math.Inf(1), Multiplier{1<<31 - 1, 30}},
		{0.7, Multiplier{1503238554, 0}}, // round(0.7 * 2^31)
	} {
		if got := NewMultiplier(c.real); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.real, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 20000 {
		real := math.Ldexp(0.5+r.Float64()/2, r.IntN(60)-30)
		m := NewMultiplier(real)
		if back := math.Ldexp(float64(m.Mantissa), int(m.Shift)-31); math.Abs(back/real-1) > 1.0/(1<<31) || m.Mantissa < 1<<30 {
			t.Fatalf("%v became %+v, which is %v", real, m, back)
		}
	}
}

// The zero point is added without passing 32 bits, and the clamp holds.
func TestOutput(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		o := Output{Mul: []Multiplier{{1<<30 + int32(r.Uint32N(1<<30)), int32(r.IntN(62) - 31)}}, Zero: int32(r.IntN(256) - 128)}
		o.Lo = int32(r.IntN(256) - 128)
		o.Hi = o.Lo + int32(r.IntN(int(128-o.Lo)))
		for _, acc := range extremes(r) {
			for once, v := range map[bool]int64{false: bigApply(acc, o.Mul[0]), true: bigApplyOnce(acc, o.Mul[0])} {
				o.Once = once
				want := int8(min(max(v+int64(o.Zero), int64(o.Lo)), int64(o.Hi)))
				if got := o.quantize(0, acc); got != want {
					t.Fatalf("%+v of %d is %d, want %d", o, acc, got, want)
				}
			}
		}
	}
}
