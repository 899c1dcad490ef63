package search

import (
	"context"
	"math"

	"edgec/internal/graph"
)

// Files for limits alone: the best accuracy within a size, a time or both.

// withinLimits makes files when only limits are asked for, and no drop, by
// pruning. When none fits, as where many weights have the same score, and go or
// stay together, the sparsest state is the goal.
func (s *Study) withinLimits(ctx context.Context, t Track) error {
	if t.brief {
		return s.withinLimitsBriefly(ctx, t)
	}
	if err := s.useUp(ctx, t); err != nil || s.ledger.shared() {
		return err
	}
	r, err := s.oneShot(ctx, t, goal{keep: t.sparsest().kept}, runTraining)
	if err != nil {
		return err
	}
	_, err = s.finish(ctx, r, firstBits, t.rate)
	return err
}

// fits reports whether limits alone are asked for and no weight of g has to go for
// them.
func (s *Study) fits(ctx context.Context, g *graph.Graph) (bool, error) {
	if !s.objective().limitsOnly() {
		return false, nil
	}
	cost, err := s.cost(ctx, g, firstBits)
	return cost <= float64(s.objective().limit()), err
}

// useUp uses the limits up with values of firstBits and, as long as rounding them
// costs much more than pruning, again with fewer weights and values of a bit more,
// unless that was worse. Outputs that are numbers ask for finer values than classes
// do.
func (s *Study) useUp(ctx context.Context, t Track) error {
	least := math.Inf(1)
	bits := firstBits
	if s.task().Traits().Distance {
		bits = distanceBits
	}
	for ; bits <= mostBits; bits++ {
		r, c, err := s.useUpWith(ctx, t, bits)
		if err != nil || c.Drop >= least || !coarse(r.drop, c) {
			return err
		}
		least = c.Drop
	}
	return nil
}

// coarse reports whether a file lost more by the rounding of its values than its
// run by pruning.
func coarse(run float64, c Candidate) bool {
	return c.Drop-run-c.Error > math.Max(run, classTolerance.enough)
}

// useUpWith prunes to the limits, with long training and values of so many bits,
// and returns the last run and its file. A file that is somewhat too large or too
// small is made again with values in fewer bits or more; after one that is further
// off, another run corrects by it, unless that has led to as many weights again.
func (s *Study) useUpWith(ctx context.Context, t Track, bits float64) (r *run, c Candidate, err error) {
	to, err := s.fitting(ctx, t, bits)
	if err != nil {
		return nil, c, err
	}
	o, last := s.objective(), 0
	most := float64(o.limit())
	for range mostCorrections {
		if r, err = s.oneShot(ctx, t, to, finalTraining); err != nil {
			return nil, c, err
		}
		if c, err = s.finish(ctx, r, bits, t.rate); err != nil {
			return r, c, err
		}
		if o.utilized(c) {
			return r, c, s.useSlack(ctx, t, r, c, bits)
		}
		cost := o.cost(c.Size(), c.Need)
		if more := o.slackBits(c.Size(), c.Shape.Kept); cost == float64(c.Size()) && math.Abs(more) <= changeBits {
			changed, err := s.finish(ctx, r, bits+more, t.rate)
			if err != nil || o.utilized(changed) {
				return r, changed, err
			}
		}
		if c.Shape.Kept == last {
			break
		}
		last = c.Shape.Kept
		to = goal{r.keep, int(float64(to.cost) * sizeUtilization * most / cost), bits}
	}
	return r, c, nil
}

// useSlack makes a finer file of a run whose file, with values of so many bits,
// uses up the time but not the size: larger codebooks cost no time.
func (s *Study) useSlack(ctx context.Context, t Track, r *run, c Candidate, bits float64) error {
	o := s.objective()
	if !o.executed() {
		return nil
	}
	finer := math.Min(fineBits, bits+o.slackBits(c.Size(), c.Shape.Kept))
	if finer < bits+changeBits/2 {
		return nil
	}
	_, err := s.finish(ctx, r, finer, t.rate)
	return err
}

// fitting returns the goal of a run whose file, with values of so many bits, should just be within
// the limits. Sizes and times grow as a power of the number of weights between two near states.
// Files on the way are longer than the answer by what moving its units will save.
func (s *Study) fitting(ctx context.Context, t Track, bits float64) (to goal, err error) {
	o := s.objective()
	limit := float64(o.limit())
	if o.MaxSize > 0 && !o.executed() {
		longer, err := s.shortening(ctx, t.sparsest().net, bits)
		if err != nil {
			return to, err
		}
		limit *= longer
	}
	keep, err := s.keptAt(ctx, t, bits, limit)
	return goal{keep, int(sizeUtilization * limit), bits}, err
}

// keptAt returns the number of weights at which a file should cost so much.
func (s *Study) keptAt(ctx context.Context, t Track, bits, limit float64) (keep int, err error) {
	dense, sparse := t.states[0], t.states[0]
	var large, small float64 // their costs, without training
	for i, c := range t.states {
		cost, err := s.cost(ctx, c.net, bits)
		if err != nil {
			return 0, err
		}
		dense, sparse, large, small = sparse, c, small, cost
		if cost <= limit || i == len(t.states)-1 {
			break
		}
	}
	if dense == sparse || small >= large {
		return sparse.kept, nil
	}
	u := math.Log(limit/small) / math.Log(large/small)
	u = math.Max(0, math.Min(1, u))
	return int(float64(sparse.kept) * math.Pow(float64(dense.kept)/float64(sparse.kept), u)), nil
}
