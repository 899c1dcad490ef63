package tflite

import (
	"encoding/binary"
	"math/rand/v2"

	flatbuffers "github.com/google/flatbuffers/go"
)

// builder writes TFLite files for tests.
type builder struct {
	*flatbuffers.Builder
	r       *rand.Rand
	codes   []flatbuffers.UOffsetT
	number  map[int]int // of an operator, its entry in codes
	tensors []flatbuffers.UOffsetT
	shapes  [][]int
	scales  []float32
	zeros   []int
	buffers []flatbuffers.UOffsetT
	ops     []flatbuffers.UOffsetT
}

func newBuilder(seed uint64) *builder {
	b := &builder{Builder: flatbuffers.NewBuilder(1 << 12), r: rand.New(rand.NewPCG(seed, 17)), number: map[int]int{}}
	b.buffer(nil) // buffer 0 is empty
	return b
}

func (b *builder) buffer(data []byte) int {
	var v flatbuffers.UOffsetT
	if data != nil {
		v = b.CreateByteVector(data)
	}
	b.StartObject(1)
	if data != nil {
		b.PrependUOffsetTSlot(bufferData, v, 0)
	}
	b.buffers = append(b.buffers, b.EndObject())
	return len(b.buffers) - 1
}

func (b *builder) ints(list []int) flatbuffers.UOffsetT {
	b.StartVector(4, len(list), 4)
	for i := len(list) - 1; i >= 0; i-- {
		b.PrependInt32(int32(list[i]))
	}
	return b.EndVector(len(list))
}

func (b *builder) offsets(list []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	b.StartVector(4, len(list), 4)
	for i := len(list) - 1; i >= 0; i-- {
		b.PrependUOffsetT(list[i])
	}
	return b.EndVector(len(list))
}

// tensor adds a tensor and returns its number.
func (b *builder) tensor(kind int8, shape []int, scales []float32, zero, axis int, data []byte) int {
	buffer := 0
	if data != nil {
		buffer = b.buffer(data)
	}
	var quan flatbuffers.UOffsetT
	if scales != nil {
		b.StartVector(4, len(scales), 4)
		for i := len(scales) - 1; i >= 0; i-- {
			b.PrependFloat32(scales[i])
		}
		s := b.EndVector(len(scales))
		b.StartVector(8, len(scales), 8)
		for range scales {
			b.PrependInt64(int64(zero))
		}
		z := b.EndVector(len(scales))
		b.StartObject(7)
		b.PrependUOffsetTSlot(quanScale, s, 0)
		b.PrependUOffsetTSlot(quanZero, z, 0)
		b.PrependInt32Slot(quanAxis, int32(axis), 0)
		quan = b.EndObject()
	}
	dims, name := b.ints(shape), b.CreateString("t"+string(rune('a'+len(b.tensors)%26)))
	b.StartObject(8)
	b.PrependUOffsetTSlot(tensorShape, dims, 0)
	b.PrependInt8Slot(tensorType, kind, 0)
	b.PrependUint32Slot(tensorBuffer, uint32(buffer), 0)
	b.PrependUOffsetTSlot(tensorName, name, 0)
	if quan != 0 {
		b.PrependUOffsetTSlot(tensorQuan, quan, 0)
	}
	b.tensors = append(b.tensors, b.EndObject())
	b.shapes = append(b.shapes, shape)
	s := float32(0)
	if len(scales) > 0 {
		s = scales[0]
	}
	b.scales, b.zeros = append(b.scales, s), append(b.zeros, zero)
	return len(b.tensors) - 1
}

// act adds an int8 activation on a random grid.
func (b *builder) act(shape ...int) int {
	return b.tensor(typeInt8, shape, []float32{0.02 + 0.05*b.r.Float32()}, b.r.IntN(60)-40, 0, nil)
}

// like adds an activation on the grid of another one.
func (b *builder) like(x int, shape ...int) int {
	return b.tensor(typeInt8, shape, []float32{b.scales[x]}, b.zeros[x], 0, nil)
}

// option is a field of an operator's options.
type option struct {
	field int
	size  int // 1 or 4 bytes; 0: a float
	value int
}

// op adds an operator.
func (b *builder) op(code int, in, out []int, options ...option) {
	if _, ok := b.number[code]; !ok {
		b.StartObject(4)
		b.PrependInt8Slot(codeOld, int8(code), 0)
		b.PrependInt32Slot(2, 1, 0) // version
		b.PrependInt32Slot(codeNew, int32(code), 0)
		b.codes = append(b.codes, b.EndObject())
		b.number[code] = len(b.codes) - 1
	}
	inputs, outputs := b.ints(in), b.ints(out)
	b.StartObject(8)
	for _, o := range options {
		switch o.size {
		case 1:
			b.PrependInt8Slot(o.field, int8(o.value), -1)
		case 0:
			b.PrependFloat32Slot(o.field, float32(o.value), -1)
		default:
			b.PrependInt32Slot(o.field, int32(o.value), -1)
		}
	}
	opts := b.EndObject()
	b.StartObject(5)
	b.PrependUint32Slot(opCode, uint32(b.number[code]), 0)
	b.PrependUOffsetTSlot(opInputs, inputs, 0)
	b.PrependUOffsetTSlot(opOutputs, outputs, 0)
	b.PrependUint8Slot(3, optionsType[code], 0)
	b.PrependUOffsetTSlot(opOptions, opts, 0)
	b.ops = append(b.ops, b.EndObject())
}

// optionsType is the place of an operator's options in the schema's union.
var optionsType = map[int]byte{opConv: 1, opDepthwise: 2, opAveragePool: 5, opMaxPool: 5, opDense: 8, opSoftmax: 9, opConcat: 10, opAdd: 11,
	opReshape: 17, opPad: 22, opMul: 21, opTranspose: 26, opSub: 28, opDequantize: 46, opQuantize: 76,
	5: 94, 23: 15, 26: 19, 35: 31, 36: 23, 40: 27, 42: 29, 43: 30, 44: 71, 45: 32, 49: 35, 50: 36, 55: 39, 57: 39, 60: 43, 65: 48, 67: 49, 70: 52, 74: 27, 78: 56, 81: 27, 82: 27, 83: 59, 88: 64, 89: 27,
	opShape: 55, 11: 12, 97: 74, 98: 75, 99: 76, 100: 77, 102: 79, 126: 101, 150: 116}

// weights adds int8 weights and an int32 bias. shape is TFLite's, axis the
// dimension of the output channels.
func (b *builder) weights(x int, axis int, shape ...int) (w, bias int) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]byte, n)
	for i := range data {
		if v := b.r.IntN(255) - 127; b.r.IntN(3) > 0 {
			data[i] = byte(int8(v))
		}
	}
	outC := shape[axis]
	scales := make([]float32, outC)
	for i := range scales {
		scales[i] = 0.001 + 0.004*b.r.Float32()
	}
	w = b.tensor(typeInt8, shape, scales, 0, axis, data)
	var biases []byte
	for range outC {
		biases = binary.LittleEndian.AppendUint32(biases, uint32(int32(b.r.IntN(6000)-3000)))
	}
	bs := make([]float32, outC)
	for i := range bs {
		bs[i] = scales[i] * b.scales[x]
	}
	return w, b.tensor(typeInt32, []int{outC}, bs, 0, 0, biases)
}

// list adds a constant int32 tensor.
func (b *builder) list(shape []int, values ...int) int {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, uint32(int32(v)))
	}
	return b.tensor(typeInt32, shape, nil, 0, 0, data)
}

// file ends the network.
func (b *builder) file(in, out []int) []byte {
	tensors, inputs, outputs, ops := b.offsets(b.tensors), b.ints(in), b.ints(out), b.offsets(b.ops)
	b.StartObject(5)
	b.PrependUOffsetTSlot(graphTensors, tensors, 0)
	b.PrependUOffsetTSlot(graphInputs, inputs, 0)
	b.PrependUOffsetTSlot(graphOutputs, outputs, 0)
	b.PrependUOffsetTSlot(graphOps, ops, 0)
	graph := b.EndObject()
	codes, graphs, buffers := b.offsets(b.codes), b.offsets([]flatbuffers.UOffsetT{graph}), b.offsets(b.buffers)
	b.StartObject(8)
	b.PrependUint32Slot(modelVersion, 3, 0)
	b.PrependUOffsetTSlot(modelCodes, codes, 0)
	b.PrependUOffsetTSlot(modelGraphs, graphs, 0)
	b.PrependUOffsetTSlot(modelBuffers, buffers, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte("TFL3"))
	return b.FinishedBytes()
}

// window are the options of padding and strides.
func window(pad, sh, sw int) []option { return []option{{0, 1, pad}, {1, 4, sw}, {2, 4, sh}} }

// networks are small ones that use every operator that is read.
func networks() map[string][]byte {
	nets := map[string][]byte{}
	add := func(name string, seed uint64, make func(b *builder) (in, out int)) {
		b := newBuilder(seed)
		in, out := make(b)
		nets[name] = b.file([]int{in}, []int{out})
	}
	add("conv", 1, func(b *builder) (int, int) {
		x := b.act(1, 9, 7, 3)
		w, bias := b.weights(x, 0, 5, 3, 3, 3)
		y := b.act(1, 5, 4, 5)
		b.op(opConv, []int{x, w, bias}, []int{y}, append(window(0, 2, 2), option{3, 1, actRelu6}, option{4, 4, 1}, option{5, 4, 1})...)
		w, bias = b.weights(y, 0, 4, 2, 2, 5)
		z := b.act(1, 3, 2, 4)
		b.op(opConv, []int{y, w, bias}, []int{z}, append(window(1, 1, 1), option{3, 1, actNone}, option{4, 4, 2}, option{5, 4, 2})...)
		return x, z
	})
	add("depthwise", 2, func(b *builder) (int, int) {
		x := b.act(1, 6, 6, 3)
		w, bias := b.weights(x, 3, 1, 3, 3, 6) // two for each channel
		y := b.act(1, 3, 3, 6)
		b.op(opDepthwise, []int{x, w, bias}, []int{y}, append(window(0, 2, 2), option{3, 4, 2}, option{4, 1, actRelu}, option{5, 4, 1}, option{6, 4, 1})...)
		w, bias = b.weights(y, 3, 1, 2, 3, 6)
		z := b.act(1, 3, 3, 6)
		b.op(opDepthwise, []int{y, w, bias}, []int{z}, append(window(0, 1, 1), option{3, 4, 1}, option{4, 1, actReluN1}, option{5, 4, 1}, option{6, 4, 1})...)
		return x, z
	})
	add("pools", 3, func(b *builder) (int, int) {
		x := b.act(1, 7, 6, 4)
		y := b.like(x, 1, 4, 3, 4)
		b.op(opAveragePool, []int{x}, []int{y}, append(window(0, 2, 2), option{3, 4, 2}, option{4, 4, 2})...)
		z := b.like(x, 1, 3, 2, 4)
		b.op(opMaxPool, []int{y}, []int{z}, append(window(1, 1, 1), option{3, 4, 2}, option{4, 4, 2}, option{5, 1, actRelu})...)
		v := b.like(x, 1, 1, 1, 4)
		b.op(opAveragePool, []int{z}, []int{v}, append(window(1, 1, 1), option{3, 4, 2}, option{4, 4, 3})...)
		return x, v
	})
	add("dense", 4, func(b *builder) (int, int) {
		x := b.act(1, 2, 3, 4)
		flat := b.like(x, 1, 24)
		b.op(opReshape, []int{x, b.list([]int{2}, -1, 24)}, []int{flat})
		w, bias := b.weights(flat, 0, 10, 24)
		y := b.act(1, 10)
		b.op(opDense, []int{flat, w, bias}, []int{y}, option{0, 1, actRelu})
		w, _ = b.weights(y, 0, 3, 10)
		z := b.act(1, 3)
		b.op(opDense, []int{y, w, -1}, []int{z}, option{0, 1, actNone})
		p := b.tensor(typeInt8, []int{1, 3}, []float32{1.0 / 256}, -128, 0, nil)
		b.op(opSoftmax, []int{z}, []int{p}, option{0, 0, 1})
		return x, p
	})
	add("sums", 5, func(b *builder) (int, int) {
		x := b.act(1, 4, 4, 3)
		w, bias := b.weights(x, 0, 3, 1, 1, 3)
		a := b.act(1, 4, 4, 3)
		b.op(opConv, []int{x, w, bias}, []int{a}, append(window(0, 1, 1), option{3, 1, actNone})...)
		s := b.act(1, 4, 4, 3)
		b.op(opAdd, []int{x, a}, []int{s}, option{0, 1, actRelu})
		d := b.act(1, 4, 4, 3)
		b.op(opSub, []int{s, a}, []int{d}, option{0, 1, actNone})
		m := b.act(1, 4, 4, 3)
		b.op(opMul, []int{d, x}, []int{m}, option{0, 1, actNone})
		q := b.act(1, 4, 4, 3)
		b.op(opQuantize, []int{m}, []int{q})
		return x, q
	})
	add("layout", 6, func(b *builder) (int, int) {
		x := b.act(1, 3, 4, 2)
		p := b.like(x, 1, 6, 5, 2)
		b.op(opPad, []int{x, b.list([]int{4, 2}, 0, 0, 1, 2, 1, 0, 0, 0)}, []int{p})
		t := b.like(x, 1, 5, 6, 2)
		b.op(opTranspose, []int{p, b.list([]int{4}, 0, 2, 1, 3)}, []int{t})
		c := b.like(x, 1, 5, 6, 4)
		b.op(opConcat, []int{t, t}, []int{c}, option{0, 4, 3}, option{1, 1, actNone})
		r := b.act(1, 5, 6, 4)
		b.op(opRelu, []int{c}, []int{r})
		return x, r
	})
	add("float-ends", 7, func(b *builder) (int, int) {
		x := b.tensor(typeFloat32, []int{1, 8}, nil, 0, 0, nil)
		q := b.act(1, 8)
		b.op(opQuantize, []int{x}, []int{q})
		w, bias := b.weights(q, 0, 4, 8)
		y := b.act(1, 4)
		b.op(opDense, []int{q, w, bias}, []int{y}, option{0, 1, actNone})
		v := b.tensor(typeFloat32, []int{1, 4}, nil, 0, 0, nil)
		b.op(opDequantize, []int{y}, []int{v})
		return x, v
	})
	add("functions", 11, func(b *builder) (int, int) {
		x := b.tensor(typeInt8, []int{1, 4, 16, 8}, []float32{0.06}, 5, 0, nil)
		h := b.tensor(typeInt8, []int{1, 4, 16, 8}, []float32{0.05}, -120, 0, nil)
		b.op(117, []int{x}, []int{h})
		l := b.tensor(typeInt8, []int{1, 4, 16, 8}, []float32{0.03}, -70, 0, nil)
		b.op(98, []int{x}, []int{l}, option{0, 0, 2}) // a float of 2
		g := b.tensor(typeInt8, []int{1, 4, 16, 8}, []float32{1.0 / 256}, -128, 0, nil)
		b.op(14, []int{x}, []int{g})
		s, y := b.act(1, 4, 16, 8), b.act(1, 4, 16, 8)
		b.op(opMul, []int{h, g}, []int{s}, option{0, 1, actNone})
		b.op(opAdd, []int{s, l}, []int{y}, option{0, 1, actNone})
		return x, y
	})
	add("hard-swish", 12, func(b *builder) (int, int) {
		x, y := b.act(1, 256), b.act(1, 256)
		b.op(117, []int{x}, []int{y})
		return x, y
	})
	add("logistic", 13, func(b *builder) (int, int) {
		x := b.act(1, 256)
		y := b.tensor(typeInt8, []int{1, 256}, []float32{1.0 / 256}, -128, 0, nil)
		b.op(14, []int{x}, []int{y})
		return x, y
	})
	add("resized", 14, func(b *builder) (int, int) {
		x := b.act(1, 4, 5, 4)
		a, c, d, e := b.like(x, 1, 8, 10, 4), b.like(x, 1, 15, 7, 4), b.like(x, 1, 30, 14, 4), b.like(x, 1, 61, 31, 4)
		b.op(23, []int{x, b.list([]int{2}, 8, 10)}, []int{a}, option{3, 1, 1})
		b.op(23, []int{a, b.list([]int{2}, 15, 7)}, []int{c}, option{2, 1, 1})
		b.op(97, []int{c, b.list([]int{2}, 30, 14)}, []int{d})
		b.op(23, []int{d, b.list([]int{2}, 61, 31)}, []int{e})
		f, g, h := b.like(x, 1, 122, 62, 4), b.like(x, 1, 40, 9, 4), b.like(x, 1, 20, 18, 4)
		b.op(97, []int{e, b.list([]int{2}, 122, 62)}, []int{f}, option{1, 1, 1})
		b.op(97, []int{f, b.list([]int{2}, 40, 9)}, []int{g}, option{0, 1, 1})
		b.op(97, []int{g, b.list([]int{2}, 20, 18)}, []int{h})
		return x, h
	})
	add("tanh", 16, func(b *builder) (int, int) {
		x := b.act(1, 256)
		y := b.tensor(typeInt8, []int{1, 256}, []float32{1.0 / 128}, 0, 0, nil)
		b.op(28, []int{x}, []int{y})
		return x, y
	})
	add("cuts", 17, func(b *builder) (int, int) {
		x := b.act(1, 6, 7, 8)
		y, z := b.like(x, 1, 5, 5, 4), b.like(x, 1, 3, 4)
		b.op(65, []int{x, b.list([]int{4}, 0, 1, 2, 3), b.list([]int{4}, 1, 5, 5, 4)}, []int{y})
		b.op(45, []int{y, b.list([]int{4}, 0, 0, 1, 0), b.list([]int{4}, 1, -1, 2, 4), b.list([]int{4}, 1, 2, 1, 1)}, []int{z}, option{0, 4, 2}, option{1, 4, 2}, option{4, 4, 4})
		return x, z
	})
	add("transposed", 18, func(b *builder) (int, int) {
		x := b.act(1, 4, 5, 3)
		w, bias := b.weights(x, 0, 6, 3, 2, 3)
		y := b.act(1, 8, 10, 6)
		b.op(67, []int{b.list([]int{4}, 1, 8, 10, 6), w, x, bias}, []int{y}, window(0, 2, 2)...)
		w, _ = b.weights(y, 0, 2, 3, 3, 6)
		z := b.act(1, 10, 30, 2)
		b.op(67, []int{b.list([]int{4}, 1, 10, 30, 2), w, y}, []int{z}, window(1, 1, 3)...)
		return x, z
	})
	add("blocks", 15, func(b *builder) (int, int) {
		x := b.act(1, 4, 6, 8)
		y, z := b.like(x, 1, 8, 12, 2), b.like(x, 1, 2, 3, 32)
		b.op(5, []int{x}, []int{y}, option{0, 4, 2})
		b.op(26, []int{y}, []int{z}, option{0, 4, 4})
		return x, z
	})
	add("minus-128", 8, func(b *builder) (int, int) {
		x := b.act(1, 4, 4, 2)
		w := b.tensor(typeInt8, []int{3, 1, 1, 2}, []float32{0.002, 0.003, 0.004}, 0, 0, []byte{0x80, 0x7f, 0x80, 0x80, 0x05, 0xfb})
		y := b.act(1, 4, 4, 3)
		b.op(opConv, []int{x, w, b.tensor(typeInt32, []int{3}, []float32{1, 1, 1}, 0, 0, make([]byte, 12))}, []int{y}, append(window(1, 1, 1), option{3, 1, actNone}, option{4, 4, 1}, option{5, 4, 1})...)
		return x, y
	})
	add("weak-channels", 9, func(b *builder) (int, int) {
		x := b.act(1, 4, 4, 2)
		w := b.tensor(typeInt8, []int{3, 1, 1, 2}, []float32{1e-15, 0.003, 1e-13}, 0, 0, []byte{100, 50, 60, 0x80, 0x90, 0x7f})
		bias := b.tensor(typeInt32, []int{3}, []float32{1, 1, 1}, 0, 0, []byte{0, 0, 0, 0x40, 0, 1, 0, 0, 0, 0, 0, 0xc0})
		y := b.act(1, 4, 4, 3)
		b.op(opConv, []int{x, w, bias}, []int{y}, append(window(1, 1, 1), option{3, 1, actNone}, option{4, 4, 1}, option{5, 4, 1})...)
		return x, y
	})
	add("zero-point", 10, func(b *builder) (int, int) {
		x := b.act(1, 4)
		w := b.tensor(typeInt8, []int{2, 4}, []float32{0.003}, -20, 0, []byte{0x80, 107, 0, 0xec, 50, 60, 0x90, 1})
		y := b.act(1, 2)
		b.op(opDense, []int{x, w, -1}, []int{y}, option{0, 1, actNone})
		return x, y
	})
	return nets
}
