package simplify

import (
	"math"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// emptyRandomly masks whole output rows and input columns of random weights,
// and single weights, with probability p each.
func emptyRandomly(b *net, g *graph.Graph, p float64) {
	for _, w := range g.Params() {
		if w.Role != graph.Weight {
			continue
		}
		w.Mask = make([]float32, len(w.Shadow.Data))
		s := w.Shadow.Shape
		inner := tensor.Shape(s[2:]).Size()
		rows, cols := make([]bool, s[0]), make([]bool, s[1])
		for i := range rows {
			rows[i] = b.Rand.Float64() < p
		}
		for i := range cols {
			cols[i] = b.Rand.Float64() < p
		}
		for i := range w.Mask {
			if !rows[i/inner/s[1]] && !cols[i/inner%s[1]] && b.Rand.Float64() > p/2 {
				w.Mask[i] = 1
			}
		}
		w.Refresh()
	}
}

func TestRemoveDead(t *testing.T) {
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			removed := 0
			for seed := uint64(0); seed < 12; seed++ {
				g := build(t, seed)
				b, _ := newNet(t, seed+100, 1)
				emptyRandomly(b, g, 0.35)
				x := randomInput(g, seed)
				want, before := run(t, g, x), size(g)
				r, err := RemoveDead(g)
				if err != nil {
					t.Fatal(err)
				}
				expectClose(t, run(t, g, x), want, foldTol)
				if size(g) > before || r.Channels > 0 && size(g) == before {
					t.Errorf("seed %d: %d channels removed, %d values before, %d after", seed, r.Channels, before, size(g))
				}
				removed += r.Channels
				again, err := RemoveDead(g)
				if err != nil || again.Channels != 0 {
					t.Errorf("seed %d: a second run removes %d channels, error %v", seed, again.Channels, err)
				}
				for _, p := range g.Params() {
					if p.Mask != nil && len(p.Mask) != len(p.Shadow.Data) {
						t.Errorf("mask of %d for %d weights", len(p.Mask), len(p.Shadow.Data))
					}
				}
			}
			if removed < 20 {
				t.Errorf("only %d channels removed in all runs: the test does not bite", removed)
			}
		})
	}
}

// TestRemoveDeadCounts: one emptied kernel of each layer goes with everything
// that belongs to it.
func TestRemoveDeadCounts(t *testing.T) {
	g := networks["lenet"](t, 1)
	ps := g.Params() // w1 b1 w2 b2 w3 b3 w4 b4
	for _, k := range []int{0, 2} {
		w := ps[k]
		w.Mask = slices.Repeat([]float32{1}, len(w.Shadow.Data))
		row := len(w.Mask) / w.Channels()
		clear(w.Mask[row : 2*row])
	}
	x := randomInput(g, 1)
	for _, p := range ps {
		p.Refresh()
	}
	want := run(t, g, x)
	r, err := RemoveDead(g)
	if err != nil {
		t.Fatal(err)
	}
	expectClose(t, run(t, g, x), want, foldTol)
	shapes := []tensor.Shape{{5, 1, 3, 3}, {5}, {7, 5, 2, 2}, {7}, {10, 7 * 2 * 2}, {10}, {4, 10}, {4}}
	for i, p := range ps {
		if !p.Shadow.Shape.Equal(shapes[i]) {
			t.Errorf("%s has shape %v, want %v", p.Name, p.Shadow.Shape, shapes[i])
		}
	}
	gone := 9 + 1 + 8*4 + 5*4 + 1 + 10*4
	if r.Channels != 2 || r.Values != gone {
		t.Errorf("removed %+v, want 2 channels and %d values", r, gone)
	}
}

// TestRemoveDeadBitwise: where biases of emptied channels are zero, nothing is
// folded, and sums only lose terms that are zero.
func TestRemoveDeadBitwise(t *testing.T) {
	b, x := newNet(t, 3, 4)
	h := b.dense(x, 8, relu)
	g := b.Done(b.dense(h, 3, op.Clamp{}))
	w, bias := g.Params()[0], g.Params()[1]
	w.Mask, bias.Mask = slices.Repeat([]float32{1}, 32), slices.Repeat([]float32{1}, 8)
	clear(w.Mask[8:16]) // units 2 and 3
	clear(bias.Mask[2:4])
	w.Refresh()
	bias.Refresh()
	in := randomInput(g, 1)
	want := run(t, g, in)
	if _, err := RemoveDead(g); err != nil {
		t.Fatal(err)
	}
	if w.Channels() != 6 || len(bias.Mask) != 6 {
		t.Fatalf("%d units left, want 6", w.Channels())
	}
	if got := run(t, g, in); !slices.Equal(got.Data, want.Data) {
		t.Errorf("%v, want %v", got.Data, want.Data)
	}
}

// TestPaddedConstantStays: a constant that is not zero meets zero padding.
func TestPaddedConstantStays(t *testing.T) {
	for _, tt := range []struct {
		name string
		pad  int
		want int
	}{{"padded", 1, 4}, {"unpadded", 0, 3}} {
		b, x := newNet(t, 4, 2, 6, 6)
		g := b.Done(b.conv(b.conv(x, 4, 3, 0, 1, op.Clamp{}), 3, 3, tt.pad, 1, op.Clamp{}))
		w := g.Params()[0]
		clear(w.Shadow.Data[:18])
		w.Refresh()
		in := randomInput(g, 1)
		want := run(t, g, in)
		if _, err := RemoveDead(g); err != nil {
			t.Fatal(err)
		}
		if w.Channels() != tt.want {
			t.Errorf("%s: %d channels left, want %d", tt.name, w.Channels(), tt.want)
		}
		expectClose(t, run(t, g, in), want, foldTol)
	}
}

// TestWholeLayerDead keeps one channel of each tensor.
func TestWholeLayerDead(t *testing.T) {
	g := networks["lenet"](t, 5)
	w := g.Params()[2]
	clear(w.Shadow.Data)
	w.Refresh()
	x := randomInput(g, 1)
	want := run(t, g, x)
	if _, err := RemoveDead(g); err != nil {
		t.Fatal(err)
	}
	if w.Channels() != 1 {
		t.Errorf("%d channels left, want 1", w.Channels())
	}
	expectClose(t, run(t, g, x), want, foldTol)
}

// quantizeRoughly puts every activation and parameter on a grid of powers of
// two, so that float32 sums are exact and equality can be demanded.
func quantizeRoughly(g *graph.Graph) {
	grid := func(v *graph.Value) { v.Grid = &graph.Affine{Scale: 1.0 / 16, Zero: -20} }
	for _, v := range g.Inputs {
		grid(v)
	}
	for _, n := range g.Nodes {
		if n.Outputs[0] != g.Outputs[0] {
			grid(n.Outputs[0])
		}
	}
	for _, p := range g.Params() {
		p.Grid = &graph.Grid{Scale: []float32{1.0 / 32}, Max: 127}
		if p.Role == graph.Bias {
			p.Grid = &graph.Grid{Scale: []float32{1.0 / 512}, Max: math.MaxInt32, Shift: 2}
		} else {
			scales := slices.Repeat([]float32{1.0 / 32}, p.Channels())
			p.Grid.Scale = scales
		}
		p.Refresh()
	}
}

// TestRemoveDeadQuantized: on grids the result is the same to the bit.
func TestRemoveDeadQuantized(t *testing.T) {
	for _, name := range []string{"lenet", "depthwise", "residual", "concat"} {
		t.Run(name, func(t *testing.T) {
			removed := 0
			for seed := uint64(0); seed < 8; seed++ {
				g := networks[name](t, seed)
				b, _ := newNet(t, seed+100, 1)
				emptyRandomly(b, g, 0.35)
				quantizeRoughly(g)
				for _, p := range g.Params() {
					if p.Role == graph.Weight { // a codebook of all values that occur
						p.Book = book(p)
						p.Refresh()
					}
				}
				x := randomInput(g, seed)
				want := run(t, g, x)
				r, err := RemoveDead(g)
				if err != nil {
					t.Fatal(err)
				}
				removed += r.Channels
				if got := run(t, g, x); !slices.Equal(got.Data, want.Data) {
					t.Fatalf("seed %d: %v, want %v", seed, got.Data, want.Data)
				}
				for _, p := range g.Params() {
					if len(p.Grid.Scale) != 1 && len(p.Grid.Scale) != p.Channels() {
						t.Errorf("%d scales for %d channels", len(p.Grid.Scale), p.Channels())
					}
				}
			}
			if removed < 10 {
				t.Errorf("only %d channels removed in all runs", removed)
			}
		})
	}
}

// book returns a codebook that holds exactly the quanta of p.
func book(p *graph.Param) *graph.Codebook {
	b := &graph.Codebook{Centroids: []float32{0}}
	for _, q := range p.Quanta() {
		i := slices.Index(b.Centroids, float32(q))
		if i < 0 {
			i = len(b.Centroids)
			b.Centroids = append(b.Centroids, float32(q))
		}
		b.Index = append(b.Index, uint8(i))
	}
	return b
}
