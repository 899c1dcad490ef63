// Package runtime executes compressed networks. It uses the standard library
// only and gives the same bytes on every CPU.
//
//	m, err := runtime.Load(data)
//	s, err := m.NewSession(runtime.Config{})
//	s.SetBytes(0, pixels)
//	s.Run()
//	scores := s.Output(0)
//
// A Model is immutable and may be shared; a Session is one working memory and
// belongs to one goroutine. Load validates everything, NewSession allocates
// everything, Run neither allocates nor fails.
package runtime

import "edgec/runtime/format"

// Error is a failure of the runtime, in one line.
type Error string

// Error returns the line, which begins with "runtime: ".
func (e Error) Error() string { return "runtime: " + string(e) }

// Model is a loaded network.
type Model struct {
	f     *format.File
	steps []step // of each instruction
}

// Load decodes a file, verifies all of it and prepares it for execution. A file that
// is broken gives a format.FormatError with the byte at which that is seen, one that a
// newer version may have written a format.UnsupportedError, one that is too large or
// contradicts itself a format.Error, and one whose sums could overflow an Error. data
// is not kept.
func Load(data []byte) (*Model, error) {
	f, err := format.Decode(data)
	if err != nil {
		return nil, err
	}
	return prepare(f)
}

// FromFile prepares a decoded file, or one that format.Finish has completed.
// The file must not be changed afterwards.
func FromFile(f *format.File) (*Model, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	return prepare(f)
}

// prepare makes the steps of a file that has been checked.
func prepare(f *format.File) (*Model, error) {
	m := &Model{f: f, steps: make([]step, len(f.Instrs))}
	for i := range f.Instrs {
		in := &f.Instrs[i]
		row, err := executionOf(in.Op)
		if err != nil {
			return nil, err
		}
		if m.steps[i], err = row.prepare(m, in); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// operands returns the first input and the output of an instruction.
func (m *Model) operands(in *format.Instr) (x, y *format.Tensor) {
	return &m.f.Tensors[in.In[0]], &m.f.Tensors[in.Out]
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	s := ""
	for {
		s = string(rune('0'+n%10)) + s
		if n /= 10; n == 0 {
			return s
		}
	}
}
