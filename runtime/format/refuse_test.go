package format

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// dense returns a network of one dense layer, [4] to [2].
func dense() *File {
	f := &File{Tensors: []Tensor{{Shape: []int{4}, Scale: 0.5, Zero: -128}, {Shape: []int{2}, Scale: 0.25, Zero: 3}}, Inputs: []int{0}, Outputs: []int{1},
		Weights: []Weight{{OutC: 2, KH: 1, KW: 1, InC: 4, Scale: []float32{0.125}, Bias: []int32{8, -16}, Values: []int8{1, 0, 0, -2, 0, 3, 0, 0}}},
		Instrs:  []Instr{{Op: OpDense, In: []int{0}, Out: 1, ClampMin: -128, ClampMax: 127}}}
	Finish(f)
	return f
}

// image returns a network of one instruction on an image, whose output has the
// given shape.
func image(in Instr, shape ...int) *File {
	in.In, in.Out = []int{0}, 1
	f := &File{Tensors: []Tensor{{Shape: []int{4, 4, 2}, Scale: 1}, {Shape: shape, Scale: 1}}, Inputs: []int{0}, Outputs: []int{1}, Instrs: []Instr{in}}
	Finish(f)
	return f
}

// What Encode refuses, it refuses for a reason that it names.
func TestCheck(t *testing.T) {
	pool := Instr{Op: OpMaxPool, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}
	for _, c := range []struct {
		name   string
		f      *File
		change func(f *File)
		want   string
	}{
		{"no output", dense(), func(f *File) { f.Outputs = nil }, "outputs"},
		{"output that does not exist", dense(), func(f *File) { f.Outputs = []int{2} }, "output tensor 2"},
		{"no input", dense(), func(f *File) { f.Inputs = nil }, "inputs"},
		{"float input of a dense layer", dense(), func(f *File) { f.Tensors[0] = Tensor{DType: Float32, Shape: []int{4}} }, "element type"},
		{"tensor that nothing writes", dense(), func(f *File) { f.Tensors = append(f.Tensors, f.Tensors[1]) }, "written exactly once"},
		{"reads its own output", dense(), func(f *File) { f.Instrs[0].In = []int{1} }, "before it is written"},
		{"no operand", dense(), func(f *File) { f.Instrs[0].In = nil }, "no input"},
		{"two operands", dense(), func(f *File) { f.Instrs[0].In = []int{0, 0} }, "needs 1"},
		{"weights out of range", dense(), func(f *File) { f.Instrs[0].Weight = 1 }, "out of order"},
		{"weights that nothing uses", dense(), func(f *File) { f.Weights = append(f.Weights, f.Weights[0]) }, "no instruction uses"},
		{"weights of another shape", dense(), func(f *File) { f.Weights[0].InC = 2; f.Weights[0].Values = make([]int8, 4) }, "do not fit"},
		{"missing values", dense(), func(f *File) { f.Weights[0].Values = f.Weights[0].Values[1:] }, "missing"},
		{"missing biases", dense(), func(f *File) { f.Weights[0].Bias = []int32{1} }, "missing"},
		{"two of four scales", dense(), func(f *File) { f.Weights[0].Scale = []float32{1, 1, 1} }, "missing"},
		{"negative scale", dense(), func(f *File) { f.Weights[0].Scale[0] = -1 }, "scale"},
		{"NaN as a scale", dense(), func(f *File) { f.Weights[0].Scale[0] = float32(math.NaN()) }, "scale"},
		{"infinite grid", dense(), func(f *File) { f.Tensors[1].Scale = float32(math.Inf(1)) }, "impossible grid"},
		{"tiny grid", dense(), func(f *File) { f.Tensors[1].Scale = 1e-30 }, "impossible grid"},
		{"zero point out of range", dense(), func(f *File) { f.Tensors[1].Zero = 128 }, "impossible grid"},
		{"empty clamp", dense(), func(f *File) { f.Instrs[0].ClampMin, f.Instrs[0].ClampMax = 3, 2 }, "empty range"},
		{"clamp of a real result", dense(), func(f *File) { f.Tensors[1] = Tensor{DType: Float32, Shape: []int{2}}; f.Instrs[0].ClampMin = 0 }, "real result"},
		{"codebook without a weight", dense(), func(f *File) { f.Weights[0].Book = []int8{-2, 0, 1} }, "not in its codebook"},
		{"codebook in disorder", dense(), func(f *File) { f.Weights[0].Book = []int8{-2, 0, 3, 1} }, "ascending"},
		{"attribute of another opcode", dense(), func(f *File) { f.Instrs[0].Axis = 1 }, "does not use"},
		{"shape of another opcode", dense(), func(f *File) { f.Instrs[0].Shape = []int{2} }, "does not use"},
		{"seed beyond 31 bits", dense(), func(f *File) { f.Test = &SelfTest{Seed: 1 << 31} }, "seed"},
		{"scaling of an input that is not there", dense(), func(f *File) { f.Scaling = []Scaling{{Input: 1, Scale: []float32{1}, Zero: []int{0}}} }, "no such input"},
		{"scaling given twice", dense(), func(f *File) { s := scalingOf(f); f.Scaling = []Scaling{s, s} }, "twice"},
		{"scaling of another length", dense(), func(f *File) { s := scalingOf(f); s.Scale = s.Scale[1:]; f.Scaling = []Scaling{s} }, "does not fit its shape"},
		{"scaling by zero", dense(), func(f *File) { s := scalingOf(f); s.Scale[0] = 0; f.Scaling = []Scaling{s} }, "impossible grid for channel 0"},
		{"zero point of 33 bits", dense(), func(f *File) { f.Scaling = []Scaling{wideZero(scalingOf(f))} }, "impossible grid for channel 0"},
		{"division by zero", dense(), func(f *File) { f.Meta.Input.Std = []float32{0} }, "deviation"},
		{"mean that is no number", dense(), func(f *File) { f.Meta.Input.Mean = []float32{float32(math.NaN())} }, "mean"},
		{"output of another shape", image(pool, 2, 2, 2), func(f *File) { f.Tensors[1].Shape = []int{2, 2, 1} }, "follows as"},
		{"pool on another grid", image(pool, 2, 2, 2), func(f *File) { f.Tensors[1].Scale = 2 }, "another grid"},
		{"window larger than the image", image(pool, 2, 2, 2), func(f *File) { f.Instrs[0].KH = 5 }, "does not fit"},
		{"no stride", image(pool, 2, 2, 2), func(f *File) { f.Instrs[0].StrideW = 0 }, "does not fit"},
		{"padding that holds a window", image(pool, 2, 2, 2), func(f *File) { f.Instrs[0].PadT = 2 }, "does not fit"},
		{"window of 2^32 rows", image(pool, 2, 2, 2), func(f *File) {
			f.Instrs[0].KH, f.Instrs[0].DilH, f.Instrs[0].PadB = 1<<16+1, 1<<16, 1<<20
		}, "does not fit"},
		{"window of too many positions", image(pool, 1, 1, 2), func(f *File) {
			in := &f.Instrs[0]
			in.KH, in.KW, in.PadT, in.PadB, in.PadL, in.PadR = 4096, 4096, 4000, 4000, 4000, 4000
		}, "does not fit"},
		{"padded image of 2^50 bytes", image(Instr{Op: OpConv2D, StrideH: 1 << 24, StrideW: 1 << 24, DilH: 1, DilW: 1, Groups: 1}, 3, 3, 1), func(f *File) {
			in := &f.Instrs[0]
			in.PadT, in.PadB, in.PadL, in.PadR = 1<<24, 1<<24, 1<<24, 1<<24
			f.Weights = []Weight{{OutC: 1, KH: 1, KW: 1, InC: 2, Scale: []float32{1}, Values: []int8{1, 1}}}
		}, "does not fit"},
		{"pad of an image beyond the limit", image(Instr{Op: OpPad, PadT: 1 << 23, PadL: 1 << 23}, 1, 1, 1), func(*File) {}, "follows as"},
		{"slice of everything", image(Instr{Op: OpSlice, StrideH: 1, StrideW: 1}, 4, 4, 2), func(f *File) { f.Instrs[0].PadT, f.Instrs[0].PadB = 1<<30, 1<<30 }, "slice of"},
		{"resize to nothing", image(Instr{Op: OpResize, KH: 2, KW: 2, StrideH: 1 << 20, StrideW: 1 << 20}, 4, 4, 2), func(f *File) { f.Instrs[0].KW = 0 }, "resize of"},
		{"resize by an unknown function", image(Instr{Op: OpResize, KH: 2, KW: 2, StrideH: 1 << 20, StrideW: 1 << 20}, 4, 4, 2), func(f *File) { f.Instrs[0].Function = 2 }, "resize of"},
		{"resize from beyond", image(Instr{Op: OpResize, KH: 2, KW: 2, StrideH: 1 << 20, StrideW: 1 << 20}, 4, 4, 2), func(f *File) { f.Instrs[0].PadL = 1<<30 + 1 }, "resize of"},
		{"stretch by 0", image(Instr{Op: OpStretch, StrideH: 1, StrideW: 1}, 4, 4, 2), func(f *File) { f.Instrs[0].StrideH = 0 }, "stretch of"},
		{"stretch beyond the limit", image(Instr{Op: OpStretch, StrideH: 2, StrideW: 1}, 7, 4, 2), func(f *File) { f.Instrs[0].StrideH = 1 << 17 }, "stretch of"},
		{"slice in steps of 0", image(Instr{Op: OpSlice, StrideH: 1, StrideW: 1}, 4, 4, 2), func(f *File) { f.Instrs[0].StrideW = 0 }, "slice of"},
		{"transpose onto one dimension", image(Instr{Op: OpTranspose, Perm: []int{0, 1, 2}}, 4, 4, 2), func(f *File) { f.Instrs[0].Perm = []int{0, 1, 1} }, "permutation"},
		{"reshape to more", image(Instr{Op: OpReshape, Shape: []int{32}}, 32), func(f *File) { f.Instrs[0].Shape = []int{33} }, "shape"},
		{"softmax of integers", image(Instr{Op: OpSoftmax}, 4, 4, 2), func(*File) {}, "element type"},
		{"opcode 0", image(Instr{}, 4, 4, 2), func(*File) {}, "unknown"},
		{"opcode 31", image(Instr{Op: 31}, 4, 4, 2), func(*File) {}, "opcode 31: unknown"},
	} {
		c.change(c.f)
		_, _, err := Encode(c.f)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	// the joint of 2^24 and more along an axis would pass 32 bits
	f := image(Instr{Op: OpConcat, Axis: 0}, 8, 4, 2)
	f.Tensors[0].Shape = []int{1 << 24, 1, 1}
	for range 255 {
		f.Instrs[0].In = append(f.Instrs[0].In, 0)
	}
	if _, _, err := Encode(f); err == nil || !strings.Contains(err.Error(), "along axis 0") {
		t.Errorf("joint of 2^32: error %v", err)
	}
}

// scalingOf is a scaling of input 0 of f.
func scalingOf(f *File) Scaling { return scaling(rand.New(rand.NewPCG(1, 1)), 0, f.Tensors[0].Shape) }

// Weights that nothing names are dropped, the others numbered by first use.
func TestFinishOrder(t *testing.T) {
	w := func(k int8) Weight {
		return Weight{OutC: 1, KH: 1, KW: 1, InC: 1, Scale: []float32{1}, Values: []int8{k}}
	}
	f := &File{Tensors: []Tensor{{Shape: []int{1}, Scale: 1}}, Inputs: []int{0}, Weights: []Weight{w(0), w(1), w(2), w(3)}}
	for k, use := range []int{2, 1, 2} {
		f.Tensors = append(f.Tensors, Tensor{Shape: []int{1}, Scale: 1})
		f.Instrs = append(f.Instrs, Instr{Op: OpDense, In: []int{k}, Out: k + 1, Weight: use, ClampMin: -128, ClampMax: 127})
	}
	f.Outputs = []int{3}
	Finish(f)
	if len(f.Weights) != 2 || f.Weights[0].Values[0] != 2 || f.Weights[1].Values[0] != 1 {
		t.Errorf("weights %+v", f.Weights)
	}
	for k, want := range []int{0, 1, 0} {
		if f.Instrs[k].Weight != want {
			t.Errorf("instruction %d uses weights %d, want %d", k, f.Instrs[k].Weight, want)
		}
	}
	data, _, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); err != nil {
		t.Error(err)
	}
}

// assemble makes a file of raw sections with a valid checksum.
func assemble(sections ...[]byte) []byte {
	w := &writer{b: append([]byte(magic), version)}
	for _, s := range sections {
		w.byte(s[0])
		w.uvarint(len(s) - 1)
		w.b = append(w.b, s[1:]...)
	}
	w.u32(Checksum(w.b))
	return w.b
}

func sectionOf(tag byte, content ...byte) []byte { return append([]byte{tag}, content...) }

// A decoder looks no value up in its codebook; it refuses zeros, and others, of which
// the codebook has none.
func TestDecodeCodebooks(t *testing.T) {
	for _, c := range []struct {
		book []int8
		ok   bool
	}{{[]int8{-2, 0, 1, 3}, true}, {[]int8{-2, 1, 3}, false}, {[]int8{0}, false}, {[]int8{}, false}} {
		f := dense()
		f.Weights[0].Book = c.book
		data := assemble(sectionOf(secGraph, encodeGraph(f)...), sectionOf(secWeights, encodeWeights(f, nil, &Sizes{})...))
		if _, err := Decode(data); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "a value that no writer makes") {
			t.Errorf("codebook %v: %v", c.book, err)
		}
	}
}

// Bytes that only damage, an attack or a newer writer puts into a file. A reader
// that let unknown bits pass would compute something else than the writer meant.
func TestDecodeRefuses(t *testing.T) {
	// input [4] of scale 1; dequantize it
	graph := sectionOf(secGraph, 1, 1, 4, 0, 0x3c, 0, 1, byte(OpDequantize), 0)
	if _, err := Decode(assemble(graph)); err != nil {
		t.Fatalf("the base: %v", err)
	}
	with := func(at int, b ...byte) []byte { // graph with content[at] replaced by b
		g := append([]byte{}, graph[:1+at]...)
		return append(append(g, b...), graph[2+at:]...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "magic"},
		{"another file", []byte("\x89PNG\r\n\x1a\n........"), "magic"},
		{"only a magic", []byte(magic), "truncated"},
		{"a newer major version", func() []byte { d := assemble(graph); d[4] = 0x20; return sealed(d) }(), "format 2.x"},
		{"no graph", assemble(), "no graph"},
		{"two graphs", assemble(graph, graph), "twice"},
		{"bytes after the graph", assemble(append(graph, 0)), "length"},
		{"a cut graph", assemble(graph[:len(graph)-2]), "too early"},
		{"weights without a use", assemble(graph, sectionOf(secWeights, 0)), "weights"},
		{"257 inputs", assemble(with(0, 0x81, 2)), "inputs"},
		{"whole numbers of int8", assemble(with(1, 0x81)), "does not know"},
		{"a wide scale of a float32 input", assemble(with(1, 0x49)), "does not know"},
		{"a scaled float32 input", assemble(with(1, 0x51)), "does not know"},
		{"a width without a scaling", assemble(with(1, 0x21)), "does not know"},
		{"a scaling of an axis beyond the shape", assemble(with(1, 0x11)), "too early"},
		{"input of no dimension", assemble(sectionOf(secGraph, 1, 0, 0, 0x3c, 0, 1, byte(OpDequantize), 0)), "input 0 has shape []"},
		{"input of seven dimensions", assemble(with(1, 7)), "too early"},
		{"a number of 33 bits", assemble(with(2, 0x84, 0x80, 0x80, 0x80, 0x10)), "too early"},
		{"a number longer than needed", assemble(with(2, 0x84, 0x00)), "too early"},
		{"input of 0 elements", assemble(with(2, 0)), "shape [0]"},
		{"input of 2^31-1 elements", assemble(with(2, 0xff, 0xff, 0xff, 0xff, 7)), "shape [2147483647]"},
		{"scale 0", assemble(with(4, 0)), "grid"},
		{"scale infinite", assemble(with(4, 0x7c)), "grid"},
		{"opcode 0", assemble(with(7, 0)), "opcode 0"},
		{"opcode 31", assemble(with(7, 31)), "opcode 31"},
		{"a float flag where it means nothing", assemble(with(7, byte(OpDequantize)|opFloat)), "does not know"},
		{"an unknown attribute", assemble(with(7, byte(OpDequantize)|opAttrs, 0x80, 0x80, 0x80, 0x10)), "does not know"},
		{"a wide scale where there is none", assemble(with(7, byte(OpDequantize)|opAttrs, 0x80, 0x80, 0x20)), "does not use"},
		{"rounding where there is none", assemble(with(7, byte(OpDequantize)|opAttrs, 0x80, 0x80, 0x10, 2)), "does not use"},
		{"an attribute without use", assemble(with(7, byte(OpDequantize)|opAttrs, 1<<attrStrideH, 2)), "does not use"},
		{"a clamp beyond int8", assemble(with(7, byte(OpDequantize)|opAttrs, 1<<attrClampMin, 0x83, 2)), "out of range"},
		{"input from nowhere", assemble(with(7, byte(OpDequantize)|opInputs, 1, 5)), "before it is written"},
		{"more inputs than bytes", assemble(with(7, byte(OpDequantize)|opInputs, 0xff, 0x7f)), "too early"},
		{"more instructions than bytes", assemble(with(6, 0xff, 0x7f)), "too early"},
		{"reshape to nine dimensions", assemble(with(7, byte(OpReshape), 9, 1, 1, 1, 1, 1)), "Reshape"},
		{"a dense layer of 2^30 weights", assemble(sectionOf(secGraph, 1, 1, 0x80, 0x80, 0x80, 8, 0, 0x3c, 0, 1, byte(OpDense), 0x80, 0x10, 0, 0x3c, 0, 0), sectionOf(secWeights)), "weights"},
		{"weights too many for the file", assemble(sectionOf(secGraph, 1, 1, 0x80, 0x80, 0x40, 0, 0x3c, 0, 1, byte(OpDense), 8, 0, 0x3c, 0, 0), sectionOf(secWeights)), "more than a file can hold"},
		{"no weights section", assemble(sectionOf(secGraph, 1, 1, 4, 0, 0x3c, 0, 1, byte(OpDense), 2, 0, 0x3c, 0, 0)), "weights"},
		{"weights that end too early", assemble(sectionOf(secGraph, 1, 1, 0x80, 4, 0, 0x3c, 0, 1, byte(OpDense), 64, 0, 0x3c, 0, 0), sectionOf(secWeights)), "too early"},
		{"unknown preprocessing", assemble(graph, sectionOf(secMeta, 0, 0, 4, 0, 0)), "length"},
		{"more labels than bytes", assemble(graph, sectionOf(secMeta, 0, 0xff, 0x7f)), "length"},
		{"a cut self-test", assemble(graph, sectionOf(secTest, 1, 2, 3)), "length"},
		{"a section beyond the end", func() []byte {
			w := &writer{b: append([]byte(magic), version, secGraph, 100)}
			w.u32(Checksum(w.b))
			return w.b
		}(), "beyond"},
	} {
		_, err := Decode(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		newer := strings.Contains(c.want, "does not know") || strings.Contains(c.want, "opcode") || strings.Contains(c.want, "2.x")
		if _, ok := err.(UnsupportedError); ok != newer {
			t.Errorf("%s: %T, the bytes of a newer version: %v", c.name, err, newer)
		}
		if e, ok := err.(FormatError); ok && (e.Offset < 0 || e.Offset > len(c.data)) {
			t.Errorf("%s: at byte %d of %d", c.name, e.Offset, len(c.data))
		}
	}
}

// Broken files are broken at a byte.
func TestOffsets(t *testing.T) {
	f := dense()
	graph, weights := encodeGraph(f), encodeWeights(f, nil, &Sizes{})
	whole := assemble(sectionOf(secGraph, graph...), sectionOf(secWeights, weights...))
	flipped := append([]byte{}, whole...)
	flipped[7] ^= 1
	start := len(magic) + 1
	for _, c := range []struct {
		name string
		data []byte
		want int
	}{
		{"a cut file", whole[:6], 6},
		{"a flipped bit", flipped, len(whole) - 4},
		{"a cut graph", assemble(sectionOf(secGraph, graph[:len(graph)-2]...), sectionOf(secWeights, weights...)), start + 2 + len(graph) - 2},
		{"cut weights", assemble(sectionOf(secGraph, graph...), sectionOf(secWeights)), start + 2 + len(graph) + 2},
		{"a graph that is too long", assemble(sectionOf(secGraph, append(graph, 0, 0, 0)...), sectionOf(secWeights, weights...)), start + 2 + len(graph)},
	} {
		_, err := Decode(c.data)
		if e, ok := err.(FormatError); !ok || e.Offset != c.want || !strings.Contains(err.Error(), "at byte "+itoa(c.want)+": ") {
			t.Errorf("%s: %v, want byte %d", c.name, err, c.want)
		}
	}
}

// A weights section with bytes after its end is refused, whatever they are.
func TestTrailingWeights(t *testing.T) {
	f := dense()
	graph, weights := encodeGraph(f), encodeWeights(f, nil, &Sizes{})
	data := func(extra ...byte) []byte {
		return assemble(sectionOf(secGraph, graph...), append(sectionOf(secWeights, weights...), extra...))
	}
	if _, err := Decode(data()); err != nil {
		t.Fatal(err)
	}
	// the decoder holds four bytes; those that it has not asked for are not its own
	if _, err := Decode(data(0, 0, 0, 0, 0)); err == nil {
		t.Error("bytes after the weights were accepted")
	}
}

// A later minor version, and what it adds to optional sections, can be read.
func TestMinorVersion(t *testing.T) {
	f := dense()
	data := assemble(sectionOf(secGraph, encodeGraph(f)...), sectionOf(secWeights, encodeWeights(f, nil, &Sizes{})...),
		sectionOf(secMeta, 1, 'x', 0, 0, 0, 0, 99), sectionOf(secTest, 1, 1, 2, 3, 4, 99))
	data[4] |= 15
	got, err := Decode(sealed(data))
	if err != nil || got.Meta.Name != "x" || got.Test.CRC != 0x04030201 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What Encode writes, Decode reads: also the limit of weights for each byte.
func TestAllZero(t *testing.T) {
	f := dense()
	f.Tensors[0].Shape = []int{4096}
	f.Weights[0] = Weight{OutC: 2048, KH: 1, KW: 1, InC: 4096, Scale: []float32{1}, Values: make([]int8, 2048*4096)}
	f.Tensors[1].Shape = []int{2048}
	if _, _, err := Encode(f); err == nil || !strings.Contains(err.Error(), "readers refuse") {
		t.Errorf("8 million zeros: %v", err)
	}
}

func TestRandomFilesDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range trials(20000) { // graphs of random bytes under a valid frame
		g := make([]byte, r.IntN(40))
		for i := range g {
			g[i] = byte(r.Uint32()) >> r.IntN(8)
		}
		if f, err := Decode(assemble(sectionOf(secGraph, g...), sectionOf(secWeights, g...))); err == nil {
			if err := f.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// wideZero has a zero point that 32 bits do not hold, or, where an int has no more, a scale
// that is none.
func wideZero(s Scaling) Scaling {
	if s.Zero[0] = 1 << (strconv.IntSize - 32); strconv.IntSize == 32 {
		s.Scale[0] = 0
	}
	return s
}
