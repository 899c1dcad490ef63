package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/internal/vec"
	"edgec/prune"
)

// GradualPruning is one run of pruning with moving thresholds: while the network is
// fine-tuned, the thresholds move until Keep elements survive. The number kept
// at the fraction f of the steps is
//
//	keep + (start - keep) (1 - u)^3,   u = min(1, f / Ramp)
//
// (Zhu, Gupta 2017, equation 1). The masks are updated every Every steps until
// Freeze; after that they stay and the weights adapt.
type GradualPruning struct {
	Keep      int                        // elements that survive, of all prunable ones
	Start     int                        // elements kept before its first step; 0: those that are kept now
	Steps     int                        // optimizer steps
	Every     int                        // steps between mask updates; 0: 25, or a twentieth of Steps if that is less
	Ramp      float64                    // fraction of the steps at which the thresholds have arrived; 0: 0.6
	Freeze    float64                    // fraction of the steps after which the masks stay; 0: 0.8
	Criterion prune.Criterion            // "": Fisher
	Rate      func(done float64) float64 // learning rate at the fraction done of the round
	Graph     *graph.Graph               // the network, for Input
	Samples   *tensor.Tensor             // samples that measure the inputs, for Input
}

// Once prunes to Keep elements at once, by the present scores and without training.
func (r GradualPruning) Once(ls []*Layer) error {
	if err := r.score(ls); err != nil {
		return err
	}
	Apply(ls, Threshold(ls, r.Keep))
	for _, l := range ls {
		l.Param.Refresh()
	}
	return nil
}

// decay shrinks the shadows of pruned weights a little every step, so that a
// weight that no gradient asks for does not linger near the threshold.
const decay = 0.999

// Moves counts what a round did to the masks.
type Moves struct {
	Pruned, Spliced int
	Late            int // moves in the last fifth of the updates; 0 means settled
}

// Add adds the moves of a later part of the round.
func (m *Moves) Add(o Moves) {
	m.Pruned, m.Spliced, m.Late = m.Pruned+o.Pruned, m.Spliced+o.Spliced, m.Late+o.Late
}

// Run does the round. next returns the batch of each step; after is called
// after each step with the number done and may stop the round by an error.
func (r GradualPruning) Run(t *train.Trainer, ls []*Layer, next func() (train.Batch, error), after func(step int) error) (Moves, error) {
	return r.Part(0, r.Steps, t, ls, next, after)
}

// Part does the steps from to to-1 of the round, as Run does all. Between parts dead
// channels may be removed, which makes new layers and another trainer, and Keep may
// change. Of the parts after the first, Start has to be given.
func (r GradualPruning) Part(from, to int, t *train.Trainer, ls []*Layer, next func() (train.Batch, error), after func(step int) error) (Moves, error) {
	every := r.Every
	if every == 0 {
		every = max(1, min(25, r.Steps/20)) // some update falls between Ramp and Freeze
	}
	ramp := r.Ramp
	if ramp == 0 {
		ramp = 0.6
	}
	freeze := r.Freeze
	if freeze == 0 {
		freeze = 0.8
	}
	for _, l := range ls {
		l.Harm = 0
	}
	var m Moves
	start := r.Start
	if start == 0 {
		start = Kept(ls)
	}
	for step := from; step < to; step++ {
		done := float64(step) / float64(r.Steps)
		if step%every == 0 && done <= freeze {
			if err := r.score(ls); err != nil {
				return m, err
			}
			u := math.Min(1, done/ramp)
			keep := r.Keep + int(float64(start-r.Keep)*math.Pow(1-u, 3))
			pruned, spliced := Apply(ls, Threshold(ls, keep))
			m.Pruned, m.Spliced = m.Pruned+pruned, m.Spliced+spliced
			if done > freeze*0.8 {
				m.Late += pruned + spliced
			}
			for _, l := range ls {
				l.Param.Refresh()
			}
		}
		b, err := next()
		if err != nil {
			return m, err
		}
		if _, err := t.Step(b, r.Rate(done)); err != nil {
			return m, err
		}
		Decay(ls)
		if err := after(step + 1); err != nil {
			return m, err
		}
	}
	return m, nil
}

// Decay multiplies the shadows of pruned elements by 0.999.
func Decay(ls []*Layer) {
	for _, l := range ls {
		vec.Fade(l.Param.Shadow.Data[:len(l.Param.Mask)], l.Param.Mask, decay)
	}
}

// score computes the scores of every layer.
func (r GradualPruning) score(ls []*Layer) error {
	var means map[*graph.Param][]float32
	if r.Criterion == prune.Input {
		var err error
		if means, err = InputMeans(r.Graph, r.Samples); err != nil {
			return err
		}
	}
	for _, l := range ls {
		scores(r.Criterion, l.score, l, means[l.Param])
	}
	return nil
}

// Ease lowers the thresholds of the layers that a rejected round hurt most: a
// layer whose pruning cost more than the average, by the estimate 0.5 v w^2
// for each element removed (LeCun, Denker, Solla 1990, equation 3, with the
// Fisher diagonal), gets 0.8 times its gain.
func Ease(ls []*Layer) {
	sum, n := 0.0, 0
	for _, l := range ls {
		sum += l.Harm
		n += len(l.Param.Shadow.Data)
	}
	for _, l := range ls {
		if l.Harm*float64(n) > sum*float64(len(l.Param.Shadow.Data)) {
			l.Gain *= 0.8
		}
	}
}

// Gains returns the gains that differ from 1 by the names of the parameters,
// for a rollback to a copy of the network.
func Gains(ls []*Layer) map[string]float64 {
	gains := map[string]float64{}
	for _, l := range ls {
		if l.Gain != 1 {
			gains[l.Param.Name] = l.Gain
		}
	}
	return gains
}

// SetGains sets the gains that Gains returned.
func SetGains(ls []*Layer, gains map[string]float64) {
	for _, l := range ls {
		if g, ok := gains[l.Param.Name]; ok {
			l.Gain = g
		}
	}
}
