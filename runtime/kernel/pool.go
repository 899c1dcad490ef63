package kernel

// span returns the kernel positions lo..hi-1 of output position o that lie
// inside an axis of n pixels.
func (w *Window) span(o, stride, pad, k, dil, n int) (lo, hi int) {
	at := o*stride - pad
	hi = k
	if at < 0 {
		lo = min((dil-1-at)/dil, k)
	}
	if at+(k-1)*dil >= n { // mostly not: a division is slow on small cores
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
			for c := range out {
				out[c] = -128
			}
			for p := p0; p < p1; p++ {
				iy := oy*w.StrideH - w.PadT + p*w.DilH
				for q := q0; q < q1; q++ {
					ix := ox*w.StrideW - w.PadL + q*w.DilW
					in := x[(iy*w.W+ix)*w.C:][:len(out)]
					for c, v := range in {
						if v > out[c] {
							out[c] = v
						}
					}
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
	for oy := 0; oy < w.OutH; oy++ {
		p0, p1 := w.span(oy, w.StrideH, w.PadT, w.KH, w.DilH, w.H)
		for ox := 0; ox < w.OutW; ox++ {
			q0, q1 := w.span(ox, w.StrideW, w.PadL, w.KW, w.DilW, w.W)
			for c := range acc {
				acc[c] = 0
			}
			for p := p0; p < p1; p++ {
				iy := oy*w.StrideH - w.PadT + p*w.DilH
				for q := q0; q < q1; q++ {
					ix := ox*w.StrideW - w.PadL + q*w.DilW
					in := x[(iy*w.W+ix)*w.C:][:len(acc)]
					for c, v := range in {
						acc[c] += int32(v)
					}
				}
			}
			inside := int32((p1 - p0) * (q1 - q0))
			n := inside
			if countPad {
				n = int32(w.KH * w.KW)
			}
			n = max(n, 1)
			for c, a := range acc {
				// the mean of differences from zero is rounded, so that the grid's zero point does not matter
				a -= inside * int32(zero)
				if a >= 0 {
					a = (a + n/2) / n
				} else {
					a = (a - n/2) / n
				}
				y[at+c] = int8(min(max(a+int32(zero), -128), 127))
			}
			at += w.C
		}
	}
}
