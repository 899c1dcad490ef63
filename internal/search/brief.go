package search

import (
	"context"
	"time"

	"edgec/internal/graph"
	"edgec/internal/train"
)

// Files within a size for networks that take long to train. In the few steps that there is time
// for, thresholds that rise tear a network apart faster than training mends it, and the scores of
// weights are noise. Second-order rounding chooses the weights at once, and those that stay make up
// for those that go. All of the training is then for them.

// brief reports whether training may be too short to prune by: there is room for fewer than
// briefSteps, and the network knows most of what it knew when rounding the weights to the limits has
// lost that many points. The first round of pruning, which loses less where most weights do nothing,
// has the last word. Lists of the weights that rounding keeps are hardly faster, so that it is not
// for times.
func (s *Study) brief(ctx context.Context, lost float64) (bool, error) {
	return resumable(s, "brief", nil, func() (bool, error) {
		return !s.objective().executed() && s.roomFor(ctx, s.net, finalTraining) < briefSteps && lost <= s.mayLose(), nil
	})
}

// withinLimitsBriefly makes files of limits where training is too short to prune by. The weights that
// rounding keeps are trained without grids; what they have come to is rounded to the limits again, and
// fine-tuned.
func (s *Study) withinLimitsBriefly(ctx context.Context, t Track) error {
	lambda, err := s.leastFitting(ctx, t.rounder, s.objective().limit())
	if err != nil {
		return err
	}
	g, err := t.rounder.thinned(ctx, lambda)
	if err != nil {
		return err
	}
	if _, err := s.tuneThinned(ctx, g, limitRate*t.rate); err != nil {
		return err
	}
	again, err := s.newRounder(ctx, g)
	if err != nil {
		return err
	}
	g, c, err := s.roundedToLimits(ctx, again)
	if err != nil {
		return err
	}
	_, err = s.tunedToLimits(ctx, g, c)
	return err
}

// tuneThinned fine-tunes the weights that are left in g, in small batches where steps are few, and
// returns its drop.
func (s *Study) tuneThinned(ctx context.Context, g *graph.Graph, rate float64) (float64, error) {
	since := time.Now()
	batch := fitBatch(g, tuneBatch)
	steps := s.steps(ctx, g, finalTraining, batch)
	for batch > smallestBatch && steps < briefSteps {
		batch, steps = batch/2, steps*2
	}
	drop, err := resumable(s, "one-shot", g, func() (float64, error) {
		defer s.ledger.training(g, batch, steps)()
		t, err := s.trainer(g, batch, 0, 0)
		if err != nil {
			return 0, err
		}
		falling := func(done float64) float64 { return rate * train.Cosine(done, runHold, runFloor) }
		err = s.train(ctx, t, steps, batch, falling, func(step int) {
			s.ledger.tell(Progress{Stage: "one-shot", Done: step, Total: steps})
		})
		if err != nil {
			return 0, err
		}
		e, err := s.holdout.Graph(ctx, g, s.heldOut())
		return e.Drop, err
	})
	if err == nil {
		s.ledger.network("one-shot", g, drop, true, "weights chosen by rounding", since)
	}
	return drop, err
}
