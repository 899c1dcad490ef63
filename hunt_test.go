package edgec

import "testing"

// Wherever the limit is, the hunt ends with a number of weights that is good, and,
// unless it is far off, one a little smaller that is not.
func TestHunt(t *testing.T) {
	const most = 300_000
	for _, limit := range []int{10, 900, 12_000, 290_000, most} {
		for _, truth := range []float64{0.3, 0.9, 1, 1.3, 2, 5, 40} {
			enough := int(truth * float64(limit))
			h := newHunt(limit, most)
			for h.keep > 0 {
				if h.keep > most || h.keep == h.good || h.keep == h.bad {
					t.Fatalf("limit %d, enough %d: tries %d after %+v", limit, enough, h.keep, *h)
				}
				h.learn(h.keep >= enough)
			}
			if h.tried > mostTried {
				t.Errorf("limit %d, enough %d: %d tried", limit, enough, h.tried)
			}
			if enough > most {
				if h.good != 0 || h.bad != most {
					t.Errorf("limit %d: nothing is enough, but %+v", limit, *h)
				}
				continue
			}
			if h.good < enough {
				t.Errorf("limit %d, enough %d: %+v", limit, enough, *h)
			}
			if truth <= 2 && h.bad > 0 && float64(h.good) > precision*float64(h.bad)+1 {
				t.Errorf("limit %d, enough %d: the gap is not closed: %+v", limit, enough, *h)
			}
		}
	}
}
