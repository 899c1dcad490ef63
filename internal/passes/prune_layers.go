package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/train"
)

// Hysteresis of the masks, as factors of the layer's threshold.
const (
	pruneBelow  = 0.9
	spliceAbove = 1.1
)

// Layer is the pruning state of one parameter.
type Layer struct {
	Param     *graph.Param
	Gain      float64 // the layer's threshold is Gain times the global one; 1 at first
	Threshold float64 // in units of the score, of the last Update
	score     []float32
	coding    codingContext // of its weights, for their rates
	Harm      float64       // estimated loss that the last round's pruning has cost, in nats; see Ease
}

// NewLayers makes the pruning state of every prunable parameter of g, with
// full masks where there are none.
func NewLayers(g *graph.Graph) []*Layer {
	var ls []*Layer
	for _, p := range g.Params() {
		if !Prunable(p) {
			continue
		}
		if p.Mask == nil {
			p.Mask = make([]float32, len(p.Shadow.Data))
			for i := range p.Mask {
				p.Mask[i] = 1
			}
		}
		ls = append(ls, &Layer{Param: p, Gain: 1, score: make([]float32, len(p.Shadow.Data))})
	}
	return ls
}

// Kept returns how many elements the masks keep in all.
func Kept(ls []*Layer) int {
	n := 0
	for _, l := range ls {
		n += l.Param.Kept()
	}
	return n
}

// Total returns how many elements there are in all.
func Total(ls []*Layer) int {
	n := 0
	for _, l := range ls {
		n += len(l.Param.Shadow.Data)
	}
	return n
}

// level returns the global threshold at which element i of l changes sides: a
// kept one is pruned above it, a pruned one spliced back below it.
func (l *Layer) level(i int) float32 {
	e := l.score[i] / float32(l.Gain)
	if l.Param.Mask[i] != 0 {
		return e / pruneBelow
	}
	return e / spliceAbove
}

// Threshold returns the global threshold t at which keep elements survive
// under the present scores and hysteresis: element i of a layer survives when
// its level is at least t. Ties at t survive together. keep <= 0 gives +Inf.
func Threshold(ls []*Layer, keep int) float64 {
	n := Total(ls)
	if keep <= 0 {
		return math.Inf(1)
	}
	if keep >= n {
		return 0
	}
	levels := make([]float32, 0, n)
	for _, l := range ls {
		for i := range l.score {
			levels = append(levels, l.level(i))
		}
	}
	return float64(selectNth(levels, n-keep))
}

// Apply sets the masks by the global threshold t and each layer's gain. It
// returns the number of elements pruned and spliced back.
func Apply(ls []*Layer, t float64) (pruned, spliced int) {
	for _, l := range ls {
		l.Threshold = t * l.Gain
		for i, m := range l.Param.Mask {
			keep := float64(l.level(i)) >= t
			switch {
			case m != 0 && !keep:
				l.Param.Mask[i] = 0
				l.Harm += l.cost(i)
				pruned++
			case m == 0 && keep:
				l.Param.Mask[i] = 1
				l.Harm -= l.cost(i)
				spliced++
			}
		}
	}
	return pruned, spliced
}

// cost estimates the loss that removing element i costs, 0.5 v w^2.
func (l *Layer) cost(i int) float64 {
	if len(l.Param.State) <= train.StateSquare {
		return 0
	}
	w := float64(l.Param.Shadow.Data[i])
	return 0.5 * float64(l.Param.State[train.StateSquare][i]) * w * w
}

// selectNth returns the element that would stand at index n after sorting
// (quickselect with median of three, Hoare 1961). It reorders x; x holds no NaN.
func selectNth(x []float32, n int) float32 {
	lo, hi := 0, len(x)-1
	for lo < hi {
		a, b, c := x[lo], x[(lo+hi)/2], x[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			hi = j
		case n >= i:
			lo = i
		default:
			return x[n]
		}
	}
	return x[lo]
}
