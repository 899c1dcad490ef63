package search_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/eval"
	"edgec/internal/search"
	"edgec/internal/train"
)

// TestStrategies: the strategies that apply are run in the order of the table until one says
// that no dearer one is worth trying, and each takes no fewer training steps than those before.
func TestStrategies(t *testing.T) {
	int8, fine, untrained, before, limits, drop, pruning := "int8", "16 bits", "rounding alone", "rounding before training", "rounding to the limits, with fine-tuning", "rounding within the drop, with fine-tuning", "pruning"
	if got := search.StrategyNames(); !slices.Equal(got, []string{int8, fine, untrained, before, limits, drop, pruning, "the rest of the budget", "16 bits as a last resort"}) {
		t.Fatalf("strategies %q; this test does not know them", got)
	}
	for _, c := range []struct {
		name    string
		problem func(*testing.T) *problem
		change  func(*recipe)
		clock   search.Clock
		want    []string
	}{
		{"a drop, few samples", splitReconstruction, func(r *recipe) { r.NoLabels, r.MaxDrop = true, 100 }, nil, []string{int8, before, drop, pruning}},
		{"a drop, other samples", splitReconstruction, func(r *recipe) { r.NoLabels, r.MaxDrop, r.TrainedOn = true, 100, "no" }, nil, []string{int8, before, pruning}},
		{"no training", splitReconstruction, func(r *recipe) { r.MaxDrop, r.NoTraining = 60, true }, nil, []string{int8, untrained}},
		{"a large size", small(reconstruction), func(r *recipe) { r.MaxDrop, r.MaxSize = 0, 400 }, nil, []string{int8, limits}},
		{"a small size", small(reconstruction), func(r *recipe) { r.MaxDrop, r.MaxSize = 0, 150 }, nil, []string{int8, limits, pruning}},
		{"a time and a drop", splitReconstruction, func(r *recipe) { r.MaxDrop, r.MaxLatency = 100, time.Second }, byKept, []string{int8, before, pruning}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, r := c.problem(t), quick()
			r.Effort = effort(0.03, 0.1)
			c.change(&r)
			var runs []search.StrategyRun
			steps, last := 0, 0
			restore := search.WatchStrategies(func(string) { steps = 0 }, func(run search.StrategyRun) {
				if runs = append(runs, run); steps < last {
					t.Errorf("%q takes %d training steps, a cheaper strategy %d", run.Name, steps, last)
				}
				last = steps
			})
			defer restore()
			_, err := compressTimed(context.Background(), p.model(t), p.data, r, c.clock, func(g search.Progress) {
				if g.Total > 0 && g.Stage != "lambda" && g.Stage != "round" && g.Stage != "measure" {
					steps++
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for i, run := range runs {
				if names = append(names, run.Name); run.Done && i != len(runs)-1 {
					t.Errorf("%q was the last to be worth trying, then came %+v", run.Name, runs[i+1:])
				}
			}
			if !slices.Equal(names, c.want) {
				t.Errorf("ran %q, want %q", names, c.want)
			}
			if end := runs[len(runs)-1]; end.Name != pruning && end.Name != untrained && !end.Done {
				t.Errorf("after %q no dearer strategy was tried", end.Name)
			}
			if c.want[len(c.want)-1] != untrained && steps == 0 {
				t.Error("nothing was trained")
			}
		})
	}
}

// A strategy whose training diverges loses no file of the others, and the result says so. Without a file
// the search fails.
func TestDiverged(t *testing.T) {
	p, r := small(reconstruction)(t), quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 150, 0.05
	restore := search.Diverge("pruning")
	res := compress(t, p, r)
	restore()
	if !strings.Contains(strings.Join(res.Warnings, "\n"), "pruning ended early, so that a better file may have been missed: train: the loss is not finite") {
		t.Errorf("warnings: %q", res.Warnings)
	}
	if n := len(res.Best.Bytes); n == 0 || n > r.MaxSize {
		t.Errorf("the answer has %d bytes", n)
	}
	defer search.Diverge("int8")()
	if _, err := compressWith(context.Background(), p.model(t), p.data, r, nil); !errors.Is(err, train.ErrDiverged) {
		t.Errorf("without a file: %v", err)
	}
}

// TestStudyUnchanged: no stage changes the study, nor the track that it was given, nor does a
// search as a whole.
func TestStudyUnchanged(t *testing.T) {
	for _, c := range []struct {
		name    string
		problem func(*testing.T) *problem
		change  func(*testing.T, *recipe)
		until   string // "": to the end
		stages  int
	}{
		{"a drop", splitReconstruction, func(_ *testing.T, r *recipe) { r.NoLabels, r.MaxDrop = true, 100 }, "", 4},
		{"a size", small(reconstruction), func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxSize = 0, 150 }, "", 4},
		{"no training", small(reconstruction), func(_ *testing.T, r *recipe) { r.MaxDrop, r.NoTraining = 10, true }, "", 0},
		{"pooling and a teacher", small(perceptron), func(t *testing.T, r *recipe) {
			r.MaxDrop, r.TrainedOn, r.Effort, r.Teacher = 4, "no", 0.02, get(t, perceptron).model(t)
		}, "prune", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, r := c.problem(t), quick()
			r.Effort = 0.05
			c.change(t, &r)
			ended := 0
			restore := search.WatchStages(func(name string, unchanged bool) {
				if ended++; !unchanged {
					t.Errorf("stage %q has changed what it was given", name)
				}
			})
			defer restore()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s, err := search.New(context.Background(), search.Subject{Model: p.model(t), Teacher: r.Teacher, Data: p.data}, r.config(), func(g search.Progress) {
				if g.Stage == c.until {
					cancel()
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			before := s.Hash()
			if res, err := s.Run(ctx); res == nil || len(res.Candidates) == 0 {
				t.Fatal(err)
			}
			if s.Hash() != before {
				t.Error("the search has changed its study")
			}
			if ended != c.stages {
				t.Errorf("%d stages have ended, want %d", ended, c.stages)
			}
		})
	}
}

// TestStudyUnchangedByChannels: the same of channel pruning, which keeps wide networks.
func TestStudyUnchangedByChannels(t *testing.T) {
	res, ended := unhurried(t)
	for name, unchanged := range ended {
		if !unchanged {
			t.Errorf("stage %q has changed what it was given", name)
		}
	}
	if cuts := accepted(res, "channels"); cuts == 0 || len(ended) != 3 {
		t.Errorf("%d cuts in stages %v", cuts, ended)
	}
}

// TestDrop: the smallest file within a drop, measured by the runtime from its bytes.
func TestDrop(t *testing.T) {
	p, r := get(t, classification), quick()
	r.Effort = effort(0.1, r.Effort)
	res := compress(t, p, r)
	sound(t, p, r, res)
	if res.Float.Task != "accuracy" || !res.TrainedOn || res.Interrupted != "" {
		t.Errorf("task %q, trained on the data: %v, interrupted: %q", res.Float.Task, res.TrainedOn, res.Interrupted)
	}
	if n := search.Params(p.model(t).Graph); res.Best.Size() > len(p.file)/6 || res.Best.Size() >= res.Candidates[0].Size() || res.Best.Shape.Kept > n/2 {
		t.Errorf("%d bytes and %d weights of %d and %d: nothing was won", res.Best.Size(), res.Best.Shape.Kept, len(p.file), n)
	}
	for _, name := range []string{"int8", "round", "learning rate", "prune", "one-shot", "file"} {
		if !slices.Contains(stepNames(res), name) {
			t.Errorf("no step %q in %q", name, stepNames(res))
		}
	}
	test := p.data.Test
	want := errorOf(execute(t, res.Best.Bytes, test), test.Labels)
	if got := res.Test.File; math.Abs(got.Error-want) > 1e-9 || got.N != test.Len() || math.Abs(got.Accuracy+got.Error-100) > 1e-9 {
		t.Errorf("the result says %+v on the test part, the runtime has an error of %v", got, want)
	}
	h, err := eval.NewHoldout(context.Background(), p.model(t).Graph, eval.Classification{}, test, 2)
	if err != nil {
		t.Fatal(err)
	}
	if float := h.Float(); float != res.Test.Float {
		t.Errorf("the result says %+v of the float network on the test part, it has %+v", res.Test.Float, float)
	}
	if most := res.Test.Float.Error + r.MaxDrop + 4*res.Best.Error; want > most {
		t.Errorf("test error %v of the file, %v of the network; four standard errors above the limit are %v", want, res.Test.Float.Error, most)
	}
}

// TestIsReproducible: equal seeds give equal files on any number of threads.
func TestIsReproducible(t *testing.T) {
	p, r := splitReconstruction(t), quick()
	r.NoLabels, r.MaxDrop, r.Effort = true, 100, 0.1
	if deep.On() {
		p, r = get(t, classification), quick()
	}
	two := compress(t, p, r)
	r.Threads = 1
	one := compress(t, p, r)
	if len(one.Candidates) != len(two.Candidates) {
		t.Fatalf("%d files on one thread, %d on two", len(one.Candidates), len(two.Candidates))
	}
	for i := range one.Candidates {
		if !bytes.Equal(one.Candidates[i].Bytes, two.Candidates[i].Bytes) {
			t.Errorf("file %d differs: %d and %d bytes", i, one.Candidates[i].Size(), two.Candidates[i].Size())
		}
	}
	if !bytes.Equal(one.Best.Bytes, two.Best.Bytes) {
		t.Error("the answers differ")
	}
}

// TestSize: the best file within a size.
func TestSize(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 500, 0.1
	res := compress(t, p, r)
	sound(t, p, r, res)
	if res.Best.Size() < 350 {
		t.Errorf("%d bytes where 500 may be had: the slack could have kept more weights", res.Best.Size())
	}
}

// TestFinalSize: where a size is asked for, a file that may be the answer has its units moved when it
// is compared with the size; otherwise only the answer's are, which takes less time.
func TestFinalSize(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxSize = 0, 500
	way, final, err := study(t, p, r).FinalSizes()
	if err != nil || final >= way {
		t.Errorf("a size: %d bytes on the way, %d at the end, %v", way, final, err)
	}
	r.MaxDrop, r.MaxSize = 1, 0
	way, final, err = study(t, p, r).FinalSizes()
	if err != nil || final != way {
		t.Errorf("a drop: %d bytes on the way, %d at the end, %v", way, final, err)
	}
}

// TestSizes: a size is used up by the number of weights, or, where all are kept, by finer
// values; a size between the files with and without the weights of dead units, which go
// together, is kept too.
func TestSizes(t *testing.T) {
	deep.Only(t)
	p, r := get(t, classification), quick()
	r.MaxDrop = 0
	for _, most := range []int{350, 900} {
		r.MaxSize = most
		largest := 0
		for _, q := range compress(t, p, r).Candidates {
			if q.Size() <= most {
				largest = max(largest, q.Size())
			}
		}
		if largest < most*9/10 {
			t.Errorf("the largest file within %d bytes has %d", most, largest)
		}
	}
	r.MaxSize = 568
	if res := compress(t, p, r); res.Best.Size() > 568 {
		t.Errorf("%d bytes where 568 were asked for", res.Best.Size())
	}
}

// TestSizeAndDrop: with two limits both hold.
func TestSizeAndDrop(t *testing.T) {
	p, r := get(t, reconstruction), quick()
	r.MaxDrop, r.MaxSize = 60, 200
	if deep.On() {
		p, r.MaxDrop, r.MaxSize = get(t, classification), 4, 700
	}
	res := compress(t, p, r)
	sound(t, p, r, res)
	if res.Best.Size() > r.MaxSize || res.Best.Drop > r.MaxDrop {
		t.Errorf("%d bytes at a drop of %v", res.Best.Size(), res.Best.Drop)
	}
}

// TestNoLossAndSize: "no loss and at most 2,000 bytes" gives the smallest file that loses
// nothing, and not the best one of that size.
func TestNoLossAndSize(t *testing.T) {
	p, r := get(t, classification), quick()
	zero := 0.0
	r.NoTraining = true
	c := r.config()
	c.Objective = search.Objective{MaxDrop: &zero, MaxSize: 2000}
	s, err := search.New(context.Background(), search.Subject{Model: p.model(t), Data: p.data}, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b := res.Best
	if b.Drop > 0 || b.Size() > 2000 || !b.Meets {
		t.Errorf("%d bytes at a drop of %v, meets %v", b.Size(), b.Drop, b.Meets)
	}
	if b.Size() > 1000 {
		t.Errorf("%d bytes: the size was used up, and not the drop", b.Size())
	}
	for _, q := range res.Candidates {
		if want := q.Drop <= 0 && q.Size() <= 2000; q.Meets != want {
			t.Errorf("%d bytes at a drop of %v: meets %v", q.Size(), q.Drop, q.Meets)
		}
	}
}

// TestWithoutTraining: weights are pruned and rounded by what their inputs have
// in common, with labels and without, to a loss and to a size; nothing is trained.
func TestWithoutTraining(t *testing.T) {
	for name, c := range map[string]struct {
		problem func() (*problem, error)
		change  func(*recipe)
	}{
		"labels":         {classification, func(*recipe) {}},
		"no labels":      {classification, func(r *recipe) { r.NoLabels = true }},
		"reconstruction": {reconstruction, func(r *recipe) { r.MaxDrop = 10 }},
		"size":           {classification, func(r *recipe) { r.MaxDrop, r.MaxSize = 0, 500 }},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := get(t, c.problem), quick()
			r.NoTraining = true
			c.change(&r)
			res := compress(t, p, r)
			sound(t, p, r, res)
			if res.Float.N != res.Best.Metrics.N {
				t.Errorf("the float network is measured on %d samples, the file on %d", res.Float.N, res.Best.Metrics.N)
			}
			int8 := res.Candidates[0]
			if res.Best.Size() > int8.Size()*3/4 || res.Best.Shape.Kept >= int8.Shape.Kept {
				t.Errorf("%d bytes with %d weights, without pruning %d bytes with %d", res.Best.Size(), res.Best.Shape.Kept, int8.Size(), int8.Shape.Kept)
			}
			if got := stepNames(res); !slices.Equal(got, []string{"int8", "round"}) {
				t.Errorf("steps %q", got)
			}
		})
	}
}

// TestTrainedOn: what a drop is taken from follows from the configuration.
func TestTrainedOn(t *testing.T) {
	p, r := get(t, classification), quick()
	r.NoTraining = true
	for _, tt := range []struct {
		says string
		test *dataset.Set
		want bool
	}{{"", p.data.Test, true}, {"", nil, false}, {"no", p.data.Test, false}, {"yes", nil, true}} {
		r.TrainedOn, r.MaxDrop = tt.says, 10
		res, err := compressWith(context.Background(), p.model(t), &dataset.Splits{Train: p.data.Train, Test: tt.test}, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, p, r, res)
		if res.TrainedOn != tt.want || (res.Test != nil) != (tt.test != nil) {
			t.Errorf("trained on %q, test part %v: %v, tested %v", tt.says, tt.test != nil, res.TrainedOn, res.Test != nil)
		}
	}
}
