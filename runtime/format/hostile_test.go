package format

import (
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
)

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// mostDecoded is the memory that SPEC.md promises for a file of n bytes.
func mostDecoded(n int) int64 { return int64(maxWeights(n)) + 80<<20 + 2048*int64(n) }

// hostileDense is a graph of dense layers without their values: each reads tensor 0, of the
// given elements, with weights of its own unless they are shared.
func hostileDense(elems, outC, layers int, shared bool) *File {
	f := &File{Tensors: []Tensor{{Shape: []int{elems}, Scale: 1}}, Inputs: []int{0}}
	for k := range layers {
		in := Instr{Op: OpDense, In: []int{0}, Out: k + 1, ClampMin: -128, ClampMax: 127, LUT: -1}
		if !shared || k == 0 {
			f.Weights = append(f.Weights, Weight{OutC: outC, KH: 1, KW: 1, InC: elems})
		}
		in.Weight = len(f.Weights) - 1
		f.Instrs, f.Tensors = append(f.Instrs, in), append(f.Tensors, Tensor{Shape: []int{outC}, Scale: 1})
	}
	f.Outputs = []int{layers}
	return f
}

// hostileConv is a graph of one convolution whose kernel is the whole image [h,w,groups].
func hostileConv(h, w, groups int) *File {
	return &File{Tensors: []Tensor{{Shape: []int{h, w, groups}, Scale: 1}, {Shape: []int{1, 1, groups}, Scale: 1}}, Inputs: []int{0}, Outputs: []int{1},
		Instrs:  []Instr{{Op: OpConv2D, In: []int{0}, Out: 1, LUT: -1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: groups, ClampMin: -128, ClampMax: 127}},
		Weights: []Weight{{OutC: groups, KH: h, KW: w, InC: 1}}}
}

// chain is a graph of n copies of an instruction, each of which reads the one before, of which
// the last outputs are listed.
func chain(op Instr, n, outputs int) *File {
	f := &File{Tensors: []Tensor{{Shape: []int{1, 1, 1}, Scale: 1}}, Inputs: []int{0}}
	for k := range n {
		in := op
		in.In, in.Out = []int{k}, k+1
		f.Instrs, f.Tensors = append(f.Instrs, in), append(f.Tensors, Tensor{Shape: []int{1, 1, 1}, Scale: 1})
	}
	for k := range outputs {
		f.Outputs = append(f.Outputs, n-k)
	}
	return f
}

// hostileFile is a file of a graph and bytes of weights.
func hostileFile(f *File, weights ...byte) []byte {
	if len(f.Weights)+len(f.LUTs) == 0 {
		return assemble(sectionOf(secGraph, encodeGraph(f)...))
	}
	return assemble(sectionOf(secGraph, encodeGraph(f)...), sectionOf(secWeights, weights...))
}

// padded is a hostile file with n bytes in a section that readers skip.
func padded(data []byte, n int) []byte {
	w := &writer{b: slices.Clone(data[:len(data)-4])}
	w.byte(optional | 77)
	w.uvarint(n)
	w.b = append(w.b, make([]byte, n+4)...)
	return sealed(w.b)
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Files that are made to cost their reader much are refused before, or cost what SPEC.md
// promises.
func TestHostileFiles(t *testing.T) {
	transpose := Instr{Op: OpTranspose, Perm: []int{2, 0, 1}, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
	pool := Instr{Op: OpMaxPool, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
	meta := &writer{}
	meta.string("")
	meta.uvarint(20000)
	for _, c := range []struct {
		name string
		data []byte
		want string // of the error; "": none
	}{
		{"channels", hostileFile(hostileDense(1, 1<<21, 1, false), noise(100)...), "more than 1048576 output channels"},
		{"channels of many layers", hostileFile(hostileDense(1, 1<<16, 17, false), noise(100)...), "more than 1048576 output channels"},
		{"channels of shared weights", hostileFile(hostileDense(1, 1<<16, 17, true), noise(100)...), "more than 1048576 output channels"},
		{"columns", hostileFile(hostileConv(1025, 1024, 1), noise(100)...), "1049600 weights; at most 1048576"},
		{"groups", hostileFile(hostileConv(1, 1, 1<<21), noise(100)...), "more than 1048576 output channels"},
		{"columns without a stream", hostileFile(hostileConv(1024, 1024, 1), noise(40)...), "too early"},
		{"columns with a stream", hostileFile(hostileConv(1024, 1024, 1), noise(4000)...), "weights"},
		{"weights", hostileFile(hostileDense(4096, 4096, 1, false), noise(400)...), "weights"},
		{"channels without a stream", hostileFile(hostileDense(1, 1<<20, 1, false), noise(40)...), "too early"},
		{"transposes", hostileFile(chain(transpose, MaxTensors-1, 1)), ""},
		{"tensors that live long", hostileFile(chain(pool, MaxTensors-1, MaxTensors/2)), ""},
		{"more tensors", hostileFile(chain(pool, MaxTensors, 1)), "at most 16384 tensors"},
		{"empty labels", assemble(sectionOf(secGraph, encodeGraph(chain(pool, 1, 1))...), sectionOf(secMeta, append(meta.b, make([]byte, 20003)...)...)), ""},
	} {
		var err error
		took := allocated(func() { _, err = Decode(c.data) })
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if took > mostDecoded(len(c.data)) {
			t.Errorf("%s: %d bytes of file, %d of memory", c.name, len(c.data), took)
		}
	}
}

// Bits that cost next to nothing, and nonzero weights, are counted. The small budget stands for
// that of a small file.
func TestBudget(t *testing.T) {
	f := hostileDense(64, 64, 1, false)
	w := &f.Weights[0]
	w.Scale, w.Book, w.Values = []float32{1}, []int8{1}, slices.Repeat([]int8{1}, 64*64)
	code := encodeWeights(f, nil, &Sizes{})
	if len(code) > 64 {
		t.Fatalf("%d equal weights take %d bytes", len(w.Values), len(code))
	}
	for _, c := range []struct {
		b    budget
		want string
	}{
		{budget{bytes: 1, bits: 5000, nonzero: 4096}, ""},
		{budget{bytes: 1, bits: 1000, nonzero: 4096}, "more than 4195072 coded bits in 1 bytes"},
		{budget{bytes: 1, bits: 5000, nonzero: 4095}, "more than 262208 nonzero weights in 1 bytes"},
	} {
		g := hostileDense(64, 64, 1, false)
		d := newDecoder(newModel(), code, c.b)
		d.codeAll(g)
		if d.spent() != (c.want != "") || d.spent() && !strings.Contains(d.exceeded().Error(), c.want) {
			t.Errorf("%+v: spent %v, want %q", c.b, d.spent(), c.want)
		}
		if over := -d.bits; over > 100 {
			t.Errorf("%+v: %d bits more were decoded", c.b, over)
		}
	}
	f.Weights[0].Values[0] = 0 // the writer keeps the limits too
	if err := f.allowed(1<<20, maxBits(1<<20)+1); err == nil {
		t.Error("a file of too many bits is written")
	}
}

// Equal weights cost a file next to nothing, and are refused by reader and writer.
func TestHostileBits(t *testing.T) {
	deep.Only(t)
	f := hostileDense(2048, 2048, 1, false)
	w := &f.Weights[0]
	w.Scale, w.Book, w.Values = []float32{1}, []int8{1}, slices.Repeat([]int8{1}, 2048*2048)
	data := padded(hostileFile(f, encodeWeights(f, nil, &Sizes{})...), 4096)
	if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), "nonzero weights") {
		t.Errorf("%d bytes: %v", len(data), err)
	}
	if _, _, err := Encode(f); err == nil || !strings.Contains(err.Error(), "readers refuse") {
		t.Errorf("written: %v", err)
	}
}

// varied returns a network in which every part of the code is long: tables, scales of both
// kinds, codebooks, columns, weights of all kinds of tensors, biases.
func varied(r *rand.Rand) *File {
	const outC = 100
	f := &File{Tensors: []Tensor{{Shape: []int{2, 2, 2}, Scale: 1}}, Inputs: []int{0}}
	add := func(in Instr, shape ...int) {
		in.Out = len(f.Tensors)
		f.Instrs, f.Tensors = append(f.Instrs, in), append(f.Tensors, Tensor{Shape: shape, Scale: 1})
	}
	for k := range 4 {
		f.LUTs = append(f.LUTs, [256]int8{})
		for i := range f.LUTs[k] {
			f.LUTs[k][i] = int8(r.Uint32())
		}
		add(Instr{Op: OpLUT, In: []int{k}, LUT: k, Weight: -1}, 2, 2, 2)
	}
	weight := func(kh, kw, c int, book bool) {
		w := Weight{OutC: outC, KH: kh, KW: kw, InC: c, Values: make([]int8, outC*kh*kw*c)}
		for i := range w.Values {
			if w.Values[i] = int8(r.IntN(3)) * int8(r.Uint32()); book {
				w.Values[i] = int8(r.IntN(7)) - 3
			}
		}
		if book {
			w.Book = []int8{-3, -2, -1, 0, 1, 2, 3}
		}
		for range outC {
			s := float(uint16(0x2000 + r.IntN(0x1000)))
			if !book {
				s *= 1.0000001
			}
			w.Scale, w.Bias = append(w.Scale, s), append(w.Bias, int32(r.Uint32()))
		}
		f.Weights = append(f.Weights, w)
	}
	clamp := Instr{Op: OpDense, ClampMin: -128, ClampMax: 127, LUT: -1}
	conv := clamp
	conv.Op, conv.StrideH, conv.StrideW, conv.DilH, conv.DilW, conv.Groups = OpConv2D, 1, 1, 1, 1, 1
	for k, book := range []bool{false, true} {
		clamp.Weight, conv.Weight = 2*k+1, 2*k
		clamp.In, conv.In = []int{4}, []int{4}
		weight(2, 2, 2, book)
		add(conv, 1, 1, outC)
		weight(1, 1, 8, book)
		add(clamp, outC)
	}
	f.Outputs = []int{8}
	Finish(f)
	return f
}

// afterEnd returns how many bits decode codes after its stream has ended: those of a decoder
// without a budget beyond the least budget with which it still sees the end.
func afterEnd(t *testing.T, decode func(budget) *coder) int64 {
	t.Helper()
	c := decode(unbounded())
	if !c.stopped() {
		t.Fatal("a cut stream is complete")
	}
	all := math.MaxInt64 - c.bits
	lo, hi := int64(0), all
	for lo < hi {
		b := unbounded()
		b.bits = (lo + hi) / 2
		if decode(b).short {
			hi = b.bits
		} else {
			lo = b.bits + 1
		}
	}
	return all - lo
}

// shapesOf returns a network of f's shapes without its tables and values.
func shapesOf(f *File) *File {
	g := *f
	g.LUTs, g.Weights = make([][256]int8, len(f.LUTs)), slices.Clone(f.Weights)
	for i := range g.Weights {
		w := &f.Weights[i]
		g.Weights[i] = Weight{OutC: w.OutC, KH: w.KH, KW: w.KW, InC: w.InC}
	}
	return &g
}

// cutsIn returns the code of f and places near the end of each of its parts: its tables, and
// the scales, weights and biases of each tensor.
func cutsIn(f *File) (code []byte, cuts []int) {
	c := newEncoder(newModel())
	for i := range f.LUTs {
		codeLUT(c, &f.LUTs[i])
		cuts = append(cuts, len(c.out)-100)
	}
	for i, g := range f.grids() {
		var end [parts]int
		codeWeight(c, &f.Weights[i], g, false, func(p part) { end[p] = len(c.out) })
		cuts = append(cuts, end[partScales]-100, end[partIndexes]-100, end[partBiases]-200)
	}
	return c.finish(), cuts
}

// A decoder stops where its stream ends, in whatever part of it.
func TestStreamEnds(t *testing.T) {
	const most = 700 // bits of a block of values, and of what the search for the end may miss
	f, old := varied(rand.New(rand.NewPCG(1, 2))), varied(rand.New(rand.NewPCG(3, 4)))
	code, cuts := cutsIn(f)
	for _, k := range cuts {
		if n := afterEnd(t, func(b budget) *coder {
			c := newDecoder(newModel(), code[:k], b)
			c.codeAll(shapesOf(f))
			return c
		}); n > most {
			t.Errorf("cut at byte %d of %d: %d bits were decoded after the end", k, len(code), n)
		}
	}
	c := newEncoder(newModel())
	codeChanges(c, f, old)
	code = c.finish()
	for k := 0; k < len(code); k += len(code)/20 + 1 {
		if n := afterEnd(t, func(b budget) *coder {
			c := newDecoder(newModel(), code[:k], b)
			codeChanges(c, shapesOf(f), old)
			return c
		}); n > most {
			t.Errorf("delta cut at byte %d of %d: %d bits were decoded after the end", k, len(code), n)
		}
	}
	columns := hostileConv(64, 64, 1)
	if n := afterEnd(t, func(b budget) *coder {
		c := newDecoder(newModel(), noise(8), b)
		c.codeAll(shapesOf(columns))
		return c
	}); n > most {
		t.Errorf("4096 columns: %d bits were decoded after the end", n)
	}
}

// So does the decoder of dense tensors, at the end of either stream. What it decodes replaces a
// mark; a value takes about a byte of noise.
func TestDenseStreamEnds(t *testing.T) {
	const n, bytes, most = 4096, 40, 200
	untouched := func(what string, decode func(d *denseCoder) (left int)) {
		d := newDenseCoder(ransDecoder(noise(bytes)))
		if left := decode(d); left < n-most || !d.stopped() {
			t.Errorf("%s: %d bytes hold %d values, stopped %v", what, bytes, n-left, d.stopped())
		}
	}
	untouched("biases", func(d *denseCoder) int {
		biases := slices.Repeat([]int32{77}, n)
		d.biases(biases, 0)
		return count(biases, func(v int32) bool { return v == 77 })
	})
	for _, wide := range []bool{false, true} {
		untouched("scales", func(d *denseCoder) int {
			scale := slices.Repeat([]float32{77}, n)
			d.scales(scale, wide)
			return count(scale, func(v float32) bool { return v == 77 })
		})
	}
	untouched("weights", func(d *denseCoder) int {
		values := slices.Repeat([]int8{77}, n)
		x := newDenseTensor(grid{64, 1, 1, 64, kindPlain}, nil)
		x.mean = 16
		d.code(x, values)
		return count(values, func(v int8) bool { return v == 77 })
	})
	f := varied(rand.New(rand.NewPCG(1, 2)))
	section := &reader{b: encodeWeights(f, []bool{true, true, true, true}, &Sizes{})}
	size := section.uvarint()
	ranged, symbols := section.b[:size], section.b[size:]
	for k := 0; k < size; k += size/20 + 1 {
		if after := afterEnd(t, func(b budget) *coder {
			c := newDecoder(newModel(), ranged[:k], b)
			c.dense = newDenseCoder(ransDecoder(symbols))
			c.codeAll(shapesOf(f))
			return c
		}); after > 700 {
			t.Errorf("range coder cut at byte %d of %d: %d bits were decoded after the end", k, size, after)
		}
	}
}

// count returns how many elements are so.
func count[T any](s []T, so func(T) bool) (n int) {
	for _, v := range s {
		n += bit01(so(v))
	}
	return n
}

// hostileDelta is a delta from base to a file of the graph of f, which says that the file has
// size bytes.
func hostileDelta(base []byte, f *File, size int, changes ...byte) []byte {
	w := &writer{b: append([]byte(deltaMagic), deltaVersion)}
	w.uvarint(len(base))
	w.u32(sumOf(base))
	w.uvarint(size)
	w.u32(0)
	w.byte(sameMeta | sameTest)
	graph := encodeGraph(f)
	w.uvarint(len(graph) + 1)
	w.b = append(append(w.b, graph...), changes...)
	w.u32(0)
	return sealed(w.b)
}

// Deltas that are made to cost much are refused before, or cost what the lengths of base and
// delta allow.
func TestHostileDeltas(t *testing.T) {
	base := encoded(t, example())
	equal := func(n int) []byte { // weights of a layer of n inputs and outputs that are all alike, as a delta has them
		f := hostileDense(n, n, 1, false)
		w := &f.Weights[0]
		w.Scale, w.Book, w.Values = []float32{1}, []int8{1}, slices.Repeat([]int8{1}, n*n)
		c := newEncoder(newModel())
		codeChanges(c, f, &File{})
		return c.finish()
	}
	for _, c := range []struct {
		name  string
		delta []byte
		want  string
	}{
		{"a large file", hostileDelta(base, hostileDense(4, 4, 1, false), 1<<30, noise(20)...), "at most 67"},
		{"channels", hostileDelta(base, hostileDense(1, 1<<21, 1, false), 1000, noise(20)...), "output channels"},
		{"channels without a stream", hostileDelta(base, hostileDense(1, 1<<20, 1, false), 1000), "damaged"},
		{"columns without a stream", hostileDelta(base, hostileConv(1024, 1024, 1), 1000), "damaged"},
		{"weights", hostileDelta(base, hostileDense(1<<12, 1<<13, 1, false), 1000, noise(20)...), "more than a file can hold"},
		{"nonzero weights", hostileDelta(base, hostileDense(600, 600, 1, false), 1000, equal(600)...), "nonzero weights"},
		{"weights that a file holds in few bytes", hostileDelta(base, hostileDense(400, 400, 1, false), 1000, equal(400)...), "differs from the one"},
	} {
		var err error
		took := allocated(func() { _, err = Patch(base, c.delta) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if n := len(base) + len(c.delta); took > 3*int64(maxWeights(n))+128<<20+1<<14*int64(n) {
			t.Errorf("%s: %d bytes of delta, %d of memory", c.name, len(c.delta), took)
		} else {
			t.Logf("%s: %d bytes of delta, %d of memory", c.name, len(c.delta), took)
		}
	}
}

// extreme returns a file that has all that its length allows, or nearly: one tensor with all
// columns, each said to be live, one with all channels, each with scale and bias, and the other
// weights in a third.
func extreme() []byte {
	const side = 1 << 10
	f := &File{Tensors: []Tensor{{Shape: []int{side, side, 1}, Scale: 1}, {Shape: []int{1}, Scale: 1}, {Shape: []int{1 << 12}, Scale: 1}}, Inputs: []int{0, 1, 2}}
	for k, w := range []Weight{{OutC: 1, KH: side, KW: side, InC: 1}, {OutC: 1<<20 - 1<<13, KH: 1, KW: 1, InC: 1}, {OutC: 1 << 12, KH: 1, KW: 1, InC: 1 << 12}} {
		in := Instr{Op: OpDense, In: []int{k}, Out: k + 3, Weight: k, LUT: -1, ClampMin: -128, ClampMax: 127}
		if k == 0 {
			in.Op, in.StrideH, in.StrideW, in.DilH, in.DilW, in.Groups = OpConv2D, 1, 1, 1, 1, 1
		}
		w.Scale, w.Values = []float32{1}, make([]int8, w.Elems())
		if k == 1 {
			w.Scale, w.Bias = slices.Repeat([]float32{1}, w.OutC), slices.Repeat([]int32{1}, w.OutC)
		}
		f.Weights, f.Instrs, f.Outputs = append(f.Weights, w), append(f.Instrs, in), append(f.Outputs, k+3)
		f.Tensors = append(f.Tensors, Tensor{Shape: []int{w.OutC}, Scale: 1})
	}
	c := newEncoder(newModel())
	for i, g := range f.grids() {
		w := &f.Weights[i]
		if i > 0 {
			codeWeight(c, w, g, false, nil)
			continue
		}
		codeScales(c, w)
		codeBook(c, w)
		t := &tensorCoder{coder: c, g: g, kind: g.kind, v: w.Values, live: slices.Repeat([]bool{true}, g.cols())}
		t.codeLive()
		t.code()
		codeBias(c, w)
	}
	return padded(hostileFile(f, c.finish()...), 4096)
}

func TestHostileExtreme(t *testing.T) {
	deep.Only(t)
	data := extreme()
	var err error
	took := allocated(func() { _, err = Decode(data) })
	t.Logf("%d bytes of file, %d of memory, %d are promised: %v", len(data), took, mostDecoded(len(data)), err)
	if took > mostDecoded(len(data)) || took < mostDecoded(len(data))/2 {
		t.Errorf("%d bytes of file, %d of memory", len(data), took)
	}
}
