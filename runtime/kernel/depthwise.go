package kernel

// Depthwise is a convolution in which each output channel reads one input
// channel: output channel c reads c/Mult, OutC = C*Mult.
type Depthwise struct {
	Window
	Zero   int8   // of the input: what lies outside the image
	Mult   int    // output channels for each input channel
	Layer  *Layer // Out, Scale and Start, which is the bias alone
	weight []int8 // [KH*KW, OutC]
	lanes  *lanes // with a micro-kernel, that which computes channels side by side
}

// NewDepthwise packs w, [outC,KH,KW,1]; outC is a multiple of win.C, zero the
// input's zero point. bias may be nil. The layer's Out or Scale is the caller's
// to set.
func NewDepthwise(win Window, zero int8, w []int8, outC int, bias []int32) *Depthwise {
	taps := win.KH * win.KW
	d := &Depthwise{Window: win, Zero: zero, Mult: outC / win.C, weight: make([]int8, len(w))}
	d.Layer = &Layer{OutC: outC, K: taps}
	d.Layer.count(w)
	d.Layer.begin(bias, 0)
	for c := 0; c < outC; c++ {
		for t := 0; t < taps; t++ {
			d.weight[t*outC+c] = w[c*taps+t]
		}
	}
	d.lanes = newLanes(d, best)
	return d
}

// Share returns a convolution by the weights of d over another window. It is as quick as d if
// both have one output channel for each input channel, or neither has. Its layer's Out or Scale
// is the caller's to set.
func (d *Depthwise) Share(win Window, zero int8, bias []int32) *Depthwise {
	s := &Depthwise{Window: win, Zero: zero, Mult: d.Layer.OutC / win.C, Layer: d.Layer.Share(bias, 0), weight: d.weight}
	if d.lanes != nil && s.Mult == 1 {
		l := *d.lanes
		l.begin(s)
		s.lanes = &l
	}
	return s
}

// Own returns the memory of what convolutions that Share do not share.
func (d *Depthwise) Own() int { return d.Layer.Own() + d.lanes.own() }

// Finish prepares the layer's Out, which has been set, for the micro-kernel.
func (d *Depthwise) Finish() {
	if d.lanes != nil {
		d.lanes.finish(d)
	}
}

// Scratch returns the work space that Run needs: bytes for a padded image, and sums.
func (d *Depthwise) Scratch() (image, acc int) {
	if d.lanes == nil {
		return 0, d.Layer.OutC
	}
	return d.Surrounded(), blockPixels * (panelWidth + 1)
}

// Kernel names what computes it, as Layer.Kernel does.
func (d *Depthwise) Kernel() string {
	if d.lanes != nil {
		return d.lanes.micro.name
	}
	return "go"
}

// Bytes returns the memory of the packed weights, multipliers included.
func (d *Depthwise) Bytes() int { return len(d.weight) + d.Layer.Bytes() + d.lanes.bytes() }

// Run computes the convolution of x; image and acc are work space of Scratch's sizes.
// See Conv.Run.
func (d *Depthwise) Run(y []int8, real []float32, x, image []int8, acc []int32) {
	if d.lanes == nil {
		d.plain(y, real, x, acc)
		return
	}
	d.lanes.run(output{y: y, real: real, stride: d.Layer.OutC}, d, d.surround(x, image, d.Zero), acc)
}

// plain is Run without a micro-kernel.
func (d *Depthwise) plain(y []int8, real []float32, x []int8, acc []int32) {
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
			if real != nil {
				l.real(real[at:], acc, 0)
			} else {
				l.quantized(y[at:], acc, 0)
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
