package search

import (
	"edgec/internal/graph"
	"edgec/internal/op"
	"math"
)

// Params returns the number of weights and biases of g.
func Params(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		n += len(p.Shadow.Data)
	}
	return n
}

// MACs returns the multiplications of one inference of g.
func MACs(g *graph.Graph) int64 {
	var n int64
	for _, node := range g.Nodes {
		n += op.MACs(node)
	}
	return n
}

// keptBy returns how many weights and biases the masks of g keep.
func keptBy(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		n += p.Kept()
	}
	return n
}

// nonZero returns how many effective weights and biases of g are not zero.
func nonZero(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		p.Refresh()
		for _, v := range p.Value.Data {
			if v != 0 {
				n++
			}
		}
	}
	return n
}

// Shareable returns the parameters that get codebooks.
func Shareable(g *graph.Graph) []*graph.Param {
	var ps []*graph.Param
	for _, p := range g.Params() {
		if p.Role == graph.Weight && p.Grid != nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// centroids returns the size of the largest codebook, 0 where there are none.
func centroids(g *graph.Graph) int {
	k := 0
	for _, p := range Shareable(g) {
		if p.Book != nil {
			k = max(k, len(p.Book.Centroids))
		}
	}
	return k
}

// repeats returns how many times as many samples as usual a network of that many
// multiplications is trained on, as far as fewer than cheapTraining are used up: 1 to
// mostRepeats.
func repeats(macs float64) float64 {
	return math.Max(1, math.Min(mostRepeats, cheapTraining/(tuneSamples*math.Max(macs, 1))))
}

// cheap reports that a network of that many multiplications is trained on more samples than
// usual, since that takes hardly any time: there is none to be saved by narrower layers, or by
// fewer runs.
func cheap(macs float64) bool { return repeats(macs) > 1 }

// expensive reports that the work of a stage does not suffice to train g on
// scoreSamples.
func expensive(g *graph.Graph) bool { return scoreSamples*float64(MACs(g)) > stageWork }
