package simplify

import (
	"math"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// TestRemoveEqualsMasking: cutting random channels equals zeroing all rows that
// compute them and all columns that read them.
func TestRemoveEqualsMasking(t *testing.T) {
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(0); seed < 8; seed++ {
				g := build(t, seed)
				x := randomInput(g, seed)
				rng, _ := newNet(t, seed+7, 1)
				groups := Groups(g)
				var keep [][]bool
				for _, gr := range groups {
					k := make([]bool, gr.Channels)
					for i := range k {
						k[i] = i == 0 || rng.Rand.Float64() < 0.6
					}
					keep = append(keep, k)
					for _, s := range gr.In { // what the readers ignore has no effect
						for i, stays := range k {
							if !stays {
								zeroColumns(s.Param, s.Index[i])
							}
						}
					}
				}
				want, before := run(t, g, x), size(g)
				if err := Remove(g, groups, keep); err != nil {
					t.Fatal(err)
				}
				expectClose(t, run(t, g, x), want, foldTol)
				if size(g) >= before {
					t.Errorf("seed %d: %d values before, %d after", seed, before, size(g))
				}
			}
		})
	}
}

func zeroColumns(p *graph.Param, cols []int) {
	s := p.Shadow.Shape
	inner := len(p.Shadow.Data) / s[0] / s[1]
	for i := range p.Shadow.Data {
		if slices.Contains(cols, i/inner%s[1]) {
			p.Shadow.Data[i] = 0
		}
	}
	p.Refresh()
}

func TestGroups(t *testing.T) {
	g := networks["residual"](t, 1)
	groups := Groups(g)
	if len(groups) != 2 {
		t.Fatalf("%d groups, want 2: the residual pair and the layer inside", len(groups))
	}
	res, inner := groups[0], groups[1]
	if res.Channels != 6 || len(res.Out) != 4 || len(res.In) != 2 {
		t.Errorf("residual group: %d channels, %d producers, %d readers; want 6, 4 (two weights, two biases), 2", res.Channels, len(res.Out), len(res.In))
	}
	if inner.Channels != 5 || len(inner.Out) != 2 || len(inner.In) != 1 {
		t.Errorf("inner group: %d channels, %d producers, %d readers", inner.Channels, len(inner.Out), len(inner.In))
	}
	last := res.In[1] // the dense layer behind flatten: 3 x 3 columns for each channel
	if want := []int{9, 10, 11, 12, 13, 14, 15, 16, 17}; !slices.Equal(last.Index[1], want) {
		t.Errorf("columns of channel 1 are %v, want %v", last.Index[1], want)
	}
}

// TestGroupsLeaveOutputsAlone: neither input nor output channels are listed.
func TestGroupsLeaveOutputsAlone(t *testing.T) {
	b, x := newNet(t, 1, 3, 4, 4)
	g := b.Done(b.conv(x, 5, 3, 1, 1, relu))
	if groups := Groups(g); len(groups) != 0 {
		t.Errorf("%d groups in a network of one layer", len(groups))
	}
	b, x = newNet(t, 1, 4)
	h := b.dense(x, 5, relu)
	g = b.Done(b.dense(b.Node(op.Softmax{Axis: 1}, h), 2, op.Clamp{}))
	if groups := Groups(g); len(groups) != 0 {
		t.Errorf("%d groups before a softmax, whose channels depend on each other", len(groups))
	}
}

// TestSharedWeights: a layer used twice is cut for both uses.
func TestSharedWeights(t *testing.T) {
	b, x := newNet(t, 2, 4, 5, 5)
	w := b.Param(graph.Weight, 0.5, 6, 4, 1, 1)
	o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, Clamp: relu}
	l := b.Node(o, x, w, nil)
	r := b.Node(o, b.Node(op.Neg{}, x), w, nil)
	g := b.Done(b.conv(b.Node(op.Concat{Axis: 1}, l, r), 2, 1, 0, 1, op.Clamp{}))
	groups := Groups(g)
	if len(groups) != 1 || groups[0].Channels != 6 || len(groups[0].In[0].Index[0]) != 2 {
		t.Fatalf("groups %+v: one group of 6 channels with two columns each is expected", groups)
	}
	if err := Remove(g, groups, [][]bool{{true, false, true, true, false, true}}); err != nil {
		t.Fatal(err)
	}
	if got := g.Outputs[0].Shape[1]; got != 2 || w.Param.Channels() != 4 {
		t.Errorf("%d output channels, %d kernels", got, w.Param.Channels())
	}
}

func TestRemoveErrors(t *testing.T) {
	g := networks["lenet"](t, 1)
	groups := Groups(g)
	if err := Remove(g, groups, nil); err == nil {
		t.Error("missing lists are accepted")
	}
	if err := Remove(g, groups[:1], [][]bool{{true}}); err == nil {
		t.Error("a short list is accepted")
	}
	if err := Remove(networks["lenet"](t, 1), groups[:1], [][]bool{nil}); err == nil {
		t.Error("groups of another graph are accepted")
	}
	if err := Remove(g, groups[:1], [][]bool{make([]bool, groups[0].Channels)}); err == nil {
		t.Error("removal of all channels is accepted")
	}
}

// Channels that change places leave the network's results as they are, and come back.
func TestPermute(t *testing.T) {
	g := networks["lenet"](t, 1)
	x := randomInput(g, 1)
	want := slices.Clone(run(t, g, x).Data)
	for _, gr := range Groups(g) {
		if !gr.Exchangeable() {
			t.Fatalf("the channels of %s cannot change places", gr.Name)
		}
		order := make([]int, gr.Channels)
		for i := range order {
			order[i] = (gr.Channels + 1 - i) % gr.Channels
		}
		before := slices.Clone(gr.Out[0].Param.Shadow.Data)
		gr.Permute(order)
		if slices.Equal(before, gr.Out[0].Param.Shadow.Data) {
			t.Errorf("%s: nothing moved", gr.Name)
		}
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	for i, y := range run(t, g, x).Data {
		if math.Abs(float64(y-want[i])) > 1e-4 {
			t.Errorf("output %d is %v, was %v", i, y, want[i])
		}
	}
}
