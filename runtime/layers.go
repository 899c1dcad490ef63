package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// positions is how often each weight is used: once for each output pixel.
func positions(f *format.File, in *format.Instr) int64 {
	return int64(f.Tensors[in.Out].Elems() / f.Weights[in.Weight].OutC)
}

// prepareDense prepares a dense layer, a convolution of one pixel.
func prepareDense(m *Model, in *format.Instr) (step, error) {
	p, err := m.packed(in)
	if err != nil {
		return step{}, err
	}
	one := kernel.Window{H: 1, W: 1, C: p.w.InC, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
	return m.convolution(p, in, one, 1)
}

// prepareConv prepares a convolution: depthwise, or a layer for each group.
func prepareConv(m *Model, in *format.Instr) (step, error) {
	p, err := m.packed(in)
	if err != nil {
		return step{}, err
	}
	w := p.w
	win := m.window(in)
	win.KH, win.KW = w.KH, w.KW
	if w.InC > 1 || in.Groups == 1 {
		return m.convolution(p, in, win, in.Groups)
	}
	x, y := m.operands(in)
	shared := p.bytes
	d := p.depthwise(win, x.Zero)
	output(d.Layer, w, 0, in, x, y)
	d.Finish()
	s := step{kernel: d.Kernel(), bytes: d.Own() + p.bytes - shared, bind: func(s *Session) func() {
		x, y, real, image, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.image, s.acc
		return func() { d.Run(y, real, x, image, acc) }
	}}
	s.space.image, s.space.acc = d.Scratch()
	s.work = int64(s.space.image) + m.convWork(in, w.Elems())
	s.shape = &kernel.Shape{OutC: w.OutC, K: w.KH * w.KW, Run: 1, Groups: 1, Pixels: win.OutH * win.OutW, Image: win.Surrounded(), Depthwise: true, Single: w.OutC == win.C, Rows: win.ByRows(), Scales: scales(w, w.OutC, y)}
	return s, nil
}

// convolution is the step of a convolution over win, in groups, by the weights of p.
func (m *Model) convolution(p *pack, in *format.Instr, win kernel.Window, groups int) (step, error) {
	shared := p.bytes
	x, y := m.operands(in)
	c, err := m.conv(p, in, win, groups, x, y)
	if err != nil {
		return step{}, err
	}
	s := step{kernel: c.Kernel(), bytes: p.bytes - shared, bind: func(s *Session) func() {
		x, y, real, image, patch, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.image, s.patch, s.acc
		return func() { c.Run(y, real, x, image, patch, acc) }
	}}
	s.space.image, s.space.patch, s.space.acc = c.Scratch()
	multiplied := 0
	for _, l := range c.Groups {
		s.bytes += l.Own()
		multiplied += l.Multiplied()
	}
	s.work = int64(s.space.image) + m.convWork(in, multiplied+c.Copied())
	s.shape = shapeOf(p.w, win, groups, len(c.Groups), y)
	return s, nil
}

// shapeOf returns the shape of a convolution in groups that became so many layers.
func shapeOf(w *format.Weight, win kernel.Window, groups, layers int, y *format.Tensor) *kernel.Shape {
	n := w.OutC / groups
	return &kernel.Shape{OutC: n, K: w.KH * w.KW * w.InC, Run: win.Run(groups), Groups: groups, Pixels: win.OutH * win.OutW,
		Image: win.Surrounded(), List: layers < groups, Scales: scales(w, n, y)}
}

// scales returns the number of scales of float32 outputs y of so many channels of w; 0: they
// are int8.
func scales(w *format.Weight, channels int, y *format.Tensor) int {
	switch {
	case y.DType != format.Float32:
		return 0
	case len(w.Scale) > 1:
		return channels
	}
	return 1
}

// output sets how the sums of a layer become y: its channels are those of w from first on.
func output(l *kernel.Layer, w *format.Weight, first int, in *format.Instr, x, y *format.Tensor) {
	scale := func(c int) float64 {
		if len(w.Scale) == 1 {
			c = 0
		}
		return float64(x.Scale) * float64(w.Scale[c])
	}
	if y.DType == format.Float32 {
		n := 1
		if len(w.Scale) > 1 {
			n = l.OutC
		}
		l.Scale = make([]float32, n)
		for c := range l.Scale {
			l.Scale[c] = float32(scale(first + c))
		}
		return
	}
	l.Out = kernel.Output{Zero: int32(y.Zero), Lo: int32(in.ClampMin), Hi: int32(in.ClampMax), Once: in.RoundOnce}
	l.Out.Mul = make([]kernel.Multiplier, l.OutC)
	for c := range l.Out.Mul {
		l.Out.Mul[c] = kernel.NewMultiplier(scale(first+c) / float64(y.Scale))
	}
}
