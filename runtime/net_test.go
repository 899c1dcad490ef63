package runtime

import (
	"math/rand/v2"
	"slices"

	"edgec/runtime/format"
)

// builder makes random networks that the format allows.
type builder struct {
	r *rand.Rand
	f *format.File
}

func newBuilder(seed uint64) *builder {
	return &builder{rand.New(rand.NewPCG(seed, 0xedc)), &format.File{}}
}

// scale is one that the file stores in two bytes, or seldom in four.
func (b *builder) scale() float32 {
	s := float32(1+b.r.IntN(1023)) / 1024 / 16
	if b.r.IntN(8) == 0 {
		s *= 1.001
	}
	return s
}

func (b *builder) tensor(t format.Tensor) int {
	b.f.Tensors = append(b.f.Tensors, t)
	return len(b.f.Tensors) - 1
}

func (b *builder) int8(shape ...int) int {
	return b.tensor(format.Tensor{Shape: slices.Clone(shape), Scale: b.scale(), Zero: b.r.IntN(256) - 128})
}

// on is a tensor on x's grid.
func (b *builder) on(x int, shape ...int) int {
	t := b.f.Tensors[x]
	t.Shape = slices.Clone(shape)
	return b.tensor(t)
}

func (b *builder) input(shape ...int) int {
	t := b.int8(shape...)
	b.f.Inputs = append(b.f.Inputs, t)
	return t
}

func (b *builder) shape(x int) []int { return b.f.Tensors[x].Shape }

// emit completes and appends an instruction; it returns its output.
func (b *builder) emit(in format.Instr) int {
	if in.Op != format.OpConv2D && in.Op != format.OpDense && in.Op != format.OpConstant && in.Op != format.OpGather && in.Op != format.OpRecurrent {
		in.Weight = -1
	}
	if in.Op != format.OpLUT {
		in.LUT = -1
	}
	if in.ClampMin == 0 && in.ClampMax == 0 {
		in.ClampMin, in.ClampMax = -128, 127
		if b.r.IntN(3) == 0 && b.f.Tensors[in.Out].DType == format.Int8 {
			in.ClampMin, in.ClampMax = int8(-b.r.IntN(128)), int8(b.r.IntN(128))
		}
	}
	b.f.Instrs = append(b.f.Instrs, in)
	return in.Out
}

// weight appends random weights of any density.
func (b *builder) weight(outC, kh, kw, inC int) int {
	r := b.r
	w := format.Weight{OutC: outC, KH: kh, KW: kw, InC: inC, Scale: []float32{b.scale()}}
	if r.IntN(2) == 0 {
		w.Scale = nil
		for range outC {
			w.Scale = append(w.Scale, b.scale())
		}
	}
	if r.IntN(3) > 0 {
		for range outC {
			w.Bias = append(w.Bias, int32(r.IntN(20001)-10000))
		}
	}
	density, few := []float64{0.05, 0.3, 1}[r.IntN(3)], r.IntN(2) == 0
	w.Values = make([]int8, w.Elems())
	for i := range w.Values {
		if r.Float64() < density {
			w.Values[i] = int8(r.IntN(255) - 127)
			if few {
				w.Values[i] = w.Values[i] / 16 * 16
			}
		}
	}
	if few {
		w.Book = slices.Clone(w.Values)
		slices.Sort(w.Book)
		w.Book = slices.Compact(w.Book)
	}
	b.f.Weights = append(b.f.Weights, w)
	return len(b.f.Weights) - 1
}

// moves sets stride, dilation and padding; it returns the output's size for
// kernels of kh x kw, or false when none fits.
func (b *builder) moves(in *format.Instr, s []int, kh, kw, mostPad int) (oh, ow int, ok bool) {
	r := b.r
	in.StrideH, in.StrideW, in.DilH, in.DilW = 1+r.IntN(2), 1+r.IntN(2), 1+r.IntN(2), 1+r.IntN(2)
	in.PadT, in.PadL, in.PadB, in.PadR = r.IntN(mostPad+1), r.IntN(mostPad+1), r.IntN(mostPad+1), r.IntN(mostPad+1)
	roomH, roomW := s[0]+in.PadT+in.PadB-(kh-1)*in.DilH-1, s[1]+in.PadL+in.PadR-(kw-1)*in.DilW-1
	return roomH/in.StrideH + 1, roomW/in.StrideW + 1, roomH >= 0 && roomW >= 0
}

// conv appends a convolution: plain, in groups or depthwise.
func (b *builder) conv(x int) int {
	s, r := b.shape(x), b.r
	groups := []int{1, 1, s[2]}[r.IntN(3)]
	if s[2]%2 == 0 && r.IntN(3) == 0 {
		groups = 2
	}
	outC := groups * (1 + r.IntN(max(1, 9/groups)))
	kh, kw := 1+r.IntN(3), 1+r.IntN(3)
	in := format.Instr{Op: format.OpConv2D, In: []int{x}, Groups: groups}
	oh, ow, ok := b.moves(&in, s, kh, kw, 2)
	if !ok {
		return x
	}
	in.Weight = b.weight(outC, kh, kw, s[2]/groups)
	in.Out = b.int8(oh, ow, outC)
	return b.emit(in)
}

func (b *builder) pool(x int) int {
	r := b.r
	in := format.Instr{Op: format.OpMaxPool, In: []int{x}, KH: 1 + r.IntN(3), KW: 1 + r.IntN(3)}
	if r.IntN(2) == 0 {
		in.Op, in.CountPad = format.OpAvgPool, r.IntN(2) == 0
	}
	oh, ow, ok := b.moves(&in, b.shape(x), in.KH, in.KW, 0)
	if r.IntN(2) == 0 {
		oh, ow, ok = b.moves(&in, b.shape(x), in.KH, in.KW, min(in.KH, in.KW)-1)
	}
	if !ok {
		return x
	}
	in.Out = b.on(x, oh, ow, b.shape(x)[2])
	return b.emit(in)
}

func (b *builder) dense(x, outC int) int {
	t := b.f.Tensors[x]
	return b.emit(format.Instr{Op: format.OpDense, In: []int{x}, Weight: b.weight(outC, 1, 1, t.Elems()), Out: b.int8(outC)})
}

func (b *builder) binary(x int) int {
	s := b.shape(x)
	y := x
	switch b.r.IntN(3) {
	case 0: // the same shape, another grid
		y = b.table(x)
	case 1:
		y = b.dense(x, 1)
	default:
		if len(s) == 3 {
			y = b.dense(x, s[2])
			y = b.emit(format.Instr{Op: format.OpReshape, In: []int{y}, Out: b.on(y, 1, 1, s[2]), Shape: []int{1, 1, s[2]}})
		}
	}
	op := []format.Opcode{format.OpAdd, format.OpSub, format.OpMul}[b.r.IntN(3)]
	return b.emit(format.Instr{Op: op, In: []int{x, y}, Out: b.int8(s...)})
}

func (b *builder) table(x int) int {
	var t [256]int8
	for i := range t {
		t[i] = int8(b.r.Uint32())
	}
	b.f.LUTs = append(b.f.LUTs, t)
	return b.emit(format.Instr{Op: format.OpLUT, In: []int{x}, Out: b.int8(b.shape(x)...), LUT: len(b.f.LUTs) - 1})
}

func (b *builder) concat(x int) int {
	axis := b.r.IntN(len(b.shape(x)))
	in := format.Instr{Op: format.OpConcat, In: slices.Repeat([]int{x}, 1+b.r.IntN(3)), Axis: axis}
	s := slices.Clone(b.shape(x))
	s[axis] *= len(in.In)
	in.Out = b.on(x, s...)
	return b.emit(in)
}

func (b *builder) pad(x int) int {
	s, r := b.shape(x), b.r
	in := format.Instr{Op: format.OpPad, In: []int{x}, PadT: r.IntN(3), PadL: r.IntN(3), PadB: r.IntN(3), PadR: r.IntN(3), PadValue: int8(r.Uint32())}
	in.Out = b.on(x, s[0]+in.PadT+in.PadB, s[1]+in.PadL+in.PadR, s[2])
	return b.emit(in)
}

func (b *builder) slice(x int) int {
	s, r := b.shape(x), b.r
	in := format.Instr{Op: format.OpSlice, In: []int{x}, StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3)}
	in.PadT, in.PadL = r.IntN(s[0]), r.IntN(s[1])
	in.PadB, in.PadR = r.IntN(s[0]-in.PadT), r.IntN(s[1]-in.PadL)
	in.Out = b.on(x, (s[0]-in.PadT-in.PadB-1)/in.StrideH+1, (s[1]-in.PadL-in.PadR-1)/in.StrideW+1, s[2])
	return b.emit(in)
}

func (b *builder) resize(x int) int {
	s, r := b.shape(x), b.r
	in := format.Instr{Op: format.OpResize, In: []int{x}, Function: r.IntN(2), KH: 1 + r.IntN(9), KW: 1 + r.IntN(9),
		StrideH: 1 + r.IntN(1<<21), StrideW: 1 + r.IntN(1<<21), PadT: r.IntN(1<<21) - 1<<20, PadL: r.IntN(1<<21) - 1<<20}
	in.Out = b.on(x, in.KH, in.KW, s[2])
	return b.emit(in)
}

func (b *builder) stretch(x int) int {
	s, r := b.shape(x), b.r
	in := format.Instr{Op: format.OpStretch, In: []int{x}, StrideH: 1 + r.IntN(2), StrideW: 1 + r.IntN(2)}
	in.Out = b.on(x, (s[0]-1)*in.StrideH+1, (s[1]-1)*in.StrideW+1, s[2])
	return b.emit(in)
}

func (b *builder) transpose(x int) int {
	perm := b.r.Perm(len(b.shape(x)))
	var s []int
	for _, p := range perm {
		s = append(s, b.shape(x)[p])
	}
	return b.emit(format.Instr{Op: format.OpTranspose, In: []int{x}, Out: b.on(x, s...), Perm: perm})
}

// step appends a random instruction that can read x.
func (b *builder) step(x int) int {
	if len(b.shape(x)) == 3 {
		switch b.r.IntN(10) {
		case 8:
			return b.resize(x)
		case 9:
			return b.stretch(x)
		case 0, 1:
			return b.conv(x)
		case 2:
			return b.pool(x)
		case 3:
			return b.pad(x)
		case 4:
			return b.slice(x)
		}
	}
	switch b.r.IntN(6) {
	case 0:
		return b.binary(x)
	case 1:
		return b.table(x)
	case 2:
		return b.concat(x)
	case 3:
		return b.transpose(x)
	}
	return x
}

// finish ends the network in an int8 or a float32 output, or both, with an
// earlier tensor as a further one at times.
func (b *builder) finish(x int) *format.File {
	y := b.dense(x, 1+b.r.IntN(9))
	n := b.shape(y)[0]
	b.f.Outputs = []int{y}
	float := func(x int, op format.Opcode) int {
		return b.emit(format.Instr{Op: op, In: []int{x}, Out: b.tensor(format.Tensor{DType: format.Float32, Shape: slices.Clone(b.shape(x))})})
	}
	switch b.r.IntN(4) {
	case 0:
		b.f.Outputs = []int{float(float(y, format.OpDequantize), format.OpSoftmax)}
	case 1: // weights whose result is real, and a softmax that is quantized
		out := b.tensor(format.Tensor{DType: format.Float32, Shape: []int{n}})
		z := b.emit(format.Instr{Op: format.OpDense, In: []int{y}, Weight: b.weight(n, 1, 1, n), Out: out})
		q := b.emit(format.Instr{Op: format.OpQuantize, In: []int{float(z, format.OpSoftmax)}, Out: b.int8(n)})
		b.f.Outputs = []int{z, q}
	case 2:
		b.f.Outputs = append(b.f.Outputs, x)
	}
	format.Finish(b.f)
	return b.f
}

// randomNet returns a network of a few random instructions.
func randomNet(seed uint64) *format.File {
	b := newBuilder(seed)
	x := b.input(3+b.r.IntN(6), 3+b.r.IntN(6), 1+b.r.IntN(6))
	if b.r.IntN(4) == 0 { // a second input joins the first
		z := b.input(b.shape(x)...)
		x = b.emit(format.Instr{Op: format.OpAdd, In: []int{x, z}, Out: b.int8(b.shape(x)...)})
	}
	for range 3 + b.r.IntN(8) {
		if y := b.step(x); (&b.f.Tensors[y]).Elems() < 3000 {
			x = y
		}
	}
	return b.finish(x)
}

// lenet returns a network of LeNet-5's shapes and random sparse weights.
func lenet(seed uint64, density float64) *format.File {
	return lenetOf(seed, density, []int{20, 50}, []int{500, 10})
}

// lenetOf is LeNet-5 with other numbers of channels and units, or without
// convolutions.
func lenetOf(seed uint64, density float64, channels, units []int) *format.File {
	b := newBuilder(seed)
	sparse := func(w int) {
		x := &b.f.Weights[w]
		x.Book = nil
		for i := range x.Values {
			if x.Values[i] = 0; b.r.Float64() < density {
				x.Values[i] = int8(b.r.IntN(7)-3) * 16
			}
		}
		x.Book = []int8{-48, -32, -16, 0, 16, 32, 48}
	}
	x := b.input(28, 28, 1)
	for _, c := range channels {
		s := b.shape(x)
		w := b.weight(c, 5, 5, s[2])
		sparse(w)
		x = b.emit(format.Instr{Op: format.OpConv2D, In: []int{x}, Weight: w, Groups: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Out: b.int8(s[0]-4, s[1]-4, c), ClampMin: -128, ClampMax: 127})
		s = b.shape(x)
		x = b.emit(format.Instr{Op: format.OpMaxPool, In: []int{x}, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Out: b.on(x, s[0]/2, s[1]/2, c)})
	}
	for _, c := range units {
		w := b.weight(c, 1, 1, (&b.f.Tensors[x]).Elems())
		sparse(w)
		x = b.emit(format.Instr{Op: format.OpDense, In: []int{x}, Weight: w, Out: b.int8(c), ClampMin: -128, ClampMax: 127})
	}
	b.f.Outputs = []int{x}
	b.f.Meta = format.Meta{Name: "lenet", Labels: []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"},
		Input: format.Preprocess{Mean: []float32{0.1307}, Std: []float32{0.3081}}}
	format.Finish(b.f)
	return b.f
}
