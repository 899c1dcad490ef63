package kernel

// fraction is the unit of positions between pixels: 2^10, as TFLite's.
const fraction = 10

// Resizing: the output at row i lies at PadT + i StrideH, in units of 2^-20 rows of x,
// columns alike with PadL and StrideW.

// ResizeNearest writes to y, [OutH,OutW,C], the pixel of x, [H,W,C], at or before the position
// of each, the nearest one where that lies outside. y must not overlap x.
func ResizeNearest(y, x []int8, w *Window) {
	at := 0
	for oy := 0; oy < w.OutH; oy++ {
		row := x[nearest(oy, w.StrideH, w.PadT, w.H)*w.W*w.C:]
		for ox := 0; ox < w.OutW; ox++ {
			at += copy(y[at:at+w.C], row[nearest(ox, w.StrideW, w.PadL, w.W)*w.C:])
		}
	}
}

// nearest returns the element of n at or before the position of output element o.
func nearest(o, step, offset, n int) int {
	return int(min(max((int64(o)*int64(step)+int64(offset))>>20, 0), int64(n-1)))
}

// ResizeLinear writes to y, [OutH,OutW,C], the mean of the four pixels of x, [H,W,C], around the
// position of each, with weights 2^10 - f and f in each direction for the lower 10 bits f of the
// position in units of 2^-10, rounded down to them:
//
//	zero + round(sum of weight (x - zero) / 2^20), halves away from zero
//
// Outside of x its edges go on. With a zero of 0 it is TFLite's ResizeBilinear of int8, whose
// positions are whole numbers of units. y must not overlap x.
func ResizeLinear(y, x []int8, w *Window, zero int8) {
	at, less := 0, int32(zero)<<(2*fraction)
	for oy := 0; oy < w.OutH; oy++ {
		above, below, fy := between(oy, w.StrideH, w.PadT, w.H)
		top, bottom := x[above*w.W*w.C:][:w.W*w.C], x[below*w.W*w.C:][:w.W*w.C]
		for ox := 0; ox < w.OutW; ox++ {
			left, right, fx := between(ox, w.StrideW, w.PadL, w.W)
			out := y[at:][:w.C]
			at += w.C
			a, b := top[left*w.C:][:len(out)], top[right*w.C:][:len(out)]
			c, d := bottom[left*w.C:][:len(out)], bottom[right*w.C:][:len(out)]
			wa, wb, wc, wd := (1<<fraction-fy)*(1<<fraction-fx), (1<<fraction-fy)*fx, fy*(1<<fraction-fx), fy*fx
			for i := range out {
				sum := int32(a[i])*wa + int32(b[i])*wb + int32(c[i])*wc + int32(d[i])*wd - less
				half := int32(1 << (2*fraction - 1))
				if sum <= 0 {
					half = -half
				}
				out[i] = int8((sum+half)/(1<<(2*fraction)) + int32(zero))
			}
		}
	}
}

// between returns the elements of n around the position of output element o, and the weight
// of the second in units of 2^-10.
func between(o, step, offset, n int) (before, after int, f int32) {
	p := max((int64(o)*int64(step)+int64(offset))>>(20-fraction), 0)
	if p >= int64(n-1)<<fraction {
		return n - 1, n - 1, 0
	}
	before = int(p >> fraction)
	return before, before + 1, int32(p & (1<<fraction - 1))
}

// Stretch writes x, [H,W,C], to y, [OutH,OutW,C], which is zero but for every StrideH-th row
// and StrideW-th column, beginning with the first. y must not overlap x.
func Stretch(y, x []int8, w *Window, zero int8) {
	for i := range y {
		y[i] = zero
	}
	at := 0
	for i := 0; i < w.H; i++ {
		row := y[i*w.StrideH*w.OutW*w.C:]
		for j := 0; j < w.W; j++ {
			at += copy(row[j*w.StrideW*w.C:][:w.C], x[at:])
		}
	}
}
