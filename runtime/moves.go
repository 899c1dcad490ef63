package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// window returns how a pool or convolution moves over its input.
func (m *Model) window(in *format.Instr) kernel.Window {
	x, y := m.operands(in)
	return kernel.Window{H: x.Shape[0], W: x.Shape[1], C: x.Shape[2], KH: in.KH, KW: in.KW, StrideH: in.StrideH, StrideW: in.StrideW,
		DilH: in.DilH, DilW: in.DilW, PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR, OutH: y.Shape[0], OutW: y.Shape[1]}
}

// windowed is the execution of a kernel that moves a window over an image of int8. work
// returns its steps.
func windowed(run func(y, x []int8, w *kernel.Window), work func(*Model, *format.Instr, *kernel.Window) int64) func(*Model, *format.Instr) (step, error) {
	return func(m *Model, in *format.Instr) (step, error) {
		w := m.window(in)
		return step{work: work(m, in, &w), bind: func(s *Session) func() {
			x, y := s.ints[in.In[0]], s.ints[in.Out]
			return func() { run(y, x, &w) }
		}}, nil
	}
}

func prepareMaxPool(m *Model, in *format.Instr) (step, error) {
	return windowed(kernel.MaxPool, poolWork)(m, in)
}

func prepareAvgPool(m *Model, in *format.Instr) (step, error) {
	w, countPad := m.window(in), in.CountPad
	t, _ := m.operands(in)
	return step{space: workspace{acc: w.C}, work: poolWork(m, in, &w), bind: func(s *Session) func() {
		x, y, acc := s.ints[in.In[0]], s.ints[in.Out], s.acc
		return func() { kernel.AvgPool(y, x, &w, int8(t.Zero), countPad, acc) }
	}}, nil
}

// prepareConcat copies runs of elements in turn from each input.
func prepareConcat(m *Model, in *format.Instr) (step, error) {
	var runs []int
	sum := 0
	for _, t := range in.In {
		n := 1
		for _, d := range m.f.Tensors[t].Shape[in.Axis:] {
			n *= d
		}
		runs = append(runs, n)
		sum += n
	}
	n := m.elements(in)
	return step{work: n + roundWork*(n/int64(sum))*int64(len(runs)), bytes: 8 * len(runs), bind: func(s *Session) func() {
		if s.floats[in.Out] != nil {
			return joined(s.floats, in, runs)
		}
		return joined(s.ints, in, runs)
	}}, nil
}

// joined copies runs of the inputs of in in turn to its output.
func joined[T int8 | float32](tensors [][]T, in *format.Instr, runs []int) func() {
	y := tensors[in.Out]
	xs := make([][]T, len(in.In))
	for k, t := range in.In {
		xs[k] = tensors[t]
	}
	return func() {
		at := 0
		for b := 0; at < len(y); b++ {
			for k, x := range xs {
				at += copy(y[at:], x[b*runs[k]:(b+1)*runs[k]])
			}
		}
	}
}

func preparePad(m *Model, in *format.Instr) (step, error) {
	t, _ := m.operands(in)
	return step{work: m.elements(in) + pixelWork*int64(m.f.Tensors[in.Out].Shape[0]), bind: func(s *Session) func() {
		if x, y := s.floats[in.In[0]], s.floats[in.Out]; x != nil {
			return func() {
				kernel.Pad(y, x, t.Shape[0], t.Shape[1], t.Shape[2], in.PadT, in.PadL, in.PadB, in.PadR, in.Real)
			}
		}
		x, y := s.ints[in.In[0]], s.ints[in.Out]
		return func() {
			kernel.Pad(y, x, t.Shape[0], t.Shape[1], t.Shape[2], in.PadT, in.PadL, in.PadB, in.PadR, in.PadValue)
		}
	}}, nil
}

// prepareSlice drops rows and columns.
func prepareSlice(m *Model, in *format.Instr) (step, error) {
	w := m.window(in)
	return step{work: sliceWork(m, in, &w), bind: func(s *Session) func() {
		if x, y := s.floats[in.In[0]], s.floats[in.Out]; x != nil {
			return func() { kernel.Slice(y, x, &w) }
		}
		x, y := s.ints[in.In[0]], s.ints[in.Out]
		return func() { kernel.Slice(y, x, &w) }
	}}, nil
}

// prepareMove copies element by element.
func prepareMove(m *Model, in *format.Instr) (step, error) {
	w := kernel.NewMove(in.Start, in.Shape, in.Strides)
	return step{work: roundWork * m.elements(in), bytes: 128, bind: func(s *Session) func() {
		if x, y := s.floats[in.In[0]], s.floats[in.Out]; x != nil {
			return func() { kernel.MoveElements(y, x, w) }
		}
		x, y := s.ints[in.In[0]], s.ints[in.Out]
		return func() { kernel.MoveElements(y, x, w) }
	}}, nil
}

func prepareTranspose(m *Model, in *format.Instr) (step, error) {
	t, _ := m.operands(in)
	return step{work: m.elements(in), bind: func(s *Session) func() {
		if x, y := s.floats[in.In[0]], s.floats[in.Out]; x != nil {
			return func() { kernel.Transpose(y, x, t.Shape, in.Perm) }
		}
		x, y := s.ints[in.In[0]], s.ints[in.Out]
		return func() { kernel.Transpose(y, x, t.Shape, in.Perm) }
	}}, nil
}

// prepareReshape copies; mostly input and output are the same memory.
func prepareReshape(m *Model, in *format.Instr) (step, error) {
	return step{work: m.elements(in), bind: func(s *Session) func() {
		if x, y := s.floats[in.In[0]], s.floats[in.Out]; x != nil {
			return func() { copy(y, x) }
		}
		x, y := s.ints[in.In[0]], s.ints[in.Out]
		return func() { copy(y, x) }
	}}, nil
}

// prepareResize prepares the resampling of an image.
func prepareResize(m *Model, in *format.Instr) (step, error) {
	if t, _ := m.operands(in); in.Function == format.ResizeLinear {
		return windowed(func(y, x []int8, w *kernel.Window) { kernel.ResizeLinear(y, x, w, int8(t.Zero)) }, resizeWork)(m, in)
	}
	return windowed(kernel.ResizeNearest, sliceWork)(m, in)
}

func prepareStretch(m *Model, in *format.Instr) (step, error) {
	t, _ := m.operands(in)
	return windowed(func(y, x []int8, w *kernel.Window) { kernel.Stretch(y, x, w, int8(t.Zero)) }, sliceWork)(m, in)
}
