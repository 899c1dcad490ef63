package onnx

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// testNet is a small network with most operators that the writer knows.
func testNet(t *testing.T) *graph.Graph {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	x := &graph.Value{Name: "image", Shape: tensor.Shape{1, 2, 9, 9}}
	g := &graph.Graph{Name: "net", Inputs: []*graph.Value{x}}
	param := func(name string, role graph.Role, shape ...int) *graph.Value {
		p := tensor.New(shape...)
		for i := range p.Data {
			p.Data[i] = float32(rng.NormFloat64()) * 0.4
		}
		return &graph.Value{Name: name, Shape: p.Shape, Param: graph.NewParam(name, role, p)}
	}
	add := func(name string, o graph.Op, in ...*graph.Value) *graph.Value {
		v := &graph.Value{Name: name}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
		return v
	}
	relu := op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}
	six := op.Clamp{On: true, Lo: 0, Hi: 6}
	a := add("conv", op.Conv2D{StrideH: 2, StrideW: 1, DilH: 1, DilW: 1, PadT: 1, PadR: 1, Groups: 1, Clamp: relu}, x, param("w1", graph.Weight, 4, 2, 3, 3), param("b1", graph.Bias, 4))
	d := add("depthwise", op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1, Groups: 4, Clamp: six}, a, param("w2", graph.Weight, 4, 1, 3, 3), nil)
	h := add("sum", op.Add{Clamp: relu}, a, d)
	h = add("both", op.Concat{Axis: 1}, h, d)
	h = add("max", op.MaxPool{KH: 2, KW: 2, StrideH: 1, StrideW: 2, DilH: 1, DilW: 1, PadB: 1}, h)
	h = add("padded", op.Pad{Before: []int{0, 0, 1, 0}, After: []int{0, 0, 0, 1}, Value: 0.5}, h)
	h = add("average", op.AvgPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, CeilMode: true}, h)
	h = add("leaky", op.LeakyRelu{Alpha: 0.1}, h)
	h = add("scaled", op.Mul{}, h, param("k", graph.Constant, 8, 1, 1))
	h = add("nhwc", op.Transpose{Perm: []int{0, 2, 3, 1}}, h)
	h = add("flat", op.Reshape{Shape: []int{h.Shape.Size()}}, h)
	h = add("hidden", op.Dense{Clamp: relu}, h, param("w3", graph.Weight, 6, h.Shape[1]), param("b3", graph.Bias, 6))
	y := add("logits", op.Dense{}, h, param("w4", graph.Weight, 3, 6), param("b4", graph.Bias, 3))
	p := add("probabilities", op.Softmax{Axis: 1}, y)
	g.Outputs = []*graph.Value{y, p}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

func testInput(g *graph.Graph) *tensor.Tensor {
	rng := rand.New(rand.NewPCG(5, 6))
	x := tensor.New(g.Inputs[0].Shape.WithBatch(4)...)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestWriteFloat writes and reads back: same outputs to the bit, same names.
func TestWriteFloat(t *testing.T) {
	g := testNet(t)
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := Write(path, g); err != nil {
		t.Fatal(err)
	}
	back, _, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if back.Name != g.Name || back.Inputs[0].Name != "image" || back.Outputs[0].Name != "logits" || back.Outputs[1].Name != "probabilities" {
		t.Errorf("names changed: %s, %s, %s", back.Name, back.Inputs[0].Name, back.Outputs[0].Name)
	}
	if a, b := len(g.Params()), len(back.Params()); a != b {
		t.Errorf("%d parameters, %d read back", a, b)
	}
	x := testInput(g)
	want, err := forward(g, x)
	if err != nil {
		t.Fatal(err)
	}
	got, err := forward(back, x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		closeTo(t, g.Outputs[i].Name, got[i], want[i], 0)
	}
	first, _ := Encode(g)
	again, _ := Encode(g)
	if !bytes.Equal(first, again) {
		t.Error("the same graph gives different files")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files left in the folder, error %v", len(entries), err)
	}
}

// TestWriteLeftOut writes operators whose strides, dilations and groups are
// left out, which means 1.
func TestWriteLeftOut(t *testing.T) {
	x := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2, 9, 9}}
	w := tensor.New(3, 2, 3, 3)
	w.Data[0] = 1
	g := &graph.Graph{Name: "net", Inputs: []*graph.Value{x}}
	v := x
	for _, o := range []graph.Op{op.Conv2D{}, op.MaxPool{KH: 2, KW: 2}, op.AvgPool{KH: 2, KW: 2}, op.AvgPool{KH: 2, KW: 2, DilH: 2}} {
		in := []*graph.Value{v}
		if _, ok := o.(op.Conv2D); ok {
			in = append(in, &graph.Value{Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)})
		}
		v = &graph.Value{Name: fmt.Sprint("y", len(g.Nodes))}
		g.Nodes = append(g.Nodes, &graph.Node{Name: v.Name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
		g.Outputs = []*graph.Value{v}
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
	}
	data, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := back.Outputs[0].Shape, v.Shape; !got.Equal(want) {
		t.Errorf("read back with output %v, want %v", got, want)
	}
}

func TestWriteToMissingFolder(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "none", "net.onnx"), testNet(t))
	if err == nil || !strings.HasPrefix(err.Error(), "onnx: ") {
		t.Errorf("error %v", err)
	}
}

// quantizedNet gives testNet grids as the quantize stage does: int8 activations
// but for the end, weights per channel or per tensor, biases at the product of
// the scales.
func quantizedNet(t *testing.T) *graph.Graph {
	t.Helper()
	g := testNet(t)
	tape, err := graph.NewTape(g, 4)
	if err != nil {
		t.Fatal(err)
	}
	tape.Forward(testInput(g))
	grids := map[*graph.Value]*graph.Affine{}
	choose := func(v *graph.Value) {
		lo, hi := float32(0), float32(0)
		for _, x := range tape.Activation(v).Data {
			lo, hi = min(lo, x), max(hi, x)
		}
		s := (hi - lo) / 255
		grids[v] = &graph.Affine{Scale: s, Zero: -128 - int(math.Round(float64(lo/s)))}
	}
	choose(g.Inputs[0])
	for _, n := range g.Nodes[:len(g.Nodes)-2] {
		choose(n.Outputs[0])
	}
	for v, a := range grids {
		v.Grid = a
	}
	for i, n := range g.Nodes {
		switch n.Op.(type) {
		case op.Conv2D, op.Dense:
		default:
			continue
		}
		w := n.Inputs[1].Param
		channels := w.Channels()
		if i%2 == 1 { // per tensor
			channels = 1
		}
		row := len(w.Shadow.Data) / channels
		scale := make([]float32, channels)
		for k, v := range w.Shadow.Data {
			scale[k/row] = max(scale[k/row], float32(math.Abs(float64(v)))/127)
		}
		w.Grid = &graph.Grid{Scale: scale, Max: 127}
		w.Refresh()
		if len(n.Inputs) > 2 && n.Inputs[2] != nil {
			b := n.Inputs[2].Param
			b.Grid = &graph.Grid{Scale: make([]float32, channels), Max: math.MaxInt32}
			for c := range scale {
				b.Grid.Scale[c] = scale[c] * n.Inputs[0].Grid.Scale
			}
			b.Refresh()
		}
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestQuantizedRoundTrip: the QDQ form read back has the same grids, the same
// integers and the same outputs.
func TestQuantizedRoundTrip(t *testing.T) {
	g := quantizedNet(t)
	data, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data, "q.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if back.Inputs[0].Grid == nil || *back.Inputs[0].Grid != *g.Inputs[0].Grid {
		t.Errorf("input grid %v, want %v", back.Inputs[0].Grid, g.Inputs[0].Grid)
	}
	byName := map[string]*graph.Param{}
	for _, p := range back.Params() {
		byName[p.Name] = p
	}
	for _, p := range g.Params() {
		if p.Grid == nil {
			continue
		}
		b := byName[p.Name]
		if b == nil || b.Grid == nil {
			t.Errorf("parameter %s has no grid after reading", p.Name)
			continue
		}
		want, got := p.Quanta(), b.Quanta()
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s[%d] is %d, want %d", p.Name, i, got[i], want[i])
			}
		}
	}
	for _, n := range back.Nodes {
		if n.Op.Name() == "Reshape" && n.Inputs[0].Shape.Equal(n.Outputs[0].Shape) {
			t.Errorf("node %q is left over from a quantize/dequantize pair", n.Name)
		}
	}
	x := testInput(g)
	want, err := forward(g, x)
	if err != nil {
		t.Fatal(err)
	}
	got, err := forward(back, x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		closeTo(t, g.Outputs[i].Name, got[i], want[i], 1e-6)
	}
}

// TestWrittenOpset: a file has the operator set of the latest attribute in it, 13 otherwise.
func TestWrittenOpset(t *testing.T) {
	sizes := []int{2, 4, 4}
	for name, c := range map[string]struct {
		op   graph.Op
		want int64
	}{
		"resize":                      {op.Resize{Sizes: sizes, Mode: op.Linear}, 13},
		"resize with antialias":       {op.Resize{Sizes: sizes, Mode: op.Linear, Antialias: true}, 18},
		"resize around the middle":    {op.Resize{Sizes: sizes, Mode: op.Linear, Coords: op.HalfPixelSymmetric}, 19},
		"average":                     {op.AvgPool{KH: 2, KW: 2}, 13},
		"average with dilations":      {op.AvgPool{KH: 2, KW: 2, DilH: 2}, 19},
		"cumulative product":          {op.Cumulate{Axis: 1, Prod: true}, 26},
		"hyperbolic sine, of opset 9": {op.Sinh{}, 13},
		"hard swish, of opset 14":     {op.HardSwish{}, 14},
		"gelu, of opset 20":           {op.Gelu{}, 20},
		"maximum of a dimension":      {op.Reduce{Kind: op.Max, Axes: []int{2}}, 18},
	} {
		t.Run(name, func(t *testing.T) {
			x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2, 8, 8}}, &graph.Value{Name: "y"}
			g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{{Name: "n", Op: c.op, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}}}}
			if err := g.InferShapes(); err != nil {
				t.Fatal(err)
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			m, err := parse(data, name)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.opsets[0].version; got != c.want {
				t.Errorf("opset %d, want %d", got, c.want)
			}
		})
	}
}

// ONNX adds numbers of one type: whole ones are cast where the other operand is float, and only
// there.
func TestWriteMixedTypes(t *testing.T) {
	for _, c := range []struct {
		elem  graph.Elem
		casts int
	}{{graph.Float, 1}, {graph.Integer, 0}} {
		ids := &graph.Value{Name: "ids", Shape: tensor.Shape{1, 2}, Elem: graph.Integer}
		k := &graph.Value{Name: "k", Shape: tensor.Shape{1}, Elem: c.elem, Param: graph.NewParam("k", graph.Constant, tensor.Of([]float32{3}, 1))}
		y := &graph.Value{Name: "y"}
		g := &graph.Graph{Inputs: []*graph.Value{ids}, Outputs: []*graph.Value{y},
			Nodes: []*graph.Node{{Name: "sum", Op: op.Add{}, Inputs: []*graph.Value{ids, k}, Outputs: []*graph.Value{y}}}}
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
		data, err := Encode(g)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte("Cast")); n != c.casts {
			t.Errorf("constant of kind %v: %d casts, want %d", c.elem, n, c.casts)
		}
	}
}
