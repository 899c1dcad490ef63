package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// cells are the kernels of the functions of OpRecurrent.
var cells = [...]kernel.Cell{
	format.RecurrentRNN:           kernel.RNN,
	format.RecurrentGRU:           kernel.GRU,
	format.RecurrentGRUResetAfter: kernel.GRUResetAfter,
	format.RecurrentLSTM:          kernel.LSTM,
	format.RecurrentLSTMCell:      kernel.LSTM,
}

// recurrences is how often each weight of a recurrent layer is used: once for each step.
func recurrences(f *format.File, in *format.Instr) int64 {
	return int64(f.Tensors[in.In[0]].Shape[0])
}

// prepareRecurrent prepares a recurrent layer, whose weights are a convolution of one pixel
// that meets the rounded state at each step.
func prepareRecurrent(m *Model, in *format.Instr) (step, error) {
	p, err := m.packed(in)
	if err != nil {
		return step{}, err
	}
	x, y := m.operands(in)
	r := kernel.Recurrent{Cell: cells[format.RecurrentCell(in.Function)], Fine: in.Function >= format.RecurrentFine, Steps: x.Shape[0], H: p.w.InC, Reverse: in.Reverse, Scale: y.Scale, Zero: y.Zero}
	groups := 1
	if r.Cell == kernel.GRU {
		groups = 3
	}
	one := kernel.Window{H: 1, W: 1, C: groups * r.H, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
	shared := p.bytes
	if r.R, err = m.conv(p, in, one, groups, &format.Tensor{Scale: kernel.StateScale}, &format.Tensor{DType: format.Float32}); err != nil {
		return step{}, err
	}
	reals, ints, image, patch, acc := r.Scratch()
	s := step{kernel: r.R.Kernel(), bytes: p.bytes - shared, space: workspace{ints + image, patch, acc, reals}}
	for _, l := range r.R.Groups {
		s.bytes += l.Own()
	}
	s.work = int64(r.Steps) * (r.Passes()*int64(r.Multiplied()) + int64(r.H)*(functionWork*int64(r.Cell.Gates()+2)+roundWork) + pixelWork*int64(groups))
	s.bind = func(s *Session) func() {
		w := &kernel.Space{Reals: s.reals[:reals], Ints: s.image[:ints], Image: s.image[ints:], Patch: s.patch, Acc: s.acc}
		var first, cell []float32
		if len(in.In) > 1 {
			first = s.floats[in.In[1]]
		}
		if len(in.In) > 2 {
			cell = s.floats[in.In[2]]
		}
		sums, y, real := s.floats[in.In[0]], s.ints[in.Out], s.floats[in.Out]
		return func() { r.Run(y, real, sums, first, cell, w) }
	}
	return s, nil
}
