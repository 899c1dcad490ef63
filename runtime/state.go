package runtime

import "edgec/runtime/format"

// Reset makes the next Run the first of a sequence: the inputs that outputs of the run before
// feed (Info.State) hold zeros. A new session is reset. It does nothing to a network without
// state.
func (s *Session) Reset() {
	for _, l := range s.m.f.State {
		clear(s.inFloats[l.Input])
		zero := int8(s.m.f.Tensors[s.m.f.Inputs[l.Input]].Zero)
		for k := range s.inInts[l.Input] {
			s.inInts[l.Input][k] = zero
		}
	}
}

// makeInputs prepares what inputs are set in: their memory in the arena or, for a state, memory
// of its own, which lasts from run to run.
func (s *Session) makeInputs() {
	f := s.m.f
	s.inInts, s.inFloats = make([][]int8, len(f.Inputs)), make([][]float32, len(f.Inputs))
	for i, t := range f.Inputs {
		s.inInts[i], s.inFloats[i] = s.ints[t], s.floats[t]
	}
	for _, l := range f.State {
		n := f.Tensors[f.Inputs[l.Input]].Elems()
		if s.inInts[l.Input] != nil {
			s.inInts[l.Input] = make([]int8, n)
		} else {
			s.inFloats[l.Input] = make([]float32, n)
		}
	}
	s.Reset()
}

// recall copies the state into the inputs that it is of.
func (s *Session) recall() {
	for _, l := range s.m.f.State {
		t := s.m.f.Inputs[l.Input]
		copy(s.ints[t], s.inInts[l.Input])
		copy(s.floats[t], s.inFloats[l.Input])
	}
}

// keep copies the outputs that the next run takes into the state.
func (s *Session) keep() {
	for _, l := range s.m.f.State {
		t := s.m.f.Outputs[l.Output]
		copy(s.inInts[l.Input], s.ints[t])
		copy(s.inFloats[l.Input], s.floats[t])
	}
}

// stateBytes is the memory of the state of a session of f.
func stateBytes(f *format.File) int64 {
	n := 2 * tensorBytes * int64(len(f.Inputs))
	for _, l := range f.State {
		t := &f.Tensors[f.Inputs[l.Input]]
		n += int64(t.DType.Size()) * int64(t.Elems())
	}
	return n
}
