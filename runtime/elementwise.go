package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// prepareAdd prepares an addition or subtraction.
func prepareAdd(m *Model, in *format.Instr) (step, error) {
	a, b, y := m.binary(in)
	o := kernel.NewAdd(a.Scale, b.Scale, y.Scale, in.Op == format.OpSub)
	grids(&o, in, a, b, y)
	if m.elements(in) >= fewElements {
		o.Finish()
	}
	return step{work: roundWork * m.elements(in), bytes: o.Bytes(), bind: func(s *Session) func() {
		a, b, y := s.ints[in.In[0]], s.ints[in.In[1]], s.ints[in.Out]
		return func() { o.Run(y, a, b) }
	}}, nil
}

func prepareMul(m *Model, in *format.Instr) (step, error) {
	a, b, y := m.binary(in)
	o := kernel.NewMul(a.Scale, b.Scale, y.Scale)
	grids(&o, in, a, b, y)
	if m.elements(in) >= fewElements {
		o.Finish()
	}
	return step{work: roundWork * m.elements(in), bytes: o.Bytes(), bind: func(s *Session) func() {
		a, b, y := s.ints[in.In[0]], s.ints[in.In[1]], s.ints[in.Out]
		return func() { o.Run(y, a, b) }
	}}, nil
}

// binary returns both inputs and the output of an instruction.
func (m *Model) binary(in *format.Instr) (a, b, y *format.Tensor) {
	a, y = m.operands(in)
	return a, &m.f.Tensors[in.In[1]], y
}

// fewElements is the number of those below which the tables of a sum cost more than they save.
const fewElements = 32

// grids sets the zero points and the clamp of o.
func grids(o *kernel.Binary, in *format.Instr, a, b, y *format.Tensor) {
	o.ZeroA, o.ZeroB, o.ZeroOut = int32(a.Zero), int32(b.Zero), int32(y.Zero)
	o.Lo, o.Hi = int32(in.ClampMin), int32(in.ClampMax)
}

func prepareLookup(m *Model, in *format.Instr) (step, error) {
	t := &m.f.LUTs[in.LUT]
	return step{work: m.elements(in), bind: func(s *Session) func() {
		x, y := s.ints[in.In[0]], s.ints[in.Out]
		return func() { kernel.Lookup(y, x, t) }
	}}, nil
}

func prepareSoftmax(m *Model, in *format.Instr) (step, error) {
	t, _ := m.operands(in)
	n := t.Shape[len(t.Shape)-1]
	return step{work: expWork * m.elements(in), bind: func(s *Session) func() {
		x, y := s.floats[in.In[0]], s.floats[in.Out]
		return func() { kernel.Softmax(y, x, n) }
	}}, nil
}

func prepareDequantize(m *Model, in *format.Instr) (step, error) {
	t, _ := m.operands(in)
	return step{work: m.elements(in), bind: func(s *Session) func() {
		x, y := s.ints[in.In[0]], s.floats[in.Out]
		return func() { kernel.Dequantize(y, x, t.Scale, t.Zero) }
	}}, nil
}

func prepareQuantize(m *Model, in *format.Instr) (step, error) {
	_, t := m.operands(in)
	return step{work: roundWork * m.elements(in), bind: func(s *Session) func() {
		x, y := s.floats[in.In[0]], s.ints[in.Out]
		return func() { kernel.Quantize(y, x, t.Scale, t.Zero) }
	}}, nil
}
