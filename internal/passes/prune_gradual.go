package passes

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// GradualPruning is one run of pruning with moving thresholds: while the network is
// fine-tuned, the thresholds move until Keep elements survive, by prune.Schedule. The masks
// are updated every Every steps until Freeze; after that they stay and the weights adapt.
type GradualPruning struct {
	Keep      int                        // elements that survive, of all prunable ones
	Start     int                        // elements kept before its first step; 0: those that are kept now
	Steps     int                        // optimizer steps
	Every     int                        // steps between mask updates; 0: 25, or a twentieth of Steps if that is less
	Ramp      float64                    // fraction of the steps at which the thresholds have arrived; 0: 0.6
	Freeze    float64                    // fraction of the steps after which the masks stay; 0: 0.8
	Criterion prune.Criterion            // "": Fisher
	Rate      func(done float64) float64 // learning rate at the fraction done of the run
	Graph     *graph.Graph               // the network, for Input
	Samples   []*tensor.Tensor           // samples that measure the inputs, for Input
}

// Moves counts what a run did to the masks.
type Moves struct {
	Pruned, Spliced int
	Late            int // moves in the last fifth of the updates; 0: the masks have converged
}

// Add adds the moves of a later part of the run.
func (m *Moves) Add(o Moves) {
	m.Pruned, m.Spliced, m.Late = m.Pruned+o.Pruned, m.Spliced+o.Spliced, m.Late+o.Late
}

// Once prunes to Keep elements at once, by the present scores and without training.
func (r GradualPruning) Once(ls []*Layer) error {
	_, _, err := r.update(ls, r.Keep)
	return err
}

// Run does all steps. next returns the batch of each step; after is called after each step
// with the number done and may stop the run by an error.
func (r GradualPruning) Run(t *train.Trainer, ls []*Layer, next func() (train.Batch, error), after func(step int) error) (Moves, error) {
	return r.Part(0, r.Steps, t, ls, next, after)
}

// Part does the steps from to to-1, as Run does all. Between parts dead channels may be
// removed, which makes new layers and another trainer, and Keep may change. Start must be
// given for all parts but the first.
func (r GradualPruning) Part(from, to int, t *train.Trainer, ls []*Layer, next func() (train.Batch, error), after func(step int) error) (Moves, error) {
	r = r.withDefaults(ls)
	for _, l := range ls {
		l.Harm = 0
	}
	var m Moves
	for step := from; step < to; step++ {
		done := float64(step) / float64(r.Steps)
		if step%r.Every == 0 && done <= r.Freeze {
			pruned, spliced, err := r.update(ls, prune.Schedule(r.Start, r.Keep, done, r.Ramp))
			if err != nil {
				return m, err
			}
			m.Pruned, m.Spliced = m.Pruned+pruned, m.Spliced+spliced
			if done > r.Freeze*0.8 {
				m.Late += pruned + spliced
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

func (r GradualPruning) withDefaults(ls []*Layer) GradualPruning {
	if r.Every == 0 {
		r.Every = max(1, min(25, r.Steps/20)) // some update falls between Ramp and Freeze
	}
	if r.Ramp == 0 {
		r.Ramp = 0.6
	}
	if r.Freeze == 0 {
		r.Freeze = 0.8
	}
	if r.Start == 0 {
		r.Start = Kept(ls)
	}
	return r
}

// update scores all layers and updates their masks so that keep elements survive.
func (r GradualPruning) update(ls []*Layer, keep int) (pruned, spliced int, err error) {
	var means map[*graph.Param][]float32
	if r.Criterion == prune.Input {
		if means, err = InputMeans(r.Graph, r.Samples...); err != nil {
			return 0, 0, err
		}
	}
	for _, l := range ls {
		l.score(r.Criterion, means[l.Param])
	}
	pruned, spliced = Apply(ls, Threshold(ls, keep))
	for _, l := range ls {
		l.Param.Refresh()
	}
	return pruned, spliced, nil
}
