package kernel

// Window is how a kernel moves over an image of H x W pixels of C channels.
// Position p, q of the kernel meets pixel
//
//	oy*StrideH - PadT + p*DilH, ox*StrideW - PadL + q*DilW
//
// at output pixel oy, ox. The caller has verified that it fits:
//
//	OutH = (H + PadT + PadB - (KH-1)*DilH - 1)/StrideH + 1
type Window struct {
	H, W, C                int // input [H,W,C]
	KH, KW                 int // kernel
	StrideH, StrideW       int // at least 1
	DilH, DilW             int // at least 1: distance of kernel positions
	PadT, PadL, PadB, PadR int // rows and columns around the image
	OutH, OutW             int // output [OutH,OutW,...]
}

func (w *Window) padded() bool { return w.PadT|w.PadL|w.PadB|w.PadR != 0 }

// Conv is a convolution: a layer whose output channels fall into groups, each of which reads
// its own channels of the input.
type Conv struct {
	Window
	Zero   int8    // of the input: what lies outside the image
	Groups int     // of channels; divides the input's and the output's
	Layer  *Layer  // of patches [KH,KW,C/Groups]
	offset []int32 // sparse: where the weights' pixels lie in the padded image; nil: they read patches
}

// NewConv prepares a convolution by the layer l. offset are the ImageOffsets of its weights,
// or nil: then it copies every patch, which takes less memory and more time.
func NewConv(w Window, zero int8, groups int, l *Layer, offset []int32) *Conv {
	return &Conv{Window: w, Zero: zero, Groups: groups, Layer: l, offset: offset}
}

// Scratch returns the bytes of work space that Run needs: for a padded image (0
// without padding) and for a patch.
func (c *Conv) Scratch() (image, patch int) {
	if c.padded() {
		image = (c.H + c.PadT + c.PadB) * (c.W + c.PadL + c.PadR) * c.C
	}
	return image, c.KH * c.KW * c.C / c.Groups
}

// Copied returns how many elements Run copies into patches at each output pixel.
func (c *Conv) Copied() int {
	if c.offset != nil || c.KH*c.KW == 1 {
		return 0
	}
	return c.KH * c.KW * c.C
}

// Run computes the convolution of x, [H,W,C], with the zero point outside it.
// Exactly one of y and real, [OutH,OutW,OutC], is written: y if real is nil.
// image and patch are work space of Scratch's sizes, acc of OutC sums. Outputs
// must not overlap x.
func (c *Conv) Run(y []int8, real []float32, x, image, patch []int8, acc []int32) {
	w, l := &c.Window, c.Layer
	wd := w.W
	if w.padded() {
		Pad(image, x, w.H, w.W, w.C, w.PadT, w.PadL, w.PadB, w.PadR, c.Zero)
		x, wd = image, w.W+w.PadL+w.PadR
	}
	inC, n := w.C/c.Groups, l.OutC/c.Groups
	offset := c.offset
	if offset == nil {
		offset = l.offset
	}
	at := 0
	for oy := 0; oy < w.OutH; oy++ {
		for ox := 0; ox < w.OutW; ox++ {
			base := (oy*w.StrideH*wd + ox*w.StrideW) * w.C
			for g := 0; g < c.Groups; g++ {
				in := x[base:]
				if c.offset == nil {
					in = c.patch(patch, x, base, wd, inC)
				}
				if real != nil {
					l.real(real[at:], in, offset, acc[:n], g*n, g*l.blocks)
				} else {
					l.quantized(y[at:], in, offset, acc[:n], g*n, g*l.blocks)
				}
				at += n
				base += inC
			}
		}
	}
}

// patch returns the elements that the kernel meets at base, together.
func (c *Conv) patch(dst, x []int8, base, wd, inC int) []int8 {
	w := &c.Window
	if w.KH == 1 && w.KW == 1 {
		return x[base : base+inC]
	}
	n := 0
	for p := 0; p < w.KH; p++ {
		row := base + p*w.DilH*wd*w.C
		if w.DilW == 1 && inC == w.C {
			n += copy(dst[n:], x[row:row+w.KW*w.C])
			continue
		}
		for q := 0; q < w.KW; q++ {
			n += copy(dst[n:], x[row+q*w.DilW*w.C:][:inC])
		}
	}
	return dst[:n]
}

// Depthwise is a convolution in which each output channel reads one input
// channel: output channel c reads c/Mult, OutC = C*Mult.
type Depthwise struct {
	Window
	Zero   int8   // of the input: what lies outside the image
	Mult   int    // output channels for each input channel
	Layer  *Layer // Start, Out and Scale
	weight []int8 // [KH*KW, OutC]
}

// Taps returns w, [outC,taps], as Depthwise reads it: [taps,outC].
func Taps(w []int8, outC int) []int8 {
	taps := len(w) / outC
	out := make([]int8, len(w))
	for c := 0; c < outC; c++ {
		for t := 0; t < taps; t++ {
			out[t*outC+c] = w[c*taps+t]
		}
	}
	return out
}

// NewDepthwise prepares a convolution of outC channels by Taps, which it shares; outC is a
// multiple of win.C, zero the input's zero point. bias may be nil. The layer's Out or Scale is
// the caller's to set.
func NewDepthwise(win Window, zero int8, taps []int8, outC int, bias []int32) *Depthwise {
	d := &Depthwise{Window: win, Zero: zero, Mult: outC / win.C, weight: taps}
	d.Layer = &Layer{Weights: &Weights{OutC: outC, K: win.KH * win.KW}, Start: make([]int32, outC)}
	copy(d.Layer.Start, bias)
	return d
}

// Run computes the convolution of x; acc has room for OutC sums. See Conv.Run.
func (d *Depthwise) Run(y []int8, real []float32, x []int8, acc []int32) {
	w := &d.Window
	l := d.Layer
	acc = acc[:l.OutC]
	zero := int32(d.Zero)
	at := 0
	for oy := 0; oy < w.OutH; oy++ {
		for ox := 0; ox < w.OutW; ox++ {
			copy(acc, l.Start)
			ix := ox*w.StrideW - w.PadL
			first, end := inside(ix, w.W, w.DilW, w.KW)
			for p := 0; p < w.KH; p++ {
				iy := oy*w.StrideH - w.PadT + p*w.DilH
				if iy < 0 || iy >= w.H || first >= end {
					continue
				}
				in := x[(iy*w.W+ix+first*w.DilW)*w.C:]
				taps := d.weight[(p*w.KW+first)*l.OutC : (p*w.KW+end)*l.OutC]
				if d.Mult == 1 {
					depthwiseRow(acc, in, taps, w.DilW*w.C, zero)
					continue
				}
				for ; len(taps) > 0; taps = taps[l.OutC:] {
					for c := range acc {
						acc[c] += (int32(in[c/d.Mult]) - zero) * int32(taps[c])
					}
					if len(taps) > l.OutC {
						in = in[w.DilW*w.C:]
					}
				}
			}
			for c, a := range acc {
				if real == nil {
					y[at+c] = l.Out.quantize(c, a)
					continue
				}
				s := l.Scale[0]
				if len(l.Scale) > 1 {
					s = l.Scale[c]
				}
				real[at+c] = float32(float32(a) * s)
			}
			at += l.OutC
		}
	}
}

// inside returns which of n kernel positions, from x on and step apart, lie
// in 0..w-1: first..end-1.
func inside(x, w, step, n int) (first, end int) {
	if x < 0 {
		first = (-x + step - 1) / step
	}
	if x < w {
		end = min(n, (w-1-x)/step+1)
	}
	return first, end
}

// depthwiseRow adds a kernel row of depthwise taps, one for each sum, to sums
// of pixels that lie step apart. Three taps at once touch the sums a third as
// often.
func depthwiseRow(acc []int32, in, taps []int8, step int, zero int32) {
	n := len(acc)
	for ; len(taps) >= 3*n; taps = taps[3*n:] {
		x0, x1, x2 := in[:n], in[step:][:n], in[2*step:][:n]
		w0, w1, w2 := taps[:n], taps[n:][:n], taps[2*n:][:n]
		for c, a := range acc {
			acc[c] = a + (int32(x0[c])-zero)*int32(w0[c]) + (int32(x1[c])-zero)*int32(w1[c]) + (int32(x2[c])-zero)*int32(w2[c])
		}
		if len(taps) > 3*n {
			in = in[3*step:]
		}
	}
	for ; len(taps) > 0; taps = taps[n:] {
		x, w := in[:n], taps[:n]
		for c, a := range acc {
			acc[c] = a + (int32(x[c])-zero)*int32(w[c])
		}
		if len(taps) > n {
			in = in[step:]
		}
	}
}

// Pad writes the image x, [h,w,c], surrounded by rows and columns of value v:
// dst is [top+h+bottom, left+w+right, c] and must not overlap x.
func Pad(dst, x []int8, h, w, c, top, left, bottom, right int, v int8) {
	at := 0
	fill := func(n int) {
		d := dst[at : at+n]
		for i := range d {
			d[i] = v
		}
		at += n
	}
	row := (w + left + right) * c
	fill(top * row)
	for i := 0; i < h; i++ {
		fill(left * c)
		at += copy(dst[at:], x[i*w*c:(i+1)*w*c])
		fill(right * c)
	}
	fill(bottom * row)
}
