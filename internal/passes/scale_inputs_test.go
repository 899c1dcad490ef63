package passes

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// sensors returns samples [n, 4, places...] of pressure, temperature, humidity and carbon
// monoxide, and their means and deviations.
func sensors(b *net, n int, places ...int) (x *tensor.Tensor, mean, std []float32) {
	mean, std = []float32{101325, 20, 0.5, 1e-3}, []float32{700, 6, 0.25, 2e-4}
	x = testnet.Normal(b.Rand, append([]int{n, 4}, places...)...)
	inner := tensor.Shape(places).Size()
	for i := range x.Data {
		c := i / inner % 4
		x.Data[i] = mean[c] + std[c]*x.Data[i]
	}
	return x, mean, std
}

// constant makes a parameter of the given numbers.
func (b *net) constant(v []float32, shape ...int) *graph.Value {
	k := b.Param(graph.Constant, 1, shape...)
	copy(k.Param.Shadow.Data, v)
	k.Param.Refresh()
	return k
}

func inverse(x []float32) (y []float32) {
	for _, v := range x {
		y = append(y, 1/v)
	}
	return y
}

// beginnings are networks that begin with a scaling of their own, on 4 features or channels.
func beginnings() map[string]func(b *net, x *graph.Value, mean, std []float32) *graph.Value {
	return map[string]func(b *net, x *graph.Value, mean, std []float32) *graph.Value{
		"Sub and Div": func(b *net, x *graph.Value, mean, std []float32) *graph.Value {
			return b.Node(op.Div{}, b.Node(op.Sub{}, x, b.constant(mean, 4)), b.constant(std, 4))
		},
		"Mul and Add": func(b *net, x *graph.Value, mean, std []float32) *graph.Value {
			shift := make([]float32, 4)
			for c := range shift {
				shift[c] = -mean[c] / std[c]
			}
			return b.Node(op.Add{}, b.Node(op.Mul{}, x, b.constant(inverse(std), 1, 4)), b.constant(shift, 1, 4))
		},
		"BatchNormalization": func(b *net, x *graph.Value, mean, std []float32) *graph.Value {
			square := make([]float32, 4)
			for c := range square {
				square[c] = std[c] * std[c]
			}
			return b.Node(op.BatchNorm{}, x, b.constant([]float32{1, 1, 1, 1}, 4), b.constant(make([]float32, 4), 4), b.constant(mean, 4), b.constant(square, 4))
		},
	}
}

// scaledWell checks that ScaleInputs changes the function of g by float rounding only, and that
// quantization then costs little; without it the network is lost.
func scaledWell(t *testing.T, g *graph.Graph, x *tensor.Tensor, own, replaced bool) {
	t.Helper()
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	want, lost := run(t, g, x), g.Clone()
	scaled, err := ScaleInputs(g, Samples(x, 16))
	if err != nil || len(scaled) != 1 || scaled[0].Input != "x" || scaled[0].Channels != 4 || (scaled[0].Own != nil) != own {
		t.Fatalf("%+v, %v", scaled, err)
	}
	// float32 has 7 digits of pressures that are 1e5 and differ by 1e3: the constants of the
	// network's own scaling are rounded otherwise than the new ones.
	// Where the scaling replaces the network's own, its zero moves by up to half a step.
	rounding := 60.0
	if replaced {
		rounding = 35
	}
	if got := testnet.SQNR(want, run(t, g, x)); got < rounding {
		t.Errorf("function changed: %.1f dB\n%v", got, g)
	}
	const least, most = 25, 12 // dB
	if err := Quantize(lost, Samples(x, 16), Config{}); err != nil {
		t.Fatal(err)
	}
	if got := testnet.SQNR(want, run(t, lost, x)); got > most {
		t.Errorf("on one grid: %.1f dB; the test shows nothing", got)
	}
	if err := Quantize(g, Samples(x, 16), Config{}); err != nil {
		t.Fatal(err)
	}
	if got := testnet.SQNR(want, run(t, g, x)); got < least {
		t.Errorf("quantized: %.1f dB", got)
	}
}

func TestScaleInputs(t *testing.T) {
	for name, begin := range beginnings() {
		t.Run(name, func(t *testing.T) {
			b, x := newNet(t, 41, 4)
			in, mean, std := sensors(b, 64)
			scaledWell(t, b.Done(b.dense(b.dense(begin(b, x, mean, std), 16, relu), 3, op.Clamp{})), in, true, false)
		})
	}
	t.Run("none of its own", func(t *testing.T) {
		b, x := newNet(t, 42, 4)
		in, mean, std := sensors(b, 64)
		y := b.dense(x, 16, relu)
		w, bias := layers(&graph.Graph{Nodes: b.G.Nodes})[0].w, layers(&graph.Graph{Nodes: b.G.Nodes})[0].b
		for i := range w.Shadow.Data {
			w.Shadow.Data[i] /= std[i%4]
			bias.Shadow.Data[i/4] -= w.Shadow.Data[i] * mean[i%4]
		}
		w.Refresh()
		bias.Refresh()
		scaledWell(t, b.Done(b.dense(y, 3, op.Clamp{})), in, false, false)
	})
	t.Run("far from zero", func(t *testing.T) {
		b, x := newNet(t, 49, 4)
		in, _, _ := sensors(b, 64)
		for i := range in.Data {
			in.Data[i] = 500 + float32(b.Rand.NormFloat64())
		}
		y := b.dense(b.Node(op.Sub{}, x, b.constant([]float32{500}, 1)), 16, relu)
		scaledWell(t, b.Done(b.dense(y, 3, op.Clamp{})), in, true, false)
	})
	t.Run("padded convolution", func(t *testing.T) {
		b, x := newNet(t, 43, 4, 6, 5)
		in, mean, std := sensors(b, 32, 6, 5)
		y := b.Node(op.Div{}, b.Node(op.Sub{}, x, b.constant(mean, 4, 1, 1)), b.constant(std, 4, 1, 1))
		scaledWell(t, b.Done(b.conv(b.conv(y, 6, 3, 1, relu), 2, 3, 1, op.Clamp{})), in, true, false)
	})
	t.Run("read by others too", func(t *testing.T) {
		b, x := newNet(t, 47, 4)
		in, mean, std := sensors(b, 64)
		y := beginnings()["Sub and Div"](b, x, mean, std)
		y = b.Node(op.Concat{Axis: 1}, b.dense(y, 8, relu), y)
		scaledWell(t, b.Done(b.dense(y, 3, op.Clamp{})), in, true, true)
	})
	t.Run("channels last", func(t *testing.T) {
		b, x := newNet(t, 48, 9, 4)
		_, mean, std := sensors(b, 1)
		long := tensor.New(32, 9, 4)
		for i := range long.Data {
			c := i % 4
			long.Data[i] = mean[c] + std[c]*float32(b.Rand.NormFloat64())
		}
		y := b.Node(op.Div{}, b.Node(op.Sub{}, x, b.constant(mean, 4)), b.constant(std, 4))
		y = b.Node(op.Reshape{Shape: []int{4, 1, 9}}, b.Node(op.Transpose{Perm: []int{0, 2, 1}}, y))
		scaledWell(t, b.Done(b.conv(y, 5, 3, 1, op.Clamp{})), long, true, true)
	})
	t.Run("lines", func(t *testing.T) {
		b, x := newNet(t, 44, 4, 9)
		in, mean, std := sensors(b, 32, 9)
		y := b.Node(op.Div{}, b.Node(op.Sub{}, x, b.constant(mean, 4, 1)), b.constant(std, 4, 1))
		y = b.Node(op.Reshape{Shape: []int{4, 1, 9}}, y)
		w := b.Param(graph.Weight, 0.3, 5, 4, 1, 3)
		y = b.Node(op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadL: 1, PadR: 1, Groups: 1}, y, w, b.Param(graph.Bias, 0.3, 5))
		scaledWell(t, b.Done(y), in, true, false)
	})
}

// Inputs that one grid serves stay as they are.
func TestScaleInputsLeavesAlone(t *testing.T) {
	plain := func(b *net, x *graph.Value) *graph.Graph { return b.Done(b.dense(x, 3, op.Clamp{})) }
	for name, c := range map[string]struct {
		build func(b *net, x *graph.Value) *graph.Graph
		in    func(b *net) *tensor.Tensor
	}{
		"like ranges": {plain, func(b *net) *tensor.Tensor { return b.Inputs(64) }},
		"bytes": {plain, func(b *net) *tensor.Tensor {
			x := tensor.New(64, 4)
			for i := range x.Data {
				if x.Data[i] = float32(b.Rand.IntN(256)); i%4 == 0 {
					x.Data[i] = float32(b.Rand.IntN(2))
				}
			}
			return x
		}},
		"a narrow feature that hardly counts": {func(b *net, x *graph.Value) *graph.Graph {
			g := plain(b, x)
			scaleColumn(layers(g)[0].w, 3, 4, 1e-3)
			return g
		}, func(b *net) *tensor.Tensor {
			x := b.Inputs(64)
			for i := 3; i < len(x.Data); i += 4 {
				x.Data[i] *= 1e-3
			}
			return x
		}},
		"read by others than layers": {func(b *net, x *graph.Value) *graph.Graph {
			return b.Done(b.Node(op.Add{}, b.dense(x, 4, op.Clamp{}), x))
		}, func(b *net) *tensor.Tensor { x, _, _ := sensors(b, 64); return x }},
	} {
		t.Run(name, func(t *testing.T) {
			b, x := newNet(t, 45, 4)
			g := c.build(b, x)
			before := g.String()
			scaled, err := ScaleInputs(g, Samples(c.in(b), 16))
			if err != nil || scaled != nil || g.String() != before {
				t.Errorf("%+v, %v", scaled, err)
			}
		})
	}
}

// Features that are always the same get a grid too, that of zero as well.
func TestScaleConstantFeatures(t *testing.T) {
	b, x := newNet(t, 46, 4)
	in, mean, std := sensors(b, 64)
	for i := range in.Data {
		switch i % 4 {
		case 1:
			in.Data[i] = 0
		case 2:
			in.Data[i] = 7
		}
	}
	g := b.Done(b.dense(beginnings()["Sub and Div"](b, x, mean, std), 3, op.Clamp{}))
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	want := run(t, g, in)
	if scaled, err := ScaleInputs(g, Samples(in, 16)); err != nil || len(scaled) != 1 {
		t.Fatalf("%v, %v", scaled, err)
	}
	if err := Quantize(g, Samples(in, 16), Config{}); err != nil {
		t.Fatal(err)
	}
	if got := testnet.SQNR(want, run(t, g, in)); got < 25 {
		t.Errorf("quantized: %.1f dB", got)
	}
}
