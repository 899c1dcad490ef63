package search

import "testing"

// Runs start from the densest state where the work of a stage suffices to train
// it; otherwise from the sparsest state that leaves them enough to choose from.
func TestOrigin(t *testing.T) {
	for _, c := range []struct{ side, keep, want int }{
		{1000, 100, 1 << 20}, // a million multiplications
		{1000, 400_000, 1 << 20},
		{2000, 100, 400}, // four million
		{2000, 101, 800},
		{2000, 200, 800},
		{2000, 60_000, 400_000},
		{2000, 400_000, 1 << 20}, // none is dense enough
	} {
		track := Track{states: []*State{{net: identity(t, c.side, 1), kept: 1 << 20}, {kept: 400_000}, {kept: 800}, {kept: 400}}}
		if got := track.origin(c.keep).kept; got != c.want {
			t.Errorf("%d multiplications, %d weights: from %d, want %d", c.side*c.side, c.keep, got, c.want)
		}
	}
}

// With states before the last cut of channels, runs start from the narrowest network
// while it has enough weights, and from a wider one otherwise.
func TestOriginWide(t *testing.T) {
	for _, c := range []struct{ side, keep, want int }{
		{1000, 60_000, 90_000},
		{1000, 90_000, 90_000},
		{1000, 91_000, 400_000},
		{1000, 400_001, 1 << 20},
		{2000, 60_000, 90_000}, // four million multiplications
		{2000, 20_000, 90_000},
		{2000, 200, 800},
	} {
		wide := identity(t, 3000, 1)
		track := Track{narrowest: 2, states: []*State{{net: wide, kept: 1 << 20}, {net: wide, kept: 400_000}, {net: identity(t, c.side, 1), kept: 90_000}, {kept: 800}}}
		if got := track.origin(c.keep).kept; got != c.want {
			t.Errorf("%d multiplications, %d weights: from %d, want %d", c.side*c.side, c.keep, got, c.want)
		}
	}
}
