package prune

import (
	"cmp"
	"slices"
)

// Tensor is a weight tensor as channel pruning sees it: what it costs, and the groups of
// channels that its rows and its columns belong to (-1: none). A group is a set of
// channels that can only go together, such as the outputs of one layer and the inputs of
// the next.
type Tensor struct {
	Cost       float64 // share of the network's cost, all together 1
	Rows, Cols int     // groups
}

// NetworkCost returns what is left of the network's cost, 1 at first, when group k has left[k]
// of its channels[k]:
//
//	sum over tensors of Cost left[Rows]/channels[Rows] left[Cols]/channels[Cols]
func NetworkCost(tensors []Tensor, channels, left []int) float64 {
	fraction := func(k int) float64 {
		if k < 0 {
			return 1
		}
		return float64(left[k]) / float64(channels[k])
	}
	sum := 0.0
	for _, w := range tensors {
		sum += w.Cost * fraction(w.Rows) * fraction(w.Cols)
	}
	return sum
}

// channelCost returns what one of n channels of group k costs, all others in place.
func channelCost(tensors []Tensor, k, n int) float64 {
	sum := 0.0
	for _, w := range tensors {
		if w.Rows == k {
			sum += w.Cost
		}
		if w.Cols == k {
			sum += w.Cost
		}
	}
	return sum / float64(n)
}

// SelectChannels chooses the channels that go: those with the least score for their cost,
// until NetworkCost has fallen to rest (0..1). Each group keeps at least half of its
// channels, and two. scores[k][c] is the importance of channel c of group k.
// keep has the shape of scores; removed is the number of channels that go.
//
// Cost: O(n log n + n len(tensors)) for n channels.
func SelectChannels(scores [][]float64, tensors []Tensor, rest float64) (keep [][]bool, removed int) {
	channels, left := make([]int, len(scores)), make([]int, len(scores))
	for k, s := range scores {
		channels[k], left[k] = len(s), len(s)
		keep = append(keep, slices.Repeat([]bool{true}, len(s)))
	}
	for _, u := range leastFirst(scores, tensors) {
		if NetworkCost(tensors, channels, left) <= rest {
			break
		}
		if least := max(2, (channels[u.group]+1)/2); left[u.group] <= least {
			continue
		}
		keep[u.group][u.channel] = false
		left[u.group]--
		removed++
	}
	return keep, removed
}

// channel is one channel and its score for what it costs.
type channel struct {
	group, channel int
	value          float64
}

// leastFirst returns all channels by value; of equals the first comes first.
func leastFirst(scores [][]float64, tensors []Tensor) []channel {
	var all []channel
	for k, s := range scores {
		cost := channelCost(tensors, k, len(s))
		for c, v := range s {
			all = append(all, channel{k, c, v / (cost + tiny)})
		}
	}
	slices.SortStableFunc(all, func(a, b channel) int { return cmp.Compare(a.value, b.value) })
	return all
}
