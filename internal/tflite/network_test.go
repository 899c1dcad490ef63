package tflite

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// sparse adds a constant of 16 bits with a tree of levels: order and blocks of SparsityParameters,
// the size of a dense level, or the bounds and indexes of a sparse one.
func (b *builder) sparse(shape, order, blocks []int, levels [][2][]int, data []byte) int {
	buffer := b.buffer(data)
	vector := func(list []int) flatbuffers.UOffsetT {
		v := b.CreateByteVector(func() (out []byte) {
			for _, n := range list {
				out = append(out, byte(n))
			}
			return out
		}())
		b.StartObject(1)
		b.PrependUOffsetTSlot(0, v, 0)
		return b.EndObject()
	}
	var described []flatbuffers.UOffsetT
	for _, l := range levels {
		if l[1] == nil {
			b.StartObject(6)
			b.PrependInt32Slot(levelSize, int32(l[0][0]), 0)
		} else {
			bounds, list := vector(l[0]), vector(l[1])
			b.StartObject(6)
			b.PrependInt8Slot(levelFormat, 1, 0)
			b.PrependInt8Slot(levelSegments-1, 3, 0)
			b.PrependUOffsetTSlot(levelSegments, bounds, 0)
			b.PrependInt8Slot(levelIndices-1, 3, 0)
			b.PrependUOffsetTSlot(levelIndices, list, 0)
		}
		described = append(described, b.EndObject())
	}
	o, m, d := b.ints(order), b.ints(blocks), b.offsets(described)
	b.StartObject(3)
	b.PrependUOffsetTSlot(sparseOrder, o, 0)
	b.PrependUOffsetTSlot(sparseBlocks, m, 0)
	b.PrependUOffsetTSlot(sparseLevels, d, 0)
	sparsity := b.EndObject()
	dims, name := b.ints(shape), b.CreateString("sparse")
	b.StartObject(8)
	b.PrependUOffsetTSlot(tensorShape, dims, 0)
	b.PrependInt8Slot(tensorType, typeFloat16, 0)
	b.PrependUint32Slot(tensorBuffer, uint32(buffer), 0)
	b.PrependUOffsetTSlot(tensorName, name, 0)
	b.PrependUOffsetTSlot(tensorSparsity, sparsity, 0)
	b.tensors = append(b.tensors, b.EndObject())
	b.shapes, b.scales, b.zeros = append(b.shapes, shape), append(b.scales, 0), append(b.zeros, 0)
	return len(b.tensors) - 1
}

// sparseDense is a dense layer of three inputs and four outputs with the sparse weights w.
func sparseDense(sparse func(b *builder) int) []byte {
	b := newBuilder(1)
	x := b.real(1, 3)
	dense, w := b.tensor(typeFloat16, []int{4, 3}, nil, 0, 0, nil), b.real(4, 3)
	b.op(124, []int{sparse(b)}, []int{dense})
	b.op(opDequantize, []int{dense}, []int{w})
	return b.file([]int{x}, []int{b.then(opDense, []int{x, w, -1}, []int{1, 4}, option{0, 1, actNone})})
}

// one, two and three in 16 bits.
var oneTwoThree = []byte{0, 0x3c, 0, 0x40, 0, 0x42}

// The weights of a network that is pruned already have a mask, so that they stay pruned.
func TestSparse(t *testing.T) {
	for name, c := range map[string]struct {
		make func(b *builder) int
		want []float32
	}{
		"rows": {func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{0, 1}, nil, [][2][]int{{{4}, nil}, {{0, 1, 1, 3, 3}, {2, 0, 1}}}, oneTwoThree)
		}, []float32{0, 0, 1, 0, 0, 0, 2, 3, 0, 0, 0, 0}},
		"columns": {func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{1, 0}, nil, [][2][]int{{{3}, nil}, {{0, 0, 2, 3}, {1, 3, 0}}}, oneTwoThree)
		}, []float32{0, 0, 3, 0, 1, 0, 0, 0, 0, 0, 2, 0}},
		"blocks": { // of two rows: one of the two blocks of a column
			func(b *builder) int {
				return b.sparse([]int{4, 3}, []int{0, 1, 2}, []int{0}, [][2][]int{{{2}, nil}, {{0, 1, 2}, {1, 2}}, {{2}, nil}}, append(slices.Clone(oneTwoThree), 0, 0x44))
			}, []float32{0, 1, 0, 0, 2, 0, 0, 0, 3, 0, 0, 4}},
	} {
		g, err := Decode(sparseDense(c.make), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := g.Params()[0]
		if p.Role != graph.Weight || !slices.Equal(p.Value.Data, c.want) || len(p.Mask) != len(c.want) {
			t.Fatalf("%s: weights %v with mask %v, want %v", name, p.Value.Data, p.Mask, c.want)
		}
		for i, v := range c.want {
			if (p.Mask[i] == 1) != (v != 0) {
				t.Errorf("%s: mask %v of %v", name, p.Mask, c.want)
			}
		}
	}
	for name, make := range map[string]func(b *builder) int{
		"index beyond": func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{0, 1}, nil, [][2][]int{{{4}, nil}, {{0, 1, 1, 3, 3}, {2, 0, 3}}}, oneTwoThree)
		},
		"bounds beyond": func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{0, 1}, nil, [][2][]int{{{4}, nil}, {{0, 1, 1, 9, 3}, {2, 0, 1}}}, oneTwoThree)
		},
		"too few numbers": func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{0, 1}, nil, [][2][]int{{{4}, nil}, {{0, 1, 1, 3, 3}, {2, 0, 1}}}, oneTwoThree[:4])
		},
		"a missing level": func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{0, 1}, nil, [][2][]int{{{4}, nil}}, oneTwoThree)
		},
		"levels without end": func(b *builder) int {
			return b.sparse([]int{4, 3}, []int{0, 1, 2, 3, 4, 5}, []int{0, 0, 0, 0}, [][2][]int{{{4}, nil}, {{3}, nil}, {{4}, nil}, {{4}, nil}, {{4}, nil}, {{0}, nil}}, oneTwoThree)
		},
	} {
		if _, err := Decode(sparseDense(make), name); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is not supported is named, all of it, with custom operators by their own names.
func TestDecodeRefuses(t *testing.T) {
	b := newBuilder(1)
	x := b.real(1, 4)
	a, c, d := b.real(1, 4), b.real(1, 4), b.real(1, 4)
	b.op(93, []int{x}, []int{a})
	b.op(opRelu, []int{a}, []int{c}) // reads a
	b.op(16, []int{x}, []int{d})
	name := b.CreateString("MyOwn")
	b.StartObject(4)
	b.PrependInt8Slot(codeOld, 32, 0)
	b.PrependUOffsetTSlot(codeCustom, name, 0)
	b.codes = append(b.codes, b.EndObject())
	b.number[32] = len(b.codes) - 1
	b.op(32, []int{x}, []int{d})
	_, err := Decode(b.file([]int{x}, []int{c, d}), "net")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"net: tflite: 3 causes", "operator 0: ZEROS_LIKE is not supported", "operator 2: LSTM is not supported",
		`operator 3: the custom operator "MyOwn" is not supported`, "build the network of these: ABS, ADD, "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	good := floatNetworks()["moves"]
	for n := 0; n < len(good)-8; n += 7 {
		if _, err := Decode(good[:n], "cut"); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(good))
		}
	}
}

// A float network takes the road of those in ONNX: to grids and instructions.
func TestFloatToFile(t *testing.T) {
	nets := floatNetworks()
	for _, name := range []string{"layers", "pools", "resized", "hybrid"} {
		g, err := Decode(nets[name], name)
		if err != nil {
			t.Fatal(err)
		}
		if err := simplify.Run(g); err != nil {
			t.Fatal(err)
		}
		x := tensor.New(append(tensor.Shape{16}, g.Inputs[0].Shape[1:]...)...)
		copy(x.Data, floatInput(len(x.Data)))
		if err := passes.Quantize(g, passes.Samples(x, 16), passes.Config{}); err != nil {
			t.Fatal(err)
		}
		data, _, err := lower.Encode(g, lower.Config{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f, err := format.Decode(data); err != nil || len(f.Outputs) != len(g.Outputs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A transposed convolution is a layer, which is pruned and quantized like others.
func TestTransposedIsLayer(t *testing.T) {
	g, err := Decode(floatNetworks()["layers"], "layers")
	if err != nil {
		t.Fatal(err)
	}
	layers := 0
	for _, n := range g.Nodes {
		if op.IsLayer(n) {
			layers++
		}
	}
	if layers != 6 {
		t.Errorf("%d layers, the network has 2 convolutions, 2 transposed ones and 2 dense layers\n%s", layers, g)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range floatNetworks() {
		f.Add(data)
	}
	for _, data := range networks() {
		f.Add(data)
	}
	f.Add(sparseDense(func(b *builder) int {
		return b.sparse([]int{4, 3}, []int{0, 1, 2}, []int{0}, [][2][]int{{{2}, nil}, {{0, 1, 2}, {1, 2}}, {{2}, nil}}, append(slices.Clone(oneTwoThree), 0, 0x44))
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, err := Decode(bytes.Clone(data), "fuzz"); err == nil {
			if err := g.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}

// Keras adds the number of rows to negative ids before it picks rows of an embedding, which the
// pick does by itself.
func TestEmbedding(t *testing.T) {
	b := newBuilder(1)
	number := func(v byte) int { return b.tensor(typeInt32, nil, nil, 0, 0, []byte{v, 0, 0, 0}) }
	x, added, below, ids := b.tensor(typeInt32, []int{1, 4}, nil, 0, 0, nil), b.tensor(typeInt32, []int{1, 4}, nil, 0, 0, nil), b.tensor(typeBool, []int{1, 4}, nil, 0, 0, nil), b.tensor(typeInt32, []int{1, 4}, nil, 0, 0, nil)
	b.op(opLess, []int{x, number(0)}, []int{below})
	b.op(opAdd, []int{x, number(9)}, []int{added})
	b.op(opSelect, []int{below, added, x}, []int{ids})
	g, err := Decode(b.file([]int{x}, []int{b.then(36, []int{b.reals(9, 3), ids}, []int{1, 4, 3})}), "embedding")
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 1 || g.Nodes[0].Op.Name() != "Gather" || g.Inputs[0].Elem != graph.Integer {
		t.Errorf("%v", g)
	}
}

// Layers that read one constant as their biases, as converters write those that are all zero, have
// biases of their own: their grids differ.
func TestSharedBiases(t *testing.T) {
	b := newBuilder(1)
	x, zeros := b.real(1, 4), b.tensor(typeFloat32, []int{4}, nil, 0, 0, make([]byte, 16))
	h := b.then(opDense, []int{x, b.reals(4, 4), zeros}, []int{1, 4}, option{0, 1, actRelu})
	g, err := Decode(b.file([]int{x}, []int{b.then(opDense, []int{h, b.reals(4, 4), zeros}, []int{1, 4}, option{0, 1, actNone})}), "shared")
	if err != nil {
		t.Fatal(err)
	}
	if p := g.Params(); len(p) != 4 {
		t.Errorf("%d parameters, want 4", len(p))
	}
}
