package kernel

// lanes are the weights of a depthwise convolution for a micro-kernel, which computes
// the channels of a panel side by side, two taps at a time. Taps outside the image read
// from a row of the zero point.
type lanes struct {
	micro   *micro
	pairs   int // of taps; the last may have one of weight zero
	panels  []lanePanel
	weight  []byte // of each panel, as micro packs it
	start   []int32
	outside []int8 // the zero point, as long as an output row's pixels reach
	scale   scale
}

// lanePanel is channels from first on; the last may have some of the one before, so
// that nothing beyond a pixel is read.
type lanePanel struct{ first, width int }

// lanePanels covers n channels, at least 8.
func lanePanels(n int) (all []lanePanel) {
	for c := 0; c < n; {
		width := panel(n - c)
		if n < width {
			width = panelWidth / 2
		}
		all = append(all, lanePanel{min(c, n-width), width})
		c += width
	}
	return all
}

// mostTaps is the largest kernel that lanes take.
const mostTaps = 64

// newLanes packs the weights of d, or returns nil where plain Go has to compute it.
func newLanes(d *Depthwise, m *micro) *lanes {
	l, taps := d.Layer, d.KH*d.KW
	if !m.takesLanes(d.weight) || d.Mult != 1 || l.OutC < 8 || taps > mostTaps {
		return nil
	}
	t := &lanes{micro: m, pairs: (taps + 1) / 2, start: make([]int32, l.OutC), outside: make([]int8, (d.OutW*d.StrideW+1)*d.C)}
	for i := range t.outside {
		t.outside[i] = d.Zero
	}
	t.panels = lanePanels(l.OutC)
	for _, panel := range t.panels {
		c, width := panel.first, panel.width
		for p := range t.pairs {
			second := make([]int8, width)
			if 2*p+1 < taps {
				copy(second, d.weight[(2*p+1)*l.OutC+c:])
			}
			t.weight = m.packPair(t.weight, d.weight[2*p*l.OutC+c:][:width], second)
		}
	}
	for c := range t.start {
		t.start[c] = l.Start[c]
		for tap := range taps {
			t.start[c] -= int32(d.Zero) * int32(d.weight[tap*l.OutC+c])
		}
	}
	return t
}

func (t *lanes) bytes() int {
	if t == nil {
		return 0
	}
	return len(t.weight) + 4*len(t.start) + len(t.outside) + t.scale.bytes()
}

// finish prepares the layer's Out.
func (t *lanes) finish(d *Depthwise) {
	most := make([]int64, d.Layer.OutC)
	for c := range most {
		most[c] = max(int64(t.start[c]), -int64(t.start[c]))
		for tap := range d.KH * d.KW {
			v := int64(d.weight[tap*d.Layer.OutC+c])
			most[c] += 128 * max(v, -v)
		}
	}
	o := d.Layer.Out
	if o.Mul == nil {
		return
	}
	var mul []Multiplier // of the panels' channels
	var bounds []int64
	for _, p := range t.panels {
		mul, bounds = append(mul, o.Mul[p.first:p.first+p.width]...), append(bounds, most[p.first:p.first+p.width]...)
	}
	o.Mul = mul
	t.scale = newScale(&o, bounds)
}

// run computes the rows of d: where all columns of the kernel are inside the image many
// pixels at a time, and else one.
func (t *lanes) run(out output, d *Depthwise, x []int8, acc []int32) {
	w := &d.Window
	left := min(w.OutW, (w.PadL+w.StrideW-1)/w.StrideW)
	right := left // behind the last pixel whose columns are inside
	if last := w.W - 1 - (w.KW-1)*w.DilW + w.PadL; last >= 0 {
		right = max(left, min(w.OutW, last/w.StrideW+1))
	}
	for oy := range w.OutH {
		for ox := 0; ox < w.OutW; {
			n := 1
			if ox >= left && ox < right {
				n = min(blockPixels, right-ox)
			}
			t.pixels(out, d, x, acc, oy, ox, n)
			ox += n
		}
	}
}

// pixels computes n pixels of row oy from ox on.
func (t *lanes) pixels(out output, d *Depthwise, x []int8, acc []int32, oy, ox, n int) {
	w := &d.Window
	var taps [mostTaps + 1]*int8
	i := 0
	for p := range w.KH {
		iy := oy*w.StrideH - w.PadT + p*w.DilH
		for q := range w.KW {
			ix := ox*w.StrideW - w.PadL + q*w.DilW
			if iy < 0 || iy >= w.H || ix < 0 || ix >= w.W {
				taps[i] = &t.outside[0]
			} else {
				taps[i] = &x[(iy*w.W+ix)*w.C]
			}
			i++
		}
	}
	taps[i] = taps[i-1] // of weight zero
	args := depthwiseArgs{taps: &taps[0], acc: &acc[0], pairs: t.pairs, pixels: n, step: w.StrideW * w.C}
	at, i := 0, 0 // in weights; of the rescaling
	for _, p := range t.panels {
		args.weight, args.start, args.channel = &t.weight[at], &t.start[p.first], p.first
		t.micro.depthwise(&args, p.width)
		t.scale.outputs(t.micro, i, out, d.Layer, p.first, p.width, oy*w.OutW+ox, n, acc)
		at += t.pairs * p.width * t.micro.pairBytes
		i += p.width / 8
	}
}
