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
