package kernel

import "math"

// The functions of one float32. Each operation is rounded to float32 and written in one order,
// so that every CPU gives the same bits: the conversions keep the compiler from fusing a product
// and a sum. The polynomials are those of Moshier's Cephes. Errors are against the exact
// function; 1 ulp is the distance between neighbouring float32 at the result.

// Exp returns e^x within 1.2 ulp: 0 below -87, infinity from 88.73 on, NaN for NaN.
func Exp(x float32) float32 {
	switch {
	case x != x:
		return x
	case x <= 0:
		return exp(x)
	case x >= 88.73:
		return float32(math.Inf(1))
	}
	const ln2hi, ln2lo, log2e = 0.693359375, -2.12194440e-4, 1.44269504
	n := int32(float32(float32(x*log2e) + 0.5))
	f := float32(n)
	r := float32(x - float32(f*ln2hi))
	r = float32(r - float32(f*ln2lo))
	half := n / 2 // 2^128 is no float32
	return float32(float32(expPoly(r)*power2(half)) * power2(n-half))
}

// expPoly is e^r for r from -0.35 to 0.35.
func expPoly(r float32) float32 {
	p := float32(1.9875691500e-4)
	for _, c := range [...]float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1} {
		p = float32(float32(p*r) + c)
	}
	return p
}

// power2 is 2^n for n from -126 to 127.
func power2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// Log returns the natural logarithm of x within 0.8 ulp: minus infinity for 0, NaN for
// negative numbers and NaN.
func Log(x float32) float32 {
	switch {
	case x != x || x < 0:
		return float32(math.NaN())
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	e := int32(-126)
	if x < 0x1p-126 { // a subnormal number
		x = float32(x * 0x1p24)
		e -= 24
	}
	bits := math.Float32bits(x)
	e += int32(bits >> 23)
	m := math.Float32frombits(bits&(1<<23-1) | 126<<23) // x = m 2^e, m from 1/2 to 1
	if m < 0.70710678 {
		e--
		m = float32(m + m)
	}
	m = float32(m - 1)
	z := float32(m * m)
	p := float32(7.0376836292e-2)
	for _, c := range [...]float32{-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1} {
		p = float32(float32(p*m) + c)
	}
	y := float32(float32(p*m) * z)
	f := float32(e)
	y = float32(y + float32(f*-2.12194440e-4))
	y = float32(y - float32(0.5*z))
	return float32(float32(m+y) + float32(f*0.693359375))
}

// Sqrt returns the square root of x, rounded exactly; NaN for negative numbers.
func Sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// Sigmoid returns 1 / (1 + e^-x) within 2.3 ulp above -87, below which it is 0.
func Sigmoid(x float32) float32 {
	if x >= 0 {
		return float32(1 / float32(1+exp(-x)))
	}
	if x != x {
		return x
	}
	e := exp(x)
	return float32(e / float32(1+e))
}

// Tanh returns the hyperbolic tangent of x within 1.5 ulp.
func Tanh(x float32) float32 {
	a := abs(x)
	if a < 0.625 {
		z := float32(x * x)
		p := float32(-5.70498872745e-3)
		for _, c := range [...]float32{2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1} {
			p = float32(float32(p*z) + c)
		}
		return float32(float32(float32(p*z)*x) + x)
	}
	if x != x {
		return x
	}
	e := exp(float32(-2 * a))
	return signed(float32(float32(1-e)/float32(1+e)), x)
}

// Erf returns the error function of x within 2e-7, and within 3 ulp below 1: Cephes's odd
// polynomial below 1, formula 7.1.26 of Abramowitz and Stegun above.
func Erf(x float32) float32 {
	a := abs(x)
	if a < 1 {
		z := float32(x * x)
		p := float32(7.853861353153693e-5)
		for _, c := range [...]float32{-8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710} {
			p = float32(float32(p*z) + c)
		}
		return float32(x * p)
	}
	if x != x {
		return x
	}
	t := float32(1 / float32(1+float32(0.3275911*a)))
	p := float32(1.061405429)
	for _, c := range [...]float32{-1.453152027, 1.421413741, -0.284496736, 0.254829592, 0} {
		p = float32(float32(p*t) + c)
	}
	return signed(float32(1-float32(p*exp(-float32(a*a)))), x)
}

// Softplus returns ln(1 + e^x), as max(x, 0) + ln(1 + e) with e = e^-|x|, of which the
// second term is ln(w) e / (w - 1) with w = 1 + e (Kahan), or e where w is 1.
func Softplus(x float32) float32 {
	if x != x {
		return x
	}
	e := exp(-abs(x))
	w := float32(1 + e)
	l := e
	if w != 1 {
		l = float32(float32(Log(w)*e) / float32(w-1))
	}
	if x > 0 {
		return float32(x + l)
	}
	return l
}

// Gelu returns x/2 (1 + erf(x / sqrt 2)) within 5e-7 |x|.
func Gelu(x float32) float32 {
	return float32(float32(0.5*x) * float32(1+Erf(float32(x*0.70710678))))
}

// GeluTanh returns x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
func GeluTanh(x float32) float32 {
	return float32(float32(0.5*x) * float32(1+Tanh(geluInner(x))))
}

// geluInner is sqrt(2/pi) (x + 0.044715 x^3).
func geluInner(x float32) float32 {
	cube := float32(float32(x*x) * x)
	return float32(0.79788456 * float32(x+float32(0.044715*cube)))
}

// Silu returns x / (1 + e^-x), also called swish.
func Silu(x float32) float32 { return float32(x * Sigmoid(x)) }

// Mish returns x tanh(ln(1 + e^x)).
func Mish(x float32) float32 { return float32(x * Tanh(Softplus(x))) }

// HardSwish returns x min(max(x + 3, 0), 6) / 6.
func HardSwish(x float32) float32 {
	return float32(float32(x*least(most(float32(x+3), 0), 6)) / 6)
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// signed returns |x| with the sign of s.
func signed(x, s float32) float32 {
	return math.Float32frombits(math.Float32bits(x)&^(1<<31) | math.Float32bits(s)&(1<<31))
}

// most and least return a unless b is larger or smaller; NaN if one is.
func most(a, b float32) float32 {
	if b > a || b != b {
		return b
	}
	return a
}

func least(a, b float32) float32 {
	if b < a || b != b {
		return b
	}
	return a
}
