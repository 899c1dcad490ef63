package kernel

import "math"

// Functions whose steps are in float64, each operation rounded, and whose result is rounded to
// float32 at the end. Error: 0.51 ulp of float32.

// mostAngle bounds angles: neighbouring float32 beyond are further apart than a full turn.
const mostAngle = 1 << 28

// Sin returns the sine of x, of 0 for |x| above 2^28; NaN for what is no finite number.
func Sin(x float32) float32 { return turned(x, 0) }

// Cos returns the cosine of x, of 0 for |x| above 2^28; NaN for what is no finite number.
func Cos(x float32) float32 { return turned(x, 1) }

// turned returns the sine of x and quarter right angles: x = j pi/2 + r, |r| <= pi/4, with pi/2
// in three parts (Cody and Waite), then a polynomial for the quadrant (Cephes).
func turned(x float32, quarter int32) float32 {
	if x-x != 0 {
		return float32(math.NaN())
	}
	if abs(x) > mostAngle {
		x = 0
	}
	const a, b, c = 1.57079625129699707031, 7.54978941586159635335e-8, 5.39030285815811905290e-15
	v := float64(x)
	j := math.Floor(float64(v*(2/math.Pi)) + 0.5)
	r := float64(v - float64(j*a))
	r = float64(r - float64(j*b))
	r = float64(r - float64(j*c))
	z := float64(r * r)
	n := int32(j) + quarter
	y := 0.0
	if n&1 == 0 {
		y = horner(z, 1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6, -1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1)
		y = float64(r + float64(float64(r*z)*y))
	} else {
		y = horner(z, -1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7, 2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2)
		y = float64(float64(1-float64(0.5*z)) + float64(float64(z*z)*y))
	}
	if n&2 != 0 {
		y = -y
	}
	return float32(y)
}

// horner is ((c_0 x + c_1) x + c_2) ...
func horner(x float64, c ...float64) float64 {
	p := c[0]
	for _, v := range c[1:] {
		p = float64(float64(p*x) + v)
	}
	return p
}

// Pow returns a^b. Whole b up to 64 multiply: a^2, a^4, ... where b has a bit, from the lowest,
// then 1/a^|b| for a negative b. Others are e^(b ln a) in float64; NaN for a negative a,
// infinity or 0 for 0.
func Pow(a, b float32) float32 {
	switch {
	case b == 0:
		return 1
	case a != a || b != b:
		return float32(math.NaN())
	case abs(b) <= 64 && float32(int32(b)) == b:
		return whole(a, int32(b))
	case a < 0 && !(abs(b) <= math.MaxFloat32 && float32(math.Floor(float64(b))) == b):
		return float32(math.NaN())
	case a == 0 && b < 0:
		return float32(math.Inf(1))
	case a == 0:
		return 0
	}
	y := exponential(float64(float64(b) * logarithm(float64(abs(a)))))
	if a < 0 && odd(b) {
		y = -y
	}
	return float32(y)
}

func odd(b float32) bool { return abs(b) < 1<<24 && int32(b)&1 != 0 }

// whole is a^n by squaring.
func whole(a float32, n int32) float32 {
	y := float32(1)
	for k := max(n, -n); k > 0; k >>= 1 {
		if k&1 != 0 {
			y = float32(y * a)
		}
		a = float32(a * a)
	}
	if n < 0 {
		return float32(1 / y)
	}
	return y
}

// logarithm is ln x for a positive float32 x (FreeBSD's e_log.c):
// ln 2^k (1+f) = k ln 2 + f - f^2/2 + s (f^2/2 + R), s = f/(2+f).
func logarithm(x float64) float64 {
	if x > math.MaxFloat64 {
		return x
	}
	bits := math.Float64bits(x)
	k := float64(int64(bits>>52) - 1022)
	f := math.Float64frombits(bits&(1<<52-1) | 1022<<52)
	if f < math.Sqrt2/2 {
		f = float64(f * 2)
		k--
	}
	f--
	s := float64(f / float64(2+f))
	z := float64(s * s)
	r := float64(z * horner(z, 1.479819860511658591e-1, 1.531383769920937332e-1, 1.818357216161805012e-1, 2.222219843214978396e-1, 2.857142874366239149e-1, 3.999999999940941908e-1, 6.666666666666735130e-1))
	h := float64(0.5 * float64(f*f))
	t := float64(float64(s*float64(h+r)) + float64(k*1.90821492927058770002e-10))
	return float64(float64(k*6.93147180369123816490e-01) - float64(float64(h-t)-f))
}

// exponential is e^x, within the range of float32: 0 below -110, infinity above 90.
func exponential(x float64) float64 {
	switch {
	case x != x:
		return x
	case x < -110:
		return 0
	case x > 90:
		return math.Inf(1)
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := float64(x - float64(k*6.93147180369123816490e-01))
	r = float64(r - float64(k*1.90821492927058770002e-10))
	p := 1.0 // Taylor's series: r^12/12! is below 2^-46
	for n := 12.0; n >= 1; n-- {
		p = float64(float64(float64(p*r)/n) + 1)
	}
	return float64(p * math.Float64frombits(uint64(int64(k)+1023)<<52))
}
