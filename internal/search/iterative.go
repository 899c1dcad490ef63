package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/train"
	"edgec/prune"
)

// iterativePruning prunes by moving thresholds until no round is accepted, and
// keeps every accepted state: where about the limit lies, and what a search that
// is stopped early has to show.
func iterativePruning(ctx context.Context, s *Study, t Track) (Track, error) {
	net := t.start.net.Clone()
	ls := passes.NewLayers(net)
	t = t.with(newState(net, 0, passes.Gains(ls)))
	if fits, err := s.fits(ctx, net); err != nil || fits {
		return t, err
	}
	o, rest := s.objective(), roundRest
	if o.limitsOnly() {
		rest = limitRest // there is no drop to find, only a number of weights to start from
	}
	for rest < finestRest {
		since := time.Now()
		from := t.sparsest()
		keep := int(rest * float64(passes.Kept(ls)))
		if keep < fewestWeights {
			break
		}
		r, err := s.round(ctx, net, ls, keep, t.rate)
		if err != nil {
			return t, err
		}
		t.margin = r.Margin
		ok := r.Drop <= math.Max(o.drop(), t.start.drop)+roundSlack || o.limitsOnly()
		if t.brief = t.brief && r.Drop > t.lost; t.brief {
			s.ledger.network("prune", net, r.Drop, false, "rounding chooses weights better in so few steps", since)
			return t, nil
		}
		s.ledger.network("prune", net, r.Drop, ok, r.Note, since)
		if !ok {
			passes.Ease(ls)
			net = from.net.Clone()
			ls = renewed(net, ls)
			rest = finer(rest)
			continue
		}
		if keptBy(net) >= from.kept {
			return t, nil // the thresholds do not move any more
		}
		if err := removeDead(net); err != nil {
			return t, err
		}
		ls = renewed(net, ls) // shapes have changed
		t = t.with(newState(net, r.Drop, passes.Gains(ls)))
		if fits, err := s.fits(ctx, net); err != nil || fits {
			return t, err
		}
	}
	return t, nil
}

// renewed returns the pruning state of net with the gains of ls.
func renewed(net *graph.Graph, ls []*passes.Layer) []*passes.Layer {
	gains := passes.Gains(ls)
	ls = passes.NewLayers(net)
	passes.SetGains(ls, gains)
	return ls
}

// roundResult is the outcome of a pruning round.
type roundResult struct {
	Note         string
	Harm         []float64 // of each layer
	Drop, Margin float64
}

// round fine-tunes net while the thresholds move to keep elements.
func (s *Study) round(ctx context.Context, net *graph.Graph, ls []*passes.Layer, keep int, rate float64) (roundResult, error) {
	res, err := resumable(s, "prune", net, func() (res roundResult, err error) {
		batch := fitBatch(net, tuneBatch)
		t, err := s.trainer(net, batch, averageRounds, 0)
		if err != nil {
			return res, err
		}
		t.RestartAverage()
		r := passes.GradualPruning{Keep: keep, Steps: s.steps(ctx, net, roundTraining, batch), Rate: func(float64) float64 { return rate }, Graph: net}
		moves, err := s.thin(ctx, "prune", r, span{0, r.Steps}, t, ls, batch)
		if err != nil {
			return res, err
		}
		res.Note = moved(moves)
		for _, l := range ls {
			res.Harm = append(res.Harm, l.Harm)
		}
		e, err := s.averageDrop(ctx, t, net, s.heldOut())
		res.Drop, res.Margin = e.Drop, e.Error+s.memory.correction
		return res, err
	})
	if err != nil {
		return res, err
	}
	for i, l := range ls {
		l.Harm = res.Harm[i]
	}
	return res, nil
}

// span is the steps from to to-1.
type span struct{ from, to int }

// thin runs a part of a round.
func (s *Study) thin(ctx context.Context, stage string, r passes.GradualPruning, part span, t *train.Trainer, ls []*passes.Layer, batch int) (passes.Moves, error) {
	defer s.ledger.training(r.Graph, batch, part.to-part.from)()
	r.Criterion = s.config.Criterion
	if r.Criterion == prune.Input {
		var err error
		if r.Samples, err = s.loader.samples(ctx, inputSamples); err != nil {
			return passes.Moves{}, err
		}
	}
	next := func() (train.Batch, error) { return s.loader.next(ctx, batch, s.loader.noise()) }
	return r.Part(part.from, part.to, t, ls, next, func(step int) error {
		s.ledger.tell(Progress{Stage: stage, Done: step, Total: r.Steps})
		return eval.Stopped(ctx)
	})
}

// moved says what moved in a round.
func moved(m passes.Moves) string {
	return fmt.Sprintf("%s pruned, %s restored", thousands(m.Pruned), thousands(m.Spliced))
}
