package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// The executions of the float32 instructions.

// noMACs is for weights that are read and not multiplied by.
func noMACs(*format.File, *format.Instr) int64 { return 0 }

func prepareUnary(m *Model, in *format.Instr) (step, error) {
	f := kernel.Functions(in.Function, in.Real)
	return step{work: functionWork * m.elements(in), bind: func(s *Session) func() {
		x, y := s.floats[in.In[0]], s.floats[in.Out]
		return func() { f(y, x) }
	}}, nil
}

// shapes returns those of tensors.
func (m *Model) shapes(tensors ...int) (list [][]int) {
	for _, t := range tensors {
		list = append(list, m.f.Tensors[t].Shape)
	}
	return list
}

// broadcastBytes is the memory of a kernel.Broadcast.
const broadcastBytes = 160

func prepareBinary(m *Model, in *format.Instr) (step, error) {
	f, work := kernel.Combine(in.Function), int64(combineWork)
	if in.Function == format.BinaryPow {
		work = powWork
	}
	b := kernel.NewBroadcast(m.f.Tensors[in.Out].Shape, m.shapes(in.In...)...)
	return step{work: work * m.elements(in), bytes: broadcastBytes, bind: func(s *Session) func() {
		x, z, y := s.floats[in.In[0]], s.floats[in.In[1]], s.floats[in.Out]
		return func() { b.Apply(y, x, z, f) }
	}}, nil
}

func prepareSelect(m *Model, in *format.Instr) (step, error) {
	b := kernel.NewBroadcast(m.f.Tensors[in.Out].Shape, m.shapes(in.In...)...)
	return step{work: combineWork * m.elements(in), bytes: broadcastBytes, bind: func(s *Session) func() {
		c, x, z, y := s.floats[in.In[0]], s.floats[in.In[1]], s.floats[in.In[2]], s.floats[in.Out]
		return func() { b.Select(y, c, x, z) }
	}}, nil
}

// product returns the number of elements of a shape.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func prepareReduce(m *Model, in *format.Instr) (step, error) {
	x, _ := m.operands(in)
	end := in.Axis + in.Dims
	n, inner, f := product(x.Shape[in.Axis:end]), product(x.Shape[end:]), kernel.Reducer(in.Function)
	work := int64(combineWork)
	if in.Function == format.ReduceLogSumExp {
		work = expWork
	}
	return step{work: work*int64(x.Elems()) + functionWork*m.elements(in), bind: func(s *Session) func() {
		x, y := s.floats[in.In[0]], s.floats[in.Out]
		return func() { kernel.Reduce(y, x, n, inner, f) }
	}}, nil
}

func prepareNormalize(m *Model, in *format.Instr) (step, error) {
	x, _ := m.operands(in)
	n, rms := x.Shape[len(x.Shape)-1], in.Function == format.NormalizeRMS
	return step{work: 2*combineWork*m.elements(in) + powWork*m.elements(in)/int64(n), bind: func(s *Session) func() {
		x, y := s.floats[in.In[0]], s.floats[in.Out]
		return func() { kernel.Normalize(y, x, n, in.Real, rms) }
	}}, nil
}

func prepareMatMul(m *Model, in *format.Instr) (step, error) {
	a, b, y := m.binary(in)
	ra, rb, ry := len(a.Shape), len(b.Shape), len(y.Shape)
	rows, k, n := a.Shape[ra-2], a.Shape[ra-1], y.Shape[ry-1]
	batches := kernel.NewBroadcast(y.Shape[:ry-2], a.Shape[:ra-2], b.Shape[:rb-2])
	multiply := kernel.MatMul
	if in.Reverse {
		multiply = kernel.MatMulTransposed
	}
	return step{work: m.elements(in) * int64(k+combineWork), bytes: broadcastBytes, bind: func(s *Session) func() {
		a, b, y := s.floats[in.In[0]], s.floats[in.In[1]], s.floats[in.Out]
		return func() { batches.MatMuls(y, a, b, rows, k, n, multiply) }
	}}, nil
}

func prepareGather(m *Model, in *format.Instr) (step, error) {
	t, _ := m.operands(in)
	if in.Weight >= 0 {
		w := &m.f.Weights[in.Weight]
		return step{work: m.elements(in) + roundWork*int64(t.Elems()), bind: func(s *Session) func() {
			x, y := s.floats[in.In[0]], s.floats[in.Out]
			return func() { kernel.GatherRows(y, x, w.Values, w.InC, w.Scale) }
		}}, nil
	}
	n, inner := t.Shape[in.Axis], product(t.Shape[in.Axis+1:])
	return step{work: m.elements(in) + roundWork*m.elements(in)/int64(inner), bind: func(s *Session) func() {
		x, at, y := s.floats[in.In[0]], s.floats[in.In[1]], s.floats[in.Out]
		return func() { kernel.Gather(y, x, at, n, inner) }
	}}, nil
}

func prepareConstant(m *Model, in *format.Instr) (step, error) {
	w := &m.f.Weights[in.Weight]
	return step{work: combineWork * m.elements(in), bind: func(s *Session) func() {
		y := s.floats[in.Out]
		return func() { kernel.Constant(y, w.Values, w.InC, w.Scale, w.Bias) }
	}}, nil
}
