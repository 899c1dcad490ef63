package passes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// net builds small networks with random weights.
type net struct {
	t   *testing.T
	g   *graph.Graph
	rng *rand.Rand
}

func newNet(t *testing.T, seed uint64, sample ...int) (*net, *graph.Value) {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &net{t, &graph.Graph{Name: "test", Inputs: []*graph.Value{x}}, rand.New(rand.NewPCG(seed, 77))}, x
}

func (b *net) node(o graph.Op, in ...*graph.Value) *graph.Value {
	b.t.Helper()
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		if v != nil {
			shapes[i] = v.Shape
		}
	}
	out, err := o.Infer(shapes)
	if err != nil {
		b.t.Fatal(err)
	}
	name := fmt.Sprintf("%s%d", o.Name(), len(b.g.Nodes))
	v := &graph.Value{Name: name + "_out", Shape: out[0]}
	b.g.Nodes = append(b.g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
	return v
}

func (b *net) param(role graph.Role, gain float64, shape ...int) *graph.Value {
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = float32(b.rng.NormFloat64() * gain)
	}
	name := fmt.Sprintf("p%d_%d", len(b.g.Nodes), role)
	return &graph.Value{Name: name, Shape: t.Shape, Param: graph.NewParam(name, role, t)}
}

var relu = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}

func (b *net) conv(x *graph.Value, outC, k, groups int, c op.Clamp) *graph.Value {
	inC := x.Shape[1] / groups
	w := b.param(graph.Weight, 1/math.Sqrt(float64(inC*k*k)), outC, inC, k, k)
	o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: k / 2, PadL: k / 2, PadB: k / 2, PadR: k / 2, Groups: groups, Clamp: c}
	return b.node(o, x, w, b.param(graph.Bias, 0.3, outC))
}

func (b *net) dense(x *graph.Value, out int, c op.Clamp) *graph.Value {
	k := x.Shape[1]
	w := b.param(graph.Weight, 1/math.Sqrt(float64(k)), out, k)
	return b.node(op.Dense{Clamp: c}, x, w, b.param(graph.Bias, 0.3, out))
}

func (b *net) pool(x *graph.Value) *graph.Value {
	return b.node(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}, x)
}

func (b *net) flatten(x *graph.Value) *graph.Value {
	return b.node(op.Reshape{Shape: []int{x.Shape.Sample().Size()}}, x)
}

func (b *net) done(out ...*graph.Value) *graph.Graph {
	b.t.Helper()
	b.g.Outputs = out
	if err := b.g.Check(); err != nil {
		b.t.Fatal(err)
	}
	return b.g
}

// inputs returns n random samples.
func (b *net) inputs(n int) *tensor.Tensor {
	x := tensor.New(b.g.Inputs[0].Shape.WithBatch(n)...)
	for i := range x.Data {
		x.Data[i] = float32(b.rng.NormFloat64())
	}
	return x
}

// run returns a copy of the first output.
func run(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return tape.Forward(x)[0].Clone().Data
}

// sqnr is the ratio of signal to error power in decibels.
func sqnr(want, got []float32) float64 {
	signal, noise := 0.0, 1e-30
	for i, w := range want {
		signal += float64(w) * float64(w)
		noise += float64(w-got[i]) * float64(w-got[i])
	}
	return 10 * math.Log10(signal/noise)
}

// lenet is conv, pool, depthwise conv, pool, flatten, dense, dense.
func lenet(t *testing.T, seed uint64) (*net, *graph.Graph) {
	b, x := newNet(t, seed, 2, 8, 8)
	h := b.pool(b.conv(x, 6, 3, 1, relu))
	h = b.pool(b.conv(h, 6, 3, 6, relu))
	h = b.dense(b.flatten(h), 12, relu)
	return b, b.done(b.dense(h, 5, op.Clamp{}))
}

func TestQuantize(t *testing.T) {
	for _, m := range []quantize.Method{quantize.MSE, quantize.MinMax, quantize.Percentile, quantize.Entropy} {
		b, g := lenet(t, 1)
		x := b.inputs(64)
		want := run(t, g, x)
		if err := Quantize(g, Samples(x, 20), Config{Method: m}); err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		// Seven int8 layers of random weights; 8 bits give some 40 dB each.
		const least = 27
		if got := sqnr(want, run(t, g, x)); got < least {
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
	c2 := b.node(op.Sigmoid{}, b.pool(b.conv(x, 4, 3, 1, op.Clamp{})))
	cat := b.node(op.Concat{Axis: 1}, p1, c2)
	act := b.node(op.HardSwish{}, b.node(op.Neg{}, cat)) // fused: the value between is none
	flat := b.flatten(b.node(op.GlobalAvgPool{}, act))
	logits := b.dense(flat, 5, op.Clamp{})
	prob := b.node(op.Softmax{Axis: 1}, logits)
	g := b.done(prob)
	if err := Calibrate(g, Samples(b.inputs(16), 16), Config{}); err != nil {
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
	s := b.node(op.Sigmoid{}, b.conv(x, 4, 1, 1, op.Clamp{}))
	th := b.node(op.Tanh{}, b.conv(s, 4, 1, 1, op.Clamp{}))
	g := b.done(b.flatten(th))
	if err := Calibrate(g, Samples(b.inputs(4), 4), Config{}); err != nil {
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
	x := b.inputs(2)
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
	if err := Calibrate(g, Samples(b.inputs(8), 8), Config{}); err != nil {
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
	g := b.done(b.dense(x, 8, op.Clamp{}))
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
	if err := Calibrate(g, Samples(b.inputs(8), 8), Config{}); err != nil {
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
		if err := Quantize(g, Samples(b.inputs(8), 8), Config{}); err != nil {
			t.Fatal(err)
		}
		c.spoil(g, layers(g)[0].w)
		if Check(g) == nil {
			t.Errorf("%s: not noticed", c.name)
		}
	}
}

func TestEqualize(t *testing.T) {
	b, g := lenet(t, 9)
	ls := layers(g)
	// Make the channels of the first layers very different.
	for c := range ls[0].w.Channels() {
		k := float32(math.Pow(10, float64(c)/2-1))
		scaleAll(pair{a: ls[0]}.writers(c, ls[0].w.Shadow.Data), k)
	}
	ls[0].w.Refresh()
	x := b.inputs(16)
	want := run(t, g, x)
	n, err := Equalize(g)
	if err != nil || n != 3 {
		t.Fatalf("%d pairs, %v; want 3 (conv-depthwise, depthwise-dense, dense-dense)", n, err)
	}
	// Scales are no powers of two: each value is rounded once more.
	const rounding = 100
	if got := sqnr(want, run(t, g, x)); got < rounding {
		t.Errorf("function changed: %.1f dB", got)
	}
	spread := func(p *graph.Param) float64 {
		lo, hi := math.Inf(1), 0.0
		for c := range p.Channels() {
			r := largest(pair{a: layer{w: p}}.writers(c, p.Shadow.Data))
			lo, hi = min(lo, r), max(hi, r)
		}
		return hi / lo
	}
	if s := spread(ls[0].w); s > 10 {
		t.Errorf("largest weights of the channels still differ by %v", s)
	}
	ls[0].w.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	if _, err := Equalize(g); err == nil {
		t.Error("quantized network accepted")
	}
}

// A relu6 or a second reader between two layers forbids to trade scale.
func TestEqualizePairs(t *testing.T) {
	b, x := newNet(t, 10, 3, 6, 6)
	h := b.conv(x, 4, 3, 1, op.Clamp{On: true, Lo: 0, Hi: 6})
	h = b.conv(h, 4, 3, 1, relu)
	sum := b.node(op.Add{}, b.conv(h, 4, 3, 1, relu), h)
	h = b.node(op.LeakyRelu{Alpha: 0.1}, b.conv(sum, 4, 1, 1, op.Clamp{}))
	g := b.done(b.conv(h, 2, 1, 1, op.Clamp{}))
	x0 := b.inputs(4)
	want := run(t, g, x0)
	if n, err := Equalize(g); err != nil || n != 1 {
		t.Errorf("%d pairs, %v; want the last one only", n, err)
	}
	if got := sqnr(want, run(t, g, x0)); got < 100 {
		t.Errorf("function changed: %.1f dB", got)
	}
}

func TestCorrectBias(t *testing.T) {
	b, g := lenet(t, 11)
	x := b.inputs(64)
	cfg := Config{}
	if err := Calibrate(g, Samples(x, 64), cfg); err != nil {
		t.Fatal(err)
	}
	// Three bits only: rounding shifts the means visibly.
	if err := Weights(g, cfg); err != nil {
		t.Fatal(err)
	}
	for _, l := range layers(g) {
		for c := range l.w.Grid.Scale {
			l.w.Grid.Scale[c] *= 127.0 / 3
		}
		l.w.Refresh()
	}
	if err := Biases(g, cfg); err != nil {
		t.Fatal(err)
	}
	float := withoutGrids(g)
	// off is the difference of the outputs' means, for each output.
	off := func() (d [5]float64) {
		want, got := run(t, float, x), run(t, g, x)
		for i := range want {
			d[i%5] += float64(want[i]-got[i]) / float64(x.Shape[0])
		}
		return d
	}
	before := off()
	if err := CorrectBias(g, Samples(x, 32)); err != nil {
		t.Fatal(err)
	}
	last := layers(g)[3].b
	largest := 0.0
	for c, m := range off() {
		largest = max(largest, math.Abs(before[c]))
		if step := float64(last.Grid.ScaleOf(c)) * float64(int64(1)<<last.Grid.Shift); math.Abs(m) > step {
			t.Errorf("output %d: mean off by %v, was %v; a step of the bias is %v", c, m, before[c], step)
		}
	}
	if largest < 0.01 {
		t.Errorf("the coarse grid shifted the means by %v only: the test shows nothing", largest)
	}
}

// What bias correction holds is counted from the shapes, and the samples that
// it meets are cut to it.
func TestCorrectBiasHolds(t *testing.T) {
	b, g := lenet(t, 11)
	w := newWalk(g)
	w.start([]*tensor.Tensor{b.inputs(1)})
	most := 0
	for i := range g.Nodes {
		if err := w.step(i, w.acts[0]); err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, x := range w.acts[0] {
			held += len(x.Data)
		}
		most = max(most, held)
	}
	if got := w.liveFloats(); got != most {
		t.Errorf("%d numbers are held of a sample, counted as %d", most, got)
	}
	for _, n := range []int{1, 32, 33, 70, 100} {
		sizes := []int{}
		total := 0
		for batch := range firstSamples(Samples(b.inputs(70), 32), n) {
			sizes = append(sizes, batch[0].Shape[0])
			total += batch[0].Shape[0]
		}
		if total != min(n, 70) {
			t.Errorf("the first %d of 70 samples are batches of %v", n, sizes)
		}
	}
}

// A layer whose biases may be coarser has larger steps, up to what it may; one that may not
// has those of Config.BiasStep.
func TestCoarsestBias(t *testing.T) {
	b, g := lenet(t, 7)
	if err := Calibrate(g, Samples(b.inputs(8), 8), Config{}); err != nil {
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
