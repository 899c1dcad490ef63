package passes

import (
	"errors"
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

func constantRate(float64) float64 { return 3e-3 }

func masksOf(ls []*Layer) []float32 {
	var m []float32
	for _, l := range ls {
		m = append(m, l.Param.Mask...)
	}
	return m
}

func nothing(int) error { return nil }

// TestGradualPruningKeeps: after a run the asked number of elements is kept, for
// every criterion, and the effective weights are those of the masks.
func TestGradualPruningKeeps(t *testing.T) {
	for _, c := range []prune.Criterion{"", prune.Fisher, prune.Magnitude, prune.Input} {
		for _, steps := range []int{20, 31, 50, 75, 120, 200} {
			t.Run(fmt.Sprint(c, steps), func(t *testing.T) {
				g := denseNet(t, 1)
				tr := newTrainer(t, g, nil)
				next := task(2)
				for i := 0; i < 10; i++ { // scores need a Fisher estimate
					b, _ := next()
					if _, err := tr.Step(b, 3e-3); err != nil {
						t.Fatal(err)
					}
				}
				ls := NewLayers(g)
				start := Kept(ls)
				if start != Total(ls) || start != paramsOf(g) {
					t.Fatalf("%d of %d kept at first", start, Total(ls))
				}
				r := GradualPruning{Keep: start / 3, Steps: steps, Criterion: c, Rate: constantRate, Graph: g, Samples: []*tensor.Tensor{normal(newRand(3), 20, 8)}}
				calls := 0
				m, err := r.Run(tr, ls, next, func(step int) error {
					if calls++; step != calls {
						t.Fatalf("call %d is told %d steps", calls, step)
					}
					return nil
				})
				if err != nil || calls != steps {
					t.Fatalf("%d steps, %v", calls, err)
				}
				if got := Kept(ls); got != start/3 {
					t.Errorf("%d kept, want %d", got, start/3)
				}
				if m.Pruned-m.Spliced != start-start/3 {
					t.Errorf("%d pruned, %d spliced back, but %d are gone", m.Pruned, m.Spliced, start-start/3)
				}
				for _, l := range ls {
					for i, v := range l.Param.Value.Data {
						if want := l.Param.Shadow.Data[i] * l.Param.Mask[i]; l.Param.Mask[i] == 0 && v != 0 || l.Param.Mask[i] == 1 && v != want {
							t.Fatalf("%s[%d]: effective %v, shadow %v, mask %v", l.Param.Name, i, v, l.Param.Shadow.Data[i], l.Param.Mask[i])
						}
					}
				}
				if err := g.Check(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestRamp: at every update the number kept is on the cubic ramp, and after
// Freeze the masks stay.
func TestRamp(t *testing.T) {
	g := denseNet(t, 4)
	tr := newTrainer(t, g, nil)
	ls := NewLayers(g)
	start, keep := Kept(ls), 100
	r := GradualPruning{Keep: keep, Steps: 100, Every: 10, Ramp: 0.5, Freeze: 0.7, Criterion: prune.Magnitude, Rate: constantRate}
	var settled []float32
	changed := 0
	last := masksOf(ls)
	m, err := r.Run(tr, ls, task(5), func(step int) error {
		now := masksOf(ls)
		if done := float64(step-1) / 100; (step-1)%10 == 0 && done <= 0.7 {
			u := math.Min(1, done/0.5)
			if want := keep + int(float64(start-keep)*math.Pow(1-u, 3)); Kept(ls) != want {
				t.Errorf("step %d: %d kept, want %d", step, Kept(ls), want)
			}
			settled = now
		} else if !slices.Equal(now, settled) {
			t.Errorf("step %d: the masks have moved", step)
		}
		for i := range now {
			if now[i] != last[i] {
				changed++
			}
		}
		last = now
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.Pruned+m.Spliced != changed {
		t.Errorf("%d pruned and %d spliced, but %d elements of masks have changed", m.Pruned, m.Spliced, changed)
	}
}

// TestPart: a run in parts, each with a trainer and layers of its own, does what the
// run does in one.
func TestPart(t *testing.T) {
	whole := func() ([]float32, Moves) {
		g := denseNet(t, 4)
		ls := NewLayers(g)
		m, err := GradualPruning{Keep: 100, Steps: 100, Freeze: 0.7, Rate: constantRate}.Run(newTrainer(t, g, nil), ls, task(5), nothing)
		if err != nil {
			t.Fatal(err)
		}
		return shadows(g), m
	}
	parts := func() ([]float32, Moves) {
		g := denseNet(t, 4)
		r := GradualPruning{Keep: 100, Start: Total(NewLayers(g)), Steps: 100, Freeze: 0.7, Rate: constantRate}
		next := task(5)
		var moves Moves
		from := 0
		for _, to := range []int{0, 1, 33, 50, 50, 98, 100} {
			tr, err := train.New(g, train.Config{Batch: 32, Threads: 1, Done: from})
			if err != nil {
				t.Fatal(err)
			}
			steps := from
			m, err := r.Part(from, to, tr, NewLayers(g), next, func(step int) error {
				if steps++; step != steps {
					t.Fatalf("step %d is told as %d", steps, step)
				}
				return nil
			})
			if err != nil || steps != to {
				t.Fatalf("%d steps of %d to %d, %v", steps, from, to, err)
			}
			moves.Add(m)
			from = to
		}
		return shadows(g), moves
	}
	w, m := whole()
	v, n := parts()
	if !slices.Equal(w, v) || m != n {
		t.Errorf("in parts %+v, in one %+v, equal weights: %v", n, m, slices.Equal(w, v))
	}
}

func shadows(g *graph.Graph) []float32 {
	var w []float32
	for _, p := range g.Params() {
		w = append(w, p.Shadow.Data...)
	}
	return w
}

// TestSplicing: a pruned weight goes on receiving gradient; when its shadow has
// grown, it comes back, and the useless one that stood in for it goes.
func TestSplicing(t *testing.T) {
	g := newChain(t, 6, 2).then(op.Dense{}, 1, 2).done()
	w := g.Params()[0]
	g.Nodes[0].Inputs[2] = nil // no bias
	copy(w.Shadow.Data, []float32{0.05, 1})
	w.Mask = []float32{0, 1}
	tr := newTrainer(t, g, train.MeanSquare{})
	if w.Value.Data[0] != 0 {
		t.Fatal("the pruned weight has an effect")
	}
	r := newRand(7)
	next := func() (train.Batch, error) {
		b := train.Single(normal(r, 32, 2), nil, tensor.New(32, 1))
		for i := range b.Targets[0].Data {
			b.Targets[0].Data[i] = 3*b.X[0].Data[2*i] + 0.1*b.X[0].Data[2*i+1]
		}
		return b, nil
	}
	ls := NewLayers(g)
	m, err := GradualPruning{Keep: 1, Steps: 300, Every: 10, Criterion: prune.Magnitude, Rate: func(float64) float64 { return 0.03 }}.Run(tr, ls, next, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if w.Mask[0] != 1 || w.Mask[1] != 0 || m.Spliced != 1 || m.Pruned != 1 {
		t.Errorf("mask %v of weights %v; %+v", w.Mask, w.Shadow.Data, m)
	}
	if math.Abs(float64(w.Value.Data[0])-3) > 0.2 || w.Value.Data[1] != 0 {
		t.Errorf("effective weights %v, want about 3 and 0", w.Value.Data)
	}
}

func TestGradualPruningStops(t *testing.T) {
	boom := errors.New("boom")
	g := denseNet(t, 8)
	r := GradualPruning{Keep: 50, Steps: 40, Criterion: prune.Magnitude, Rate: constantRate}
	steps := 0
	_, err := r.Run(newTrainer(t, g, nil), NewLayers(g), task(1), func(step int) error {
		if steps = step; step == 7 {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) || steps != 7 {
		t.Errorf("after: %v after %d steps", err, steps)
	}
	_, err = r.Run(newTrainer(t, g, nil), NewLayers(g), func() (train.Batch, error) { return train.Batch{}, boom }, nothing)
	if !errors.Is(err, boom) {
		t.Errorf("next: %v", err)
	}
	bad := func() (train.Batch, error) {
		b, _ := task(2)()
		b.X[0].Data[0] = float32(math.NaN())
		return b, nil
	}
	if _, err = r.Run(newTrainer(t, g, nil), NewLayers(g), bad, nothing); err == nil {
		t.Error("NaN was trained on")
	}
}

// Gains pass to the layers of another copy of the network by the parameters' names.
func TestGains(t *testing.T) {
	layer := func(name string) *Layer { return newLayer(graph.NewParam(name, graph.Weight, tensor.New(1))) }
	ls := []*Layer{layer("hurt"), layer("fine")}
	ls[0].Gain = 0.8
	gains := Gains(ls)
	if len(gains) != 1 || gains["hurt"] != 0.8 {
		t.Errorf("gains by name: %v", gains)
	}
	fresh := []*Layer{layer("fine"), layer("hurt"), layer("new")}
	SetGains(fresh, gains)
	if fresh[0].Gain != 1 || fresh[1].Gain != 0.8 || fresh[2].Gain != 1 {
		t.Errorf("restored gains %v %v %v", fresh[0].Gain, fresh[1].Gain, fresh[2].Gain)
	}
}

// Layers work on the parameter's own slices, also those that training has made since.
func TestApply(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{3, 1, 2}, 3))
	p.Mask = []float32{1, 1, 1}
	l := newLayer(p)
	p.State = [][]float32{make([]float32, 3), {4, 4, 4}, make([]float32, 3)}
	l.score(prune.Magnitude, nil)
	ls := []*Layer{l}
	if pruned, spliced := Apply(ls, Threshold(ls, 2)); pruned != 1 || spliced != 0 || !slices.Equal(p.Mask, []float32{1, 0, 1}) {
		t.Errorf("%d pruned, %d spliced, mask %v", pruned, spliced, p.Mask)
	}
	near(t, "harm", l.Harm, 0.5*4*1, 1e-6)
	Decay(ls)
	if want := []float32{3, 1 * float32(0.999), 2}; !slices.Equal(p.Shadow.Data, want) {
		t.Errorf("shadows %v, want %v", p.Shadow.Data, want)
	}
}

func TestNewLayers(t *testing.T) {
	c := newChain(t, 10, 3).then(op.Dense{}, 2, 3)
	k := c.param(graph.Constant, 2)
	y := &graph.Value{Name: "y", Shape: tensor.Shape{1, 2}}
	c.g.Nodes = append(c.g.Nodes, &graph.Node{Name: "scale", Op: op.Mul{}, Inputs: []*graph.Value{c.v, k}, Outputs: []*graph.Value{y}})
	c.v = y
	g := c.done()
	g.Params()[0].Mask = []float32{1, 0, 1, 0, 1, 0}
	ls := NewLayers(g)
	if len(ls) != 2 || Kept(ls) != 3+2 || Total(ls) != 8 || ls[0].Gain != 1 || k.Param.Mask != nil {
		t.Errorf("%d layers, %d of %d kept, mask of the constant %v", len(ls), Kept(ls), Total(ls), k.Param.Mask)
	}
}
