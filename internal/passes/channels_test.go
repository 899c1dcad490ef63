package passes

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

func paramsOf(g *graph.Graph) (n int) {
	for _, p := range g.Params() {
		n += len(p.Shadow.Data)
	}
	return n
}

func macsOf(g *graph.Graph) (n int64) {
	for _, node := range g.Nodes {
		n += op.MACs(node)
	}
	return n
}

func forward(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(tape.Forward(x)[0].Data)
}

// TestObserve: a channel's score grows by (sum over its weights and bias of
// w dL/dw)^2 at every step.
func TestObserve(t *testing.T) {
	g := convNet(t, 1)
	f := NewChannelScores(g)
	if channels, groups := f.Channels(); channels != 24 || groups != 3 {
		t.Fatalf("%d channels in %d groups", channels, groups)
	}
	tr := newTrainer(t, g, nil)
	r := newRand(2)
	want := map[int][]float64{}
	for step := 0; step < 3; step++ {
		b := train.Single(normal(r, 16, 2, 10, 10), nil, normal(r, 16, 3))
		if _, err := tr.Gradients(b); err != nil {
			t.Fatal(err)
		}
		f.Observe(tr)
		for k, node := range []int{0, 2, 4} {
			in := g.Nodes[node].Inputs
			w, bias := in[1].Param, in[2].Param
			if want[k] == nil {
				want[k] = make([]float64, w.Channels())
			}
			row := len(w.Shadow.Data) / w.Channels()
			for c := range want[k] {
				sum := float64(bias.Value.Data[c]) * float64(tr.Gradient(bias)[c])
				for i := c * row; i < (c+1)*row; i++ {
					sum += float64(w.Value.Data[i]) * float64(tr.Gradient(w)[i])
				}
				want[k][c] += sum * sum
			}
		}
	}
	for k := range f.score {
		for c, got := range f.score[k] {
			near(t, fmt.Sprintf("score of channel %d in group %d", c, k), got, want[k][c], 1e-6)
		}
	}
}

// TestObserveInputs: E|<x,w>| / sqrt(||w||_2), the largest of a layer scaled to 1.
func TestObserveInputs(t *testing.T) {
	g := convNet(t, 3)
	x := normal(newRand(4), 6, 2, 10, 10)
	f := NewChannelScores(g)
	if err := f.ObserveInputs(x); err != nil {
		t.Fatal(err)
	}
	responses, err := Responses(g, x)
	if err != nil {
		t.Fatal(err)
	}
	for k, node := range []int{0, 2, 4} {
		w := g.Nodes[node].Inputs[1].Param
		row := len(w.Shadow.Data) / w.Channels()
		want := make([]float64, w.Channels())
		for c := range want {
			norm := 0.0
			for _, v := range w.Shadow.Data[c*row : (c+1)*row] {
				norm += float64(v) * float64(v)
			}
			want[c] = float64(responses[w][c]) / math.Sqrt(math.Sqrt(norm))
		}
		top := slices.Max(want)
		for c := range want {
			near(t, fmt.Sprintf("score of channel %d in group %d", c, k), f.score[k][c], want[c]/top, 1e-6)
		}
	}
}

// TestPruneChannels: the network without its least channels computes what the whole one
// does when nobody reads them, and costs what was asked for.
func TestPruneChannels(t *testing.T) {
	for _, rest := range []float64{0.9, 0.6, 0.4, 0} {
		t.Run(fmt.Sprint(rest), func(t *testing.T) {
			g := convNet(t, 5)
			whole := g.Clone()
			newTrainer(t, g, nil) // gives the parameters a state, which must narrow too
			f := NewChannelScores(g)
			r := newRand(6)
			for k := range f.score {
				for c := range f.score[k] {
					f.score[k][c] = r.Float64()
				}
			}
			units := byValue(g, f)
			cost := func(g *graph.Graph) float64 {
				return (float64(paramsOf(g))/float64(paramsOf(whole)) + float64(macsOf(g))/float64(macsOf(whole))) / 2
			}
			removed, err := f.Prune(rest)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Check(); err != nil {
				t.Fatal(err)
			}
			widths := []int{g.Nodes[0].Outputs[0].Shape[1], g.Nodes[2].Outputs[0].Shape[1], g.Nodes[4].Outputs[0].Shape[1]}
			if got := 24 - widths[0] - widths[1] - widths[2]; got != removed {
				t.Errorf("%d channels went, %d are reported", got, removed)
			}
			atFloor := slices.Equal(widths, []int{3, 4, 5})
			if c := cost(g); c > rest+1e-9 && !atFloor {
				t.Errorf("cost %v, asked for %v; widths %v", c, rest, widths)
			}
			if rest == 0 && !atFloor {
				t.Errorf("widths %v: every group must be at its floor", widths)
			}
			for _, u := range leastUnits(units, removed) {
				deafen(whole, u.group, u.channel)
			}
			x := normal(newRand(7), 4, 2, 10, 10)
			want, got := forward(t, whole, x), forward(t, g, x)
			for i := range want {
				near(t, fmt.Sprintf("output %d", i), float64(got[i]), float64(want[i]), 1e-5)
			}
			if _, err := newTrainer(t, g, nil).Step(train.Single(x, []int{0, 1, 2, 0}, nil), 1e-3); err != nil {
				t.Error(err)
			}
		})
	}
}

// unit is a channel of a group of convNet; value is its score for what it costs.
type unit struct {
	group, channel int
	value          float64
}

// byValue lists the channels, the least valuable first.
func byValue(g *graph.Graph, f *ChannelScores) (units []unit) {
	for k := range f.score {
		all, left := []int{6, 8, 10}, []int{6, 8, 10}
		left[k]--
		price := 1 - prune.NetworkCost(channelCosts(g, f.groups), all, left)
		for c, s := range f.score[k] {
			units = append(units, unit{k, c, s / price})
		}
	}
	slices.SortFunc(units, func(a, b unit) int {
		if a.value < b.value {
			return -1
		}
		return 1
	})
	return units
}

// leastUnits is the slow version of the choice: the first n units, those that
// would take a group below its floor aside.
func leastUnits(units []unit, n int) (gone []unit) {
	left := []int{6, 8, 10}
	for _, u := range units {
		if len(gone) < n && left[u.group] > []int{3, 4, 5}[u.group] {
			gone = append(gone, u)
			left[u.group]--
		}
	}
	return gone
}

// deafen clears the weights that read channel c of a group of convNet.
func deafen(g *graph.Graph, group, c int) {
	reader := g.Nodes[[]int{2, 4, 5}[group]].Inputs[1].Param
	w := reader.Shadow
	cols := len(w.Data) / w.Shape[0]
	span := cols / []int{6, 8, 10}[group]
	for r := 0; r < w.Shape[0]; r++ {
		clear(w.Data[r*cols+c*span : r*cols+(c+1)*span])
	}
	reader.Refresh()
}

// TestFor: scores serve for clones, which are cut as the network itself would be,
// again and again; the network stays whole.
func TestFor(t *testing.T) {
	g := convNet(t, 5)
	f := NewChannelScores(g)
	r := newRand(6)
	for k := range f.score {
		for c := range f.score[k] {
			f.score[k][c] = r.Float64()
		}
	}
	x := normal(newRand(7), 4, 2, 10, 10)
	whole := forward(t, g, x)
	var cut [2][]float32
	for i := range cut {
		clone := g.Clone()
		if n, err := f.For(clone).Prune(0.6); n == 0 || err != nil {
			t.Fatalf("%d channels, %v", n, err)
		}
		cut[i] = forward(t, clone, x)
	}
	if !slices.Equal(forward(t, g, x), whole) {
		t.Error("the network that was scored has changed")
	}
	if _, err := f.Prune(0.6); err != nil {
		t.Fatal(err)
	}
	if want := forward(t, g, x); !slices.Equal(cut[0], want) || !slices.Equal(cut[1], want) {
		t.Error("a clone is cut otherwise than the network")
	}
}

func TestPruneChannelsNothing(t *testing.T) {
	g := convNet(t, 8)
	f := NewChannelScores(g)
	if n, err := f.Prune(1.01); n != 0 || err != nil {
		t.Errorf("%d channels, %v", n, err)
	}
	small := newChain(t, 9, 4).then(op.Dense{Clamp: rectify}, 2, 4).then(op.Dense{}, 3, 2).done()
	if n, err := NewChannelScores(small).Prune(0); n != 0 || err != nil {
		t.Errorf("two channels are the floor: %d went, %v", n, err)
	}
	one := newChain(t, 10, 4).then(op.Dense{}, 2, 4).done()
	none := NewChannelScores(one)
	if c, groups := none.Channels(); c != 0 || groups != 0 {
		t.Errorf("outputs can be removed: %d channels", c)
	}
	if n, err := none.Prune(0); n != 0 || err != nil {
		t.Errorf("%d channels, %v", n, err)
	}
}

// TestCosts: the predicted cost of a narrower network is what it has.
func TestCosts(t *testing.T) {
	g := convNet(t, 11)
	whole := g.Clone()
	f := NewChannelScores(g)
	tensors, all := channelCosts(g, f.groups), []int{6, 8, 10}
	near(t, "the whole cost", prune.NetworkCost(tensors, all, all), 1, 1e-12)
	r := newRand(12)
	for k := range f.score {
		for i := range f.score[k] {
			f.score[k][i] = r.Float64()
		}
	}
	if _, err := f.Prune(0.5); err != nil {
		t.Fatal(err)
	}
	left := []int{g.Nodes[0].Outputs[0].Shape[1], g.Nodes[2].Outputs[0].Shape[1], g.Nodes[4].Outputs[0].Shape[1]}
	want := (float64(paramsOf(g))/float64(paramsOf(whole)) + float64(macsOf(g))/float64(macsOf(whole))) / 2
	near(t, "the predicted cost", prune.NetworkCost(tensors, all, left), want, 1e-9)
}
