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

// Conv is a convolution: a layer for each group of channels.
type Conv struct {
	Window
	Zero   int8     // of the input: what lies outside the image
	Groups []*Layer // one for each group, in order of channels
}

// NewConv prepares the groups' layers, each of K = KH*KW*C/len(groups), and
// takes them over: sparse ones then index the padded image directly.
func NewConv(w Window, zero int8, groups []*Layer) *Conv {
	c := &Conv{Window: w, Zero: zero, Groups: groups}
	inC := w.C / len(groups)
	pw := w.W + w.PadL + w.PadR
	for g, l := range groups {
		for i, k := range l.offset {
			ch, p := int(k)%inC, int(k)/inC
			l.offset[i] = int32((p/w.KW*w.DilH*pw+p%w.KW*w.DilW)*w.C + g*inC + ch)
		}
	}
	return c
}

// Scratch returns the bytes of work space that Run needs: for a padded image (0
// without padding) and for a patch.
func (c *Conv) Scratch() (image, patch int) {
	if c.padded() {
		image = (c.H + c.PadT + c.PadB) * (c.W + c.PadL + c.PadR) * c.C
	}
	return image, c.KH * c.KW * c.C / len(c.Groups)
}

// Run computes the convolution of x, [H,W,C], with the zero point outside it.
// Exactly one of y and real, [OutH,OutW,OutC], is written: y if real is nil.
// image and patch are work space of Scratch's sizes, acc of OutC sums. Outputs
// must not overlap x.
func (c *Conv) Run(y []int8, real []float32, x, image, patch []int8, acc []int32) {
	w := &c.Window
	wd := w.W
	if w.padded() {
		Pad(image, x, w.H, w.W, w.C, w.PadT, w.PadL, w.PadB, w.PadR, c.Zero)
		x, wd = image, w.W+w.PadL+w.PadR
	}
	inC := w.C / len(c.Groups)
	outC := 0
	for _, l := range c.Groups {
		outC += l.OutC
	}
	at := 0
	for oy := 0; oy < w.OutH; oy++ {
		for ox := 0; ox < w.OutW; ox++ {
			base := (oy*w.StrideH*wd + ox*w.StrideW) * w.C
			first := at
			for g, l := range c.Groups {
				in := x[base:]
				if !l.Sparse() {
					in = c.patch(patch, x, base+g*inC, wd, inC)
				}
				if real != nil {
					l.Real(real[first:], in, acc)
				} else {
					l.Quantized(y[first:], in, acc)
				}
				first += l.OutC
			}
			at += outC
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

// NewDepthwise packs w, [outC,KH,KW,1]; outC is a multiple of win.C, zero the
// input's zero point. bias may be nil. The layer's Out or Scale is the caller's
// to set.
func NewDepthwise(win Window, zero int8, w []int8, outC int, bias []int32) *Depthwise {
	taps := win.KH * win.KW
	d := &Depthwise{Window: win, Zero: zero, Mult: outC / win.C, weight: make([]int8, len(w))}
	d.Layer = &Layer{OutC: outC, K: taps, Start: make([]int32, outC)}
	for c := 0; c < outC; c++ {
		if bias != nil {
			d.Layer.Start[c] = bias[c]
		}
		for t := 0; t < taps; t++ {
			d.weight[t*outC+c] = w[c*taps+t]
		}
	}
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
