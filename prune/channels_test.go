package prune

import (
	"math"
	"testing"
)

// Three layers in a row: the rows of each are the columns of the next.
var chain = []Tensor{{Cost: 0.2, Rows: 0, Cols: -1}, {Cost: 0.5, Rows: 1, Cols: 0}, {Cost: 0.3, Rows: -1, Cols: 1}}

func TestNetworkCost(t *testing.T) {
	channels := []int{4, 8}
	near(t, "the whole", NetworkCost(chain, channels, channels), 1, 1e-12)
	near(t, "half of the first group", NetworkCost(chain, channels, []int{2, 8}), 0.2/2+0.5/2+0.3, 1e-12)
	near(t, "half of both", NetworkCost(chain, channels, []int{2, 4}), 0.2/2+0.5/4+0.3/2, 1e-12)
}

// Channels go in the order of score for cost until the cost is reached, each group down to
// half of its channels.
func TestSelectChannels(t *testing.T) {
	scores := [][]float64{{4, 1, 3, 2}, {8, 0.1, 8, 8, 8, 0.2, 8, 8}}
	keep, removed := SelectChannels(scores, chain, 0.85)
	if removed != 2 || keep[1][1] || keep[1][5] {
		t.Errorf("%d removed: %v; the two worst of group 1 go first", removed, keep)
	}
	left := func(keep []bool) (n int) {
		for _, k := range keep {
			if k {
				n++
			}
		}
		return n
	}
	if got := NetworkCost(chain, []int{4, 8}, []int{left(keep[0]), left(keep[1])}); got > 0.85 || got < 0.75 {
		t.Errorf("%v of the cost is left, 0.85 was asked for", got)
	}
	keep, removed = SelectChannels(scores, chain, 0)
	if removed != 2+4 || left(keep[0]) != 2 || left(keep[1]) != 4 || !keep[0][0] || !keep[0][2] {
		t.Errorf("%d removed: %v; half of each group stays", removed, keep)
	}
	keep, removed = SelectChannels([][]float64{{1, 2}, {3}}, []Tensor{{1, 0, 1}}, 0)
	if removed != 0 || left(keep[0]) != 2 || left(keep[1]) != 1 {
		t.Errorf("%d removed: %v; two channels stay", removed, keep)
	}
	if keep, removed = SelectChannels(scores, chain, math.Inf(1)); removed != 0 || left(keep[0])+left(keep[1]) != 12 {
		t.Errorf("%d removed where the cost is met", removed)
	}
}
