package search

import (
	"context"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/train"
)

// run is the outcome of one-shot gradual pruning, with the learning rate gone to
// zero: what files are made from.
type run struct {
	net    *graph.Graph
	keep   int     // weights that were asked for, or that a limit has led to
	drop   float64 // held out
	margin float64 // of drop
	long   int     // samples of its training, of tuning.go
}

// goal is what a one-shot run prunes to: a number of weights, corrected on the way
// to that whose file, with values of so many bits, has this cost, unless cost is 0.
type goal struct {
	keep, cost int
	bits       float64
}

// oneShot prunes to a goal in one go. The rounds that find the limit halve the
// network again and again at a high learning rate, and each chooses among what the
// ones before have left; one long run from a dense state chooses among all.
func (s *Study) oneShot(ctx context.Context, t Track, to goal, long training) (*run, error) {
	since := time.Now()
	from := t.origin(to.keep)
	g := from.net.Clone()
	batch := fitBatch(g, tuneBatch)
	r := passes.GradualPruning{Keep: to.keep, Start: passes.Kept(passes.NewLayers(g)), Steps: s.steps(ctx, g, long, batch), Freeze: runSettle, Graph: g}
	rate, parts := t.rate, []float64{1}
	if to.cost > 0 {
		rate, r.Ramp, parts = limitRate*t.rate, limitRamp, correctionPoints()
	}
	r.Rate = func(done float64) float64 { return rate * train.Cosine(done, runHold, runFloor) }
	var moves passes.Moves
	step := 0
	for _, end := range parts {
		part := span{step, int(end * float64(r.Steps))}
		m, err := resumable(s, "one-shot", g, func() (passes.Moves, error) { return s.runPart(ctx, g, from.gains, r, part, to.cost > 0, batch) })
		if err != nil {
			return nil, err
		}
		moves.Add(m)
		step = part.to
		if err := removeDead(g); err != nil {
			return nil, err
		}
		if to.cost > 0 && end < runSettle {
			if r.Keep, err = s.corrected(ctx, g, r.Keep, to); err != nil {
				return nil, err
			}
		}
	}
	e, err := resumable(s, "estimate", nil, func() (eval.Estimate, error) { return s.holdout.Graph(ctx, g, s.heldOut()) })
	if err != nil {
		return nil, err
	}
	s.ledger.network("one-shot", g, e.Drop, true, moved(moves), since)
	return &run{net: g, keep: r.Keep, drop: e.Drop, margin: e.Error + s.memory.correction, long: long.samples}, nil
}

// correctionPoints are the fractions of a run at limits at which channels that pruning has
// emptied are removed, and, up to runSettle, the cost is measured and the number of weights
// corrected.
func correctionPoints() []float64 {
	var points []float64
	for _, p := range rampPoints {
		points = append(points, p*limitRamp)
	}
	points = append(points, limitRamp)
	for _, p := range settlePoints {
		points = append(points, limitRamp+p*(runSettle-limitRamp))
	}
	return append(points, runSettle, 1)
}

// runPart does a part of the run. At limits, weights are ranked by what they cost
// in a small file, and by time.
func (s *Study) runPart(ctx context.Context, g *graph.Graph, gains map[string]float64, r passes.GradualPruning, part span, atLimits bool, batch int) (passes.Moves, error) {
	t, err := s.trainer(g, batch, 0, part.from)
	if err != nil {
		return passes.Moves{}, err
	}
	ls := passes.NewLayers(g)
	passes.SetGains(ls, gains)
	if atLimits {
		passes.SparseRates(ls, g)
		if s.objective().executed() {
			passes.MACRates(ls, g)
		}
	}
	return s.thin(ctx, "one-shot", r, part, t, ls, batch)
}

// corrected returns the number of weights that should lead to the cost of the goal.
func (s *Study) corrected(ctx context.Context, g *graph.Graph, keep int, to goal) (int, error) {
	cost, err := s.cost(ctx, g, to.bits)
	if err != nil {
		return 0, err
	}
	return s.objective().clampUpdate(keep, max(fewestWeights, int(float64(keptBy(g))*float64(to.cost)/cost))), nil
}

// origin returns the state that a run at keep weights starts from. That is the
// densest state of the narrowest network that has as many, or, where the work of a
// stage does not suffice for that, the sparsest with mostThinner times as many.
func (t Track) origin(keep int) *State {
	i := t.narrowest
	for i > 0 && t.states[i].kept < keep {
		i--
	}
	from := t.states[i]
	if runSamples*float64(MACs(from.net)) <= stageWork {
		return from
	}
	for _, c := range t.states[i:] {
		if float64(c.kept) >= mostThinner*float64(keep) {
			from = c
		}
	}
	return from
}
