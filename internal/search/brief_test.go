package search_test

import (
	"context"
	"testing"
	"time"
)

// Where training is too short to prune by, rounding chooses the weights, training keeps the choice
// and wins back what it cost, and the file uses the size up.
func TestBriefly(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 180, effort(0.2, r.Effort)
	th, err := study(t, p, r).Briefly()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d weights, drop %.2f, trained %.2f, file of %d bytes %.2f", th.Kept, th.Before, th.After, th.File.Size(), th.File.Drop)
	if th.Moved > 0 {
		t.Errorf("training has changed the choice of %d weights", th.Moved)
	}
	if th.After >= th.Before {
		t.Errorf("a drop of %.2f points before training, %.2f after", th.Before, th.After)
	}
	if n := th.File.Size(); n > r.MaxSize || n < r.MaxSize*9/10 {
		t.Errorf("a file of %d bytes, asked %d", n, r.MaxSize)
	}
	if !th.File.Meets || th.File.Drop > th.Before {
		t.Errorf("the file: %+v", th.File.Estimate)
	}
}

// Training is too short where time is, unless rounding lost most of the network, or a time is asked
// for, or there is no deadline that a small network would feel.
func TestBrief(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxSize = 0, 700
	s := study(t, p, r)
	s.SlowDown(1e6)
	soon, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	timed := r
	timed.MaxLatency = time.Second
	slow := study(t, p, timed)
	slow.SlowDown(1e6)
	for _, c := range []struct {
		name  string
		ctx   context.Context
		lost  float64
		study interface {
			Brief(context.Context, float64) (bool, error)
		}
		want bool
	}{
		{"soon", soon, 1, s, true},
		{"no deadline", context.Background(), 1, s, false},
		{"at the most that may be lost", soon, s.MayLose(), s, true},
		{"hardly anything is left", soon, s.MayLose() + 0.1, s, false},
		{"for a time", soon, 1, slow, false},
	} {
		if got, err := c.study.Brief(c.ctx, c.lost); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// The first round of pruning has the last word: where it loses less than rounding, thresholds go on.
func TestBriefRounds(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 150, effort(0.1, r.Effort)
	for _, c := range []struct {
		lost  float64
		brief bool
	}{{-100, true}, {100, false}} {
		brief, states, err := study(t, p, r).Rounds(c.lost)
		if err != nil {
			t.Fatal(err)
		}
		if brief != c.brief || (states == 1) != c.brief {
			t.Errorf("rounding lost %.0f points: too short to prune by: %v, %d states", c.lost, brief, states)
		}
	}
}
