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

import (
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// Error is a failure of the runtime, in one line.
type Error string

// Error returns the line, which begins with "runtime: ".
func (e Error) Error() string { return "runtime: " + string(e) }

// Model is a loaded network.
type Model struct {
	f      *format.File
	packed []packed // of each instruction
}

// packed is the prepared form of one instruction.
type packed struct {
	layer     *kernel.Layer
	conv      *kernel.Conv
	depthwise *kernel.Depthwise
	binary    kernel.Binary
	window    kernel.Window
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

// prepare packs a file that has been checked.
func prepare(f *format.File) (*Model, error) {
	m := &Model{f: f, packed: make([]packed, len(f.Instrs))}
	for i := range f.Instrs {
		if err := m.pack(i); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// pack prepares instruction i.
func (m *Model) pack(i int) error {
	in := &m.f.Instrs[i]
	x, y := &m.f.Tensors[in.In[0]], &m.f.Tensors[in.Out]
	p := &m.packed[i]
	switch in.Op {
	case format.OpConv2D, format.OpMaxPool, format.OpAvgPool:
		p.window = kernel.Window{H: x.Shape[0], W: x.Shape[1], C: x.Shape[2], KH: in.KH, KW: in.KW, StrideH: in.StrideH, StrideW: in.StrideW,
			DilH: in.DilH, DilW: in.DilW, PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR, OutH: y.Shape[0], OutW: y.Shape[1]}
		if in.Op == format.OpConv2D {
			return m.packConv(p, in, x, y)
		}
	case format.OpDense:
		w := &m.f.Weights[in.Weight]
		if err := fits(w); err != nil {
			return err
		}
		p.layer = kernel.NewLayer(w.Values, w.OutC, w.InC, w.Bias, x.Zero)
		output(p.layer, w, 0, in, x, y)
	case format.OpAdd, format.OpSub:
		p.binary = kernel.NewAdd(x.Scale, m.f.Tensors[in.In[1]].Scale, y.Scale, in.Op == format.OpSub)
	case format.OpMul:
		p.binary = kernel.NewMul(x.Scale, m.f.Tensors[in.In[1]].Scale, y.Scale)
	}
	if len(in.In) == 2 {
		b := &p.binary
		b.ZeroA, b.ZeroB, b.ZeroOut = int32(x.Zero), int32(m.f.Tensors[in.In[1]].Zero), int32(y.Zero)
		b.Lo, b.Hi = int32(in.ClampMin), int32(in.ClampMax)
	}
	return nil
}

func (m *Model) packConv(p *packed, in *format.Instr, x, y *format.Tensor) error {
	w := &m.f.Weights[in.Weight]
	p.window.KH, p.window.KW = w.KH, w.KW
	if err := fits(w); err != nil {
		return err
	}
	if w.InC == 1 && in.Groups > 1 {
		p.depthwise = kernel.NewDepthwise(p.window, int8(x.Zero), w.Values, w.OutC, w.Bias)
		output(p.depthwise.Layer, w, 0, in, x, y)
		return nil
	}
	groups := make([]*kernel.Layer, in.Groups)
	n := w.OutC / in.Groups
	k := w.KH * w.KW * w.InC
	for g := range groups {
		var bias []int32
		if w.Bias != nil {
			bias = w.Bias[g*n : (g+1)*n]
		}
		groups[g] = kernel.NewLayer(w.Values[g*n*k:(g+1)*n*k], n, k, bias, x.Zero)
		output(groups[g], w, g*n, in, x, y)
	}
	p.conv = kernel.NewConv(p.window, int8(x.Zero), groups)
	return nil
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
