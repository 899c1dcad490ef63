package graph_test

import (
	"math"
	"strings"
	"sync"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// plainForward runs the graph node by node on fresh tensors.
func plainForward(g *graph.Graph, x *tensor.Tensor) map[*graph.Value]*tensor.Tensor {
	act := map[*graph.Value]*tensor.Tensor{g.Inputs[0]: x}
	for _, n := range g.Nodes {
		in := make([]*tensor.Tensor, len(n.Inputs))
		shapes := make([]tensor.Shape, len(n.Inputs))
		for i, v := range n.Inputs {
			if v != nil {
				if in[i] = act[v]; v.Param != nil {
					in[i] = v.Param.Value
				}
				shapes[i] = in[i].Shape
			}
		}
		out, err := n.Op.Infer(shapes)
		if err != nil {
			panic(err)
		}
		y := tensor.New(out[0]...)
		n.Op.Forward(new(graph.Scratch), []*tensor.Tensor{y}, in)
		act[n.Outputs[0]] = y
	}
	return act
}

func same(t *testing.T, what string, got, want *tensor.Tensor) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Fatalf("%s: shape %v, want %v", what, got.Shape, want.Shape)
	}
	for i, v := range want.Data {
		if got.Data[i] != v {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got.Data[i], v)
		}
	}
}

// TestTapeForward: batches of changing sizes on one tape equal the plain walk.
func TestTapeForward(t *testing.T) {
	g := branched(t)
	tape, err := graph.NewTape(g, 5)
	if err != nil {
		t.Fatal(err)
	}
	r := newRand(4)
	for _, n := range []int{5, 1, 3, 3, 5} {
		x := normal(r, n, 2, 4, 4)
		want := plainForward(g, x)
		out := tape.Forward(x)
		for i, v := range g.Outputs {
			same(t, v.Name, out[i], want[v])
			same(t, v.Name, tape.Outputs()[i], want[v])
		}
		for _, node := range g.Nodes {
			same(t, node.Name, tape.Activation(node.Outputs[0]), want[node.Outputs[0]])
		}
	}
	if tape.Activation(g.Nodes[0].Inputs[1]) != nil {
		t.Error("a parameter has an activation")
	}
}

// TestBackwardByDifferences checks the reverse walk over branches, shared
// weights and two outputs, for a full and a partial batch, with the stencil
// (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h.
func TestBackwardByDifferences(t *testing.T) {
	const h = 1.0 / 32
	const tol = 1e-3 // float32 forward passes err by 1e-6 of sums of about 10, divided by h
	for _, n := range []int{3, 2} {
		g := branched(t)
		for _, p := range g.Params() {
			for i := range p.Shadow.Data {
				p.Shadow.Data[i] *= 0.3 // where the functions are smooth enough for the stencil
			}
			p.Refresh()
		}
		tape, err := graph.NewTape(g, 3)
		if err != nil {
			t.Fatal(err)
		}
		r := newRand(5)
		x := normal(r, n, 2, 4, 4)
		dout := []*tensor.Tensor{normal(r, n, 5), normal(r, n, 5)}
		loss := func() float64 {
			sum := 0.0
			for k, y := range tape.Forward(x) {
				for i, v := range y.Data {
					sum += float64(v) * float64(dout[k].Data[i])
				}
			}
			return sum
		}
		loss()
		if err := tape.Backward(dout...); err != nil {
			t.Fatal(err)
		}
		for _, p := range g.Params() {
			grad := tape.Gradient(p).Clone()
			for i, w := range p.Value.Data {
				at := func(steps float32) float64 {
					p.Value.Data[i] = w + steps*h
					defer func() { p.Value.Data[i] = w }()
					return loss()
				}
				want := (at(-2) - 8*at(-1) + 8*at(1) - at(2)) / (12 * h)
				if got := float64(grad.Data[i]); !(math.Abs(got-want) <= tol*math.Max(1, math.Abs(want))) {
					t.Fatalf("batch %d: gradient of %s[%d] is %v, differences give %v", n, p.Name, i, got, want)
				}
			}
		}
	}
}

// TestGradientsAddUp: two backward passes add, ZeroGrad starts again, and what
// an earlier, larger batch left in the buffers does not matter.
func TestGradientsAddUp(t *testing.T) {
	g := branched(t)
	r := newRand(6)
	x, big := normal(r, 2, 2, 4, 4), normal(r, 4, 2, 4, 4)
	ones := func(n int) []*tensor.Tensor {
		return []*tensor.Tensor{normal(newRand(7), n, 5), normal(newRand(8), n, 5)}
	}
	run := func(tape *graph.Tape, x *tensor.Tensor) {
		tape.Forward(x)
		if err := tape.Backward(ones(x.Shape[0])...); err != nil {
			t.Fatal(err)
		}
	}
	fresh, _ := graph.NewTape(g, 4)
	if fresh.Gradient(g.Params()[0]) != nil {
		t.Error("a gradient before the first Backward")
	}
	fresh.ZeroGrad() // nothing to clear yet: must not panic
	run(fresh, x)
	used, _ := graph.NewTape(g, 4)
	run(used, big)
	used.ZeroGrad()
	run(used, x)
	for _, p := range g.Params() {
		same(t, p.Name, used.Gradient(p), fresh.Gradient(p))
	}
	once := map[*graph.Param]*tensor.Tensor{}
	for _, p := range g.Params() {
		once[p] = fresh.Gradient(p).Clone()
	}
	run(fresh, x)
	for _, p := range g.Params() {
		for i, v := range once[p].Data {
			if got := float64(fresh.Gradient(p).Data[i]); math.Abs(got-2*float64(v)) > 1e-4*math.Max(1, math.Abs(float64(v))) {
				t.Fatalf("%s[%d]: %v after two passes of %v each", p.Name, i, got, v)
			}
		}
	}
}

// TestTapesShareAGraph: several tapes run at once (meant for -race).
func TestTapesShareAGraph(t *testing.T) {
	g := branched(t)
	x := normal(newRand(9), 3, 2, 4, 4)
	want := plainForward(g, x)
	var wg sync.WaitGroup
	errs := make([]string, 4)
	for k := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			tape, err := graph.NewTape(g, 3)
			if err != nil {
				errs[k] = err.Error()
				return
			}
			out := tape.Forward(x)
			for i, v := range want[g.Outputs[1]].Data {
				if out[1].Data[i] != v {
					errs[k] = "another output"
				}
			}
			if err := tape.Backward(out...); err != nil {
				errs[k] = err.Error()
			}
		}()
	}
	wg.Wait()
	for _, e := range errs {
		if e != "" {
			t.Error(e)
		}
	}
}

// TestNoGradient: an operator without one is an error on the way to a
// parameter, and none before the first.
func TestNoGradient(t *testing.T) {
	table := op.Table{In: graph.Affine{Scale: 0.1}, Out: graph.Affine{Scale: 0.2}}
	b, x := newBuilder(t, 10, 3)
	v := b.node("before", table, x)
	v = b.node("dense", op.Dense{}, v, b.param("w", graph.Weight, 2, 3), nil)
	good := b.done(v)
	tape, err := graph.NewTape(good, 2)
	if err != nil {
		t.Fatal(err)
	}
	tape.Forward(normal(newRand(1), 2, 3))
	if err := tape.Backward(normal(newRand(2), 2, 2)); err != nil {
		t.Errorf("before the first parameter: %v", err)
	}
	bad := b.done(b.node("after", table, v))
	if tape, err = graph.NewTape(bad, 2); err != nil {
		t.Fatal(err)
	}
	tape.Forward(normal(newRand(1), 2, 3))
	err = tape.Backward(normal(newRand(2), 2, 2))
	if err == nil || !strings.Contains(err.Error(), `node "after" (Table) has no gradient`) {
		t.Errorf("behind a parameter: %v", err)
	}
}

// TestTapeRefuses: what does not work at the tape's batch is an error.
func TestTapeRefuses(t *testing.T) {
	b, x := newBuilder(t, 11, 2)
	g := b.done(b.node("d", op.Dense{}, x, b.param("w", graph.Weight, 2, 2), nil))
	g.Nodes[0].Inputs[1].Shape = tensor.Shape{2, 3}
	if _, err := graph.NewTape(g, 4); err == nil || !strings.Contains(err.Error(), `node "d" (Dense) at batch 4`) {
		t.Errorf("error %v", err)
	}
}

// TestRoundIsNearest compares with a search over all 256 values.
func TestRoundIsNearest(t *testing.T) {
	for _, a := range []graph.Affine{{Scale: 0.5}, {Scale: 0.0625, Zero: -128}, {Scale: 3, Zero: 127}, {Scale: 1.0 / 255, Zero: -100}} {
		lo, hi := a.Limits()
		if lo != a.Scale*float32(-128-a.Zero) || hi != a.Scale*float32(127-a.Zero) {
			t.Fatalf("limits %v %v of %+v", lo, hi, a)
		}
		r := newRand(12)
		for i := 0; i < 2000; i++ {
			x := float32(r.NormFloat64()) * a.Scale * 150
			if i%3 == 0 {
				x = a.Scale * float32(r.IntN(700)-350) / 2 // ties
			}
			best, want := math.Inf(1), float32(0)
			for q := -128; q <= 127; q++ {
				v := float64(a.Scale) * float64(q-a.Zero)
				d := math.Abs(float64(x) - v)
				if d < best || d == best && math.Abs(v) > math.Abs(float64(want)) {
					best, want = d, float32(q-a.Zero)*a.Scale
				}
			}
			got := []float32{x}
			if a.Round(got); got[0] != want {
				t.Fatalf("%+v: %v rounds to %v, want %v", a, x, got[0], want)
			}
			if a.Round(got); got[0] != want {
				t.Fatalf("%+v: %v is on the grid and rounds to %v", a, want, got[0])
			}
		}
		zero := []float32{0}
		if a.Round(zero); zero[0] != 0 {
			t.Errorf("%+v: zero becomes %v", a, zero[0])
		}
	}
}

// TestStraightThrough: grids round every activation, and the gradient of the
// rounded network is that of the plain one at the rounded activations, but for
// outputs at the limits of their grid.
func TestStraightThrough(t *testing.T) {
	b, x := newBuilder(t, 13, 4)
	w1, w2 := b.param("w1", graph.Weight, 6, 4), b.param("w2", graph.Weight, 3, 6)
	h := b.node("h", op.Dense{}, x, w1, nil)
	y := b.node("y", op.Dense{}, h, w2, nil)
	g := b.done(y)
	x.Grid = &graph.Affine{Scale: 1.0 / 32}
	h.Grid = &graph.Affine{Scale: 1.0 / 64, Zero: -20} // narrow: some saturate
	y.Grid = &graph.Affine{Scale: 1.0 / 16}
	tape, err := graph.NewTape(g, 8)
	if err != nil {
		t.Fatal(err)
	}
	r := newRand(14)
	in, dy := normal(r, 8, 4), normal(r, 8, 3)
	tape.Forward(in)
	if err := tape.Backward(dy); err != nil {
		t.Fatal(err)
	}
	// the slow version
	xr := in.Clone()
	x.Grid.Round(xr.Data)
	hr := roundedDense(xr, w1.Param.Value, h.Grid)
	yr := roundedDense(hr, w2.Param.Value, y.Grid)
	same(t, "h", tape.Activation(h), hr)
	same(t, "y", tape.Activation(y), yr)
	dyr := dy.Clone()
	saturated := maskSaturated(dyr, yr, y.Grid)
	dh := tensor.New(8, 6)
	for i := range dh.Data {
		for o := 0; o < 3; o++ {
			dh.Data[i] += dyr.Data[i/6*3+o] * w2.Param.Value.Data[o*6+i%6]
		}
	}
	saturated += maskSaturated(dh, hr, h.Grid)
	if saturated == 0 || saturated > 40 {
		t.Fatalf("%d of 72 activations saturate: the test shows nothing", saturated)
	}
	const tol = 1e-5 // float32 sums of eight terms
	for _, c := range []struct {
		v    *graph.Value
		want *tensor.Tensor
	}{{w2, weightGradient(dyr, hr)}, {w1, weightGradient(dh, xr)}} {
		for i, want := range c.want.Data {
			if got := tape.Gradient(c.v.Param).Data[i]; math.Abs(float64(got-want)) > tol*math.Max(1, math.Abs(float64(want))) {
				t.Fatalf("gradient of %s[%d] is %v, want %v", c.v.Name, i, got, want)
			}
		}
	}
}

// roundedDense is a dense layer without bias whose outputs are rounded to a.
func roundedDense(in, w *tensor.Tensor, a *graph.Affine) *tensor.Tensor {
	out := tensor.New(in.Shape[0], w.Shape[0])
	for i := range out.Data {
		sum := 0.0
		for k := 0; k < w.Shape[1]; k++ {
			sum += float64(in.Data[i/w.Shape[0]*w.Shape[1]+k]) * float64(w.Data[i%w.Shape[0]*w.Shape[1]+k])
		}
		out.Data[i] = float32(sum)
	}
	a.Round(out.Data)
	return out
}

// maskSaturated clears d where out is at a limit of a, and counts these places.
func maskSaturated(d, out *tensor.Tensor, a *graph.Affine) (saturated int) {
	lo, hi := a.Limits()
	for i, v := range out.Data {
		if v == lo || v == hi {
			d.Data[i] = 0
			saturated++
		}
	}
	return saturated
}

// weightGradient is d^T in, the gradient of a dense layer's weights.
func weightGradient(d, in *tensor.Tensor) *tensor.Tensor {
	g := tensor.New(d.Shape[1], in.Shape[1])
	for i := range g.Data {
		sum := 0.0
		for n := 0; n < d.Shape[0]; n++ {
			sum += float64(d.Data[n*d.Shape[1]+i/in.Shape[1]]) * float64(in.Data[n*in.Shape[1]+i%in.Shape[1]])
		}
		g.Data[i] = float32(sum)
	}
	return g
}

func TestScratch(t *testing.T) {
	var s graph.Scratch
	a := s.Floats(0, 10)
	b := s.Floats(1, 10)
	a[0], b[0] = 1, 2
	if a[0] != 1 || len(a) != 10 {
		t.Error("slots overlap")
	}
	if c := s.Floats(0, 4); len(c) != 4 || &c[0] != &a[0] {
		t.Error("a smaller request does not reuse its slot")
	}
}
