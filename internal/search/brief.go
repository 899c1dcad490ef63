package search

import (
	"context"
	"math"
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

// withinLimitsBriefly is withinLimits where training is too short to prune by. Rounding to the size
// has weighed the number of weights against the bits of their values, so as many weights stay as it
// kept, and their values get the bits that fit. A file that is too large or too small is made again
// with values in fewer bits or more.
func (s *Study) withinLimitsBriefly(ctx context.Context, t Track) error {
	lambda, err := s.leastFitting(ctx, t.rounder, s.objective().limit())
	if err != nil {
		return err
	}
	g, err := t.rounder.thinned(ctx, lambda)
	if err != nil {
		return err
	}
	r, err := s.tuneThinned(ctx, g, limitRate*t.rate, finalTraining)
	if err != nil {
		return err
	}
	bits, err := s.fittingBits(ctx, r.net)
	if err != nil {
		return err
	}
	o := s.objective()
	for range mostCorrections {
		c, err := s.finish(ctx, r, bits, t.rate)
		if err != nil || o.utilized(c) {
			return err
		}
		bits = math.Max(leastBits, bits+o.slackBits(c.Size(), c.Shape.Kept))
	}
	return nil
}

// fittingBits returns the bits of a value with which a file of g should just be within the size.
func (s *Study) fittingBits(ctx context.Context, g *graph.Graph) (float64, error) {
	o, bits := s.objective(), firstBits
	longer, err := s.shortening(ctx, g, bits)
	if err != nil {
		return 0, err
	}
	for range mostCorrections {
		cost, err := s.cost(ctx, g, bits)
		if err != nil {
			return 0, err
		}
		more := o.slackBits(int(cost/longer), keptBy(g))
		bits = math.Max(leastBits, bits+more)
		if math.Abs(more) < 0.1*changeBits {
			break
		}
	}
	return bits, nil
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
