package kernel

import "math"

// Quantize writes zero + round(x/scale) to y, of x's length: divided in float64,
// halves away from zero, clamped to int8; NaN becomes zero.
func Quantize(y []int8, x []float32, scale float32, zero int) {
	y = y[:len(x)]
	step, n := float64(scale), 0
	if best.hasVectors() && max(zero, -zero) < farZero {
		n = quantizeBlocks(y, x, &quantizeArgs{step, float64(-128 - zero), float64(127 - zero), int32(zero)})
	}
	y, x = y[n:], x[n:]
	if inverse := 1 / step; math.Float32bits(scale)&(1<<23-1) == 0 && scale >= 0x1p-126 {
		for i, v := range x { // the step is a power of 2: so is its inverse, and the product is exact
			y[i] = quantum(float64(v)*inverse, zero)
		}
		return
	}
	for i, v := range x {
		y[i] = quantum(float64(v)/step, zero)
	}
}

// quantizeArgs are the arguments of the assembly of Quantize: the step, the limits of a result
// less zero, and zero.
type quantizeArgs struct {
	step, least, most float64
	zero              int32
}

// farZero is a zero point, of a channel, beyond which vectors of 32 bits do not go.
const farZero = 1 << 30

// quantum is zero + round(q), halves away from zero, clamped to int8; NaN becomes zero.
func quantum(q float64, zero int) int8 {
	switch {
	case q >= 127-float64(zero):
		return 127
	case q <= -128-float64(zero):
		return -128
	case q >= 0:
		return int8(int64(q+0.5) + int64(zero))
	case q < 0:
		return int8(int64(q-0.5) + int64(zero))
	}
	return int8(min(max(zero, -128), 127)) // the zero point of a channel may lie outside
}

// Dequantize writes scale * (q - zero) to y, of x's length, rounded to float32.
func Dequantize(y []float32, x []int8, scale float32, zero int) {
	for i, q := range x {
		y[i] = float32(float32(int(q)-zero) * scale)
	}
}

// Softmax computes exp(x_i - max) / sum over each row of n elements, every
// operation rounded to float32, in order. y may be x. Rows of finite numbers
// give finite numbers.
func Softmax(y, x []float32, n int) {
	for at := 0; at+n <= len(x); at += n {
		in, out := x[at:at+n], y[at:at+n]
		top := in[0]
		for _, v := range in {
			if v > top {
				top = v
			}
		}
		sum := float32(0)
		for i, v := range in {
			out[i] = v - top
		}
		exps(out, out)
		for _, v := range out {
			sum += v
		}
		for i := range out {
			out[i] /= sum
		}
	}
}

// exp is e^x for x <= 0 by the same operations on every CPU, each rounded to
// float32 (the conversions keep the compiler from fusing them): 2^n times a
// polynomial of degree 7 in the rest (Moshier, Cephes expf). Relative error
// below 1e-7; 0 below -87 and for NaN.
func exp(x float32) float32 {
	const ln2hi, ln2lo, log2e = 0.693359375, -2.12194440e-4, 1.44269504
	if !(x > -87) {
		return 0
	}
	n := int32(float32(x*log2e) - 0.5)
	f := float32(n)
	r := float32(x - float32(f*ln2hi))
	r = float32(r - float32(f*ln2lo))
	return float32(expPoly(r) * power2(n))
}
