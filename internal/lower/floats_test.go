package lower_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
)

// floatError is how far float32 results of host and device may lie apart, relative to the
// root mean square: each rounds other intermediate results.
const floatError = 1e-4

// sameFloats compares the device with the tape, for a network whose values are float32 but
// for its inputs.
func sameFloats(t *testing.T, name string, g *graph.Graph, x *tensor.Tensor) {
	t.Helper()
	if err := passes.Quantize(g, passes.Samples(x, 64), passes.Config{}); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, g)
	}
	want := forward(t, g, x)
	s := session(t, g)
	got := deviceRun(t, s, g, x)
	sum := 0.0
	for _, v := range want {
		sum += float64(v) * float64(v)
	}
	size := max(math.Sqrt(sum/float64(len(want))), 1e-3)
	if worst, rms := distance(got, want); worst > 20*floatError*size || rms > floatError*size {
		t.Errorf("%s: outputs of size %.3g differ by %.3g at most and %.3g rms\n%s", name, size, worst, rms, g)
		return
	}
	liftsFloats(t, name, g, x, got)
}

// liftsFloats checks that the file of g lifts to a network that lowers to the same results, and so
// does its ONNX file.
func liftsFloats(t *testing.T, name string, g *graph.Graph, x *tensor.Tensor, want []float32) {
	t.Helper()
	l, _ := lifted(t, g)
	if got := deviceRun(t, session(t, l), l, x); !slices.Equal(got, want) {
		t.Errorf("%s: the lifted network lowers to another one\n%s\n%s", name, g, l)
	}
	data, err := onnx.Encode(l)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if _, err := onnx.Decode(data, name); err != nil && !strings.Contains(err.Error(), "GatherND") { // which the reader does not have
		t.Errorf("%s: our own ONNX file is refused: %v\n%s", name, err, l)
	}
}

// rough is a float32 value of x, which int8 layers read nowhere.
func rough(b *net, x *graph.Value) *graph.Value {
	return b.Node(op.Normalize{Axis: len(x.Shape) - 1, Epsilon: 1e-3}, x)
}

// Every operator with a form on float32 computes there what the host computes.
func TestFloatOperators(t *testing.T) {
	type build func(b *net, x *graph.Value) *graph.Value
	of := func(o graph.Op) build {
		return func(b *net, x *graph.Value) *graph.Value { return b.Node(o, rough(b, x)) }
	}
	positive := func(o graph.Op) build {
		return func(b *net, x *graph.Value) *graph.Value { return b.Node(o, b.Node(op.Exp{}, rough(b, x))) }
	}
	constant := func(o graph.Op, shape ...int) build {
		return func(b *net, x *graph.Value) *graph.Value {
			return b.Node(o, rough(b, x), b.Param(graph.Constant, 1, shape...))
		}
	}
	pair := func(o graph.Op, reduce ...int) build {
		return func(b *net, x *graph.Value) *graph.Value {
			y := rough(b, x)
			return b.Node(o, y, b.Node(op.Reduce{Kind: op.Max, Axes: reduce}, y))
		}
	}
	for name, c := range map[string]struct {
		build build
		shape []int
	}{
		"abs": {of(op.Abs{}), []int{4, 5}}, "celu": {of(op.Celu{Alpha: 0.7}), []int{4, 5}}, "ceil": {of(op.Ceil{}), []int{4, 5}}, "clip": {of(op.Clip{Lo: -0.5, Hi: 0.7}), []int{4, 5}},
		"cos": {of(op.Cos{}), []int{4, 5}}, "elu": {of(op.Elu{Alpha: 0.5}), []int{4, 5}}, "erf": {of(op.Erf{}), []int{4, 5}}, "exp": {of(op.Exp{}), []int{4, 5}},
		"floor": {of(op.Floor{}), []int{4, 5}}, "gelu": {of(op.Gelu{}), []int{4, 5}}, "gelu by tanh": {of(op.Gelu{Tanh: true}), []int{4, 5}},
		"hard sigmoid": {of(op.HardSigmoid{Alpha: 0.2, Beta: 0.5}), []int{4, 5}}, "another hard sigmoid": {of(op.HardSigmoid{Alpha: 0.3, Beta: 0.4}), []int{4, 5}},
		"hard swish": {of(op.HardSwish{}), []int{4, 5}}, "leaky relu": {of(op.LeakyRelu{Alpha: 0.1}), []int{4, 5}}, "log": {positive(op.Log{}), []int{4, 5}},
		"mish": {of(op.Mish{}), []int{4, 5}}, "neg": {of(op.Neg{}), []int{4, 5}}, "power": {positive(op.Power{K: 1.7}), []int{4, 5}}, "square": {of(op.Power{K: 2}), []int{4, 5}},
		"reciprocal": {positive(op.Reciprocal{}), []int{4, 5}}, "relu": {of(op.Relu{}), []int{4, 5}}, "round": {of(op.Round{}), []int{4, 5}},
		"selu": {of(op.Selu{Alpha: 1.67, Gamma: 1.05}), []int{4, 5}}, "sigmoid": {of(op.Sigmoid{}), []int{4, 5}}, "sign": {of(op.Sign{}), []int{4, 5}}, "sin": {of(op.Sin{}), []int{4, 5}},
		"softplus": {of(op.Softplus{}), []int{4, 5}}, "softsign": {of(op.Softsign{}), []int{4, 5}}, "sqrt": {positive(op.Sqrt{}), []int{4, 5}}, "swish": {of(op.Swish{Alpha: 1}), []int{4, 5}},
		"swish of 1.5": {of(op.Swish{Alpha: 1.5}), []int{4, 5}}, "tanh": {of(op.Tanh{}), []int{4, 5}},

		"add a constant": {constant(op.Add{}, 5), []int{4, 5}}, "add a column": {constant(op.Add{Clamp: relu}, 4, 1), []int{4, 5}}, "subtract from one": {func(b *net, x *graph.Value) *graph.Value {
			return b.Node(op.Sub{}, b.Param(graph.Constant, 1, 1), rough(b, x))
		}, []int{4, 5}},
		"multiply an image": {constant(op.Mul{}, 3, 1, 1), []int{3, 4, 5}}, "divide": {pair(op.Div{}, 2), []int{3, 4, 5}}, "maximum": {constant(op.Maximum{}, 4, 5), []int{4, 5}},
		"minimum": {pair(op.Minimum{}, 1, 2), []int{4, 5}}, "modulo": {constant(op.Mod{}, 1), []int{4, 5}}, "power of two": {func(b *net, x *graph.Value) *graph.Value {
			y := rough(b, x)
			return b.Node(op.Pow{}, b.Node(op.Exp{}, y), y)
		}, []int{4, 5}},
		"prelu": {constant(op.PRelu{}, 5), []int{4, 5}}, "less": {func(b *net, x *graph.Value) *graph.Value {
			y := rough(b, x)
			return b.Node(op.Where{}, b.Node(op.Compare{Is: op.Greater}, y, b.Param(graph.Constant, 0.1, 5)), y, b.Param(graph.Constant, 1, 1))
		}, []int{4, 5}},

		"sum": {of(op.Reduce{Kind: op.Sum, Axes: []int{1}}), []int{4, 5}}, "mean of an image": {of(op.Reduce{Kind: op.Mean, Axes: []int{2, 3}}), []int{3, 4, 5}},
		"least of outer dimensions": {of(op.Reduce{Kind: op.Min, Axes: []int{1, 3}}), []int{3, 4, 5}}, "product": {of(op.Reduce{Kind: op.Prod, Axes: []int{2}}), []int{4, 5}},
		"L1": {of(op.Reduce{Kind: op.L1, Axes: []int{1, 3}}), []int{3, 4, 5}}, "L2": {of(op.Reduce{Kind: op.L2, Axes: []int{2}}), []int{4, 5}},
		"log of a sum": {positive(op.Reduce{Kind: op.LogSum, Axes: []int{2}}), []int{4, 5}}, "log of a sum of exponentials": {of(op.Reduce{Kind: op.LogSumExp, Axes: []int{1}}), []int{4, 5}},
		"index of the largest": {of(op.ArgMax{Axis: 2}), []int{4, 5}}, "index of the last least": {of(op.ArgMax{Axis: 1, Min: true, Last: true}), []int{4, 5}},

		"softmax": {of(op.Softmax{Axis: 3}), []int{3, 4, 5}}, "softmax of columns": {of(op.Softmax{Axis: 2}), []int{3, 4, 5}}, "log softmax": {of(op.LogSoftmax{Axis: -1}), []int{3, 4, 5}},
		"RMS": {of(op.Normalize{RMS: true, Axis: 1, Epsilon: 1e-5}), []int{4, 5}},
		"attention": {func(b *net, x *graph.Value) *graph.Value {
			y := rough(b, x)
			return b.Node(op.MatMul{}, b.Node(op.Softmax{Axis: 3}, b.Node(op.MatMul{TransposeB: true}, y, y)), y)
		}, []int{2, 6, 4}},
		"product of a constant": {constant(op.MatMul{}, 2, 4, 3), []int{2, 6, 4}},

		"slice": {of(op.Slice{Before: []int{0, 1, 0, 1}, After: []int{0, 0, 1, 0}, Step: []int{1, 1, -1, 2}}), []int{3, 4, 5}},
		"tile":  {of(op.Tile{Repeats: []int{1, 2, 1, 3}}), []int{3, 4, 5}}, "pad": {of(op.Pad{Before: []int{0, 1, 0, 2}, After: []int{0, 0, 1, 0}, Value: -2.5}), []int{3, 4, 5}},
		"concat with a constant": {func(b *net, x *graph.Value) *graph.Value {
			return b.Node(op.Concat{Axis: 2}, b.Param(graph.Constant, 1, 1, 3, 2, 5), rough(b, x))
		}, []int{3, 4, 5}},
		"gather": {of(op.Gather{Axis: 2, Index: []int{3, 0, -1, 0}}), []int{3, 4, 5}}, "gather in steps": {of(op.Gather{Axis: 2, Index: []int{3, 1, 2, 0, 1, -1}}), []int{3, 4, 5}},
		"gather rows and columns": {of(op.Gather{Axis: 1, Index: []int{0, 3, 1, 4}}), []int{6, 5}}, "gather by what is computed": {func(b *net, x *graph.Value) *graph.Value {
			y := rough(b, x)
			return b.Node(op.Gather{Axis: 2}, y, b.Node(op.Cast{To: graph.Integer}, b.Node(op.Abs{}, y)))
		}, []int{4, 5}},
		"triangle": {of(op.Trilu{Lower: true, K: 1}), []int{2, 4, 5}}, "one hot": {func(b *net, x *graph.Value) *graph.Value {
			y := b.Node(op.Cast{To: graph.Integer}, b.Node(op.Mul{}, rough(b, x), b.Param(graph.Constant, 2, 1)))
			return b.Node(op.OneHot{Axis: 2, Depth: 4, Off: -0.5, On: 2}, y)
		}, []int{4, 5}},
		"image turned around": {func(b *net, x *graph.Value) *graph.Value {
			return b.Node(op.Add{}, b.Node(op.Transpose{Perm: []int{0, 3, 2, 1}}, rough(b, x)), b.Param(graph.Constant, 1, 3))
		}, []int{3, 4, 5}},
	} {
		b, x := newNet(t, 11, c.shape...)
		g := b.Done(c.build(b, x))
		sameFloats(t, name, g, b.Inputs(8))
	}
}

// Values that float32 operators and layers read have both forms, and whole networks of them
// compute what their fake-quantized graphs compute: the integers that differ here and there (see
// maxWorst) pass several layers.
func TestFloatsAndLayers(t *testing.T) {
	for seed := range uint64(12) {
		b, x := newNet(t, 300+seed, 6, 8)
		h := b.dense(x, 8, none)
		for range 1 + b.Rand.IntN(3) {
			h = b.attention(h)
		}
		g := b.Done(b.dense(h, 3, none))
		in := b.Inputs(32)
		quantized(t, g, in)
		grids := 0
		for _, n := range g.Nodes {
			if _, ok := n.Op.(op.ToGrid); ok {
				grids++
			}
		}
		if grids < 2 {
			t.Errorf("seed %d: %d values on grids of their own\n%s", seed, grids, g)
		}
		want, got := forward(t, g, in), deviceRun(t, session(t, g), g, in)
		step := stepOf(g, g.Outputs[0])
		if worst, rms := distance(got, want); worst > 2*maxWorst*step || rms > 2*maxMean*step {
			t.Errorf("seed %d: outputs differ by %.2f steps at most and %.2f rms from the tape\n%s", seed, worst/step, rms/step, g)
		}
		liftsFloats(t, fmt.Sprint("seed ", seed), g, in, got)
	}
}

// attention is a block of a transformer on x [N,T,8], two heads, before the normalization or behind.
func (b *net) attention(x *graph.Value) *graph.Value {
	t := x.Shape[1]
	y := rough(b, x)
	if b.Rand.IntN(2) == 0 {
		y = x
	}
	heads := func(v *graph.Value) *graph.Value {
		return b.Node(op.Transpose{Perm: []int{0, 2, 1, 3}}, b.Node(op.Reshape{Shape: []int{t, 2, 4}}, v))
	}
	q, k, v := heads(b.dense(y, 8, none)), heads(b.dense(y, 8, none)), heads(b.dense(y, 8, none))
	mask := b.Param(graph.Constant, 1, t, t)
	for i := range mask.Param.Shadow.Data {
		mask.Param.Shadow.Data[i] = 0
		if i%t > i/t {
			mask.Param.Shadow.Data[i] = float32(math.Inf(-1))
		}
	}
	mask.Param.Refresh()
	scores := b.Node(op.Mul{}, b.Node(op.MatMul{TransposeB: true}, q, k), b.Param(graph.Constant, 0.5, 1))
	scores = b.Node(op.Softmax{Axis: 3}, b.Node(op.Add{}, scores, mask))
	y = b.Node(op.Transpose{Perm: []int{0, 2, 1, 3}}, b.Node(op.MatMul{}, scores, v))
	y = b.dense(b.Node(op.Reshape{Shape: []int{t, 8}}, y), 8, none)
	y = b.Node(op.Add{}, x, y)
	if b.Rand.IntN(2) == 0 {
		y = rough(b, y)
	}
	return b.Node(op.Add{}, y, b.dense(b.Node(op.Gelu{}, b.dense(rough(b, y), 16, none)), 8, none))
}

// A table that rows are picked from and that a layer multiplies by is in the file once.
func TestTiedTable(t *testing.T) {
	b, ids := newNet(t, 5, 6)
	ids.Elem = graph.Integer
	table := b.Param(graph.Weight, 1, 20, 8)
	h := b.Node(op.Gather{}, table, ids)
	g := b.Done(b.Node(op.Dense{}, rough(b, h), table, nil))
	x := tensor.New(16, 6)
	for i := range x.Data {
		x.Data[i] = float32(b.Rand.IntN(20))
	}
	quantized(t, g, x)
	f, err := lower.Build(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Weights) != 1 {
		t.Errorf("%d weight tensors, want 1", len(f.Weights))
	}
	if !f.Tensors[0].Whole || f.Limits()[0] != 20 {
		t.Errorf("input %+v, numbers below %v, want whole ones below 20", f.Tensors[0], f.Limits())
	}
	l, _ := lifted(t, g)
	data, err := onnx.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := onnx.Decode(data, "tied"); err != nil || back.Inputs[0].Elem != graph.Integer {
		t.Errorf("the exported network takes no whole numbers: %v, %v", back, err)
	}
	s := session(t, g)
	want, got := forward(t, g, x), deviceRun(t, s, g, x)
	if worst, _ := distance(got, want); worst > 1e-4 {
		t.Errorf("outputs differ by %v", worst)
	}
	for v, ok := range map[float32]bool{0: true, 19: true, -20: true, 20: false, 1.5: false, float32(math.NaN()): false} {
		if err := s.SetInput(0, []float32{v, 0, 0, 0, 0, 0}); (err == nil) != ok {
			t.Errorf("token %v: %v", v, err)
		}
	}
}

// A divisor is float32 even if layers read it too: near 0 a step of its grid would be everything.
func TestDivisorsAreFloat32(t *testing.T) {
	b, x := newNet(t, 5, 6)
	divisor := b.Node(op.Add{}, b.Node(op.Abs{}, b.dense(x, 6, none)), b.Param(graph.Constant, 1e-3, 1))
	g := b.Done(b.Node(op.Div{}, x, divisor))
	h := b.dense(divisor, 3, none)
	g.Outputs = append(g.Outputs, h)
	if !op.Floats(g)[divisor] {
		t.Error("a divisor that a layer reads too has a grid")
	}
}

// Whole numbers of an input count as real ones under another shape too, as an attention mask does.
func TestMaskOfWholeNumbers(t *testing.T) {
	b, mask := newNet(t, 5, 6)
	mask.Elem = graph.Integer
	m := b.Node(op.Cast{To: graph.Float}, b.Node(op.Reshape{Shape: []int{6, 1}}, mask))
	g := b.Done(b.dense(b.Node(op.Mul{}, m, b.Param(graph.Constant, 1, 1, 6, 4)), 3, none))
	x := tensor.New(16, 6)
	for i := range x.Data {
		x.Data[i] = float32(b.Rand.IntN(2))
	}
	quantized(t, g, x)
	s := session(t, g)
	want, got := forward(t, g, x), deviceRun(t, s, g, x)
	if worst, _ := distance(got, want); worst > 0.1 {
		t.Errorf("outputs differ by %v", worst)
	}
}

// Constants come back as the numbers that they were, up to what a file holds.
func TestExactConstants(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ in, want []float32 }{
		{[]float32{0, -inf, 0, -inf}, []float32{0, -1 << 36, 0, -1 << 36}},
		{[]float32{0, -1e9, 0, -1e9}, nil},
		{[]float32{0, 1, 2, 1000, -70000}, nil},
		{[]float32{0.1, -0.2, 0.3, 3.3e-5, 12345.678}, nil},
		{[]float32{1e-20, 0.25, 1}, []float32{0, 0.25, 1}},
		{[]float32{0, 0}, nil},
	} {
		b, x := newNet(t, 1, len(c.in))
		k := &graph.Value{Name: "k", Shape: tensor.Shape{len(c.in)}, Param: graph.NewParam("k", graph.Constant, tensor.Of(c.in, len(c.in)))}
		zero := b.Node(op.Mul{}, rough(b, x), &graph.Value{Name: "z", Shape: tensor.Shape{1}, Param: graph.NewParam("z", graph.Constant, tensor.Of([]float32{0}, 1))})
		g := b.Done(b.Node(op.Add{}, zero, k))
		if err := passes.Calibrate(g, passes.Samples(b.Inputs(4), 4), passes.Config{}); err != nil {
			t.Fatal(err)
		}
		got := deviceRun(t, session(t, g), g, b.Inputs(1))
		want := c.want
		if want == nil {
			want = c.in
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: the device has %v, want %v", c.in, got, want)
		}
	}
}
