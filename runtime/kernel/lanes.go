package kernel

// lanes are the weights of a depthwise convolution for a micro-kernel, which computes
// the channels of a panel side by side, two taps at a time.
type lanes struct {
	micro  *micro
	pairs  int // of taps; the last may have one of weight zero
	panels []lanePanel
	weight []byte  // of each panel, as micro packs it
	taps   []int32 // their offsets in the image
	start  []int32 // of each channel: Layer.Start less the zero point times its weights
	scale  scale   // of the panels' channels, one panel after the other
	rows   bool    // int8 outputs are computed by rows
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

// mostTaps is the largest kernel that lanes take, as for the mean of an image.
const mostTaps = 4096

// newLanes packs the weights of d, or returns nil where plain Go has to compute it.
func newLanes(d *Depthwise, m *micro) *lanes {
	l, taps := d.Layer, d.KH*d.KW
	if !m.form().takesLanes(d.weight) || d.Mult != 1 || l.OutC < 8 || taps > mostTaps {
		return nil
	}
	t := &lanes{micro: m, pairs: (taps + 1) / 2}
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
	t.begin(d)
	return t
}

// begin sets what the sums of d start with, and where its taps are.
func (t *lanes) begin(d *Depthwise) {
	l, w := d.Layer, &d.Window
	t.taps = make([]int32, 2*t.pairs)
	for i := range t.taps {
		tap := min(i, w.KH*w.KW-1) // one of weight zero is read like the last
		t.taps[i] = int32((tap/w.KW*w.DilH*w.padded() + tap%w.KW*w.DilW) * w.C)
	}
	t.start, t.scale, t.rows = make([]int32, l.OutC), nil, false
	for c := range t.start {
		t.start[c] = l.Start[c] - int32(d.Zero)*l.sums[c]
	}
}

func (t *lanes) bytes() int {
	if t == nil {
		return 0
	}
	return len(t.weight) + t.own()
}

func (t *lanes) own() int {
	if t == nil {
		return 0
	}
	return 4*(len(t.start)+len(t.taps)) + t.scale.bytes()
}

// finish prepares the layer's Out.
func (t *lanes) finish(d *Depthwise) {
	most := make([]int64, d.Layer.OutC)
	for c := range most {
		most[c] = max(int64(t.start[c]), -int64(t.start[c])) + 128*int64(d.Layer.magnitudes[c])
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
	t.rows = t.micro.layout.rows && d.ByRows() && t.scale != nil && t.scale.simple()
}

// ByRows reports whether windows are those of micro-kernels that compute rows of outputs: 3x3,
// with columns side by side, in steps of one or two pixels.
func (w *Window) ByRows() bool { return w.KH == 3 && w.KW == 3 && w.DilW == 1 && w.StrideW <= 2 }

// run computes d on the image with what surrounds it, a block of pixels at a time. acc is
// as large as Depthwise.Scratch says.
func (t *lanes) run(out output, d *Depthwise, x []int8, acc []int32) {
	w := &d.Window
	if t.rows && out.real == nil {
		t.byRows(out, w, x)
		return
	}
	sums, offsets := acc[:blockPixels*panelWidth], acc[blockPixels*panelWidth:][:blockPixels]
	args := depthwiseArgs{taps: &t.taps[0], pixels: &offsets[0], acc: &sums[0], pairs: t.pairs}
	for at := 0; at < w.OutH*w.OutW; at += args.n {
		args.n = min(blockPixels, w.OutH*w.OutW-at)
		w.offsets(offsets, at, args.n)
		t.block(out, d, x, args, at, sums)
	}
}

// block computes the pixels of args, from pixel at on.
func (t *lanes) block(out output, d *Depthwise, x []int8, args depthwiseArgs, at int, sums []int32) {
	first, i := 0, 0 // weight of a panel, and its requantization
	for _, p := range t.panels {
		args.weight, args.start, args.x, args.width = &t.weight[first], &t.start[p.first], &x[p.first], p.width
		t.micro.depthwise(&args, p.width)
		t.scale.outputs(t.micro, i, out, d.Layer, p.first, p.width, at, args.n, sums)
		first += t.pairs * p.width * t.micro.pairBytes
		i += p.width / 8
	}
}

// rowPixels is how many pixels a call of assembly computes by rows, unless a row has more: a
// goroutine cannot be stopped in between.
const rowPixels = 1024

// byRows computes w by rows of outputs, a block of them at a time.
func (t *lanes) byRows(out output, w *Window, x []int8) {
	row := w.StrideH * w.padded() * w.C // bytes of x between rows of outputs
	args := rowsArgs{columns: w.OutW, step: w.C, down: w.DilH * w.padded() * w.C, stride: w.StrideW}
	args.next = row - ((w.OutW-1)*w.StrideW+3)*w.C
	for at := 0; at < w.OutH; at += args.rows {
		args.rows = min(w.OutH-at, max(1, rowPixels/w.OutW))
		first, i := 0, 0 // weight of a panel, and its requantization
		for _, p := range t.panels {
			args.x, args.y = &x[at*row+p.first], &out.y[out.first+at*w.OutW*w.C+p.first]
			args.weight, args.start, args.scale, args.width = &t.weight[first], &t.start[p.first], &t.scale[i], p.width
			t.micro.rows(&args, p.width)
			first += t.pairs * p.width * t.micro.pairBytes
			i += p.width / 8
		}
	}
}
