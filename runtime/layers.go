package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// positions is how often each weight is used: once for each output pixel.
func positions(f *format.File, in *format.Instr) int64 {
	return int64(f.Tensors[in.Out].Elems() / f.Weights[in.Weight].OutC)
}

func prepareDense(m *Model, in *format.Instr) (step, error) {
	p, err := m.packed(in)
	if err != nil {
		return step{}, err
	}
	x, y := m.operands(in)
	l := kernel.NewLayer(p.weights(1), p.w.Bias, x.Zero)
	output(l, p.w, in, x, y)
	return step{space: workspace{acc: l.OutC}, bytes: l.Own(), work: m.convWork(in, l.Multiplied()), bind: func(s *Session) func() {
		x, y, real, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.acc
		if real != nil {
			return func() { l.Real(real, x, acc) }
		}
		return func() { l.Quantized(y, x, acc) }
	}}, nil
}

// prepareConv prepares a convolution: depthwise, or a layer.
func prepareConv(m *Model, in *format.Instr) (step, error) {
	p, err := m.packed(in)
	if err != nil {
		return step{}, err
	}
	w := p.w
	win := m.window(in)
	win.KH, win.KW = w.KH, w.KW
	x, y := m.operands(in)
	if w.InC == 1 && in.Groups > 1 {
		d := kernel.NewDepthwise(win, int8(x.Zero), p.depthwise(), w.OutC, w.Bias)
		output(d.Layer, w, in, x, y)
		return step{space: workspace{acc: w.OutC}, bytes: d.Layer.Own(), work: m.convWork(in, w.Elems()), bind: func(s *Session) func() {
			x, y, real, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.acc
			return func() { d.Run(y, real, x, acc) }
		}}, nil
	}
	packed := p.weights(in.Groups)
	l := kernel.NewLayer(packed, w.Bias, x.Zero)
	output(l, w, in, x, y)
	c := kernel.NewConv(win, int8(x.Zero), in.Groups, l, p.offsets(packed, &win))
	image, patch := c.Scratch()
	work := int64(image) + m.convWork(in, l.Multiplied()+c.Copied())
	return step{space: workspace{image, patch, w.OutC}, bytes: l.Own(), work: work, bind: func(s *Session) func() {
		x, y, real, image, patch, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.image, s.patch, s.acc
		return func() { c.Run(y, real, x, image, patch, acc) }
	}}, nil
}

// output sets how the layer's sums become y.
func output(l *kernel.Layer, w *format.Weight, in *format.Instr, x, y *format.Tensor) {
	scale := func(c int) float64 {
		if len(w.Scale) == 1 {
			c = 0
		}
		return float64(x.Scale) * float64(w.Scale[c])
	}
	if y.DType == format.Float32 {
		l.Scale = make([]float32, len(w.Scale))
		for c := range l.Scale {
			l.Scale[c] = float32(scale(c))
		}
		return
	}
	l.Out = kernel.Output{Zero: int32(y.Zero), Lo: int32(in.ClampMin), Hi: int32(in.ClampMax), Once: in.RoundOnce}
	l.Out.Mul = make([]kernel.Multiplier, l.OutC)
	for c := range l.Out.Mul {
		l.Out.Mul[c] = kernel.NewMultiplier(scale(c) / float64(y.Scale))
	}
}
