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
//
// Shapes have no batch dimension: a run is one sample. Images are [H, W, C], channels
// last. Inputs are int8, real = scale * (q - zero); outputs are int8 or float32. The
// arithmetic is that of package kernel, to the bit.
package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// Error is a failure of the runtime, in one line.
type Error string

// Error returns the line, which begins with "runtime: ".
func (e Error) Error() string { return "runtime: " + string(e) }

// Model is a loaded network. It is read-only: any number of goroutines may use it.
type Model struct {
	f     *format.File
	steps []step // of each instruction
	packs []pack // of each weight tensor

	groups int // that have layers of their own, and those that have not

	limits []int // of each input; see Info.Limits

	space  workspace // of a session
	memory int64     // bytes of a session
	work   int64     // steps of a run
}

// Load decodes a file, verifies all of it and prepares it for execution. A file that
// is broken gives a format.FormatError with the byte at which that is seen, one that a
// newer version may have written a format.UnsupportedError, one that is too large or
// contradicts itself a format.Error, and one whose sums could overflow int32 or with an
// opcode that the runtime cannot execute an Error. data is not kept.
//
// Cost: decoding, in proportion to the nonzero weights of sparse layers and all weights of
// dense ones, then packing them for execution (Info.Memory bytes), once for all instructions
// that share them. Whoever made the file, loading n bytes takes time in proportion to n and at
// most
//
//	5 W(n) + 256 MiB + 32 KiB n of memory, W(n) = min(64 KiB n, 16 MiB + 4 KiB n, 64 MiB)
//
// W(n) bounds the weights; see the limits of SPEC.md. More is refused before it is taken.
func Load(data []byte) (*Model, error) {
	f, err := format.Decode(data)
	if err != nil {
		return nil, err
	}
	return prepare(f)
}

// FromFile prepares a decoded file, or one that format.Finish has completed, as Load does.
// The Model keeps f, which must not be changed afterwards. The error is a format.Error where
// f contradicts itself, or an Error as of Load.
func FromFile(f *format.File) (*Model, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	return prepare(f)
}

// prepare makes the steps of a file that has been checked.
func prepare(f *format.File) (*Model, error) {
	if _, err := kernel.Level(); err != nil {
		return nil, Error(err.Error())
	}
	m := &Model{f: f, steps: make([]step, len(f.Instrs)), packs: make([]pack, len(f.Weights)), limits: f.Limits()}
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
	m.need()
	return m, nil
}

// operands returns the first input and the output of an instruction.
func (m *Model) operands(in *format.Instr) (x, y *format.Tensor) {
	return &m.f.Tensors[in.In[0]], &m.f.Tensors[in.Out]
}

func itoa[N int | int64](n N) string {
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
