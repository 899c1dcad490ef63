package kernel

import "math/bits"

// span returns the kernel positions lo..hi-1 of output position o that lie
// inside an axis of n pixels.
func (w *Window) span(o, stride, pad, k, dil, n int) (lo, hi int) {
	at := o*stride - pad
	if at >= 0 && at+(k-1)*dil < n {
		return 0, k
	}
	if hi = k; at < 0 {
		lo = min((dil-1-at)/dil, k)
	}
	if at+(k-1)*dil >= n {
		hi = max((n-1-at+dil)/dil, lo)
	}
	return lo, hi
}

// MaxPool writes the largest value of each window of x, [H,W,C], to y,
// [OutH,OutW,C]; the outside never wins: -128 where a window has no pixel. y must
// not overlap x.
func MaxPool(y, x []int8, w *Window) {
	at := 0
	for oy := 0; oy < w.OutH; oy++ {
		p0, p1 := w.span(oy, w.StrideH, w.PadT, w.KH, w.DilH, w.H)
		for ox := 0; ox < w.OutW; ox++ {
			q0, q1 := w.span(ox, w.StrideW, w.PadL, w.KW, w.DilW, w.W)
			out := y[at : at+w.C]
			at += w.C
			if p0 >= p1 || q0 >= q1 {
				for c := range out {
					out[c] = -128
				}
				continue
			}
			first := (oy*w.StrideH-w.PadT+p0*w.DilH)*w.W + ox*w.StrideW - w.PadL + q0*w.DilW
			most := maxArgs{rows: p1 - p0, columns: q1 - q0, down: w.DilH * w.W * w.C, right: w.DilW * w.C, channels: w.C}
			most.of(out, x[first*w.C:])
		}
	}
}

// maxArgs are the arguments of the assembly of a maximum over a window of pixels, at
// least one.
type maxArgs struct {
	y, x          *int8
	rows, columns int
	down, right   int // bytes between rows and columns
	channels      int // at least 8
}

// of writes the largest of each channel of the window that begins with x.
func (a *maxArgs) of(y, x []int8) {
	if best.hasVectors() && a.channels >= 8 {
		_ = x[(a.rows-1)*a.down+(a.columns-1)*a.right+a.channels-1]
		a.y, a.x = &y[0], &x[0]
		best.largest(a)
		return
	}
	a.plain(y, x)
}

// plain is of without a micro-kernel.
func (a *maxArgs) plain(y, x []int8) {
	copy(y, x)
	for p := range a.rows {
		for q := range a.columns {
			in := x[p*a.down+q*a.right:][:len(y)]
			for c, v := range in {
				if v > y[c] {
					y[c] = v
				}
			}
		}
	}
}

// AvgPool writes the mean of each window of x, [H,W,C], to y, [OutH,OutW,C]:
//
//	zero + round(sum (q - zero) / n), halves away from zero, saturated
//
// over the pixels inside the image; n is their number, with countPad KH*KW. It is
// zero where a window has no pixel. acc has room for C sums. y must not overlap
// x. A window has at most 2^22 positions.
func AvgPool(y, x []int8, w *Window, zero int8, countPad bool, acc []int32) {
	at := 0
	acc = acc[:w.C]
	m := newMean(1)
	for oy := 0; oy < w.OutH; oy++ {
		p0, p1 := w.span(oy, w.StrideH, w.PadT, w.KH, w.DilH, w.H)
		for ox := 0; ox < w.OutW; ox++ {
			q0, q1 := w.span(ox, w.StrideW, w.PadL, w.KW, w.DilW, w.W)
			first := (oy*w.StrideH-w.PadT)*w.W + ox*w.StrideW - w.PadL
			if w.C == 1 {
				acc[0] = w.sumOne(x, first, p0, p1, q0, q1)
			} else {
				w.sums(acc, x, first, p0, p1, q0, q1)
			}
			inside := int32((p1 - p0) * (q1 - q0))
			n := inside
			if countPad {
				n = int32(w.KH * w.KW)
			}
			if n = max(n, 1); n != m.n {
				m = newMean(n)
			}
			// the mean of differences from zero is rounded, so that the grid's zero point does not matter
			less := inside * int32(zero)
			out := y[at:][:len(acc)]
			for c, a := range acc {
				out[c] = int8(min(max(m.of(a-less)+int32(zero), -128), 127))
			}
			at += w.C
		}
	}
}

// sums adds up each channel over kernel positions p0 to p1 and q0 to q1 of the window
// whose corner is pixel first.
func (w *Window) sums(acc []int32, x []int8, first, p0, p1, q0, q1 int) {
	clear(acc)
	for p := p0; p < p1; p++ {
		for q := q0; q < q1; q++ {
			in := x[(first+p*w.DilH*w.W+q*w.DilW)*w.C:][:len(acc)]
			for c, v := range in {
				acc[c] += int32(v)
			}
		}
	}
}

// sumOne is sums for an image of one channel.
func (w *Window) sumOne(x []int8, first, p0, p1, q0, q1 int) (sum int32) {
	for p := p0; p < p1; p++ {
		row := first + p*w.DilH*w.W
		for at := row + q0*w.DilW; at < row+q1*w.DilW; at += w.DilW {
			sum += int32(x[at])
		}
	}
	return sum
}

// mean divides by n, rounded to nearest, halves away from zero, without a division.
type mean struct {
	n          int32
	reciprocal uint64 // 2^shift / n, rounded up
}

// shift is the fraction bits of a reciprocal.
const shift = 54

// newMean prepares division by n, 1 to 2^22. For sums of n values of 9 bits, below
// 2^31 with the half of n, 2^54 is a multiple of n but for less than n, which times
// 2^31 stays below 2^54: the quotient is exact (Granlund and Montgomery 1994, theorem
// 4.2).
func newMean(n int32) mean { return mean{n, (1<<shift + uint64(n) - 1) / uint64(n)} }

func (m *mean) of(sum int32) int32 {
	sign := sum >> 31
	hi, lo := bits.Mul64(uint64((sum^sign)-sign+m.n/2), m.reciprocal)
	return (int32(hi<<(64-shift)|lo>>shift) ^ sign) - sign
}
