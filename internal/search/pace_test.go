package search

import (
	"context"
	"testing"
	"time"
)

// What a share of the time before a deadline affords follows from what was seen; without a
// deadline, or before anything was seen, training is not bounded.
func TestAffordable(t *testing.T) {
	var p pace
	soon, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	if _, ok := p.affordable(soon, 0.5); ok {
		t.Error("a bound, though nothing was seen")
	}
	p.add(3e9, 2*time.Second)
	p.add(1e9, 2*time.Second)
	if _, ok := p.affordable(context.Background(), 0.5); ok {
		t.Error("a bound without a deadline")
	}
	work, ok := p.affordable(soon, 0.5)
	if near(t, "work", work, 1e9*50, 1e8); !ok {
		t.Error("no bound before a deadline")
	}
}

// A track that a deadline cut off has a state to make files from, also right after channels were
// cut.
func TestComplete(t *testing.T) {
	s := &Study{net: identity(t, 3, 1)}
	wide := newState(identity(t, 4, 1), 0, nil)
	for _, c := range []struct {
		name  string
		track Track
		want  int // states
	}{
		{"nothing", Track{}, 1},
		{"a state", Track{states: []*State{wide}}, 1},
		{"a wide state alone", Track{states: []*State{wide}, narrowest: 1}, 2},
	} {
		got := s.complete(c.track)
		if len(got.states) != c.want || got.densest() == nil || got.sparsest() == nil {
			t.Errorf("%s: %d states, want %d", c.name, len(got.states), c.want)
		}
	}
}
