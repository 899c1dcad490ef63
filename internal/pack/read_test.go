package pack

import (
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/runtime"
	"edgec/runtime/format"
)

// The grids of the test networks: input 2^-5 (q + 5), weights 2^-6, so that sums move in
// steps of 2^-11, output 2^-2 (q - 7).
const (
	xScale, xZero = 1.0 / 32, -5
	wScale        = 1.0 / 64
	step          = 1.0 / 2048
	yScale, yZero = 1.0 / 4, 7
)

// dense is a network y = x W + b of 3 inputs and 2 outputs; weights makes the value "w",
// [3, 2], and bias, unless it is nil, the value "b", [2].
func dense(weights, bias func(m *model)) *model {
	m := newModel(3)
	m.pair("x", "xd", xScale, xZero)
	weights(m)
	in := "xd,w"
	if bias != nil {
		bias(m)
		in += ",b"
	}
	m.node("Gemm", in, "sum")
	m.pair("sum", "y", yScale, yZero)
	return m
}

// dequantized makes the value name of integers behind a DequantizeLinear.
func dequantized[T int8 | uint8 | int32](m *model, name string, dims []int, scale []float32, zero []T, q ...T) {
	scales := []int{len(scale)}
	var axis []attr
	if len(scale) == 1 {
		scales = nil
	} else {
		axis = []attr{{"axis", len(dims) - 1}}
	}
	initial(m, name+"_q", dims, q...)
	initial(m, name+"_s", scales, scale...)
	in := name + "_q," + name + "_s"
	if zero != nil {
		initial(m, name+"_z", scales, zero...)
		in += "," + name + "_z"
	}
	m.node("DequantizeLinear", in, name, axis...)
}

var square = []int{3, 2}

// plain are the weights of the tests that are about something else.
func plain(m *model) {
	dequantized(m, "w", square, []float32{wScale}, []int8{0}, 1, -2, 3, -4, 5, -6)
}

var plainWeights = []int8{1, 3, 5, -2, -4, -6}

// floats makes the value "b" a float initializer.
func floats(v ...float32) func(*model) {
	return func(m *model) { initial(m, "b", []int{len(v)}, v...) }
}

// form is a network, and the layer of the device that computes it.
type form struct {
	name   string
	model  *model
	values []int8 // [out, in]
	scale  []float32
	bias   []int32
}

func forms() []form {
	one := []float32{wScale}
	weights := func(scale []float32, zero []uint8, q ...uint8) func(*model) {
		return func(m *model) { dequantized(m, "w", square, scale, zero, q...) }
	}
	rounded := func(clip bool, scale []float32, w ...float32) func(*model) {
		return func(m *model) {
			dims, zero := []int{len(scale)}, make([]int8, len(scale))
			if len(scale) == 1 {
				dims = nil
			}
			initial(m, "wf", square, w...)
			initial(m, "ws", dims, scale...)
			initial(m, "wz", dims, zero...)
			m.node("QuantizeLinear", "wf,ws,wz", "wq", attr{"axis", 1})
			last := "wq"
			if clip {
				initial[int8](m, "lo", nil, -127)
				initial[int8](m, "hi", nil, 127)
				m.node("Clip", "wq,lo,hi", "wc")
				last = "wc"
			}
			m.node("DequantizeLinear", last+",ws,wz", "w", attr{"axis", 1})
		}
	}
	signed := func(scale []float32, q ...int8) func(*model) {
		return func(m *model) { dequantized(m, "w", square, scale, make([]int8, len(scale)), q...) }
	}
	bias := func(scale float32, q ...int32) func(*model) {
		return func(m *model) { dequantized(m, "b", []int{2}, []float32{scale}, []int32{0}, q...) }
	}
	const tiny = 1e-15
	return []form{
		{"-128", dense(signed(one, -128, 127, 0, -128, 5, 6), nil), []int8{-128, 0, 5, 127, -128, 6}, one, nil},
		{"uint8, zero point 128", dense(weights(one, []uint8{128}, 0, 255, 128, 1, 127, 129), nil), []int8{-128, 0, -1, 127, -127, 1}, one, nil},
		{"uint8 per channel", dense(weights([]float32{wScale, 2 * wScale}, []uint8{128, 128}, 0, 255, 128, 1, 127, 129), nil),
			[]int8{-128, 0, -1, 127, -127, 1}, []float32{wScale, 2 * wScale}, nil},
		{"zero points that leave int8", dense(weights([]float32{wScale, 2 * wScale}, []uint8{100, 140}, 0, 255, 227, 20, 100, 140), nil),
			[]int8{-100, 127, 0, 115, -120, 0}, []float32{wScale, 2 * wScale}, nil},
		{"a scale of 0", dense(signed([]float32{0, wScale}, 9, 1, 9, 2, 9, 3), floats(0, 1)), []int8{0, 0, 0, 1, 2, 3}, one2(), []int32{0, 2048}},
		{"a scale of 0 with a bias", dense(signed([]float32{0, wScale}, 9, 1, 9, 2, 9, 3), floats(2, 1)),
			[]int8{0, 0, 0, 1, 2, 3}, []float32{2.0 / fineSteps / xScale, wScale}, []int32{fineSteps, 2048}},
		{"a scale that moves nothing", dense(signed([]float32{tiny, wScale}, 100, 1, -128, 2, 50, 3), floats(2, 1)),
			[]int8{0, 0, 0, 1, 2, 3}, []float32{2.0 / fineSteps / xScale, wScale}, []int32{fineSteps, 2048}},
		{"the same with integer biases", dense(signed([]float32{tiny, wScale}, 100, 1, -128, 2, 50, 3), func(m *model) {
			dequantized(m, "b", []int{2}, []float32{tiny * xScale, step}, []int32{0, 0}, 1<<30, 2048)
		}), []int8{0, 0, 0, 1, 2, 3}, nil, nil}, // the bias is 3e-8, about 0 steps of the output
		{"float weights", dense(rounded(false, one, 2.5*wScale, 3.5*wScale, 9, -9, -2.5*wScale, 0.4*wScale), nil), []int8{2, 127, -2, 4, -128, 0}, one, nil},
		{"float weights, clipped", dense(rounded(true, one, 2.5*wScale, 3.5*wScale, 9, -9, -2.5*wScale, 0.4*wScale), nil), []int8{2, 127, -2, 4, -127, 0}, one, nil},
		{"float weights, a scale of 0", dense(rounded(false, []float32{0, wScale}, 0, 3.5*wScale, 0, -9, 1, 0.4*wScale), nil), []int8{0, 0, 0, 4, -128, 0}, one2(), nil},
		{"float biases", dense(plain, floats(2.5*step, 3.5*step)), plainWeights, one, []int32{2, 4}},
		{"biases on a coarser grid", dense(plain, bias(1024*step, 3, -5)), plainWeights, one, []int32{3072, -5120}},
		{"int8 biases", dense(plain, func(m *model) { dequantized(m, "b", []int{2}, []float32{16 * step}, []int8{0}, 100, -128) }), plainWeights, one, []int32{1600, -2048}},
		{"biases beyond float32", dense(plain, bias(step, 1<<30+1, -(1<<30)-1)), plainWeights, one, []int32{1<<30 + 1, -(1 << 30) - 1}},
		{"all of int32", dense(plain, bias(step, 1<<31-1-255*12, 0)), plainWeights, one, []int32{1<<31 - 1 - 255*12, 0}},
	}
}

func one2() []float32 { return []float32{wScale, wScale} }

// All ways to write a layer of int8 weights become the same integers.
func TestForms(t *testing.T) {
	for _, c := range forms() {
		n, err := Read(c.model.write(t))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		w := n.File.Weights[0]
		if !slices.Equal(w.Values, c.values) || c.scale != nil && !slices.Equal(w.Scale, c.scale) || c.scale != nil && !slices.Equal(w.Bias, c.bias) {
			t.Errorf("%s: weights %v, scale %v, bias %v; want %v, %v, %v", c.name, w.Values, w.Scale, w.Bias, c.values, c.scale, c.bias)
		}
		if !usable(w.Scale[0]) {
			t.Errorf("%s: scale %v", c.name, w.Scale[0])
		}
	}
}

// The format's limits are those that settle aims at.
func TestUsable(t *testing.T) {
	n, err := Read(dense(plain, nil).write(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []float32{leastScale, mostScale, math.Nextafter32(leastScale, 0), math.Nextafter32(mostScale, math.MaxFloat32)} {
		n.File.Weights[0].Scale = []float32{s}
		if _, _, err := format.Encode(n.File); (err == nil) != usable(s) {
			t.Errorf("scale %v: usable %v, %v", s, usable(s), err)
		}
	}
}

// A product and a sum of a constant are a layer with a bias, which keeps the constant's name.
func TestAdd(t *testing.T) {
	sum := func(b func(m *model)) *model {
		m := newModel(3)
		m.pair("x", "xd", xScale, xZero)
		plain(m)
		b(m)
		m.node("MatMul", "xd,w", "product")
		m.node("Add", "product,b", "sum")
		m.pair("sum", "y", yScale, yZero)
		return m
	}
	coarse := func(scale float32) func(*model) {
		return func(m *model) { dequantized(m, "b", []int{2}, []float32{scale}, []int32{0}, 3, -5) }
	}
	for name, c := range map[string]struct {
		m    *model
		bias []int32
	}{
		"float":          {sum(floats(2.5*step, -3.5*step)), []int32{2, -4}},
		"its own grid":   {sum(coarse(step)), []int32{3, -5}},
		"a coarser grid": {sum(coarse(4 * step)), []int32{12, -20}},
	} {
		n, err := Read(c.m.write(t))
		if err != nil {
			t.Fatal(name, err)
		}
		if w := n.File.Weights[0]; !slices.Equal(w.Bias, c.bias) || !slices.Equal(w.Values, plainWeights) || len(n.File.Instrs) != 1 {
			t.Errorf("%s: weights %v, bias %v, %d instructions; want %v", name, w.Values, w.Bias, len(n.File.Instrs), c.bias)
		}
	}
	if _, err := Read(sum(coarse(0.3 * step)).write(t)); err == nil || !strings.Contains(err.Error(), `bias "b" is 0.000439`) {
		t.Errorf("another grid: %v", err)
	}
}

// Layers that share a float bias have steps of their own.
func TestSharedBias(t *testing.T) {
	m := newModel(2)
	m.pair("x", "xd", xScale, xZero)
	floats(3*step, -step)(m)
	dequantized(m, "w", []int{2, 2}, []float32{wScale}, []int8{0}, 1, 2, 3, 4)
	dequantized(m, "v", []int{2, 2}, []float32{wScale / 2}, []int8{0}, 5, 6, 7, 8)
	m.node("Gemm", "xd,w,b", "h")
	m.pair("h", "hd", xScale, 0)
	m.node("Gemm", "hd,v,b", "sum")
	m.pair("sum", "y", yScale, yZero)
	n, err := Read(m.write(t))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := n.File.Weights[0].Bias, n.File.Weights[1].Bias; n.Rounded != 2 || !slices.Equal(a, []int32{3, -1}) || !slices.Equal(b, []int32{6, -2}) {
		t.Errorf("biases %v and %v, %d rounded", a, b, n.Rounded)
	}
}

// A BatchNormalization behind a layer goes into its scales and biases, and leaves the
// integers as they are.
func TestNormalization(t *testing.T) {
	m := newModel(3, 1, 1)
	m.pair("x", "xd", xScale, xZero)
	dequantized(m, "w", []int{2, 3, 1, 1}, []float32{wScale}, []int8{0}, 1, -2, 3, -4, 5, -127)
	floats(step, 3*step)(m)
	initial[float32](m, "gain", []int{2}, 4, -1)
	initial[float32](m, "shift", []int{2}, 0.5, 0)
	initial[float32](m, "mean", []int{2}, 0, 2*step)
	initial[float32](m, "var", []int{2}, 4, 1)
	m.node("Conv", "xd,w,b", "c")
	m.node("BatchNormalization", "c,gain,shift,mean,var", "n", attr{"epsilon", float32(0)})
	m.pair("n", "y", yScale, yZero)
	n, err := Read(m.write(t))
	if err != nil {
		t.Fatal(err)
	}
	w := n.File.Weights[0] // gains of 4/2 and -1
	if !slices.Equal(w.Values, []int8{1, -2, 3, 4, -5, 127}) || !slices.Equal(w.Scale, []float32{2 * wScale, wScale}) || !slices.Equal(w.Bias, []int32{1 + 512, -3 + 2}) {
		t.Errorf("weights %v, scale %v, bias %v", w.Values, w.Scale, w.Bias)
	}
}

// Values that the file does not round get the grid of those that they are made of, or
// become.
func TestSpread(t *testing.T) {
	m := newModel(2, 3)
	m.node("Transpose", "x", "xt", attr{"perm", []int{0, 2, 1}})
	m.pair("xt", "xd", xScale, xZero)
	dequantized(m, "w", []int{2, 3, 1}, []float32{wScale}, []int8{0}, 1, 2, 3, 4, 5, 6)
	m.node("Conv", "xd,w", "c")
	m.node("MaxPool", "c", "p", attr{"kernel_shape", []int{2}})
	m.pair("p", "pd", yScale, yZero)
	m.node("Flatten", "pd", "y")
	n, err := Read(m.write(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range n.File.Tensors {
		if x.DType == format.Float32 && i != n.File.Outputs[0] {
			t.Errorf("tensor %d of %v is float", i, x.Shape)
		}
	}
	in, out := n.File.Tensors[0], n.File.Tensors[n.File.Instrs[len(n.File.Instrs)-1].In[0]]
	if in.Scale != xScale || in.Zero != xZero || out.Scale != yScale || out.Zero != yZero {
		t.Errorf("input %+v, output %+v", in, out)
	}
}

// A mean on another grid than its image is rounded once: it is a layer of ones.
func TestAverages(t *testing.T) {
	for _, c := range []struct {
		op    string
		attrs []attr
		ones  int // weights; 0: it stays a pool
	}{
		{"GlobalAveragePool", nil, 2 * 12},
		{"AveragePool", []attr{{"kernel_shape", []int{2, 2}}, {"strides", []int{1, 2}}}, 2 * 4},
		{"AveragePool", []attr{{"kernel_shape", []int{3, 3}}, {"pads", []int{1, 1, 1, 1}}, {"count_include_pad", 1}}, 2 * 9},
		{"AveragePool", []attr{{"kernel_shape", []int{3, 3}}, {"pads", []int{1, 1, 1, 1}}}, 0},
	} {
		m := newModel(2, 3, 4)
		m.pair("x", "xd", xScale, xZero)
		m.node(c.op, "xd", "p", c.attrs...)
		m.pair("p", "y", xScale/8, 3)
		n, err := Read(m.write(t))
		if err != nil {
			t.Fatal(err)
		}
		if c.ones == 0 {
			if len(n.File.Weights) != 0 {
				t.Errorf("%v: weights %v", c, n.File.Weights)
			}
			continue
		}
		w := n.File.Weights[0]
		if len(w.Values) != c.ones || slices.Min(w.Values) != 1 || slices.Max(w.Values) != 1 || w.Scale[0] != 1/float32(c.ones/2) {
			t.Errorf("%v: weights %v, scale %v", c, w.Values, w.Scale)
		}
		r, err := runtime.Load(packed(t, m.write(t)))
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.NewSession(runtime.Config{})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 2*3*4)
		x[0] = xScale // one pixel of channel 0
		if err := s.SetInput(0, x); err != nil {
			t.Fatal(err)
		}
		s.Run()
		if got, want := s.Output(0)[0], float64(xScale)/float64(c.ones/2); math.Abs(float64(got)-want) > xScale/16 {
			t.Errorf("%v: the mean is %v, want %v", c, got, want)
		}
	}
}
