package tflite

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/x448/float16"

	"edgec/internal/graph"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
)

//go:embed float.py
var floatScript string

// real adds a float activation.
func (b *builder) real(shape ...int) int { return b.tensor(typeFloat32, shape, nil, 0, 0, nil) }

// reals adds a constant of random numbers around 0.
func (b *builder) reals(shape ...int) int {
	var data []byte
	for range volume(shape) {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(b.r.NormFloat64()*0.5)))
	}
	return b.tensor(typeFloat32, shape, nil, 0, 0, data)
}

// state adds a variable.
func (b *builder) state(shape ...int) int {
	dims, name := b.ints(shape), b.CreateString("state")
	b.StartObject(8)
	b.PrependUOffsetTSlot(tensorShape, dims, 0)
	b.PrependInt8Slot(tensorType, typeFloat32, -1)
	b.PrependUOffsetTSlot(tensorName, name, 0)
	b.PrependInt8Slot(tensorVariable, 1, 0)
	b.tensors = append(b.tensors, b.EndObject())
	b.shapes, b.scales, b.zeros = append(b.shapes, shape), append(b.scales, 0), append(b.zeros, 0)
	return len(b.tensors) - 1
}

// halves adds a constant of 16 bits, and the DEQUANTIZE behind it.
func (b *builder) halves(shape ...int) int {
	var data []byte
	for range volume(shape) {
		data = binary.LittleEndian.AppendUint16(data, float16.Fromfloat32(float32(b.r.NormFloat64()*0.5)).Bits())
	}
	y := b.real(shape...)
	b.op(opDequantize, []int{b.tensor(typeFloat16, shape, nil, 0, 0, data)}, []int{y})
	return y
}

// then adds an operator of x with further inputs, and returns its output.
func (b *builder) then(code int, in []int, shape []int, options ...option) int {
	y := b.real(shape...)
	b.op(code, in, []int{y}, options...)
	return y
}

// floatNetworks are small ones that use every operator that Decode reads; inputs are float.
func floatNetworks() map[string][]byte {
	nets := map[string][]byte{}
	add := func(name string, in []int, make func(b *builder, x int) []int) {
		b := newBuilder(uint64(len(nets)) + 1)
		x := b.real(in...)
		nets[name] = b.file([]int{x}, make(b, x))
	}
	add("layers", []int{1, 7, 6, 4}, func(b *builder, x int) []int {
		c := b.then(opConv, []int{x, b.reals(6, 3, 3, 4), b.reals(6)}, []int{1, 4, 3, 6}, append(window(0, 2, 2), option{3, 1, actRelu6}, option{4, 4, 1}, option{5, 4, 1})...)
		d := b.then(opDepthwise, []int{c, b.halves(1, 3, 3, 12), b.reals(12)}, []int{1, 4, 3, 12}, append(window(0, 1, 1), option{3, 4, 2}, option{4, 1, actRelu}, option{5, 4, 1}, option{6, 4, 1})...)
		u := b.then(67, []int{b.list([]int{4}, 1, 8, 6, 3), b.reals(3, 3, 3, 12), d}, []int{1, 8, 6, 3}, window(0, 2, 2)...)
		v := b.then(67, []int{b.list([]int{4}, 1, 8, 7, 2), b.reals(2, 2, 3, 12), d, b.reals(2)}, []int{1, 8, 7, 2}, window(1, 2, 2)...)
		flat := b.then(opReshape, []int{d, b.list([]int{2}, 1, 144)}, []int{1, 144})
		f := b.then(opDense, []int{flat, b.reals(5, 144), b.reals(5)}, []int{1, 5}, option{0, 1, actReluN1})
		rows := b.then(opDense, []int{d, b.reals(3, 12), -1}, []int{1, 4, 3, 3}, option{0, 1, actNone}, option{2, 1, 1})
		return []int{u, v, f, rows}
	})
	add("pools", []int{1, 7, 6, 4}, func(b *builder, x int) []int {
		a := b.then(opAveragePool, []int{x}, []int{1, 4, 3, 4}, append(window(0, 2, 2), option{3, 4, 3}, option{4, 4, 2}, option{5, 1, actRelu})...)
		m := b.then(opMaxPool, []int{x}, []int{1, 6, 5, 4}, append(window(1, 1, 1), option{3, 4, 2}, option{4, 4, 2})...)
		g := b.then(opAveragePool, []int{x}, []int{1, 1, 1, 4}, append(window(1, 1, 1), option{3, 4, 6}, option{4, 4, 7})...)
		return []int{a, m, g}
	})
	add("functions", []int{1, 3, 5, 4}, func(b *builder, x int) (out []int) {
		s := []int{1, 3, 5, 4}
		for _, code := range []int{14, 28, 47, 59, 92, 101, 111, 117, opRelu, opReluN1, opRelu6} {
			out = append(out, b.then(code, []int{x}, s))
		}
		out = append(out, b.then(98, []int{x}, s, option{0, 0, 2}), b.then(150, []int{x}, s, option{0, 1, 1}), b.then(54, []int{x, b.reals(1, 1, 4)}, s), b.then(54, []int{x, b.reals(3, 5, 4)}, s))
		positive := b.then(101, []int{x}, s)
		return append(out, b.then(75, []int{positive}, s), b.then(76, []int{positive}, s), b.then(opSoftmax, []int{x}, s, option{0, 0, 2}), b.then(50, []int{x}, s))
	})
	add("pairs", []int{1, 3, 5, 4}, func(b *builder, x int) (out []int) {
		s := []int{1, 3, 5, 4}
		e := b.then(14, []int{x}, s)
		scale := b.then(40, []int{e, b.list([]int{2}, 1, 2)}, []int{1, 4})
		for _, code := range []int{opAdd, opSub, opMul, 42} {
			out = append(out, b.then(code, []int{x, e}, s, option{0, 1, actRelu}), b.then(code, []int{b.reals(5, 1), e}, s, option{0, 1, actNone}), b.then(code, []int{x, scale}, s, option{0, 1, actNone}))
		}
		limit := b.tensor(typeFloat32, nil, nil, 0, 0, []byte{0, 0, 0, 0x3f})
		return append(out, b.then(99, []int{x, e}, s), b.then(55, []int{x, limit}, s), b.then(57, []int{limit, x}, s), b.then(55, []int{x, e}, s), b.then(57, []int{e, b.reals(4)}, s), b.then(78, []int{e, e}, s))
	})
	add("moves", []int{1, 4, 6, 8}, func(b *builder, x int) []int {
		out := []int{b.then(5, []int{x}, []int{1, 8, 12, 2}, option{0, 4, 2}), b.then(26, []int{x}, []int{1, 2, 3, 32}, option{0, 4, 2}),
			b.then(opPad, []int{x, b.list([]int{4, 2}, 0, 0, 1, 2, 0, 1, 3, 0)}, []int{1, 7, 7, 11}),
			b.then(60, []int{x, b.list([]int{4, 2}, 0, 0, 1, 0, 0, 1, 0, 0), b.tensor(typeFloat32, []int{1}, nil, 0, 0, []byte{0, 0, 0, 0x40})}, []int{1, 5, 7, 8}),
			b.then(opTranspose, []int{x, b.list([]int{4}, 0, 2, 3, 1)}, []int{1, 6, 8, 4}), b.then(opTranspose, []int{x, b.list([]int{4}, 3, 1, 0, 2)}, []int{8, 4, 1, 6}),
			b.then(opConcat, []int{x, x, b.reals(1, 4, 6, 3)}, []int{1, 4, 6, 19}, option{0, 4, 3}), b.then(65, []int{x, b.list([]int{4}, 0, 1, 2, 3), b.list([]int{4}, 1, 2, -1, 4)}, []int{1, 2, 4, 4}),
			b.then(45, []int{x, b.list([]int{4}, 0, 0, 1, 2), b.list([]int{4}, 1, 4, -1, 3), b.list([]int{4}, 1, 2, 2, 1)}, []int{1, 2, 2}, option{0, 4, 2}, option{1, 4, 2}, option{4, 4, 8})}
		parts := []int{b.real(1, 4, 6, 3), b.real(1, 4, 6, 5)}
		b.op(102, []int{x, b.list([]int{2}, 3, 5), b.list(nil, -1)}, parts, option{0, 4, 2})
		rows := []int{b.real(1, 6, 8), b.real(1, 6, 8), b.real(1, 6, 8), b.real(1, 6, 8)}
		b.op(88, []int{x}, rows, option{0, 4, 4}, option{1, 4, 1})
		halves := []int{b.real(1, 4, 3, 8), b.real(1, 4, 3, 8)}
		b.op(49, []int{b.list(nil, 2), x}, halves, option{0, 4, 2})
		packed := b.then(83, []int{rows[2], rows[0]}, []int{1, 6, 2, 8}, option{0, 4, 2}, option{1, 4, 2})
		list := b.then(opReshape, []int{x, b.list([]int{2}, 24, 8)}, []int{24, 8})
		squeezed := b.then(43, []int{b.then(70, []int{rows[1], b.list(nil, 1)}, []int{1, 1, 6, 8})}, []int{6, 8})
		return append(append(append(out, parts...), halves...), packed, b.then(opDense, []int{list, b.reals(3, 8), b.reals(3)}, []int{24, 3}, option{0, 1, actNone}), squeezed,
			b.then(36, []int{x, b.list([]int{3}, 2, 0, 2)}, []int{1, 4, 3, 8}, option{0, 4, 2}),
			b.then(100, []int{x, b.list([]int{4, 2}, 0, 0, 1, 2, 0, 3, 2, 0)}, []int{1, 7, 9, 10}), b.then(100, []int{x, b.list([]int{4, 2}, 0, 0, 4, 0, 1, 0, 0, 8)}, []int{1, 8, 7, 16}, option{0, 1, 1}))
	})
	add("resized", []int{1, 4, 5, 3}, func(b *builder, x int) []int {
		size := b.list([]int{2}, 7, 11)
		s := []int{1, 7, 11, 3}
		return []int{b.then(23, []int{x, size}, s), b.then(23, []int{x, size}, s, option{2, 1, 1}), b.then(23, []int{x, size}, s, option{3, 1, 1}),
			b.then(97, []int{x, size}, s), b.then(97, []int{x, size}, s, option{0, 1, 1}), b.then(97, []int{x, size}, s, option{1, 1, 1}),
			b.then(23, []int{x, b.list([]int{2}, 2, 3)}, []int{1, 2, 3, 3}, option{3, 1, 1})}
	})
	add("reduced", []int{1, 4, 5, 6}, func(b *builder, x int) []int {
		axes := func(a ...int) int { return b.list([]int{len(a)}, a...) }
		list := b.then(opReshape, []int{x, b.list([]int{3}, 1, 20, 6)}, []int{1, 20, 6})
		return []int{b.then(40, []int{x, axes(1, 2)}, []int{1, 1, 1, 6}, option{0, 1, 1}), b.then(40, []int{x, axes(3)}, []int{1, 4, 5}), b.then(74, []int{x, axes(-1, 1)}, []int{1, 1, 5, 1}, option{0, 1, 1}),
			b.then(82, []int{x, axes(1, 2)}, []int{1, 6}), b.then(89, []int{x, axes(2)}, []int{1, 4, 6}), b.then(81, []int{x, axes(1)}, []int{1, 5, 6}),
			b.then(126, []int{list, list}, []int{1, 20, 20}, option{1, 1, 1})}
	})
	add("recurrent", []int{1, 6, 5}, func(b *builder, x int) []int {
		lstm := []int{x}
		for k := range 8 {
			lstm = append(lstm, b.reals(3, []int{5, 3}[k/4]))
		}
		lstm = append(lstm, -1, -1, -1, b.reals(3), b.reals(3), b.reals(3), b.reals(3), -1, -1, b.state(1, 3), b.state(1, 3))
		return []int{b.then(44, lstm, []int{1, 6, 3}, option{0, 1, actTanh}),
			b.then(35, []int{x, b.reals(4, 5), b.reals(4, 4), b.reals(4), b.state(1, 4)}, []int{1, 6, 4}, option{1, 1, actTanh})}
	})
	add("chosen", []int{1, 3, 5, 4}, func(b *builder, x int) (out []int) {
		s := []int{1, 3, 5, 4}
		zero, e := b.tensor(typeFloat32, nil, nil, 0, 0, []byte{0, 0, 0, 0}), b.then(8, []int{x}, s)
		for _, code := range []int{opLess, 61, 62, 63, 71, 72} {
			c := b.tensor(typeBool, s, nil, 0, 0, nil)
			b.op(code, []int{x, []int{zero, e}[code%2]}, []int{c})
			out = append(out, b.then(opSelect, []int{c, x, b.reals(5, 4)}, s))
		}
		c, d, both, either := b.tensor(typeBool, s, nil, 0, 0, nil), b.tensor(typeBool, s, nil, 0, 0, nil), b.tensor(typeBool, s, nil, 0, 0, nil), b.tensor(typeBool, s, nil, 0, 0, nil)
		b.op(61, []int{x, zero}, []int{c})
		b.op(87, []int{c}, []int{d})
		b.op(86, []int{c, d}, []int{both})
		b.op(84, []int{both, d}, []int{either})
		out = append(out, b.then(64, []int{either, x, e}, s))
		for _, code := range []int{66, 104, 108, 116, 152, 158, 11} {
			out = append(out, b.then(code, []int{x}, s))
		}
		return append(out, b.then(73, []int{b.then(47, []int{x}, s)}, s), b.then(105, []int{x, b.list([]int{2}, 2, 3)}, s))
	})
	add("dilated", []int{1, 8, 3}, func(b *builder, x int) []int {
		apart := b.then(38, []int{x, b.list([]int{1}, 2), b.list([]int{1, 2}, 4, 0)}, []int{2, 6, 3})
		c := b.then(opConv, []int{b.then(opExpand, []int{apart, b.list(nil, 1)}, []int{2, 1, 6, 3}), b.reals(4, 1, 3, 3), b.reals(4)}, []int{2, 1, 4, 4}, append(window(1, 1, 1), option{3, 1, actRelu}, option{4, 4, 1}, option{5, 4, 1})...)
		y := b.then(37, []int{b.then(opReshape, []int{c, b.list([]int{3}, 2, 4, 4)}, []int{2, 4, 4}), b.list([]int{1}, 2), b.list([]int{1, 2}, 1, 2)}, []int{1, 5, 4})
		return []int{y}
	})
	add("shapes", []int{1, 6, 8}, func(b *builder, x int) []int {
		whole := func(shape ...int) int { return b.tensor(typeInt32, shape, nil, 0, 0, nil) }
		made := func(code int, in []int, y int, options ...option) int {
			b.op(code, in, []int{y}, options...)
			return y
		}
		shape := made(opShape, []int{x}, whole(3), option{0, 1, int(typeInt32)})
		batch := made(45, []int{shape, b.list([]int{1}, 0), b.list([]int{1}, 1), b.list([]int{1}, 1)}, whole(), option{4, 4, 1})
		zeros := b.then(94, []int{made(83, []int{batch, b.list(nil, 8)}, whole(2), option{0, 4, 2}), b.tensor(typeFloat32, nil, nil, 0, 0, []byte{0, 0, 0x80, 0x3f})}, []int{1, 8})
		rows := made(81, []int{made(36, []int{shape, b.list([]int{2}, 0, 1)}, whole(2)), b.list([]int{1}, 0)}, whole())
		flat := b.then(opReshape, []int{x, made(83, []int{rows, b.list(nil, 8)}, whole(2), option{0, 4, 2})}, []int{1, 1})
		d := b.then(opDense, []int{flat, b.reals(3, 8), b.reals(3)}, []int{1, 3}, option{0, 1, actNone})
		back := b.then(opReshape, []int{d, made(opConcat, []int{made(36, []int{shape, b.list([]int{2}, 0, 1)}, whole(2)), b.list([]int{1}, 3)}, whole(3))}, []int{1, 6, 3})
		steps := []int{b.real(1, 8), b.real(1, 8), b.real(1, 8), b.real(1, 8), b.real(1, 8), b.real(1, 8)}
		b.op(88, []int{x}, steps, option{0, 4, 6}, option{1, 4, 1})
		packed := b.then(opReshape, []int{b.then(83, []int{steps[3], zeros, steps[0]}, []int{3, 1, 8}, option{0, 4, 3}), b.list([]int{2}, 3, 8)}, []int{3, 8})
		return []int{b.then(opAdd, []int{steps[1], zeros}, []int{1, 8}, option{0, 1, actNone}), back, packed, b.then(opConcat, []int{steps[2], steps[5]}, []int{2, 8}, option{0, 4, 0})}
	})
	add("hybrid", []int{1, 8}, func(b *builder, x int) []int {
		data := make([]byte, 40)
		for i := range data {
			data[i] = byte(b.r.IntN(255) - 127)
		}
		w := b.real(5, 8)
		b.op(opDequantize, []int{b.tensor(typeInt8, []int{5, 8}, []float32{0.01, 0.02, 0.005, 0.01, 0.03}, 0, 0, data)}, []int{w})
		return []int{b.then(opDense, []int{x, w, b.reals(5)}, []int{1, 5}, option{0, 1, actNone})}
	})
	return nets
}

// floatInput returns the numbers that the input of a network has: around 0.
func floatInput(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(7*i+1))) * 2
	}
	return x
}

// decoded returns the outputs of a network, each in the order of the file, before and after
// simplification, which must be the same.
func decoded(t *testing.T, name string, data []byte) [][]float32 {
	t.Helper()
	g, err := Decode(data, name)
	if err != nil {
		t.Fatal(err)
	}
	run := func() (out [][]float32) {
		tape, err := graph.NewTape(g, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := g.Inputs[0].Shape
		x := tensor.Of(floatInput(s.Size()), s...)
		if g.Inputs[0].ChannelsLast {
			x = channelsFirst(tensor.Of(x.Data, 1, s[2], s[3], s[1]), append(tensor.Shape{0}, s[1:]...))
		}
		for _, y := range tape.Forward(x) {
			out = append(out, y.Data)
		}
		return out
	}
	before := run()
	if err := simplify.Run(g); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for k, y := range run() {
		floatsClose(t, name+", simplified", k, y, before[k])
	}
	for k, v := range g.Outputs {
		if s := v.Shape; len(s) == 4 { // [1,C,H,W]
			last := make([]float32, 0, len(before[k]))
			for p := range s[2] * s[3] {
				for c := range s[1] {
					last = append(last, before[k][c*s[2]*s[3]+p])
				}
			}
			before[k] = last
		}
	}
	return before
}

func floatsClose(t *testing.T, name string, k int, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: output %d has %d numbers, want %d", name, k, len(got), len(want))
	}
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i]) - float64(v)); !(d <= goldenTol*scale) {
			t.Errorf("%s: output %d: number %d is %v, want %v", name, k, i, got[i], v)
			return
		}
	}
}

// Every operator computes what TFLite does; testdata keeps its results.
func TestFloatOperators(t *testing.T) {
	data, err := os.ReadFile("testdata/float.json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][][]float32{}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	nets := floatNetworks()
	if len(want) != len(nets) {
		t.Errorf("%d networks, results of %d", len(nets), len(want))
	}
	for name, net := range nets {
		got := decoded(t, name, net)
		if len(got) != len(want[name]) {
			t.Fatalf("%s: %d outputs, want %d", name, len(got), len(want[name]))
		}
		for k := range got {
			floatsClose(t, name, k, got[k], want[name][k])
		}
	}
}

// The same against TFLite itself; -update keeps the results.
func TestFloatOperatorsInTFLite(t *testing.T) {
	python := os.Getenv("EDGEC_LITERT_PYTHON")
	if python == "" {
		t.Skip("EDGEC_LITERT_PYTHON is not set: it names a python that has the package ai-edge-litert")
	}
	dir := t.TempDir()
	nets := floatNetworks()
	for name, data := range nets {
		if err := os.WriteFile(filepath.Join(dir, name+".tflite"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(python, "-c", floatScript, dir)
	var failure strings.Builder
	command.Stderr = &failure
	text, err := command.Output()
	if err != nil {
		t.Fatalf("TFLite: %v\n%s", err, failure.String())
	}
	want := map[string][][]float32{}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for name, net := range nets {
		for k, y := range decoded(t, name, net) {
			floatsClose(t, name, k, y, want[name][k])
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile("testdata/float.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
