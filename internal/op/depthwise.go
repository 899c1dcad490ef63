package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// A depthwise convolution is a sum of shifted images. Rows are short, so with a stride of
// 1 the image is laid into a frame of zeros, its padding: then a shift of the whole image
// is a shift of one array, and rows need not be told apart. Between the rows of the output
// lie elements that mean nothing, and are left out.

// depthwise adds, for each channel, the sum over its kernel of shifted images.
func (k window) depthwise(s *graph.Scratch, y, x, w []float32, mult, h, wd, oh, ow int) {
	if k.sh == 1 && k.sw == 1 {
		k.framedDepthwise(s, y, x, w, mult, h, wd, oh, ow)
		return
	}
	for ch := 0; ch*oh*ow < len(y); ch++ {
		plane, dst := x[ch/mult*h*wd:(ch/mult+1)*h*wd], y[ch*oh*ow:(ch+1)*oh*ow]
		k.each(ch, h, wd, oh, ow, func(wi, i, xlo, xhi, src int) {
			v := w[wi]
			line := dst[i*ow:]
			for j := xlo; j < xhi; j++ {
				line[j] += v * plane[src+j*k.sw]
			}
		})
	}
}

// each calls f for every kernel position and output row of channel ch: wi is
// the index of the weight, output columns xlo..xhi-1 of row i meet the input
// elements src + j*sw of the plane.
func (k window) each(ch, h, wd, oh, ow int, f func(wi, i, xlo, xhi, src int)) {
	for p := 0; p < k.kh; p++ {
		ylo, yhi := inside(p, k.sh, k.dh, k.pt, h, oh)
		for q := 0; q < k.kw; q++ {
			xlo, xhi := inside(q, k.sw, k.dw, k.pl, wd, ow)
			for i := ylo; i < yhi; i++ {
				f((ch*k.kh+p)*k.kw+q, i, xlo, xhi, (i*k.sh-k.pt+p*k.dh)*wd+q*k.dw-k.pl)
			}
		}
	}
}

// depthwiseBack is the gradient of depthwise; dx and dw may be nil.
func (k window) depthwiseBack(s *graph.Scratch, dx []float32, dw *tensor.Tensor, dy, x, w []float32, mult, h, wd, oh, ow int) {
	if k.sh == 1 && k.sw == 1 {
		k.framedDepthwiseBack(s, dx, dw, dy, x, w, mult, h, wd, oh, ow)
		return
	}
	for ch := 0; ch*oh*ow < len(dy); ch++ {
		in := ch / mult * h * wd
		plane, d := x[in:in+h*wd], dy[ch*oh*ow:(ch+1)*oh*ow]
		k.each(ch, h, wd, oh, ow, func(wi, i, xlo, xhi, src int) {
			line := d[i*ow:]
			if dw != nil {
				sum := float32(0)
				for j := xlo; j < xhi; j++ {
					sum += line[j] * plane[src+j*k.sw]
				}
				dw.Data[wi] += sum
			}
			if dx != nil {
				v, dst := w[wi], dx[in:in+h*wd]
				for j := xlo; j < xhi; j++ {
					dst[src+j*k.sw] += v * line[j]
				}
			}
		})
	}
}

// frame is an image of h x w with its padding: rows of ld elements.
type frame struct {
	h, w, ld int
	first    int // element of the image's first
	size     int
}

func (k window) frame(h, w int) frame {
	ld := w + k.pl + k.pr
	return frame{h, w, ld, k.pt*ld + k.pl, (h + k.pt + k.pb) * ld}
}

// reach is the number of elements from the first of an output of oh x ow to its last, in
// rows as long as those of the frame.
func (f frame) reach(oh, ow int) int { return (oh-1)*f.ld + ow }

// shift is the element of the frame that kernel position (p, q) begins at.
func (k window) shift(f frame, p, q int) int { return p*k.dh*f.ld + q*k.dw }

func (k window) framedDepthwise(s *graph.Scratch, y, x, w []float32, mult, h, wd, oh, ow int) {
	f := k.frame(h, wd)
	n := f.reach(oh, ow)
	buf := s.Floats(1, f.size+n)
	clear(buf[:f.size])
	img, sum := buf[:f.size], buf[f.size:]
	for ch := 0; ch*oh*ow < len(y); ch++ {
		if ch%mult == 0 {
			vec.CopyRows(img[f.first:], f.ld, x[ch/mult*h*wd:], wd, h, wd)
		}
		clear(sum)
		for p := range k.kh {
			for q := range k.kw {
				vec.Axpy(sum, w[(ch*k.kh+p)*k.kw+q], img[k.shift(f, p, q):])
			}
		}
		vec.AddRows(y[ch*oh*ow:], ow, sum, f.ld, oh, ow)
	}
}

func (k window) framedDepthwiseBack(s *graph.Scratch, dx []float32, dw *tensor.Tensor, dy, x, w []float32, mult, h, wd, oh, ow int) {
	f := k.frame(h, wd)
	n := f.reach(oh, ow)
	buf := s.Floats(1, 2*f.size+n)
	clear(buf)
	img, dimg, d := buf[:f.size], buf[f.size:2*f.size], buf[2*f.size:]
	for ch := 0; ch*oh*ow < len(dy); ch++ {
		in := ch / mult * h * wd
		vec.CopyRows(d, f.ld, dy[ch*oh*ow:], ow, oh, ow)
		if ch%mult == 0 {
			vec.CopyRows(img[f.first:], f.ld, x[in:], wd, h, wd)
			clear(dimg)
		}
		for p := range k.kh {
			for q := range k.kw {
				wi, at := (ch*k.kh+p)*k.kw+q, k.shift(f, p, q)
				if dw != nil {
					dw.Data[wi] += vec.Dot(d, img[at:at+n])
				}
				if dx != nil {
					vec.Axpy(dimg[at:at+n], w[wi], d)
				}
			}
		}
		if dx != nil && ch%mult == mult-1 {
			vec.AddRows(dx[in:], wd, dimg[f.first:], f.ld, h, wd)
		}
	}
}
