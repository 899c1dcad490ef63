package onnx

import (
	"math"
	"sort"
)

// smallFloat is a float type of at most 8 bits: sign, exponent, mantissa. Its values are
// those of ONNX's Cast (float8, float4; OCP Microscaling Formats, version 1.0).
type smallFloat struct {
	bits, mantissa, bias int
	infinite             bool   // the largest exponent holds infinities and NaN
	nan                  []byte // codes of NaN beside those, the first one is made
	unsigned             bool   // no sign: powers of two
	values               []float32
	magnitudes           []float32 // finite ones in rising order; the index is the code
}

var smallFloats = map[int64]*smallFloat{
	typeE4M3FN:   newSmallFloat(smallFloat{bits: 8, mantissa: 3, bias: 7, nan: []byte{0x7f, 0xff}}),
	typeE4M3FNUZ: newSmallFloat(smallFloat{bits: 8, mantissa: 3, bias: 8, nan: []byte{0x80}}),
	typeE5M2:     newSmallFloat(smallFloat{bits: 8, mantissa: 2, bias: 15, infinite: true}),
	typeE5M2FNUZ: newSmallFloat(smallFloat{bits: 8, mantissa: 2, bias: 16, nan: []byte{0x80}}),
	typeE2M1:     newSmallFloat(smallFloat{bits: 4, mantissa: 1, bias: 1}),
	typeE8M0:     newSmallFloat(smallFloat{bits: 8, bias: 127, nan: []byte{0xff}, unsigned: true}),
}

// newSmallFloat fills the tables of f.
func newSmallFloat(f smallFloat) *smallFloat {
	for code := range 1 << f.bits {
		f.values = append(f.values, f.value(code))
	}
	half := len(f.values) / 2
	if f.unsigned {
		half = len(f.values)
	}
	for _, v := range f.values[:half] {
		if v-v == 0 {
			f.magnitudes = append(f.magnitudes, v)
		}
	}
	return &f
}

// value computes what a code stands for.
func (f *smallFloat) value(code int) float32 {
	for _, c := range f.nan {
		if int(c) == code {
			return float32(math.NaN())
		}
	}
	if f.unsigned {
		return float32(math.Ldexp(1, code-f.bias))
	}
	sign := 1.0
	if code>>(f.bits-1) == 1 {
		sign = -1
	}
	code &= 1<<(f.bits-1) - 1
	fraction, exponent := code&(1<<f.mantissa-1), code>>f.mantissa
	switch {
	case f.infinite && exponent == 1<<(f.bits-1-f.mantissa)-1 && fraction == 0:
		return float32(math.Inf(int(sign)))
	case f.infinite && exponent == 1<<(f.bits-1-f.mantissa)-1:
		return float32(math.NaN())
	case exponent == 0:
		return float32(math.Copysign(math.Ldexp(float64(fraction), 1-f.bias-f.mantissa), sign))
	}
	return float32(sign * math.Ldexp(float64(1<<f.mantissa+fraction), exponent-f.bias-f.mantissa))
}

// decode returns the value of a code.
func (f *smallFloat) decode(code byte) float32 { return f.values[int(code)&(len(f.values)-1)] }

// encode returns the code nearest to v, halves to even. What is too large becomes the
// largest value (saturate), else infinity or NaN where the type has them.
func (f *smallFloat) encode(v float32, saturate bool) byte {
	if v != v {
		return f.notNumber()
	}
	negative := math.Signbit(float64(v))
	m := float32(math.Abs(float64(v)))
	last := len(f.magnitudes) - 1
	k := sort.Search(len(f.magnitudes), func(i int) bool { return f.magnitudes[i] >= m })
	switch {
	case k > last && !saturate && (f.infinite || len(f.nan) > 0) && f.beyond(m):
		if f.infinite {
			k = last + 1
			break
		}
		return f.notNumber()
	case k > last:
		k = last
	case k > 0 && f.magnitudes[k] != m:
		low, high := float64(m)-float64(f.magnitudes[k-1]), float64(f.magnitudes[k])-float64(m)
		if low < high || low == high && k%2 == 1 {
			k--
		}
	}
	if negative && !f.unsigned && !(k == 0 && len(f.nan) == 1) {
		k |= 1 << (f.bits - 1)
	}
	return byte(k)
}

// beyond reports whether m rounds to more than the largest value.
func (f *smallFloat) beyond(m float32) bool {
	last := len(f.magnitudes) - 1
	step := float64(f.magnitudes[last]) - float64(f.magnitudes[last-1])
	over := float64(m) - float64(f.magnitudes[last])
	return over > step/2 || over == step/2 && last%2 == 1
}

// notNumber returns the code of NaN, that of the negative zero in a type without NaN.
func (f *smallFloat) notNumber() byte {
	switch {
	case len(f.nan) > 0:
		return f.nan[0]
	case f.infinite:
		return byte(1<<(f.bits-1) - 1)
	}
	return 1 << (f.bits - 1)
}

// power returns v as a power of two, rounded up, down or to the nearest (ties up), as the
// attribute round_mode of Cast to float8e8m0 says; without saturation what is too large is
// NaN.
func (f *smallFloat) power(v float32, mode string, saturate bool) byte {
	if v != v {
		return f.notNumber()
	}
	last := len(f.magnitudes) - 1
	m := float32(math.Abs(float64(v)))
	k := sort.Search(len(f.magnitudes), func(i int) bool { return f.magnitudes[i] >= m })
	if k > last {
		if !saturate {
			return f.notNumber()
		}
		return byte(last)
	}
	if k > 0 && f.magnitudes[k] != m {
		if mode == "down" || mode == "nearest" && m-f.magnitudes[k-1] < f.magnitudes[k]-m {
			k--
		}
	}
	return byte(k)
}
