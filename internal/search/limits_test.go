package search

import "testing"

// Finer values are worth a try when rounding lost more than pruning, and clearly more than
// classTolerance.enough.
func TestCoarse(t *testing.T) {
	for _, c := range []struct {
		run, file, se float64
		want          bool
	}{
		{0.3, 0.8, 0.1, false}, // half a point
		{0.3, 1.45, 0.1, true},
		{0.3, 1.45, 0.2, false}, // within the standard error
		{6, 11, 0, false},       // pruning lost more
		{2, 5, 0.1, true},
		{-0.5, 0.7, 0.1, true},
	} {
		f := of(1, c.file)
		f.Error = c.se
		if got := coarse(c.run, f); got != c.want {
			t.Errorf("a drop of %v before rounding and %v ± %v after: %v", c.run, c.file, c.se, got)
		}
	}
}
