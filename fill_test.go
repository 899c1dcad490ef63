package edgec

import "testing"

// More bits for a value are worth a try when rounding lost more than pruning, and clearly
// more than a little.
func TestCoarse(t *testing.T) {
	for _, c := range []struct {
		shot, file, se float64
		want           bool
	}{
		{0.3, 0.8, 0.1, false}, // half a point
		{0.3, 1.45, 0.1, true},
		{0.3, 1.45, 0.2, false}, // not beyond doubt
		{6, 11, 0, false},       // pruning lost more
		{2, 5, 0.1, true},
		{-0.5, 0.7, 0.1, true},
	} {
		if got := coarse(c.shot, Point{Drop: c.file, DropError: c.se}); got != c.want {
			t.Errorf("a drop of %v before rounding and %v ± %v after: %v", c.shot, c.file, c.se, got)
		}
	}
}
