package passes

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
	"edgec/quantize"
)

func TestQuantize(t *testing.T) {
	for _, m := range []quantize.Method{quantize.MSE, quantize.MinMax, quantize.Percentile, quantize.Entropy} {
		b, g := lenet(t, 1)
		x := b.Inputs(64)
		want := run(t, g, x)
		if err := Quantize(g, Samples(x, 20), Config{Method: m}); err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		// Seven int8 layers of random weights; 8 bits give some 40 dB each.
		const least = 27
		if got := testnet.SQNR(want, run(t, g, x)); got < least {
			t.Errorf("%v: %.1f dB, want %v", m, got, least)
		}
		if g.Outputs[0].Grid != nil {
			t.Errorf("%v: the last layer has a grid, should stay float", m)
		}
	}
}

func TestDomains(t *testing.T) {
	b, x := newNet(t, 2, 3, 8, 8)
	c1 := b.conv(x, 4, 3, 1, relu)
	p1 := b.pool(c1)
	c2 := b.Node(op.Sigmoid{}, b.pool(b.conv(x, 4, 3, 1, op.Clamp{})))
	cat := b.Node(op.Concat{Axis: 1}, p1, c2)
	act := b.Node(op.HardSwish{}, b.Node(op.Neg{}, cat)) // fused: the value between is none
	flat := b.flatten(b.Node(op.GlobalAvgPool{}, act))
	logits := b.dense(flat, 5, op.Clamp{})
	prob := b.Node(op.Softmax{Axis: 1}, logits)
	g := b.Done(prob)
	if err := Calibrate(g, Samples(b.Inputs(16), 16), Config{}); err != nil {
		t.Fatal(err)
	}
	same := func(vs ...*graph.Value) {
		t.Helper()
		for _, v := range vs {
			if v.Grid == nil || *v.Grid != *vs[0].Grid {
				t.Errorf("%s is on grid %v, %s on %v: should share one", v.Name, v.Grid, vs[0].Name, vs[0].Grid)
			}
		}
	}
	same(c1, p1, cat, c2)
	same(act, flat)
	between := g.Producer(act).Inputs[0]
	for _, v := range []*graph.Value{logits, prob, between} {
		if v.Grid != nil {
			t.Errorf("%s has a grid, should have none", v.Name)
		}
	}
	if err := Weights(g, Config{}); err != nil {
		t.Fatal(err)
	}
	if err := Biases(g, Config{}); err != nil {
		t.Fatal(err)
	}
	if err := Check(g); err != nil {
		t.Error(err)
	}
}

func TestNaturalGrids(t *testing.T) {
	b, x := newNet(t, 3, 4, 4, 4)
	s := b.Node(op.Sigmoid{}, b.conv(x, 4, 1, 1, op.Clamp{}))
	th := b.Node(op.Tanh{}, b.conv(s, 4, 1, 1, op.Clamp{}))
	g := b.Done(b.flatten(th))
	if err := Calibrate(g, Samples(b.Inputs(4), 4), Config{}); err != nil {
		t.Fatal(err)
	}
	unitGrid, tanhGrid := graph.Affine{Scale: 1.0 / 256, Zero: -128}, graph.Affine{Scale: 1.0 / 128}
	if *s.Grid != unitGrid || *th.Grid != tanhGrid {
		t.Errorf("sigmoid on %v, tanh on %v; want %v, %v", *s.Grid, *th.Grid, unitGrid, tanhGrid)
	}
}

func TestCalibrateErrors(t *testing.T) {
	b, g := lenet(t, 4)
	if Calibrate(g, Samples(tensor.New(0, 2, 8, 8), 4), Config{}) == nil {
		t.Error("no samples accepted")
	}
	if Calibrate(g, Samples(tensor.New(1, 2, 8, 9), 4), Config{}) == nil {
		t.Error("wrong shape accepted")
	}
	x := b.Inputs(2)
	x.Data[5] = float32(math.NaN())
	if Calibrate(g, Samples(x, 4), Config{}) == nil {
		t.Error("NaN accepted")
	}
	if Biases(g, Config{}) == nil || Check(g) == nil {
		t.Error("network without grids accepted")
	}
}

func TestWeights(t *testing.T) {
	b, g := lenet(t, 5)
	w := layers(g)[0].w
	// Channel 1 is tiny, channel 2 pruned but for one weight, channel 3 zero.
	row := len(w.Shadow.Data) / w.Channels()
	w.Mask = make([]float32, len(w.Shadow.Data))
	for i := range w.Mask {
		w.Mask[i] = 1
		switch i / row {
		case 1:
			w.Shadow.Data[i] *= 1e-3
		case 2:
			if w.Mask[i] = 0; i%row == 0 {
				w.Mask[i] = 1
				w.Shadow.Data[i] = 0.01
			} else {
				w.Shadow.Data[i] = 50
			}
		case 3:
			w.Shadow.Data[i] = 0
		}
	}
	if err := Calibrate(g, Samples(b.Inputs(8), 8), Config{}); err != nil {
		t.Fatal(err)
	}
	if err := Weights(g, Config{}); err != nil {
		t.Fatal(err)
	}
	if len(w.Grid.Scale) != w.Channels() {
		t.Fatalf("%d scales: channels that differ a thousandfold need their own", len(w.Grid.Scale))
	}
	for i, v := range w.Value.Data {
		want := w.Shadow.Data[i] * w.Mask[i]
		// Within half a step, or clipped at most as far as the search goes.
		if e := math.Abs(float64(v - want)); e > 0.5*float64(w.Grid.ScaleOf(i/row))*1.001 && math.Abs(float64(want)) < 120*float64(w.Grid.ScaleOf(i/row)) {
			t.Errorf("weight %d is %v, effective %v, scale %v", i, want, v, w.Grid.ScaleOf(i/row))
		}
	}
	if s := float64(w.Grid.ScaleOf(2)); s > 0.01/60 {
		t.Errorf("scale %v of a channel whose largest kept weight is 0.01: pruned weights count", s)
	}
	if err := Weights(g, Config{PerTensor: func(*graph.Param) bool { return true }}); err != nil || len(w.Grid.Scale) != 1 {
		t.Errorf("%d scales, %v; want one", len(w.Grid.Scale), err)
	}
	if err := Biases(g, Config{}); err != nil {
		t.Fatal(err)
	}
	if err := Check(g); err != nil {
		t.Error(err)
	}
}

// Equal channels get one scale by themselves; a negative limit forbids it.
func TestPerTensorAutomatic(t *testing.T) {
	b, x := newNet(t, 6, 400)
	g := b.Done(b.dense(x, 8, op.Clamp{}))
	w := layers(g)[0].w
	if err := Weights(g, Config{}); err != nil || len(w.Grid.Scale) != 1 {
		t.Errorf("%d scales for alike channels, %v; want one", len(w.Grid.Scale), err)
	}
	if err := Weights(g, Config{PerTensorError: -1}); err != nil || len(w.Grid.Scale) != 8 {
		t.Errorf("%d scales, %v; want 8", len(w.Grid.Scale), err)
	}
	for i := 0; i < 400; i++ {
		w.Shadow.Data[i] *= 0.01
	}
	if err := Weights(g, Config{}); err != nil || len(w.Grid.Scale) != 8 {
		t.Errorf("%d scales with one tiny channel, %v; want 8", len(w.Grid.Scale), err)
	}
}

func TestBiases(t *testing.T) {
	b, g := lenet(t, 7)
	if err := Calibrate(g, Samples(b.Inputs(8), 8), Config{}); err != nil {
		t.Fatal(err)
	}
	if err := Weights(g, Config{PerTensorError: -1}); err != nil {
		t.Fatal(err)
	}
	if err := Biases(g, Config{BiasStep: 0.25}); err != nil {
		t.Fatal(err)
	}
	for _, l := range layers(g) {
		out := l.node.Outputs[0].Grid
		for c := range l.b.Shadow.Data {
			scale := l.b.Grid.ScaleOf(c)
			if want := l.node.Inputs[0].Grid.Scale * l.w.Grid.ScaleOf(c); scale != want {
				t.Errorf("%s: bias scale %v, want %v", l.node.Name, scale, want)
			}
			step := float64(scale) * float64(int64(1)<<l.b.Grid.Shift)
			if out != nil && step > 0.25*float64(out.Scale) {
				t.Errorf("%s: bias step %v, output step %v", l.node.Name, step, out.Scale)
			}
			if e := math.Abs(float64(l.b.Value.Data[c] - l.b.Shadow.Data[c])); e > step/2*1.001 {
				t.Errorf("%s: bias off by %v, step %v", l.node.Name, e, step)
			}
		}
		if l.b.Grid.Shift == 0 {
			t.Errorf("%s: no bits of the bias are saved", l.node.Name)
		}
	}
	// Check notices weights that have been put on another grid since.
	layers(g)[1].w.Grid.Scale[0] *= 2
	layers(g)[1].w.Refresh()
	if Check(g) == nil {
		t.Error("stale bias grid accepted")
	}
}

func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(g *graph.Graph, w *graph.Param)
	}{
		{"missing grid", func(g *graph.Graph, w *graph.Param) { g.Nodes[0].Outputs[0].Grid = nil }},
		{"pool on another grid", func(g *graph.Graph, w *graph.Param) { g.Nodes[1].Outputs[0].Grid.Zero++ }},
		{"weights without grid", func(g *graph.Graph, w *graph.Param) { w.Grid = nil }},
		{"wide weights", func(g *graph.Graph, w *graph.Param) { w.Grid.Max = 255 }},
		{"stale value", func(g *graph.Graph, w *graph.Param) { w.Value.Data[3] += 1 }},
		{"pruned weight", func(g *graph.Graph, w *graph.Param) {
			w.Mask = make([]float32, len(w.Value.Data))
			w.Refresh()
			w.Value.Data[7] = w.Grid.Scale[0]
		}},
	} {
		b, g := lenet(t, 8)
		if err := Quantize(g, Samples(b.Inputs(8), 8), Config{}); err != nil {
			t.Fatal(err)
		}
		c.spoil(g, layers(g)[0].w)
		if Check(g) == nil {
			t.Errorf("%s: not noticed", c.name)
		}
	}
}

// A layer whose biases may be coarser has larger steps, up to what it may; one that may not
// has those of Config.BiasStep.
func TestCoarsestBias(t *testing.T) {
	b, g := lenet(t, 7)
	if err := Calibrate(g, Samples(b.Inputs(8), 8), Config{}); err != nil {
		t.Fatal(err)
	}
	if err := Weights(g, Config{}); err != nil {
		t.Fatal(err)
	}
	shifts := func(cfg Config) (s []int) {
		if err := Biases(g, cfg); err != nil {
			t.Fatal(err)
		}
		for _, l := range layers(g) {
			s = append(s, l.b.Grid.Shift)
		}
		return s
	}
	usual := shifts(Config{})
	coarse := layers(g)[1]
	step := float64(coarse.node.Outputs[0].Grid.Scale) * 3
	got := shifts(Config{CoarsestBias: func(w *graph.Param) float64 {
		if w == coarse.w {
			return step
		}
		return 0
	}})
	for i, l := range layers(g) {
		if l.w != coarse.w && got[i] != usual[i] || l.w == coarse.w && got[i] < usual[i]+3 {
			t.Errorf("%s: shift %d, %d without coarser steps", l.node.Name, got[i], usual[i])
		}
	}
	most := 0.0
	for c := range coarse.b.Shadow.Data {
		most = max(most, float64(coarse.b.Grid.ScaleOf(c))*float64(int64(1)<<coarse.b.Grid.Shift))
	}
	if most > step || most < step/2 {
		t.Errorf("a step of %v, %v is allowed", most, step)
	}
}
