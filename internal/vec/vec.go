// Package vec has the loops over float32 arrays that training spends its time
// in: on amd64 with AVX2 in assembly, elsewhere and with the build tag noasm in
// plain Go.
//
// Both give the same bits. The formula in each comment is computed as written,
// every operation rounded to float32 (float64 where it says so) and none fused:
// the plain Go loops convert explicitly, since the compiler may fuse otherwise.
// NaN goes through; which of its payloads comes out is not defined.
//
// All arrays of a call have the length of the first one or more; a shorter one
// panics. An output may be the very array of an input, but not overlap it
// shifted.
package vec

import (
	"math"
)

// Add sets dst[i] += src[i]. src has the length of dst.
func Add(dst, src []float32) {
	src = src[:len(dst)]
	for i := addBlocks(dst, src); i < len(dst); i++ {
		dst[i] += src[i]
	}
}

// Axpy sets dst[i] += alpha * src[i].
func Axpy(dst []float32, alpha float32, src []float32) {
	src = src[:len(dst)]
	for i := axpyBlocks(dst, alpha, src); i < len(dst); i++ {
		dst[i] += float32(alpha * src[i])
	}
}

// Scale sets dst[i] = alpha * src[i].
func Scale(dst []float32, alpha float32, src []float32) {
	src = src[:len(dst)]
	for i := scaleBlocks(dst, alpha, src); i < len(dst); i++ {
		dst[i] = alpha * src[i]
	}
}

// Mul sets dst[i] = a[i] * b[i].
func Mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := mulBlocks(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] * b[i]
	}
}

// Relu sets dst[i] = src[i], or 0 where src[i] < 0: -0 and NaN stay.
func Relu(dst, src []float32) {
	src = src[:len(dst)]
	for i := reluBlocks(dst, src); i < len(dst); i++ {
		v := src[i]
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// ReluBack sets din[i] += dout[i] where y[i] > 0; elsewhere it adds 0.
func ReluBack(din, y, dout []float32) {
	y, dout = y[:len(din)], dout[:len(din)]
	for i := reluBackBlocks(din, y, dout); i < len(din); i++ {
		v := float32(0)
		if y[i] > 0 {
			v = dout[i]
		}
		din[i] += v
	}
}

// Clamp sets dst[i] = min(max(src[i], lo), hi) with lo <= hi: an element equal
// to a limit stays as it is (so that -0 stays with lo = 0), and so does NaN.
func Clamp(dst, src []float32, lo, hi float32) {
	src = src[:len(dst)]
	for i := clampBlocks(dst, src, lo, hi); i < len(dst); i++ {
		v := src[i]
		if lo > v {
			v = lo
		}
		if hi < v {
			v = hi
		}
		dst[i] = v
	}
}

// ClampBack sets dst[i] = dy[i] where lo < y[i] < hi, and 0 elsewhere: the
// gradient before a clamp, from the one after it and its output y.
func ClampBack(dst, y, dy []float32, lo, hi float32) {
	y, dy = y[:len(dst)], dy[:len(dst)]
	for i := clampBackBlocks(dst, y, dy, lo, hi); i < len(dst); i++ {
		v := float32(0)
		if y[i] > lo && y[i] < hi {
			v = dy[i]
		}
		dst[i] = v
	}
}

// Fill sets dst[i] = v.
func Fill(dst []float32, v float32) {
	for i := fillBlocks(dst, v); i < len(dst); i++ {
		dst[i] = v
	}
}

// MaxPairs sets dst[i] to the largest of a[2i], a[2i+1], b[2i] and b[2i+1]: the
// maxima of the 2x2 tiles of two rows, which have twice the length of dst or
// more. Of +0 and -0 either may come out; NaN is not allowed.
func MaxPairs(dst, a, b []float32) {
	a, b = a[:2*len(dst)], b[:2*len(dst)]
	for i := maxPairsBlocks(dst, a, b); i < len(dst); i++ {
		dst[i] = max(max(a[2*i], a[2*i+1]), max(b[2*i], b[2*i+1]))
	}
}

// MaxPairsBack is the gradient of MaxPairs, whose output was y: da and db, the
// gradients of a and b, get dy[i] added to the first element of the tile, in the
// order a[2i], a[2i+1], b[2i], b[2i+1], that equals y[i]. Whether 0 is added to
// the others is not defined (it shows on -0 only).
func MaxPairsBack(da, db, a, b, y, dy []float32) {
	dy = dy[:len(y)]
	da, db, a, b = da[:2*len(y)], db[:2*len(y)], a[:2*len(y)], b[:2*len(y)]
	for i := maxPairsBackBlocks(da, db, a, b, y, dy); i < len(y); i++ {
		switch y[i] {
		case a[2*i]:
			da[2*i] += dy[i]
		case a[2*i+1]:
			da[2*i+1] += dy[i]
		case b[2*i]:
			db[2*i] += dy[i]
		default:
			db[2*i+1] += dy[i]
		}
	}
}

// CopyRows copies a matrix of rows x cols elements, whose rows lie dstLD and
// srcLD elements apart.
func CopyRows(dst []float32, dstLD int, src []float32, srcLD, rows, cols int) {
	if copyRows(dst, dstLD, src, srcLD, rows, cols) {
		return
	}
	for r := range rows {
		copy(dst[r*dstLD:r*dstLD+cols], src[r*srcLD:])
	}
}

// AddRows is CopyRows with dst += src.
func AddRows(dst []float32, dstLD int, src []float32, srcLD, rows, cols int) {
	if addRows(dst, dstLD, src, srcLD, rows, cols) {
		return
	}
	for r := range rows {
		line := src[r*srcLD : r*srcLD+cols]
		for j, v := range line {
			dst[r*dstLD+j] += v
		}
	}
}

// lanes is the number of partial sums of Dot and Sum.
const lanes = 32

// Dot returns the sum of a[i] * b[i]. Element i is added to partial sum i%32, in
// order; then the upper half of the sums is added to the lower half until one
// is left.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s [lanes]float32
	for i := dotBlocks(&s, a, b); i < len(a); i++ {
		s[i%lanes] += float32(a[i] * b[i])
	}
	return fold(&s)
}

// Sum returns the sum of x, in the order of Dot.
func Sum(x []float32) float32 {
	var s [lanes]float32
	for i := sumBlocks(&s, x); i < len(x); i++ {
		s[i%lanes] += x[i]
	}
	return fold(&s)
}

func fold(s *[lanes]float32) float32 {
	for h := lanes / 2; h > 0; h /= 2 {
		for i := 0; i < h; i++ {
			s[i] += s[i+h]
		}
	}
	return s[0]
}

// Average moves a running average towards w: a[i] += rate * (w[i] - a[i]), with
// rate = 1 - decay.
func Average(a, w []float32, rate float32) {
	w = w[:len(a)]
	for i := averageBlocks(a, w, rate); i < len(a); i++ {
		a[i] += float32(rate * float32(w[i]-a[i]))
	}
}

// Fade multiplies by keep where m[i] is 0 and by 1 where it is 1:
// w[i] *= keep + (1-keep) * m[i], for keep from 0.5 to 1.
func Fade(w, m []float32, keep float32) {
	m = m[:len(w)]
	rest := 1 - keep
	for i := fadeBlocks(w, m, keep, rest); i < len(w); i++ {
		w[i] *= keep + float32(rest*m[i])
	}
}

// AdamStep holds the constants of Adam (Kingma, Ba 2015, algorithm 1), with
// the bias corrections folded in as the paper's section 2 ends.
type AdamStep struct {
	Beta1, Beta2 float32 // decays of the means of gradient and square, 0..1
	Rate         float32 // learning rate / (1 - beta1^step)
	Root         float32 // 1 / sqrt(1 - beta2^step)
	Epsilon      float32
}

// Update applies one step to the weights w with gradients g and states m, v:
//
//	m[i] = beta1 m[i] + (1-beta1) g[i]
//	v[i] = beta2 v[i] + ((1-beta2) g[i]) g[i]
//	w[i] -= (rate m[i]) / (sqrt(v[i]) root + epsilon)
//
// The four arrays are distinct.
func (c AdamStep) Update(w, g, m, v []float32) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	k := [7]float32{c.Beta1, 1 - c.Beta1, c.Beta2, 1 - c.Beta2, c.Rate, c.Root, c.Epsilon}
	for i := adamBlocks(w, g, m, v, &k); i < len(w); i++ {
		d := g[i]
		m[i] = float32(k[0]*m[i]) + float32(k[1]*d)
		v[i] = float32(k[2]*v[i]) + float32(float32(k[3]*d)*d)
		root := float32(math.Sqrt(float64(v[i])))
		w[i] -= float32(c.Rate*m[i]) / (float32(root*c.Root) + c.Epsilon)
	}
}

// Quantize rounds to a grid: with float64 arithmetic
//
//	q = min(max(round(src[i] / (scale step)) step, lo), hi)
//	dst[i] = float32(q) * scale
//
// where round is half away from zero. The result is never -0.
func Quantize(dst, src []float32, scale float32, step, lo, hi float64) {
	src = src[:len(dst)]
	unit := float64(scale) * step
	for i := quantizeBlocks(dst, src, scale, unit, step, lo, hi); i < len(dst); i++ {
		x := float64(src[i]) / unit
		q := math.Trunc(x)
		if math.Abs(x-q) >= 0.5 {
			q += math.Copysign(1, x)
		}
		q = float64(q * step)
		if lo > q {
			q = lo
		}
		if hi < q {
			q = hi
		}
		dst[i] = float32(q+0) * scale
	}
}
