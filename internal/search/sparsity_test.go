package search

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// Wherever the limit is, the search ends with a number of weights that is good, and,
// unless it is far off, one a little smaller that is not. The last run has fewer than
// were good.
func TestSparsitySearch(t *testing.T) {
	const most = 300_000
	for _, limit := range []int{10, 900, 12_000, 290_000, most} {
		for _, truth := range []float64{0.3, 0.9, 1, 1.3, 2, 5, 40} {
			enough := int(truth * float64(limit))
			h := newSparsitySearch(limit, most, mostRuns)
			for h.keep > 0 {
				if h.keep > most || h.keep == h.good || h.keep == h.bad {
					t.Fatalf("limit %d, enough %d: tries %d after %+v", limit, enough, h.keep, *h)
				}
				h.learn(h.keep >= enough)
			}
			if h.tried > mostRuns+2 {
				t.Errorf("limit %d, enough %d: %d tried", limit, enough, h.tried)
			}
			if enough > most {
				if h.good != 0 || h.bad != most || h.last(1) != most {
					t.Errorf("limit %d: nothing is enough, but %+v", limit, *h)
				}
				continue
			}
			if last := h.last(1); last >= h.good || last < int(finalShare*float64(enough)) {
				t.Errorf("limit %d, enough %d: the last run has %d of %+v", limit, enough, last, *h)
			}
			if h.good < enough {
				t.Errorf("limit %d, enough %d: %+v", limit, enough, *h)
			}
			if truth >= 0.9 && truth <= 2 && h.bad > 0 && float64(h.good) > sparsityPrecision*float64(h.bad)+1 {
				t.Errorf("limit %d, enough %d: the gap is not closed: %+v", limit, enough, *h)
			}
		}
	}
}

// A final run has somewhat fewer weights than were good. Several close in on the fewest that are
// good, from one side or the other; an error ends them.
func TestFinal(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		name             string
		times, was, good int
		tried            []int
		best             int
		fails            bool
	}{
		{"one", 1, 1000, 0, []int{850}, 850, false},
		{"one that is not", 1, 1000, 900, []int{850}, 1000, false},
		{"all good", 3, 1000, 0, []int{666, 444, 296}, 296, false},
		{"the second is not", 3, 1000, 500, []int{666, 444, 543}, 543, false},
		{"the first is not", 3, 1000, 700, []int{666, 816, 737}, 737, false},
		{"none", 3, 1000, 2000, []int{666, 816, 903}, 1000, false},
		{"none before", 3, 0, 1400, []int{1500, 1000, 1224}, 1500, false},
		{"none at all", 3, 0, 20_000, []int{1500, 2250, 3375}, 0, false},
		{"an error", 3, 1000, 0, []int{666}, 1000, true},
	} {
		h := &sparsitySearch{most: 10_000, good: c.was}
		if c.was == 0 {
			h.bad = 1000
		}
		var tried []int
		err := h.final(c.times, func(keep int) (bool, error) {
			tried = append(tried, keep)
			if c.fails {
				return true, failed
			}
			return keep >= c.good, nil
		})
		if !slices.Equal(tried, c.tried) || h.good != c.best || (err != nil) != c.fails {
			t.Errorf("%s: tried %v, good %d, %v; want %v, %d", c.name, tried, h.good, err, c.tried, c.best)
		}
	}
}

// Files keep the whole margin, unless the state after the first round cannot.
func TestMarginFraction(t *testing.T) {
	o := within(0.1)
	track := Track{margin: 0.2, states: []*State{{}}}
	for _, c := range []struct{ drop, fraction float64 }{{-0.2, 1}, {-0.05, 0.5}, {0.3, 0.5}} {
		track.states = append(track.states[:1], &State{drop: c.drop}, &State{drop: 9})
		got := track.marginFraction(o)
		if got != c.fraction {
			t.Errorf("at a drop of %v: %v of the margin, want %v", c.drop, got, c.fraction)
		}
		edge := 0.1 - c.fraction*0.3
		if !withMargin(1, edge-1e-9, 0.3).withinMargin(o, got) || withMargin(1, edge+1e-9, 0.3).withinMargin(o, got) {
			t.Errorf("at a drop of %v: the margin is not %v of 0.3", c.drop, c.fraction)
		}
	}
	track.states = track.states[:1]
	if track.marginFraction(o) != 1 {
		t.Error("without a round")
	}
}

// Larger codebooks are left out once a file with a codebook meets the objective,
// for which the int8 file does not count.
func TestFinerIsLeftOut(t *testing.T) {
	s := asked(within(1))
	s.ledger.candidates = []Candidate{{Meets: true}, {Shape: Shape{Centroids: 16}, Meets: true}}
	a := &attempts{study: s}
	if err := a.finer(context.Background()); err != nil { // would fail on the missing run
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an int8 file that meets the objective ended the search for a codebook")
		}
	}()
	s.ledger.candidates = s.ledger.candidates[:1]
	a.finer(context.Background())
}
