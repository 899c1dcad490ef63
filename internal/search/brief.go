package search

import (
	"context"
	"time"

	"edgec/internal/eval"
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

// useUpBriefly is useUpWith where training is too short to prune by. A file that is too large or too
// small is made again with values in fewer bits or more.
func (s *Study) useUpBriefly(ctx context.Context, t Track, bits float64) (r *run, c Candidate, err error) {
	g, err := s.thinned(ctx, t.rounder, bits)
	if err != nil {
		return nil, c, err
	}
	if r, err = s.tuneThinned(ctx, g, limitRate*t.rate, finalTraining); err != nil {
		return nil, c, err
	}
	o := s.objective()
	for range mostCorrections {
		if c, err = s.finish(ctx, r, bits, t.rate); err != nil || o.utilized(c) {
			break
		}
		bits += o.slackBits(c.Size(), c.Shape.Kept)
	}
	return r, c, err
}

// thinned returns the network thinned out by rounding, so that its file, with values of so many
// bits, should just be within the size. Rounded values would take fewer bits than those that
// training makes of them: the length is that of the chosen weights as they are.
func (s *Study) thinned(ctx context.Context, r *rounder, bits float64) (*graph.Graph, error) {
	size, lambda, longer := float64(s.objective().MaxSize), 0.0, 0.0
	for range mostCorrections {
		var err error
		if lambda, err = s.leastFitting(ctx, r, int(size)); err != nil {
			return nil, err
		}
		g, err := r.chosen(ctx, lambda)
		if err != nil {
			return nil, err
		}
		if longer == 0 {
			if longer, err = s.shortening(ctx, g, bits); err != nil {
				return nil, err
			}
		}
		cost, err := s.cost(ctx, g, bits)
		if err != nil {
			return nil, err
		}
		of := cost / longer / float64(s.objective().MaxSize)
		if of <= sizeUtilization && of >= enough(sizeUtilization) {
			break
		}
		size *= sizeUtilization / of
	}
	return r.thinned(ctx, lambda)
}

// tuneThinned fine-tunes the weights that are left in g, in small batches where steps are few.
func (s *Study) tuneThinned(ctx context.Context, g *graph.Graph, rate float64, long training) (*run, error) {
	since := time.Now()
	batch := fitBatch(g, tuneBatch)
	steps := s.steps(ctx, g, long, batch)
	batch, steps = divided(batch, steps)
	e, err := resumable(s, "one-shot", g, func() (e eval.Estimate, err error) {
		defer s.ledger.training(g, batch, steps)()
		t, err := s.trainer(g, batch, 0, 0)
		if err != nil {
			return e, err
		}
		falling := func(done float64) float64 { return rate * train.Cosine(done, runHold, runFloor) }
		err = s.train(ctx, t, steps, batch, falling, func(step int) {
			s.ledger.tell(Progress{Stage: "one-shot", Done: step, Total: steps})
		})
		if err != nil {
			return e, err
		}
		return s.holdout.Graph(ctx, g, s.heldOut())
	})
	if err != nil {
		return nil, err
	}
	s.ledger.network("one-shot", g, e.Drop, true, "weights chosen by rounding", since)
	return &run{net: g, keep: keptBy(g), drop: e.Drop, margin: e.Error + s.memory.correction, long: long.samples, batch: batch}, nil
}

// divided halves a batch while a training has fewer than briefSteps.
func divided(batch, steps int) (int, int) {
	for batch > smallestBatch && steps < briefSteps {
		batch, steps = batch/2, steps*2
	}
	return batch, steps
}
