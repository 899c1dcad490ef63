package search

import (
	"context"
	"strings"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/tensor"
)

// The phases are entered in order. One that is passed over is named, with the reason; a
// name without a phase belongs to the one that runs.
func TestPhases(t *testing.T) {
	for _, c := range []struct {
		name, interrupted string
		enter             []string
		want              string
	}{
		{"all", "", []string{"a", "b", "c", "d"}, "1 a, 2 b, 3 c, 4 d"},
		{"good enough", "", []string{"a", "d"}, "1 a, 3 stages 2 to 3 are not needed: a file is good enough, 4 d"},
		{"a budget", budgetUsedUp, []string{"a", "b", "d"}, "1 a, 2 b, 3 stage 3 is left out: its share of the budget is used up, 4 d"},
		{"interrupted", "interrupted", []string{"a", "d"}, "1 a, 3 stages 2 to 3 are left out, 4 d"},
		{"a part", "", []string{"a", "x", "b", "c", "c", "d"}, "1 a, 2 b, 3 c, 4 d"},
	} {
		var seen []string
		l := newLedger(func(p Progress) {
			if p.Stage != "stage" {
				t.Errorf("%s: event %+v", c.name, p)
			}
			if p.Of != 4 {
				t.Errorf("%s: %d phases", c.name, p.Of)
			}
			seen = append(seen, strings.TrimSpace(strings.Join([]string{string(rune('0' + p.Number)), p.Title + p.Note}, " ")))
		})
		l.outlook.plan = []phase{{"a", "a", nil}, {"b", "b", nil}, {"c", "c", nil}, {"d", "d", nil}}
		l.interrupted = c.interrupted
		for _, name := range c.enter {
			l.enter(name)
		}
		if got := strings.Join(seen, ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The plan has a phase for each strategy that applies.
func TestPlan(t *testing.T) {
	limits := Objective{MaxSize: 100}
	for _, c := range []struct {
		name   string
		change func(s *Study)
		want   string
	}{
		{"a drop", func(s *Study) {}, "float, int8, rounding before training, learning rate, pooling, prune, files, answer"},
		{"a drop, few samples", func(s *Study) { s.memory.trainedOn, s.taught = true, 100 }, "float, int8, rounding before training, rounding within the drop, with fine-tuning, learning rate, pooling, prune, files, answer"},
		{"a size", func(s *Study) { s.config.Objective = limits }, "float, int8, rounding to the limits, with fine-tuning, learning rate, pooling, prune, files, answer"},
		{"a budget", func(s *Study) { s.config.Objective, s.config.Budget = limits, time.Minute }, "float, int8, rounding to the limits, with fine-tuning, learning rate, pooling, prune, files, the rest of the budget, answer"},
		{"no training", func(s *Study) { s.config.NoTraining = true }, "float, int8, rounding alone, answer"},
	} {
		s := asked(within(1))
		c.change(s)
		var names []string
		for _, p := range s.plan() {
			if names = append(names, p.name); p.title == "" {
				t.Errorf("%s: %q has no title", c.name, p.name)
			}
		}
		if got := strings.Join(names, ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The time left is that of the work to come at the pace that was seen, and of a budget
// what is left of it.
func TestLeft(t *testing.T) {
	s := asked(within(1))
	s.net, s.loader = identity(t, 10, 1), &loader{source: source{n: 100, augmentations: 1}}
	l := s.ledger
	l.outlook.study = s
	fixed := func(seconds float64) func(forecast) float64 { return func(forecast) float64 { return seconds } }
	l.outlook.plan = []phase{{"a", "a", fixed(10)}, {"b", "b", fixed(20)}, {"c", "c", nil}}
	var left time.Duration
	l.observe = func(p Progress) { left = p.Left }
	l.enter("a")
	if left != 0 {
		t.Errorf("%v left before any pace was seen", left)
	}
	l.pace.add(1e6, time.Second) // forward and backward, of the float network
	l.tell(Progress{})
	if left != 0 {
		t.Errorf("%v left after a second", left)
	}
	l.pace.add(1e6, time.Second)
	l.enter("b")
	near(t, "b", left.Seconds(), 20, 0.1)
	l.outlook.since = time.Now().Add(-15 * time.Second)
	l.tell(Progress{})
	near(t, "after 15 of 20 seconds", left.Seconds(), 5, 0.1)
	l.outlook.since = time.Now().Add(-time.Minute)
	l.tell(Progress{})
	near(t, "beyond 20 seconds", left.Seconds(), 3, 0.1) // as long as it goes on

	// a training of 100 steps of 5000 multiplications, 20 of which took 2 seconds
	end := l.outlook.watch(500, 10)
	l.outlook.begun, l.outlook.done = time.Now().Add(-2*time.Second), 19
	l.tell(Progress{Stage: "tune", Done: 20, Total: 100})
	near(t, "in a training", left.Seconds(), 3, 0.1) // 5 times the float network's pace is the most: 80 steps take 2 s
	l.pace, l.outlook.own = pace{}, 1
	l.tell(Progress{Stage: "tune", Done: 20, Total: 100})
	near(t, "in a slow training", left.Seconds(), 80*2.0/21, 0.2)
	end()

	s.config.Budget = time.Minute
	l.started = time.Now().Add(-45 * time.Second)
	l.tell(Progress{})
	near(t, "of a budget", left.Seconds(), 15, 0.1)
	l.started = time.Now().Add(-2 * time.Minute)
	l.tell(Progress{})
	near(t, "of a budget that is used up", left.Seconds(), 0, 0)
}

// What is measured is shown sample by sample, but not within a training, which shows its
// own steps.
func TestMeasuringIsShown(t *testing.T) {
	var seen []Progress
	l := newLedger(func(p Progress) { seen = append(seen, p) })
	ctx := l.watched(context.Background())
	set, err := dataset.FromBytes(tensor.Shape{1, 1, 3}, make([]uint8, 3*600), make([]int, 600), nil)
	if err != nil {
		t.Fatal(err)
	}
	net := identity(t, 3, 1)
	run := func() {
		if _, err := eval.Predict(ctx, net, set, 600, 2); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := len(seen); n < 2 || seen[n-1].Stage != "measure" || seen[n-1].Done != 600 || seen[n-1].Total != 600 {
		t.Errorf("%+v", seen)
	}
	before := len(seen)
	end := l.outlook.watch(100, 10)
	run()
	end()
	if len(seen) != before {
		t.Errorf("%d events within a training", len(seen)-before)
	}
}
