package search

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/tensor"
)

// file is a candidate of its own bytes that an objective looks at.
func file(o Objective, size int, drop, margin float64, change func(c *Candidate)) Candidate {
	c := withMargin(size, drop, margin)
	c.Bytes = bytes.Repeat([]byte{byte(size), byte(size >> 8), byte(100 * drop)}, size)[:size]
	c.Metrics.N = 1000
	c.Meets = o.meets(size, drop, c.Latency)
	if change != nil {
		change(&c)
	}
	return c
}

// Every file is the answer or has a reason why it is not.
func TestWhy(t *testing.T) {
	within := within(1)
	within.MaxSize, within.MaxLatency = 900, time.Millisecond
	best := file(within, 500, 0.5, 0.3, nil)
	for _, c := range []struct {
		name string
		c    Candidate
		want string
	}{
		{"the answer", best, "written"},
		{"too large", file(within, 901, 0.5, 0, nil), "too large"},
		{"too large, and too bad", file(within, 901, 1.5, 0, nil), "too large, drop too large"},
		{"too slow", file(within, 400, 0, 0, func(c *Candidate) { c.Latency, c.Meets = time.Second, false }), "too slow"},
		{"larger", file(within, 600, 0.2, 0.1, nil), "meets the limits, but is larger"},
		{"without a margin", file(within, 300, 0.8, 0.4, nil), "meets the limits, but not by its margin of 0.40 points"},
		{"few samples", file(within, 300, 0.2, 2, func(c *Candidate) { c.Metrics.N = 50 }), "meets the limits, but not by its margin of 2.00 points, measured on 50 samples only"},
		{"trained further", file(within, 300, 0.2, 0.1, func(c *Candidate) { c.ineligible = true }), "meets the limits, but its weights are better after more training"},
		{"known samples", file(within, 300, 0.2, 0.1, func(c *Candidate) { c.Meets = false }), "drop too large, without what the float network knows of the held-out samples"},
	} {
		if got := within.why(c.c, best); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	small := Objective{MaxSize: 900}
	best = file(small, 890, 2, 0.3, nil)
	if got := small.why(file(small, 500, 3, 0.3, nil), best); got != "meets the limits, but loses more" {
		t.Errorf("a size alone: %q", got)
	}
	// where no file keeps its margin, none is asked for
	best = file(within, 500, 0.9, 0.3, nil)
	if got := within.why(file(within, 600, 0.95, 0.3, nil), best); got != "meets the limits, but loses more" {
		t.Errorf("no file keeps its margin: %q", got)
	}
}

// Advice has a figure only where this search has seen it.
func TestAdvice(t *testing.T) {
	drop := within(1)
	set, err := dataset.FromBytes(tensor.Shape{1, 1, 1}, make([]uint8, 500), make([]int, 500), nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(size, samples int) Candidate {
		return file(drop, size, 0.5, 0.1, func(c *Candidate) { c.samples = samples })
	}
	short, long := runTraining.samples, finalTraining.samples
	for _, c := range []struct {
		name   string
		o      Objective
		change func(s *Study)
		all    []Candidate
		want   string // the whole of it, lines joined
	}{
		{"longer runs need fewer weights", drop, func(s *Study) { s.ledger.runs = []attempt{{1000, short, true}, {850, short, false}, {850, long, true}} },
			[]Candidate{run(800, long), run(1000, short)},
			"in this search, runs with twice the training kept the limits with a file 20 % smaller (800, not 1,000 bytes). --effort 2 trains in every stage twice as long; it may give as much again, or more, or less"},
		{"shorter ones were not tried there", drop, func(s *Study) { s.ledger.runs = []attempt{{1000, short, true}, {850, long, true}} },
			[]Candidate{run(800, long), run(1000, short)},
			"longer training (--effort 2) may make it smaller. How much is not known: this search did not train equal numbers of weights for both times"},
		{"nothing gained", drop, nil, []Candidate{run(1000, short), run(1000, long)}, "in this search, a last run with twice the training made no smaller file. What --effort 2 gives, which trains in every stage twice as long, is not known from that"},
		{"only longer ones", drop, nil, []Candidate{run(800, long)}, "only a run with twice the training kept the limits; --effort 2 trains all runs that long"},
		{"none", drop, nil, []Candidate{run(800, 0)}, "no file with shared values kept the limits, so that this search cannot tell what more training (--effort 2) gives"},
		{"no training", drop, func(s *Study) { s.config.NoTraining = true }, []Candidate{run(800, 0)}, "training can make a much smaller file; leave out --no-training. How much is not known: this search has not trained"},
		{"a size", Objective{MaxSize: 900}, nil, []Candidate{run(800, long)},
			"the drop of 0.50 points may fall with more training (--effort 2) or a better teacher. How much is not known: this search trained for the limits once"},
		{"stopped", drop, func(s *Study) { s.ledger.interrupted, s.ledger.ended = "interrupted", ended{6, 9, 754 * time.Second} }, []Candidate{run(800, short)},
			"it was stopped in stage 6 of 9; the rest would have taken about 13 min"},
		{"a budget", drop, func(s *Study) { s.ledger.interrupted, s.config.Budget = budgetUsedUp, time.Minute }, []Candidate{run(800, short)},
			"the budget of 1m0s bounded the training; with more time, or no budget, the search trains longer. How much that gives is not known from this search"},
		{"a budget without training", drop, func(s *Study) {
			s.ledger.interrupted, s.config.Budget, s.config.NoTraining = budgetUsedUp, time.Minute, true
		}, []Candidate{run(800, 0)},
			"the budget of 1m0s ended the search for more files; with more time, or no budget, it tries more. How much that gives is not known from this search | training can make a much smaller file; leave out --no-training. How much is not known: this search has not trained"},
		{"a margin", drop, nil, []Candidate{run(1000, short), run(1000, long), file(drop, 900, 0.9, 0.2, nil)},
			"in this search, a last run with twice the training made no smaller file. What --effort 2 gives, which trains in every stage twice as long, is not known from that | a file of 900 bytes, 10 % smaller, meets the limits, but not by its margin of 0.20 points; the margin shrinks with more samples (500 are held out)"},
	} {
		s := asked(c.o)
		s.holdout = eval.Unpaired(eval.Classification{}, set, nil, 1)
		if c.change != nil {
			c.change(s)
		}
		if got := strings.Join(s.advice(c.all[0], c.all), " | "); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
	}
}
