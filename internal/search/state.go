package search

import (
	"context"
	"fmt"

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
// a step, the state among them: an error in the state is one in all that follows.
func (s *Subject) record(ctx context.Context, config *Config) error {
	g, set := s.Model.Graph, s.Data.Train
	if len(g.State) == 0 {
		return nil
	}
	n := beforeHeldOut(set)
	rest := make([]int, min(set.Len()-n, mostHeldOut))
	for i := range rest {
		rest[i] = n + i
	}
	q := &sequences{heldOut: set.Subset(rest), noLabels: config.Data.NoLabels}
	train, err := eval.Recorded(ctx, g, set.First(n).WithoutLabels())
	if err != nil {
		return err
	}
	q.notes = append(q.notes, "the network carries a state: files are measured on sequences, as edgec eval measures them; training imitates single steps of the float network, and leaves labels aside")
	if train.Len() < n {
		q.notes = append(q.notes, fmt.Sprintf("training takes the first %s of %s steps: their states are all that fits into memory", thousands(train.Len()), thousands(n)))
	}
	config.Data.NoLabels = true
	s.sequences = q
	s.Data = &dataset.Splits{Source: s.Data.Source, Train: train, Test: s.Data.Test}
	return nil
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

// measure measures the float network on a set of sequences.
func (q *sequences) measure(ctx context.Context, s Subject, set *dataset.Set, threads int) (*eval.Holdout, error) {
	return eval.NewMeasure(ctx, eval.Subject{Graph: s.Model.Graph, Set: set, NoLabels: q.noLabels, Threads: threads})
}
