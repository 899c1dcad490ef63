package format

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/x448/float16"

	"edgec/internal/deep"
)

// trials is how many random cases a test tries: all n where EDGEC_DEEP is set, a
// tenth with -short, for emulated machines, and two fifths otherwise.
func trials(n int) int {
	switch {
	case testing.Short():
		return n / 10
	case !deep.On():
		return n * 2 / 5
	}
	return n
}

// network builds a file with every opcode of version 1.0 and random content.
func network(r *rand.Rand) *File { return networkOf(r, false) }

// latest builds one with every opcode.
func latest(r *rand.Rand) *File { return networkOf(r, true) }

func networkOf(r *rand.Rand, latest bool) *File {
	f := &File{}
	b := &netBuilder{f, r}
	d := b.image(latest)
	real, ints := b.classifier(d)
	f.Outputs = []int{real, ints}
	if r.IntN(2) == 0 {
		f.Outputs = []int{real}
		f.Meta = Meta{Name: "net", Labels: []string{"a", "b", ""}, Input: Preprocess{Bytes255: true, Mean: []float32{1.5}}}
		f.Test = &SelfTest{Seed: r.Uint32() >> 1, CRC: r.Uint32()}
	}
	if latest {
		f.Outputs = append(f.Outputs, b.floats(d))
	}
	Finish(f)
	if latest && r.IntN(2) == 0 {
		f.Scaling = []Scaling{scaling(r, 0, f.Tensors[0].Shape)}
	}
	return f
}

// scaling gives the channels along an axis of an input grids of their own.
func scaling(r *rand.Rand, input int, shape []int) Scaling {
	s := Scaling{Input: input, Axis: r.IntN(len(shape))}
	for c := range shape[s.Axis] {
		h, _ := half(float32(0.001 + r.Float64()))
		s.Scale = append(s.Scale, float(h))
		if c == 0 && r.IntN(2) == 0 {
			s.Scale[0] = 1e6
		}
		s.Zero = append(s.Zero, int(int32(r.Uint32())>>r.IntN(32)))
	}
	return s
}

// netBuilder is a file that is being built, with random content.
type netBuilder struct {
	*File
	r *rand.Rand
}

func (b *netBuilder) scale() float32 {
	h, _ := half(float32(0.001 + b.r.Float64()))
	return float(h)
}

// tensor adds a tensor on a random grid.
func (b *netBuilder) tensor(dt DType, shape ...int) int {
	t := Tensor{DType: dt, Shape: shape}
	if dt == Int8 {
		t.Scale, t.Zero = b.scale(), b.r.IntN(256)-128
	}
	b.Tensors = append(b.Tensors, t)
	return len(b.Tensors) - 1
}

// like adds a tensor on the grid of tensor t.
func (b *netBuilder) like(t int, shape ...int) int {
	k := b.tensor(b.Tensors[t].DType, shape...)
	b.Tensors[k].Scale, b.Tensors[k].Zero = b.Tensors[t].Scale, b.Tensors[t].Zero
	return k
}

// weight adds weights of random density, with a codebook or without.
func (b *netBuilder) weight(outC, kh, kw, inC int) int {
	w := Weight{OutC: outC, KH: kh, KW: kw, InC: inC, Scale: []float32{b.scale()}}
	if b.r.IntN(2) == 0 {
		w.Scale = make([]float32, outC)
		for i := range w.Scale {
			w.Scale[i] = b.scale()
		}
	}
	if b.r.IntN(4) == 0 {
		w.Scale[0] = 0.1 // no float16
	}
	if b.r.IntN(3) > 0 {
		w.Bias = make([]int32, outC)
		shift := b.r.IntN(12)
		for i := range w.Bias {
			w.Bias[i] = int32(b.r.IntN(2001)-1000) << shift
		}
	}
	w.Values, w.Book = b.values(w.Elems())
	b.Weights = append(b.Weights, w)
	return len(b.Weights) - 1
}

// values are n weights, and their codebook if they have one.
func (b *netBuilder) values(n int) (values, listed []int8) {
	density := b.r.Float64()
	values = make([]int8, n)
	book := []int8{-50, -7, 9, 127}
	sharing := b.r.IntN(2) == 0
	for i := range values {
		if b.r.Float64() < density {
			if values[i] = int8(b.r.IntN(255) - 127); sharing {
				values[i] = book[b.r.IntN(4)]
			}
		}
	}
	if sharing {
		listed = occurring(values)
	}
	return values, listed
}

func (b *netBuilder) emit(i Instr) int {
	if i.Op.row().weights == noWeights {
		i.Weight = -1
	}
	if i.Op != OpLUT {
		i.LUT = -1
	}
	b.Instrs = append(b.Instrs, i)
	return i.Out
}

// image adds the input and what works on images; it returns one of 2 x 4 x 6.
func (b *netBuilder) image(latest bool) int {
	x := b.tensor(Int8, 8, 9, 2)
	b.Inputs = []int{x}
	first := b.emit(Instr{Op: OpConv2D, In: []int{x}, Out: b.tensor(Int8, 8, 9, 4), Weight: b.weight(4, 3, 3, 2), StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1, Groups: 1, ClampMin: -100, ClampMax: 90})
	second := b.emit(Instr{Op: OpConv2D, In: []int{first}, Out: b.tensor(Int8, 8, 9, 4), Weight: b.weight(4, 3, 2, 1), StrideH: 1, StrideW: 1, DilH: 1, DilW: 2, PadT: 1, PadL: 0, PadB: 1, PadR: 2, Groups: 4, ClampMin: -128, ClampMax: 127})
	c := b.emit(Instr{Op: OpAdd, In: []int{first, second}, Out: b.tensor(Int8, 8, 9, 4), ClampMin: 0, ClampMax: 127})
	b.LUTs = append(b.LUTs, [256]int8{})
	for i := range b.LUTs[0] {
		b.LUTs[0][i] = int8(math.Round(127 * math.Tanh(float64(i-128)/40)))
	}
	c = b.emit(Instr{Op: OpLUT, In: []int{c}, Out: b.tensor(Int8, 8, 9, 4), LUT: 0})
	c = b.emit(Instr{Op: OpMaxPool, In: []int{c}, Out: b.like(c, 4, 4, 4), KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1})
	d := b.emit(Instr{Op: OpPad, In: []int{c}, Out: b.like(c, 5, 4, 4), PadB: 1, PadValue: 7})
	d = b.emit(Instr{Op: OpConcat, In: []int{c, d, c}, Out: b.like(c, 13, 4, 4), Axis: 0})
	d = b.emit(Instr{Op: OpAvgPool, In: []int{d}, Out: b.like(d, 6, 2, 4), KH: 3, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, CountPad: true})
	d = b.emit(Instr{Op: OpTranspose, In: []int{d}, Out: b.like(d, 2, 4, 6), Perm: []int{1, 2, 0}})
	if latest {
		d = b.emit(Instr{Op: OpPad, In: []int{d}, Out: b.like(d, 6, 9, 6), PadT: 1, PadB: 3, PadR: 5, PadValue: 7})
		above := b.r.IntN(3)
		d = b.emit(Instr{Op: OpResize, In: []int{d}, Out: b.like(d, 3, 5, 6), Function: b.r.IntN(2), KH: 3, KW: 5, StrideH: 1 << (18 + b.r.IntN(3)), StrideW: 3 << 19, PadT: -1 << 18, PadL: b.r.IntN(9) - 4})
		d = b.emit(Instr{Op: OpStretch, In: []int{d}, Out: b.like(d, 5, 9, 6), StrideH: 2, StrideW: 2})
		d = b.emit(Instr{Op: OpPad, In: []int{d}, Out: b.like(d, 6, 9, 6), PadT: 1})
		d = b.emit(Instr{Op: OpSlice, In: []int{d}, Out: b.like(d, 2, 4, 6), PadT: above, PadB: 2 - above + b.r.IntN(2), PadL: 1, PadR: 1, StrideH: 2, StrideW: 2})
	}
	return d
}

// classifier adds arithmetic on image d and dense layers on it; it returns the
// scores, real and as integers before the last layers.
func (b *netBuilder) classifier(d int) (real, ints int) {
	e := b.emit(Instr{Op: OpMul, In: []int{d, d}, Out: b.tensor(Int8, 2, 4, 6), ClampMin: -128, ClampMax: 127})
	e = b.emit(Instr{Op: OpSub, In: []int{e, d}, Out: b.tensor(Int8, 2, 4, 6), ClampMin: -128, ClampMax: 127})
	g := b.emit(Instr{Op: OpDense, In: []int{e}, Out: b.tensor(Int8, 5), Weight: b.weight(5, 1, 1, 48), ClampMin: -128, ClampMax: 127, RoundOnce: b.r.IntN(2) == 0})
	h := b.emit(Instr{Op: OpReshape, In: []int{g}, Out: b.like(g, 1, 5), Shape: []int{1, 5}})
	h = b.emit(Instr{Op: OpDequantize, In: []int{h}, Out: b.tensor(Float32, 1, 5)})
	h = b.emit(Instr{Op: OpSoftmax, In: []int{h}, Out: b.tensor(Float32, 1, 5)})
	h = b.emit(Instr{Op: OpQuantize, In: []int{h}, Out: b.tensor(Int8, 1, 5)})
	k := b.emit(Instr{Op: OpDense, In: []int{h}, Out: b.tensor(Float32, 3), Weight: b.weight(3, 1, 1, 5), ClampMin: -128, ClampMax: 127})
	return k, g
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(trials(60)) {
		f, minor := network(rand.New(rand.NewPCG(seed, 1))), byte(0)
		if seed%3 == 0 {
			f, minor = latest(rand.New(rand.NewPCG(seed, 1))), version&15
		}
		data, sizes, err := Encode(f)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if sizes.Total() != len(data) {
			t.Fatalf("seed %d: the parts sum to %d of %d bytes", seed, sizes.Total(), len(data))
		}
		if data[len(magic)] != oldest|minor {
			t.Fatalf("seed %d: version %#x, want 1.%d", seed, data[len(magic)], minor)
		}
		g, err := Decode(data)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(f, g) {
			for i := range f.Instrs {
				if !reflect.DeepEqual(f.Instrs[i], g.Instrs[i]) {
					t.Errorf("instruction %d: %+v, want %+v", i, g.Instrs[i], f.Instrs[i])
				}
			}
			for i := range f.Tensors {
				if !reflect.DeepEqual(f.Tensors[i], g.Tensors[i]) {
					t.Errorf("tensor %d: %+v, want %+v", i, g.Tensors[i], f.Tensors[i])
				}
			}
			for i := range f.Weights {
				if !reflect.DeepEqual(f.Weights[i], g.Weights[i]) {
					t.Errorf("weights %d: %+v, want %+v", i, g.Weights[i], f.Weights[i])
				}
			}
			t.Fatalf("seed %d: not what was written", seed)
		}
		again, _, _ := Encode(g)
		if !bytes.Equal(data, again) {
			t.Fatalf("seed %d: written again, the bytes differ", seed)
		}
	}
}

// Every cut and every flipped byte must be refused by an error, never a panic.
func TestDamage(t *testing.T) {
	data, _, err := Encode(latest(rand.New(rand.NewPCG(2, 2))))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := Decode(data[:n]); err == nil {
			t.Fatalf("%d of %d bytes were accepted", n, len(data))
		}
		bad := bytes.Clone(data)
		bad[n] ^= 0x41
		if _, err := Decode(bad); err == nil {
			t.Fatalf("a damaged byte %d was accepted", n)
		}
	}
}

// The same with a valid checksum: whatever is inside, no panic.
func TestHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	files := [][]byte{encoded(t, network(r)), encoded(t, latest(r))}
	for k := range trials(4000) {
		data := files[k%2]
		bad := bytes.Clone(data)
		for k := r.IntN(4); k >= 0; k-- {
			bad[5+r.IntN(len(bad)-9)] = byte(r.Uint32())
		}
		if r.IntN(3) == 0 {
			bad = bad[:9+r.IntN(len(bad)-9)]
		}
		if f, err := Decode(sealed(bad)); err == nil {
			if err := f.Check(); err != nil {
				t.Fatalf("Decode returned a file that Check refuses: %v", err)
			}
		}
	}
}

// sealed puts a valid checksum on the last four bytes.
func sealed(data []byte) []byte {
	w := &writer{b: bytes.Clone(data[:len(data)-4])}
	w.u32(Checksum(w.b))
	return w.b
}

// heapAllocs returns the bytes that were allocated so far, to some pages, without stopping the
// world.
func heapAllocs() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// FuzzDecode: no file makes Decode panic or take more memory than its length allows, and what
// it accepts is consistent.
func FuzzDecode(f *testing.F) {
	for seed := uint64(0); seed < 3; seed++ {
		data, _, err := Encode(network(rand.New(rand.NewPCG(seed, 9))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(encoded(f, latest(rand.New(rand.NewPCG(seed, 9)))))
	}
	f.Add(encoded(f, seldomZero(rand.New(rand.NewPCG(3, 9)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 9 {
			return
		}
		var file *File
		var err error
		before := heapAllocs()
		file, err = Decode(sealed(data))
		if took := heapAllocs() - before; took > mostDecoded(len(data))+1<<20 { // the fuzzer allocates too
			t.Errorf("%d bytes of file, %d of memory", len(data), took)
		}
		if err == nil {
			if err := file.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzRoundTrip: what Decode accepts, Encode writes again, and it comes back the
// same; written twice, the bytes are the same.
func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(6) {
		data, _, err := Encode(network(rand.New(rand.NewPCG(seed, 10))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(encoded(f, latest(rand.New(rand.NewPCG(seed, 10)))))
	}
	f.Add(encoded(f, seldomZero(rand.New(rand.NewPCG(6, 10)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 9 {
			return
		}
		file, err := Decode(sealed(data))
		if err != nil || file.weights() > 1<<16 {
			return
		}
		written, _, err := Encode(file)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v: %+v", err, file)
		}
		again, err := Decode(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v: %+v", err, file)
		}
		if !reflect.DeepEqual(file, again) {
			t.Fatalf("read %+v, written and read %+v", file, again)
		}
		if twice, _, _ := Encode(again); !bytes.Equal(written, twice) {
			t.Fatal("the same network gives other bytes")
		}
	})
}

// The memory that a hostile file costs its reader is bounded by the weights that
// it names, of which there are at most maxPerByte for each byte, and the time by
// its length: the stream ends.
func TestDecodeBounded(t *testing.T) {
	// 2^10 x 2^13 weights, all columns live, in a file of 300 bytes
	graph := sectionOf(secGraph, 1, 1, 0x80, 0x40, 0, 0x3c, 0, 1, byte(OpDense), 0x80, 8, 0, 0x3c, 0, 0)
	body := make([]byte, 280)
	r := rand.New(rand.NewPCG(12, 12))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	data := assemble(graph, sectionOf(secWeights, body...))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(data)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatal("random weights were accepted")
	}
	const fixed = 4 << 20 // counters and what is per column
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<23+fixed {
		t.Errorf("%d bytes were allocated to refuse a file of %d bytes: %v", took, len(data), err)
	}
}

func TestUnknownSections(t *testing.T) {
	data, _, err := Encode(network(rand.New(rand.NewPCG(4, 4))))
	if err != nil {
		t.Fatal(err)
	}
	add := func(tag byte) []byte {
		w := &writer{b: bytes.Clone(data[:len(data)-4])}
		w.b = append(w.b, tag, 2, 0, 0)
		w.u32(0)
		return sealed(w.b)
	}
	if _, err := Decode(add(0x80 | 77)); err != nil {
		t.Errorf("an optional section was refused: %v", err)
	}
	if _, err := Decode(add(77)); err == nil {
		t.Error("a needed section was skipped")
	}
}

func TestHalf(t *testing.T) {
	for i := 0; i < 1<<16; i++ {
		want := float16.Frombits(uint16(i)).Float32()
		got := float(uint16(i))
		if got != want && !(got != got && want != want) {
			t.Fatalf("float16 %#04x is %v, want %v", i, got, want)
		}
		if want != want {
			continue
		}
		h, exact := half(want)
		if h != uint16(i) || !exact {
			t.Fatalf("float16 of %v is %#04x (exact %v), want %#04x", want, h, exact, i)
		}
	}
	if _, exact := half(0.1); exact {
		t.Error("0.1 is no float16")
	}
}
