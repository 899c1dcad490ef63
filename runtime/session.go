package runtime

import (
	"unsafe"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// Session is the working memory of one inference at a time. It belongs to one
// goroutine; any number of sessions of a model may run at the same time.
type Session struct {
	m      *Model
	arena  []uint32 // aligned for float32
	ints   [][]int8 // of each tensor, nil for Float32
	floats [][]float32
	steps  []func()

	image, patch []int8 // work space of the steps
	acc          []int32
	reals        []float32

	inInts   [][]int8 // what each input is set in: its tensor or, of a state, memory that lasts; nil for Float32
	inFloats [][]float32

	out    [][]float32 // of each Int8 output, dequantized
	bytes  [][]byte    // of each output
	tables [][256]int8 // the int8 of a byte of input 0: of each channel that has its own, then of all others
}

// NewSession allocates the working memory: Info.Arena bytes for activations, work space for
// the largest layer, outputs, and tables for the pixels of input 0; Info.Session bytes in all.
// The error is a LimitError if that, or the work of a run, passes a limit of c, which is
// checked first; or an Error, only for a file that was not completed by format.Finish.
func (m *Model) NewSession(c Config) (*Session, error) {
	if err := c.allows(m.memory, m.work); err != nil {
		return nil, err
	}
	f := m.f
	s := &Session{m: m, arena: make([]uint32, (f.Arena+3)/4+1), ints: make([][]int8, len(f.Tensors)), floats: make([][]float32, len(f.Tensors))}
	if err := s.place(); err != nil {
		return nil, err
	}
	s.image, s.patch, s.acc, s.reals = make([]int8, m.space.image), make([]int8, m.space.patch), make([]int32, m.space.acc), make([]float32, m.space.reals)
	s.steps = make([]func(), len(m.steps))
	for i := range m.steps {
		s.steps[i] = m.steps[i].bind(s)
	}
	s.makeInputs()
	s.makeOutputs()
	s.makeTables()
	return s, nil
}

// place gives each tensor its memory in the arena.
func (s *Session) place() error {
	f := s.m.f
	memory := unsafe.Pointer(&s.arena[0])
	for i := range f.Tensors {
		t := &f.Tensors[i]
		n := t.Elems()
		if t.Offset < 0 || t.Offset%4 != 0 || t.Offset+n*t.DType.Size() > f.Arena {
			return Error("tensor " + itoa(i) + " lies outside the working memory; complete the file with format.Finish")
		}
		p := unsafe.Add(memory, t.Offset)
		if t.DType == format.Float32 {
			s.floats[i] = unsafe.Slice((*float32)(p), n)
		} else {
			s.ints[i] = unsafe.Slice((*int8)(p), n)
		}
	}
	return nil
}

// makeOutputs allocates what outputs are handed out in. A tensor that is listed several times
// has it once.
func (s *Session) makeOutputs() {
	f := s.m.f
	s.out, s.bytes = make([][]float32, len(f.Outputs)), make([][]byte, len(f.Outputs))
	first := make([]int, len(f.Tensors)) // plus 1
	for k, i := range f.Outputs {
		t := &f.Tensors[i]
		if first[i] > 0 {
			s.out[k], s.bytes[k] = s.out[first[i]-1], s.bytes[first[i]-1]
			continue
		}
		first[i] = k + 1
		s.bytes[k] = make([]byte, t.Elems()*t.DType.Size())
		if t.DType == format.Int8 {
			s.out[k] = make([]float32, t.Elems())
		}
	}
}

// Run executes the network on the inputs that have been set. It neither
// allocates nor fails. Inputs have to be set again before the next Run, since
// their memory is used for other values. An input that an output of the run before feeds
// (Info.State) has that, and is not set, unless to begin a sequence with other values than
// zeros; see Reset.
//
// Cost: up to Info.MACs multiplications, and as few as Info.KeptMACs where layers are
// sparse.
func (s *Session) Run() {
	s.recall()
	for _, step := range s.steps {
		step()
	}
	s.keep()
}

// Input returns the int8 elements of input i, row-major, images as [H, W, C], to be filled
// before each Run: their memory is used for other values during it. It is nil for an input of
// float32 (Info.Floats), which InputFloats returns. It panics unless i is
// below the number of inputs (Info.Inputs).
func (s *Session) Input(i int) []int8 { return s.inInts[i] }

// InputFloats returns the float32 elements of input i as Input does, nil for an input of int8.
func (s *Session) InputFloats(i int) []float32 { return s.inFloats[i] }

// SetInput quantizes x, real numbers in the device's order ([H, W, C] for images),
// into input i: zero + round(x/scale), halves away from zero, saturated; NaN becomes
// zero. The grid is the input's, or that of the element's channel where the file scales
// channels (Info.Scaled). An input of float32 (Info.Floats) takes x as it is; one of whole
// numbers (Info.Whole) takes them up to 2^24 and, where a table reads them, within it
// (Info.Limits; -1 is its last row). The error is an Error: there is no input i, it has another number of
// elements, or one is no whole number that it takes.
func (s *Session) SetInput(i int, x []float32) error {
	if err := s.accepts(i, len(x)); err != nil {
		return err
	}
	dst := s.Input(i)
	t := &s.m.f.Tensors[s.m.f.Inputs[i]]
	if dst == nil {
		return s.setFloats(i, x)
	}
	if own := s.m.f.ScalingOf(i); own != nil {
		for k := range x {
			scale, zero := own.Of(t.Shape, k)
			kernel.Quantize(dst[k:k+1], x[k:k+1], scale, zero)
		}
		return nil
	}
	kernel.Quantize(dst, x, t.Scale, t.Zero)
	return nil
}

// setFloats is SetInput for an input of float32.
func (s *Session) setFloats(i int, x []float32) error {
	t := s.m.f.Inputs[i]
	if s.m.f.Tensors[t].Whole {
		for k, v := range x {
			if err := s.m.wholeNumber(i, k, v); err != nil {
				return err
			}
		}
	}
	copy(s.inFloats[i], x)
	return nil
}

// wholeNumber returns an error unless element k of input i, v, is one that it takes.
func (m *Model) wholeNumber(i, k int, v float32) error {
	const exact = 1 << 24 // float32 holds all whole numbers up to here
	n := m.limits[i]
	where := "input " + itoa(i) + " takes whole numbers"
	switch {
	case !(v >= -exact && v <= exact) || v != float32(int32(v)):
		return Error(where + ", element " + itoa(k) + " is none; give numbers such as the tokens of a text")
	case n > 0 && (v >= float32(n) || v < -float32(n)):
		return Error(where + " from 0 to " + itoa(n-1) + ", element " + itoa(k) + " is " + itoa(int(v)) + "; take the numbers of the vocabulary that the network was trained on")
	}
	return nil
}

// accepts returns an error unless there is an input i of n elements.
func (s *Session) accepts(i, n int) error {
	if i < 0 || i >= len(s.m.f.Inputs) {
		return Error("there is no input " + itoa(i) + ", the network has " + itoa(len(s.m.f.Inputs)))
	}
	if want := s.m.f.Tensors[s.m.f.Inputs[i]].Elems(); n != want {
		return Error("input " + itoa(i) + " has " + itoa(want) + " elements, " + itoa(n) + " were given")
	}
	return nil
}

// SetInputNCHW is SetInput for images whose channels come first, [C, H, W] as in most of
// ONNX; other inputs are taken as they are. The numbers of a network that takes channels
// last (format.Preprocess.ChannelsLast) are in SetInput's order.
func (s *Session) SetInputNCHW(i int, x []float32) error {
	if err := s.accepts(i, len(x)); err != nil {
		return err
	}
	dst := s.Input(i)
	t := &s.m.f.Tensors[s.m.f.Inputs[i]]
	if len(t.Shape) != 3 || t.Shape[2] == 1 || t.Whole {
		return s.SetInput(i, x)
	}
	c, area := t.Shape[2], t.Shape[0]*t.Shape[1]
	if dst == nil {
		for k, v := range x {
			s.InputFloats(i)[k%area*c+k/area] = v
		}
		return nil
	}
	own, scale, zero := s.m.f.ScalingOf(i), t.Scale, t.Zero
	for ch := 0; ch < c; ch++ {
		for p := 0; p < area; p++ {
			k, at := ch*area+p, p*c+ch
			if own != nil {
				scale, zero = own.Of(t.Shape, at)
			}
			kernel.Quantize(dst[at:at+1], x[k:k+1], scale, zero)
		}
	}
	return nil
}

// tables returns how many channels of input 0 have a table of their own, since the
// preprocessing names their mean or deviation, and whether there are others, which share one.
// There are none where channels have grids of their own, or elements none.
func (m *Model) tables() (known, rest int) {
	if m.f.ScalingOf(0) != nil || m.f.Tensors[m.f.Inputs[0]].DType != format.Int8 {
		return 0, 0
	}
	t, pre := &m.f.Tensors[m.f.Inputs[0]], &m.f.Meta.Input
	channels := 1
	if len(t.Shape) == 3 {
		channels = t.Shape[2]
	}
	known = min(channels, max(len(pre.Mean), len(pre.Std)))
	return known, min(channels-known, 1)
}

// makeTables prepares the int8 of each byte for the channels of input 0.
func (s *Session) makeTables() {
	t, pre := &s.m.f.Tensors[s.m.f.Inputs[0]], &s.m.f.Meta.Input
	known, rest := s.m.tables()
	s.tables = make([][256]int8, known+rest)
	var x [1]float32
	for c := range s.tables {
		table := &s.tables[c]
		for b := range table {
			x[0] = pre.Real(byte(b), c)
			kernel.Quantize(table[b:b+1], x[:], t.Scale, t.Zero)
		}
	}
}

// SetBytes sets input i, a picture, from its pixels, [H, W, C] bytes, by the
// preprocessing that the file names (Model.Preprocess), a table lookup for each byte. It is
// input 0's. Of an input of whole numbers (Info.Whole) bytes are the numbers. The error is an
// Error: i is not 0, the number of bytes is another, or one is a number that SetInput refuses.
func (s *Session) SetBytes(i int, pixels []byte) error {
	if i != 0 {
		return Error("input " + itoa(i) + " is no picture; set it by SetInput")
	}
	dst, floats := s.Input(i), s.InputFloats(i)
	if want := max(len(dst), len(floats)); len(pixels) != want {
		return Error("input " + itoa(i) + " has " + itoa(want) + " pixels and channels, " + itoa(len(pixels)) + " bytes were given")
	}
	if floats != nil {
		return s.setFloatBytes(floats, pixels)
	}
	if own := s.m.f.ScalingOf(0); own != nil {
		s.setScaledBytes(dst, pixels, own)
		return nil
	}
	channels, last := 1, len(s.tables)-1
	if shape := s.m.f.Tensors[s.m.f.Inputs[0]].Shape; len(shape) == 3 && last > 0 {
		channels = shape[2]
	}
	c := 0
	for k, b := range pixels {
		dst[k] = s.tables[min(c, last)][b]
		if c++; c == channels {
			c = 0
		}
	}
	return nil
}

// setFloatBytes is SetBytes for an input of float32.
func (s *Session) setFloatBytes(dst []float32, pixels []byte) error {
	shape, pre := s.m.f.Tensors[s.m.f.Inputs[0]].Shape, &s.m.f.Meta.Input
	channels := 1
	if len(shape) == 3 {
		channels = shape[2]
	}
	whole := s.m.f.Tensors[s.m.f.Inputs[0]].Whole
	for k, b := range pixels {
		if !whole {
			dst[k] = pre.Real(b, k%channels)
			continue
		}
		if err := s.m.wholeNumber(0, k, float32(b)); err != nil {
			return err
		}
		dst[k] = float32(b)
	}
	return nil
}

// setScaledBytes is SetBytes for an input whose channels have grids of their own.
func (s *Session) setScaledBytes(dst []int8, pixels []byte, own *format.Scaling) {
	shape, pre := s.m.f.Tensors[s.m.f.Inputs[0]].Shape, &s.m.f.Meta.Input
	channels := 1
	if len(shape) == 3 {
		channels = shape[2]
	}
	var x [1]float32
	for k, b := range pixels {
		x[0] = pre.Real(b, k%channels)
		scale, zero := own.Of(shape, k)
		kernel.Quantize(dst[k:k+1], x[:], scale, zero)
	}
}

// Output returns output i of the last Run, as real numbers in the device's order
// (Info.Outputs, row-major): float32 as it was computed, int8 as scale * (q - zero). The
// slice is the session's own. Read it before an input is set or Run is called again: inputs
// and outputs may share memory. It panics unless i is below the number of outputs.
func (s *Session) Output(i int) []float32 {
	t := s.m.f.Outputs[i]
	if s.floats[t] != nil {
		return s.floats[t]
	}
	kernel.Dequantize(s.out[i], s.ints[t], s.m.f.Tensors[t].Scale, s.m.f.Tensors[t].Zero)
	return s.out[i]
}

// OutputBytes returns output i of the last Run as it is stored, row-major and little
// endian: int8 or float32, NaN always as 0x7fc00000. Call it before an input is set again, as Output. The slice is
// used again by the next call for this output. It panics unless i is below the number of
// outputs.
func (s *Session) OutputBytes(i int) []byte {
	t, dst := s.m.f.Outputs[i], s.bytes[i]
	if s.floats[t] == nil {
		for k, q := range s.ints[t] {
			dst[k] = byte(q)
		}
		return dst
	}
	for k, v := range s.floats[t] {
		b := kernel.Bits(v)
		dst[4*k], dst[4*k+1], dst[4*k+2], dst[4*k+3] = byte(b), byte(b>>8), byte(b>>16), byte(b>>24)
	}
	return dst
}
