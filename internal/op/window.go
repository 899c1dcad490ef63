package op

import (
	"fmt"

	"edgec/internal/vec"
)

// window is how kernels and pools move over an image.
type window struct {
	kh, kw, sh, sw, dh, dw int
	pt, pl, pb, pr         int
	ceil                   bool
}

// size returns the output's rows and columns.
func (k window) size(h, w int) (oh, ow int, err error) {
	dim := func(n, kernel, stride, dil, before, after int) (int, error) {
		if kernel < 1 || stride < 1 || dil < 1 || before < 0 || after < 0 {
			return 0, fmt.Errorf("kernel %d, stride %d, dilation %d, padding %d and %d: out of range", kernel, stride, dil, before, after)
		}
		room := n + before + after - (kernel-1)*dil - 1
		if room < 0 {
			return 0, fmt.Errorf("the kernel spans %d pixels, the padded image has %d", (kernel-1)*dil+1, n+before+after)
		}
		out := room/stride + 1
		if k.ceil && room%stride != 0 && out*stride < n+before {
			out++ // the last window starts inside the image or the padding before it
		}
		return out, nil
	}
	if oh, err = dim(h, k.kh, k.sh, k.dh, k.pt, k.pb); err != nil {
		return 0, 0, err
	}
	ow, err = dim(w, k.kw, k.sw, k.dw, k.pl, k.pr)
	return oh, ow, err
}

// inside returns the output positions lo..hi-1 for which kernel position p
// lies inside a row of n elements.
func inside(p, stride, dil, pad, n, out int) (lo, hi int) {
	off := p*dil - pad // input = o*stride + off
	if off < 0 {
		lo = (-off + stride - 1) / stride
	}
	if n-1-off < 0 {
		return 0, 0
	}
	return min(lo, out), max(min(lo, out), min((n-1-off)/stride+1, out))
}

// meets reports whether each of out windows has an element of a row of n.
func meets(kernel, stride, dil, pad, n, out int) bool {
	for i := 0; i < out; i++ {
		lo, hi := covered(kernel, dil, i*stride-pad, 0, n)
		if lo >= hi {
			return false
		}
	}
	return true
}

// covered returns the kernel positions lo..hi-1 that lie in from..to-1 when
// the first is at.
func covered(kernel, dil, at, from, to int) (lo, hi int) {
	if at < from {
		lo = (from - at + dil - 1) / dil
	}
	if at < to {
		hi = min(kernel, (to-1-at)/dil+1)
	}
	return lo, max(lo, hi)
}

// pointwise reports whether the columns of the image are the image itself.
func (k window) pointwise() bool {
	return k.kh == 1 && k.kw == 1 && k.sh == 1 && k.sw == 1 && k.pt|k.pl|k.pb|k.pr == 0
}

// im2col writes the columns [c*kh*kw, oh*ow] of the image x [c,h,w].
func (k window) im2col(dst, x []float32, c, h, w, oh, ow int) {
	at := 0
	for ch := 0; ch < c; ch++ {
		plane := x[ch*h*w : (ch+1)*h*w]
		for p := 0; p < k.kh; p++ {
			ylo, yhi := inside(p, k.sh, k.dh, k.pt, h, oh)
			for q := 0; q < k.kw; q++ {
				xlo, xhi := inside(q, k.sw, k.dw, k.pl, w, ow)
				row := dst[at : at+oh*ow]
				at += oh * ow
				clear(row[:ylo*ow])
				off := q*k.dw - k.pl
				if k.sw == 1 && xlo < xhi && ylo < yhi {
					if xlo > 0 || xhi < ow {
						clear(row[ylo*ow : yhi*ow])
					}
					src := plane[(ylo*k.sh-k.pt+p*k.dh)*w+xlo+off:]
					vec.CopyRows(row[ylo*ow+xlo:], ow, src, k.sh*w, yhi-ylo, xhi-xlo)
					clear(row[yhi*ow:])
					continue
				}
				for i := ylo; i < yhi; i++ {
					line := row[i*ow : (i+1)*ow]
					src := plane[(i*k.sh-k.pt+p*k.dh)*w:]
					clear(line[:xlo])
					for j := xlo; j < xhi; j++ {
						line[j] = src[j*k.sw+off]
					}
					clear(line[xhi:])
				}
				clear(row[yhi*ow:])
			}
		}
	}
}

// col2im adds the columns back to the image: the transpose of im2col.
func (k window) col2im(x, src []float32, c, h, w, oh, ow int) {
	at := 0
	for ch := 0; ch < c; ch++ {
		plane := x[ch*h*w : (ch+1)*h*w]
		for p := 0; p < k.kh; p++ {
			ylo, yhi := inside(p, k.sh, k.dh, k.pt, h, oh)
			for q := 0; q < k.kw; q++ {
				xlo, xhi := inside(q, k.sw, k.dw, k.pl, w, ow)
				row := src[at : at+oh*ow]
				at += oh * ow
				off := q*k.dw - k.pl
				if k.sw == 1 && xlo < xhi && ylo < yhi {
					dst := plane[(ylo*k.sh-k.pt+p*k.dh)*w+xlo+off:]
					vec.AddRows(dst, k.sh*w, row[ylo*ow+xlo:], ow, yhi-ylo, xhi-xlo)
					continue
				}
				for i := ylo; i < yhi; i++ {
					line := row[i*ow : (i+1)*ow]
					dst := plane[(i*k.sh-k.pt+p*k.dh)*w:]
					for j := xlo; j < xhi; j++ {
						dst[j*k.sw+off] += line[j]
					}
				}
			}
		}
	}
}
