package train

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// TestGradientsAreTheMean: a batch's loss and gradient are the means over its
// samples, for every size, odd ones and single samples included.
func TestGradientsAreTheMean(t *testing.T) {
	for _, shards := range []int{1, 2, 3} {
		for _, n := range []int{1, 2, 5, 8} {
			t.Run(fmt.Sprintf("%d samples in %d shards", n, shards), func(t *testing.T) {
				g := small(t, 1)
				b := smallBatch(2, n)
				tr := mustNew(t, g, Config{Shards: shards, Batch: 8})
				loss, err := tr.Gradients(b)
				if err != nil {
					t.Fatal(err)
				}
				one := mustNew(t, g, Config{Shards: 1, Batch: 1})
				want, sum := 0.0, map[*graph.Param][]float64{}
				for i := 0; i < n; i++ {
					l, err := one.Gradients(b.Rows(i, i+1))
					if err != nil {
						t.Fatal(err)
					}
					want += l / float64(n)
					for _, p := range one.Params() {
						if sum[p] == nil {
							sum[p] = make([]float64, len(p.Shadow.Data))
						}
						for k, v := range one.Gradient(p) {
							sum[p][k] += float64(v) / float64(n)
						}
					}
				}
				near(t, "loss", loss, want, 1e-6)
				for _, p := range tr.Params() {
					for k, v := range tr.Gradient(p) {
						near(t, fmt.Sprintf("gradient of %s[%d]", p.Name, k), float64(v), sum[p][k], 1e-5)
					}
				}
			})
		}
	}
}

// TestGradientsByDifferences checks the way from the loss to a weight.
func TestGradientsByDifferences(t *testing.T) {
	const h, tol = 1.0 / 128, 2e-3 // float32 forward passes, kinks of the ReLU near the weights
	g := newChain(t, 3, 5).then(op.Dense{}, 4, 5).then(op.Tanh{}).then(op.Dense{}, 3, 4).done()
	r := newRand(4)
	b := Single(normal(r, 6, 5), []int{0, 1, 2, 2, 1, 0}, normal(r, 6, 3))
	tr := mustNew(t, g, Config{Batch: 6})
	checkGradients(t, "one shard", tr, b, g, h, tol)
}

// checkGradients compares the gradient of every weight with the difference quotient of five
// points at distance h.
func checkGradients(t *testing.T, name string, tr *Trainer, b Batch, g *graph.Graph, h float32, tol float64) {
	t.Helper()
	loss := func() float64 {
		l, err := tr.Gradients(b)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, p := range g.Params() {
		loss()
		grad := slices.Clone(tr.Gradient(p))
		for i, w := range p.Value.Data {
			at := func(steps float32) float64 {
				p.Value.Data[i] = w + steps*h
				defer func() { p.Value.Data[i] = w }()
				return loss()
			}
			want := (at(-2) - 8*at(-1) + 8*at(1) - at(2)) / (12 * float64(h))
			near(t, fmt.Sprintf("%s: gradient of %s[%d]", name, p.Name, i), float64(grad[i]), want, tol)
		}
	}
}

// slowAdam is algorithm 1 of Kingma and Ba in float64.
type slowAdam struct{ w, m, v []float64 }

func newSlowAdam(w []float32) *slowAdam {
	a := &slowAdam{make([]float64, len(w)), make([]float64, len(w)), make([]float64, len(w))}
	for i, x := range w {
		a.w[i] = float64(x)
	}
	return a
}

func (a *slowAdam) update(g []float64, lr float64, t int) {
	const b1, b2, eps = 0.9, 0.999, 1e-8
	for i, d := range g {
		a.m[i] = b1*a.m[i] + (1-b1)*d
		a.v[i] = b2*a.v[i] + (1-b2)*d*d
		mh, vh := a.m[i]/(1-math.Pow(b1, float64(t))), a.v[i]/(1-math.Pow(b2, float64(t)))
		a.w[i] -= lr * mh / (math.Sqrt(vh) + eps)
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// TestAdam follows every parameter for some steps under every constraint: the
// gradient in the effective weights moves the dense shadow.
func TestAdam(t *testing.T) {
	const tol = 2e-6 // float32 against float64
	g := small(t, 5)
	constant := &graph.Value{Name: "c", Shape: tensor.Shape{3}, Param: graph.NewParam("c", graph.Constant, tensor.Of([]float32{1, 2, 3}, 3))}
	softmax := g.Nodes[len(g.Nodes)-1]
	scaled := &graph.Value{Name: "scaled", Shape: tensor.Shape{1, 3}}
	g.Nodes = slices.Insert(g.Nodes, len(g.Nodes)-1, &graph.Node{Name: "scaled", Op: op.Mul{}, Inputs: []*graph.Value{softmax.Inputs[0], constant}, Outputs: []*graph.Value{scaled}})
	softmax.Inputs[0] = scaled
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	ps := g.Params()
	ps[0].Mask = make([]float32, len(ps[0].Shadow.Data)) // all kernels pruned: they still learn
	ps[0].Mask[1] = 1
	ps[2].Grid = &graph.Grid{Scale: []float32{0.125}, Max: 127}
	tr := mustNew(t, g, Config{Batch: 8, Average: 0.9})
	slow := map[*graph.Param]*slowAdam{}
	mean := map[*graph.Param][]float64{}
	for _, p := range ps {
		slow[p] = newSlowAdam(p.Shadow.Data)
		mean[p] = widen(p.Shadow.Data)
	}
	for step := 1; step <= 20; step++ {
		lr := 0.01 / float64(step)
		if _, err := tr.Step(smallBatch(uint64(step), 8), lr); err != nil {
			t.Fatal(err)
		}
		decay := math.Min(0.9, float64(step)/float64(step+10))
		for _, p := range ps {
			if p.Role == graph.Constant {
				continue
			}
			s := slow[p]
			s.update(widen(tr.Gradient(p)), lr, step)
			for i, w := range p.Shadow.Data {
				near(t, fmt.Sprintf("step %d: %s[%d]", step, p.Name, i), float64(w), s.w[i], tol*float64(step))
				near(t, "m", float64(p.State[StateMean][i]), s.m[i], tol)
				near(t, "v", float64(p.State[StateSquare][i]), s.v[i], tol)
				mean[p][i] = decay*mean[p][i] + (1-decay)*s.w[i]
				near(t, "average", float64(p.State[StateAverage][i]), mean[p][i], tol*float64(step))
			}
			old := slices.Clone(p.Value.Data)
			if p.Refresh(); !slices.Equal(old, p.Value.Data) {
				t.Fatalf("step %d: the effective values of %s are stale", step, p.Name)
			}
		}
	}
	if !slices.Equal(constant.Param.Shadow.Data, []float32{1, 2, 3}) {
		t.Errorf("a constant was trained: %v", constant.Param.Shadow.Data)
	}
	if v := ps[0].Value.Data; v[0] != 0 || v[1] == 0 {
		t.Errorf("the mask does not hold: %v", v[:2])
	}
}

// TestCodebook: centroids move by Adam on the summed gradients of their
// members, 0.3 times as fast; zero stays and the grid bounds them.
func TestCodebook(t *testing.T) {
	g := newChain(t, 6, 6).then(op.Dense{}, 4, 6).done()
	p := g.Params()[0]
	p.Grid = &graph.Grid{Scale: []float32{0.02, 0.01, 0.03, 0.02}, Max: 30}
	p.Mask = make([]float32, 24)
	p.Book = &graph.Codebook{Centroids: []float32{0, -12, 7, 29.9}, Index: make([]uint8, 24)}
	for i := range p.Mask {
		if i%5 != 0 {
			p.Mask[i], p.Book.Index[i] = 1, uint8(1+i%3)
		}
	}
	p.Shadow.Data[1] = 5 // far beyond: its own value does not matter
	tr := mustNew(t, g, Config{Batch: 8, Average: 0.9})
	const unit = 0.02 // mean scale
	slow := newSlowAdam([]float32{0, -12 * unit, 7 * unit, 29.9 * unit})
	shadow := newSlowAdam(p.Shadow.Data)
	r := newRand(7)
	b := Single(normal(r, 8, 6), nil, normal(r, 8, 4))
	for step := 1; step <= 15; step++ {
		if _, err := tr.Step(b, 0.01); err != nil {
			t.Fatal(err)
		}
		sum := make([]float64, 4)
		for i, d := range tr.Gradient(p) {
			if c := p.Book.Index[i]; c > 0 {
				sum[c] += float64(d) * float64(p.Grid.ScaleOf(i/6)) / unit
			}
		}
		slow.update(sum, 0.003, step)
		shadow.update(widen(tr.Gradient(p)), 0.01, step)
		for c, want := range slow.w {
			slow.w[c] = math.Max(-30*unit, math.Min(30*unit, want))
			near(t, fmt.Sprintf("step %d: centroid %d", step, c), float64(p.Book.Centroids[c]), slow.w[c]/unit, 1e-4)
		}
		for i, w := range p.Shadow.Data {
			near(t, "shadow", float64(w), shadow.w[i], 1e-4)
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
	}
	if p.Book.Centroids[0] != 0 {
		t.Error("centroid 0 has moved")
	}
	if c := p.Book.Centroids; c[1] == -12 && c[2] == 7 {
		t.Error("no centroid has moved: the test shows nothing")
	}
	tr.WithAverage(func() {
		if p.Shadow.Data[1] < 4 {
			t.Error("a shared parameter was swapped for its average, which is not kept")
		}
	})
	alone := newChain(t, 6, 6).then(op.Dense{}, 4, 6).done() // only centroid 0
	q := alone.Params()[0]
	q.Grid, q.Mask = &graph.Grid{Scale: []float32{1}, Max: 127}, make([]float32, 24)
	q.Book = &graph.Codebook{Centroids: []float32{0}, Index: make([]uint8, 24)}
	if _, err := mustNew(t, alone, Config{Batch: 8}).Step(b, 0.01); err != nil || q.Book.Centroids[0] != 0 {
		t.Errorf("a book of zero alone: %v, %v", err, q.Book.Centroids)
	}
}

func TestAverage(t *testing.T) {
	g := small(t, 8)
	tr := mustNew(t, g, Config{Batch: 8, Average: 0.98})
	for i := 0; i < 5; i++ {
		if _, err := tr.Step(smallBatch(uint64(i), 8), 0.05); err != nil {
			t.Fatal(err)
		}
	}
	before := shadows(g)
	var inside []float32
	tr.WithAverage(func() {
		inside = shadows(g)
		for _, p := range g.Params() {
			if !slices.Equal(p.Shadow.Data, p.Value.Data) {
				t.Error("effective values are not those of the average")
			}
		}
	})
	if slices.Equal(before, inside) || !slices.Equal(before, shadows(g)) {
		t.Error("WithAverage must show the average and restore the weights")
	}
	tr.RestartAverage()
	tr.WithAverage(func() {
		if !slices.Equal(before, shadows(g)) {
			t.Error("a restarted average is not the present weights")
		}
	})
	none := mustNew(t, small(t, 8), Config{Batch: 8})
	called := false
	none.WithAverage(func() { called = true })
	if !called {
		t.Error("without an average, f must run all the same")
	}
}

// TestThreadsDoNotMatter: equal bits for any number of threads; the number of
// shards may change them.
func TestThreadsDoNotMatter(t *testing.T) {
	run := func(threads int) []float32 {
		g := small(t, 9)
		ps := g.Params()
		ps[2].Grid = &graph.Grid{Scale: []float32{0.01}, Max: 127}
		ps[2].Book = &graph.Codebook{Centroids: []float32{0, -9, 4}, Index: make([]uint8, len(ps[2].Shadow.Data))}
		for i := range ps[2].Book.Index {
			ps[2].Book.Index[i] = uint8(i % 3)
		}
		tr := mustNew(t, g, Config{Batch: 24, Shards: 4, Threads: threads, Average: 0.95})
		for i := 0; i < 12; i++ {
			if _, err := tr.Step(smallBatch(uint64(i), 24-i), 0.01); err != nil {
				t.Fatal(err)
			}
		}
		w := shadows(g)
		for _, p := range ps {
			w = append(w, p.State[StateAverage]...)
			w = append(w, p.Value.Data...)
		}
		return w
	}
	want := run(1)
	for _, threads := range []int{1, 2, 3, 8} {
		old := runtime.GOMAXPROCS(max(2, threads))
		got := run(threads)
		runtime.GOMAXPROCS(old)
		if !slices.Equal(got, want) {
			t.Errorf("%d threads give other weights than one", threads)
		}
	}
}

// Spans hold each element of each parameter once, in whole channels, and few of them.
func TestSpans(t *testing.T) {
	var params []*graph.Param
	for _, shape := range []tensor.Shape{{300, 784}, {3, 70000}, {500}, {40000}, {20, 1, 5, 5}, {0, 4}, {}} {
		params = append(params, graph.NewParam("p", graph.Weight, tensor.New(shape...)))
	}
	next := make([]int, len(params))
	for _, s := range spans(params) {
		p := params[s.param]
		row := len(p.Shadow.Data) / p.Channels()
		if s.from != next[s.param] || s.from != s.lo*row || s.to != s.hi*row || s.hi <= s.lo {
			t.Errorf("%v: span %+v after element %d", p.Shadow.Shape, s, next[s.param])
		}
		if s.to-s.from > spanSize && s.hi-s.lo > 1 {
			t.Errorf("%v: span %+v has %d elements", p.Shadow.Shape, s, s.to-s.from)
		}
		next[s.param] = s.to
	}
	for k, p := range params {
		if next[k] != len(p.Shadow.Data) {
			t.Errorf("%v: the spans end at %d", p.Shadow.Shape, next[k])
		}
	}
}

// TestLearns: a network finds the ring that a point lies in.
func TestLearns(t *testing.T) {
	g := newChain(t, 10, 2).then(op.Dense{Clamp: rectify}, 24, 2).then(op.Dense{Clamp: rectify}, 24, 24).then(op.Dense{}, 3, 24).done()
	r := newRand(11)
	draw := func(n int) Batch {
		b := Single(tensor.New(n, 2), make([]int, n), nil)
		for i := range b.Labels {
			b.Labels[i] = i % 3
			radius, angle := 0.5+float64(i%3)+0.6*(r.Float64()-0.5), 2*math.Pi*r.Float64()
			b.X[0].Data[2*i], b.X[0].Data[2*i+1] = float32(radius*math.Cos(angle)), float32(radius*math.Sin(angle))
		}
		return b
	}
	tr := mustNew(t, g, Config{Batch: 60, Average: 0.98})
	var first, last float64
	for i := 0; i < 500; i++ {
		loss, err := tr.Step(draw(60), 0.01*Cosine(float64(i)/500, 0.5, 0.05))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = loss
		}
		last = loss
	}
	test := draw(900)
	p, err := NewPredictor(Logits(g), 64, 2)
	if err != nil {
		t.Fatal(err)
	}
	tr.WithAverage(func() {
		out := p.Run(900, func(lo, hi int, dst []*tensor.Tensor) { copy(dst[0].Data, test.X[0].Data[2*lo:2*hi]) })
		right := 0
		for i, l := range test.Labels {
			if Argmax(out.Data[3*i:3*i+3]) == l {
				right++
			}
		}
		if right < 880 {
			t.Errorf("%d of 900 right; loss %v to %v", right, first, last)
		}
	})
}
