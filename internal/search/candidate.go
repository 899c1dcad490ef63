package search

import (
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/runtime/format"
)

// Candidate is a file, measured by the runtime.
type Candidate struct {
	Bytes         []byte
	Sizes         *format.Sizes // where the bytes went
	Shape         Shape
	eval.Estimate              // of the drop, on the held-out samples
	Margin        float64      // what an answer keeps where it can, in points: Error and a correction for memorization
	Metrics       eval.Metrics // on the same samples
	Need                       // of an inference
	Meets         bool         // the objective
	Why           string       // it is the answer, or why not; "": the search has not ended
	samples       int          // that the one-shot run trained on, of tuning.go; 0: it is of no such run
	ineligible    bool         // another file of the same weights is better, or it has lost more than it seems to
}

// Size returns the bytes of the file.
func (c Candidate) Size() int { return len(c.Bytes) }

// Shape is what a network consists of.
type Shape struct {
	Params    int   // weights and biases, zeros included
	Kept      int   // those that are not zero, or not pruned
	MACs      int64 // multiplications of an inference
	Centroids int   // of the largest codebook; 0: none
}

// shapeOf returns the shape of a network on its way: what the masks keep.
func shapeOf(g *graph.Graph) Shape {
	return Shape{Params: Params(g), Kept: keptBy(g), MACs: MACs(g)}
}

// State is a network on its way, with what is known of it.
type State struct {
	net   *graph.Graph
	kept  int                // weights and biases
	drop  float64            // before the learning rate has fallen, in points; 0 for the first
	gains map[string]float64 // of the layers' thresholds
}

func newState(net *graph.Graph, drop float64, gains map[string]float64) *State {
	return &State{net: net.Clone(), kept: keptBy(net), drop: drop, gains: gains}
}

// Track is what the stages before the one-shot pruning runs hand on.
type Track struct {
	base      *graph.Graph // the network with inputs of layers refined; nil: that of the study
	start     *scored      // what channel pruning and iterative pruning start from
	states    []*State     // ever sparser
	narrowest int          // the first of states with the fewest channels
	roomy     int          // the first of states with the channels that no limit to the time has cost
	rate      float64      // learning rate of pruning
	margin    float64      // of the state that was measured last, in points
	rounder   *rounder     // nil until a strategy rounds
	brief     bool         // training is too short to prune by; see brief.go
	lost      float64      // points that rounding to the limits lost, where it may be
}

// densest returns the first state with the fewest channels.
func (t Track) densest() *State { return t.states[t.narrowest] }

// sparsest returns the last state.
func (t Track) sparsest() *State { return t.states[len(t.states)-1] }

// with returns the track with one more state.
func (t Track) with(s *State) Track {
	t.states = append(t.states[:len(t.states):len(t.states)], s)
	return t
}

// marginFraction is the fraction of the margin that files are to keep: half of it
// where the state after the first round has used up the other half already.
func (t Track) marginFraction(o Objective) float64 {
	if first := t.narrowest + 1; len(t.states) > first && t.states[first].drop+t.margin > o.drop() {
		return halfMargin
	}
	return 1
}

// withinMargin reports whether a file keeps the accuracy with a fraction of its
// margin: the smallest of many files that seem good enough is one that was lucky
// on the held-out samples.
func (c Candidate) withinMargin(o Objective, fraction float64) bool {
	return c.Drop+fraction*c.Margin <= o.drop()
}

// scored is a network that was fine-tuned while its channels were scored.
type scored struct {
	net      *graph.Graph
	channels *passes.ChannelScores
	drop     float64 // held out, of the running average
	doubt    float64 // standard error of drop, where it was measured on part of the held-out samples; otherwise 0
	diverged bool    // the loss became infinite
}

// cut returns a copy of the network without the channels of the least score, and
// how many went.
func (s *scored) cut(rest float64) (*graph.Graph, int, error) {
	g := s.net.Clone()
	n, err := s.channels.For(g).Prune(rest)
	return g, n, err
}
