package runtime

import (
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// positions is how often each weight is used: once for each output pixel.
func positions(f *format.File, in *format.Instr) int64 {
	return int64(f.Tensors[in.Out].Elems() / f.Weights[in.Weight].OutC)
}

func prepareDense(m *Model, in *format.Instr) (step, error) {
	w := &m.f.Weights[in.Weight]
	if err := fits(w); err != nil {
		return step{}, err
	}
	x, y := m.operands(in)
	one := kernel.Window{H: 1, W: 1, C: w.InC, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
	l := kernel.NewLayer(w.Values, w.OutC, w.InC, w.InC, w.Bias, x.Zero)
	output(l, w, 0, in, x, y)
	return convolution(in, kernel.NewConv(one, int8(x.Zero), []*kernel.Layer{l})), nil
}

// convolution is the step of a prepared convolution.
func convolution(in *format.Instr, c *kernel.Conv) step {
	p := step{bind: func(s *Session) func() {
		x, y, real, image, patch, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.image, s.patch, s.acc
		return func() { c.Run(y, real, x, image, patch, acc) }
	}}
	p.work.image, p.work.patch, p.work.acc = c.Scratch()
	for _, l := range c.Groups {
		p.bytes += l.Bytes()
	}
	p.kernel = c.Kernel()
	return p
}

// prepareConv prepares a convolution: depthwise, or a layer for each group.
func prepareConv(m *Model, in *format.Instr) (step, error) {
	w := &m.f.Weights[in.Weight]
	if err := fits(w); err != nil {
		return step{}, err
	}
	win := m.window(in)
	win.KH, win.KW = w.KH, w.KW
	x, y := m.operands(in)
	if w.InC == 1 && in.Groups > 1 {
		d := kernel.NewDepthwise(win, int8(x.Zero), w.Values, w.OutC, w.Bias)
		output(d.Layer, w, 0, in, x, y)
		d.Finish()
		p := step{bytes: d.Bytes(), kernel: d.Kernel(), bind: func(s *Session) func() {
			x, y, real, image, acc := s.ints[in.In[0]], s.ints[in.Out], s.floats[in.Out], s.image, s.acc
			return func() { d.Run(y, real, x, image, acc) }
		}}
		p.work.image, p.work.acc = d.Scratch()
		return p, nil
	}
	return convolution(in, kernel.NewConv(win, int8(x.Zero), groups(w, in, x, y, win.Run(in.Groups)))), nil
}

// groups packs the weights of each group of a convolution from x to y, whose patches
// have runs of run elements.
func groups(w *format.Weight, in *format.Instr, x, y *format.Tensor, run int) []*kernel.Layer {
	layers := make([]*kernel.Layer, in.Groups)
	n := w.OutC / in.Groups
	k := w.KH * w.KW * w.InC
	for g := range layers {
		var bias []int32
		if w.Bias != nil {
			bias = w.Bias[g*n : (g+1)*n]
		}
		layers[g] = kernel.NewLayer(w.Values[g*n*k:(g+1)*n*k], n, k, run, bias, x.Zero)
		output(layers[g], w, g*n, in, x, y)
	}
	return layers
}

// fits verifies that no accumulator of the weights can overflow int32.
func fits(w *format.Weight) error {
	k := w.KH * w.KW * w.InC
	var bias int64 // the largest magnitude
	for _, b := range w.Bias {
		bias = max(bias, int64(b), -int64(b))
	}
	if int64(k)*128*255+bias <= math.MaxInt32 {
		return nil // whatever the weights are
	}
	for c := range w.OutC {
		sum := int64(0)
		for _, v := range w.Values[c*k : (c+1)*k] {
			sum += max(int64(v), -int64(v))
		}
		sum *= 255
		if w.Bias != nil {
			b := int64(w.Bias[c])
			sum += max(b, -b)
		}
		if sum > math.MaxInt32 {
			return Error("the sums of a layer of " + itoa(k) + " weights can overflow 32 bits; quantize it with smaller weights")
		}
	}
	return nil
}

// output sets how the layer's sums become y: from channel first of w on.
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
		for c := 0; c < n; c++ {
			l.Scale = append(l.Scale, float32(scale(first+c)))
		}
		return
	}
	l.Out = kernel.Output{Zero: int32(y.Zero), Lo: int32(in.ClampMin), Hi: int32(in.ClampMax), Once: in.RoundOnce}
	for c := 0; c < l.OutC; c++ {
		l.Out.Mul = append(l.Out.Mul, kernel.NewMultiplier(scale(first+c)/float64(y.Scale)))
	}
}
