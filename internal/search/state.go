package search

import (
	"context"

	"edgec/internal/dataset"
	"edgec/internal/eval"
)

// record adds the state that each run takes to the samples of a network with state, as the float
// network has it on its way through their sequences. The search then takes them in any order, and
// judges each step by itself: by the distance of all outputs, the state among them, from the float
// network's, since an error in the state is one in all that follows. Labels are left aside.
func (s *Subject) record(ctx context.Context, config *Config) error {
	g := s.Model.Graph
	if len(g.State) == 0 {
		return nil
	}
	config.Data.NoLabels = true
	recorded := &dataset.Splits{Source: s.Data.Source}
	var err error
	if recorded.Train, err = eval.Recorded(ctx, g, s.Data.Train.WithoutLabels()); err != nil {
		return err
	}
	if s.Data.Test != nil {
		recorded.Test, err = eval.Recorded(ctx, g, s.Data.Test.WithoutLabels())
	}
	s.Data = recorded
	return err
}
