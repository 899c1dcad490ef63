package onnx

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/quantize"
	"edgec/runtime"
)

// FuzzDecode: no bytes make the reader panic, and what it accepts is a valid
// graph that can be simplified, run, written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("text"))
	for _, c := range ownCases() {
		f.Add(c.bytes(1))
	}
	for _, c := range batchCases() {
		f.Add(c.file())
	}
	f.Add(newModel(11).input("x", typeFloat, 1, 1, 5, 5).floats("w", []int{2, 1, 3, 3}, make([]float32, 18)...).
		node("Conv", "x,w", "h", attribute{"pads", []int{1, 1, 1, 1}}).node("MaxPool", "h", "p", attribute{"kernel_shape", []int{2, 2}}).
		node("Flatten", "p", "y").output("y").bytes())
	f.Add(newModel(13).input("x", typeFloat, 0, 2).int8s("q", typeInt8, []int{2, 3}, 1, 2, 3, -4, -5, -127).floats("s", []int{3}, 1, 2, 4).int8s("z", typeInt8, []int{3}, 0, 0, 0).
		node("DequantizeLinear", "q,s,z", "w", attribute{"axis", 1}).node("Gemm", "x,w", "h").pair("h", "y").output("y").bytes())
	f.Add(newModel(9).input("x", typeFloat, 0, 2, 3).int64s("i", 5, 4, 3).node("Slice", "i", "s", attribute{"starts", []int{-1}}, attribute{"ends", []int{0}}).
		node("Squeeze", "s", "k").node("Softmax", "x", "y", attribute{"axis", 1}).output("y").bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Decode(data, "fuzz")
		acceptable(t, g, err)
		if err == nil && smallEnough(g) {
			lowered(t, g)
		}
	})
}

// acceptable checks what the reader returned: one line of error, or a graph that
// lives through everything that follows.
func acceptable(t *testing.T, g *graph.Graph, err error) {
	t.Helper()
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("error %v is not an *Error", err)
		}
		var several *Errors
		if strings.ContainsAny(err.Error(), "\n\r") && !errors.As(err, &several) {
			t.Fatalf("error of several lines: %q", err)
		}
		return
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	if out, err := Encode(g); err == nil && foldable(g) {
		if _, err := Decode(out, "again"); err != nil {
			t.Fatalf("our own file is refused: %v\n%s", err, g)
		}
	}
	small := smallEnough(g)
	if small {
		runZeros(t, g)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatalf("%v\n%s", err, g)
	}
	if small {
		runZeros(t, g)
	}
}

// lowered quantizes and lowers a graph as far as that goes; the file that comes
// out must load.
func lowered(t *testing.T, g *graph.Graph) {
	t.Helper()
	if len(g.Inputs) != 1 {
		return
	}
	rng := rand.New(rand.NewPCG(3, 3))
	x := tensor.New(g.Inputs[0].Shape.WithBatch(2)...)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	err := passes.Quantize(g, passes.Samples(x, 2), passes.Config{Method: quantize.MinMax})
	var data []byte
	if err == nil {
		data, _, err = lower.Encode(g, lower.Config{})
	}
	if err != nil {
		var several graph.Causes
		if strings.ContainsAny(err.Error(), "\r\n") && !errors.As(err, &several) {
			t.Fatalf("error of several lines: %q", err)
		}
		return
	}
	m, err := runtime.Load(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, g)
	}
	if s, err := m.NewSession(runtime.Config{}); err != nil {
		t.Fatalf("%v\n%s", err, g)
	} else {
		s.Run()
	}
}

// smallEnough reports whether a graph runs in little time and memory.
// foldable reports whether constants that are written for each sample are within foldBudget
// when they are read again.
func foldable(g *graph.Graph) bool {
	for _, n := range g.Nodes {
		if n.Outputs[0].Shape.Size() > foldBudget/8 {
			return false
		}
	}
	return true
}

func smallEnough(g *graph.Graph) bool {
	work := int64(0)
	for _, n := range g.Nodes {
		work += op.MACs(n) + int64(n.Outputs[0].Shape.Size())
	}
	for _, v := range g.Inputs {
		work += int64(v.Shape.Size())
	}
	return work < 1<<18
}

func runZeros(t *testing.T, g *graph.Graph) {
	tape, err := graph.NewTape(g, 2)
	if err != nil {
		t.Fatalf("%v\n%s", err, g)
	}
	var in []*tensor.Tensor
	for _, v := range g.Inputs {
		in = append(in, tensor.New(v.Shape.WithBatch(2)...))
	}
	tape.Forward(in...)
}

// TestMutatedModels changes whole models at a few places each, as no exporter
// but a bad one would: other numbers, names, types, operators.
func TestMutatedModels(t *testing.T) {
	rounds := 30
	if deep.On() {
		rounds = 100
	}
	if os.Getenv("EDGEC_LONG") != "" {
		rounds = 1000
	}
	accepted, total := 0, 0
	files := map[string][]byte{}
	for _, c := range ownCases() {
		files[c.name] = c.bytes(1)
	}
	for _, c := range batchCases() {
		files[c.name] = c.file()
	}
	for _, c := range movingCases() {
		files[c.name] = c.model.output("y").bytes()
	}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		for k := range rounds {
			m, err := parse(files[name], name)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(uint64(i), uint64(k)))
			for range 1 + rng.IntN(3) {
				mutate(m, rng)
			}
			g, err := build(m, name, nil)
			acceptable(t, g, err)
			if total++; err == nil {
				accepted++
				if k%20 == 0 && smallEnough(g) { // slow
					lowered(t, g)
				}
			}
		}
	}
	t.Logf("%d of %d models are valid nevertheless", accepted, total)
	if accepted == 0 || accepted == total {
		t.Error("the changes are too harsh or too mild to test anything")
	}
}

// oddInts are values at which arithmetic goes wrong.
var oddInts = []int64{-1, 0, 1, 2, 3, 4, 7, 64, -2, -3, 1 << 16, 1 << 24, 1<<31 - 1, 1 << 31, 1 << 40, math.MaxInt64, math.MinInt64, math.MinInt32}

func mutate(m *modelProto, rng *rand.Rand) {
	odd := func() int64 { return oddInts[rng.IntN(len(oddInts))] }
	n := m.graph.nodes[rng.IntN(len(m.graph.nodes))]
	switch rng.IntN(9) {
	case 0:
		n.opType = table[rng.IntN(len(table))].name
	case 1:
		if len(n.inputs) > 0 {
			n.inputs[rng.IntN(len(n.inputs))] = anyName(m, rng)
		}
	case 2:
		n.inputs = append(n.inputs, anyName(m, rng))
	case 3:
		if len(n.inputs) > 0 {
			n.inputs = n.inputs[:rng.IntN(len(n.inputs))]
		}
	case 4, 5:
		mutateAttr(n, rng, odd)
	case 6:
		v := m.graph.inputs[0]
		v.dims[rng.IntN(len(v.dims))].value = odd()
	case 7:
		m.opsets[0].version = int64(7 + rng.IntN(19))
	default:
		mutateTensor(m, rng, odd)
	}
}

func anyName(m *modelProto, rng *rand.Rand) string {
	names := []string{"", "x"}
	for _, n := range m.graph.nodes {
		names = append(names, n.outputs...)
	}
	for _, t := range m.graph.initializers {
		names = append(names, t.name)
	}
	return names[rng.IntN(len(names))]
}

func mutateAttr(n *nodeProto, rng *rand.Rand, odd func() int64) {
	names := []string{"axis", "axes", "perm", "pads", "strides", "dilations", "kernel_shape", "group", "auto_pad", "ceil_mode", "alpha", "beta", "epsilon", "transA", "transB",
		"keepdims", "to", "min", "max", "mode", "starts", "ends", "start", "end", "value", "value_ints", "allowzero", "count_include_pad", "block_size", "fmod"}
	if len(n.attrs) == 0 || rng.IntN(3) == 0 {
		a := &attrProto{name: names[rng.IntN(len(names))], i: odd(), f: float32(odd())}
		for range rng.IntN(5) {
			a.ints = append(a.ints, odd())
		}
		n.attrs = append(n.attrs, a)
		return
	}
	a := n.attrs[rng.IntN(len(n.attrs))]
	switch rng.IntN(4) {
	case 0:
		a.i = odd()
	case 1:
		a.f = []float32{float32(math.NaN()), float32(math.Inf(-1)), 0, -1, 1e38}[rng.IntN(5)]
	case 2:
		if len(a.ints) > 0 {
			a.ints[rng.IntN(len(a.ints))] = odd()
		}
	default:
		a.ints = append(a.ints, odd())
	}
}

func mutateTensor(m *modelProto, rng *rand.Rand, odd func() int64) {
	if len(m.graph.initializers) == 0 {
		return
	}
	t := m.graph.initializers[rng.IntN(len(m.graph.initializers))]
	switch rng.IntN(6) {
	case 0:
		if len(t.dims) > 0 {
			t.dims[rng.IntN(len(t.dims))] = odd()
		}
	case 1: // as many elements in another shape
		t.dims = append([]int64{1}, t.dims...)
	case 2:
		t.dataType = int64(rng.IntN(27))
	case 3:
		t.dims = []int64{0}
		t.raw = nil
	case 4: // another number of the same type
		if len(t.raw) >= 8 && t.dataType == typeInt64 {
			t.raw = binary.LittleEndian.AppendUint64(t.raw[:len(t.raw)-8:len(t.raw)-8], uint64(odd()))
		}
	default:
		if len(t.raw) >= 4 && t.dataType == typeFloat {
			t.raw = binary.LittleEndian.AppendUint32(t.raw[:len(t.raw)-4:len(t.raw)-4], rng.Uint32())
		}
	}
}
