package edgec

import (
	"errors"
	"slices"
	"testing"
)

// Wherever the limit is, the hunt ends with a number of weights that is good, and,
// unless it is far off, one a little smaller that is not. The last shot has fewer than
// were good.
func TestHunt(t *testing.T) {
	const most = 300_000
	for _, limit := range []int{10, 900, 12_000, 290_000, most} {
		for _, truth := range []float64{0.3, 0.9, 1, 1.3, 2, 5, 40} {
			enough := int(truth * float64(limit))
			h := newHunt(limit, most, mostTried)
			for h.keep > 0 {
				if h.keep > most || h.keep == h.good || h.keep == h.bad {
					t.Fatalf("limit %d, enough %d: tries %d after %+v", limit, enough, h.keep, *h)
				}
				h.learn(h.keep >= enough)
			}
			if h.tried > mostTried+2 {
				t.Errorf("limit %d, enough %d: %d tried", limit, enough, h.tried)
			}
			if enough > most {
				if h.good != 0 || h.bad != most || h.last() != most {
					t.Errorf("limit %d: nothing is enough, but %+v", limit, *h)
				}
				continue
			}
			if last := h.last(); last >= h.good || last < int(lastShare*float64(enough)) {
				t.Errorf("limit %d, enough %d: the last shot has %d of %+v", limit, enough, last, *h)
			}
			if h.good < enough {
				t.Errorf("limit %d, enough %d: %+v", limit, enough, *h)
			}
			if truth >= 0.9 && truth <= 2 && h.bad > 0 && float64(h.good) > precision*float64(h.bad)+1 {
				t.Errorf("limit %d, enough %d: the gap is not closed: %+v", limit, enough, *h)
			}
		}
	}
}

// Last shots have ever fewer weights as long as they are good, so many at the most; an error
// ends them.
func TestLasts(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		name        string
		times, good int
		tried       []int
		left        int
		fails       bool
	}{
		{"one", 1, 0, []int{850}, 850, false},
		{"all good", 3, 0, []int{850, 722, 613}, 613, false},
		{"until one is not", 3, 800, []int{850, 722}, 850, false},
		{"not the first", 3, 2000, []int{850}, 1000, false},
		{"an error", 3, 0, []int{850}, 1000, true},
	} {
		h := &hunt{most: 10_000, good: 1000}
		var tried []int
		err := h.lasts(c.times, func(keep int) (bool, error) {
			tried = append(tried, keep)
			if c.fails {
				return true, failed
			}
			return keep >= c.good, nil
		})
		if !slices.Equal(tried, c.tried) || h.good != c.left || (err != nil) != c.fails {
			t.Errorf("%s: tried %v, good %d, %v; want %v, %d", c.name, tried, h.good, err, c.tried, c.left)
		}
	}
}

// Files keep the whole margin, unless the state after the first round cannot.
func TestPart(t *testing.T) {
	s := &search{recipe: Recipe{MaxDrop: 0.1}, margin: 0.2, saved: []*checkpoint{{}}}
	for _, c := range []struct{ drop, part float64 }{{-0.2, 1}, {-0.05, 0.5}, {0.3, 0.5}} {
		s.saved = append(s.saved[:1], &checkpoint{drop: c.drop}, &checkpoint{drop: 9})
		if got := s.part(); got != c.part {
			t.Errorf("at a drop of %v: %v of the margin, want %v", c.drop, got, c.part)
		}
		p := Point{Drop: 0.1 - c.part*0.3, Margin: 0.3}
		if near := (Point{Drop: p.Drop + 1e-9, Margin: 0.3}); !s.keeps(Point{Drop: p.Drop - 1e-9, Margin: 0.3}) || s.keeps(near) {
			t.Errorf("at a drop of %v: the margin is not %v of 0.3", c.drop, c.part)
		}
	}
	s.saved = s.saved[:1]
	if s.part() != 1 {
		t.Error("without a round")
	}
}
