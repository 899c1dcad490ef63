package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
)

// sequences are the samples that files of a network with state are measured on: in their order,
// from a state of zeros at the beginning of each sequence, as edgec eval measures them.
type sequences struct {
	heldOut  *dataset.Set
	noLabels bool // labels are left aside
	notes    []string
}

// record sets the last of the training samples aside, in whole sequences where there are several,
// and adds the state that each run takes to the others, as the float network has it on its way
// through their sequences. Training then takes these steps in any order, and imitates all outputs of
// a step, the state among them: an error in the state is one in all that follows. Of a budget that
// began at started, recording takes a small share, and then makes do with fewer steps.
func (s *Subject) record(ctx context.Context, config *Config, started time.Time) error {
	g, set := s.Model.Graph, s.Data.Train
	if len(g.State) == 0 {
		return nil
	}
	n := beforeHeldOut(set)
	rest := make([]int, min(set.Len()-n, mostHeldOut, max(fewestFallback, int(sequenceFloats/int64(max(eval.Activations(g), 2))))))
	for i := range rest {
		rest[i] = n + i
	}
	q := &sequences{heldOut: set.Subset(rest), noLabels: config.Data.NoLabels}
	var until time.Time
	if config.Budget > 0 {
		until = later(started.Add(time.Duration(budgetShares.judge*float64(config.Budget))), time.Now().Add(fallbackTime/4))
	}
	train, err := eval.Recorded(ctx, g, set.First(n).WithoutLabels(), until)
	if err != nil {
		return err
	}
	q.notes = append(q.notes, "the network carries a state: files are measured on sequences, as edgec eval measures them; training imitates single steps of the float network, and leaves labels aside")
	if train.Len() < n {
		q.notes = append(q.notes, fmt.Sprintf("training takes the first %s of %s steps: more states take more memory, or more of the budget", thousands(train.Len()), thousands(n)))
	}
	config.Data.NoLabels = true
	s.sequences = q
	s.Data = &dataset.Splits{Source: s.Data.Source, Train: train, Test: s.Data.Test}
	return nil
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// beforeHeldOut returns how many of the first samples are not held out: all but a fold, up to where
// a sequence begins, if one begins there or before.
func beforeHeldOut(set *dataset.Set) int {
	n := set.Len() - max(1, set.Len()/heldOutFold)
	for k := n; k > heldOutFold; k-- {
		if set.Begins(k) {
			return k
		}
	}
	return n
}

// affordable returns how many of the held-out steps fit into a share of a budget, by the time that the
// first of them take.
func (q *sequences) affordable(ctx context.Context, s *Study) (int, error) {
	if s.config.Budget == 0 {
		return q.heldOut.Len(), nil
	}
	n, since := min(q.heldOut.Len(), timedSamples), time.Now()
	if _, err := q.measure(ctx, s.subject, q.heldOut.First(n), s.config.Threads); err != nil {
		return 0, err
	}
	each := max(time.Since(since)/time.Duration(n), 1)
	most := time.Duration(budgetShares.judge*float64(s.config.Budget)) / each
	return max(timedSamples, int(min(most, math.MaxInt32))), nil
}

// measure measures the float network on a set of sequences.
func (q *sequences) measure(ctx context.Context, s Subject, set *dataset.Set, threads int) (*eval.Holdout, error) {
	return eval.NewMeasure(ctx, eval.Subject{Graph: s.Model.Graph, Set: set, NoLabels: q.noLabels, Threads: threads})
}
