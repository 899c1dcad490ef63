package edgec

import (
	"fmt"
	"math"
	"time"

	"edgec/internal/passes"
	"edgec/internal/train"
	"edgec/prune"
)

// slack is how many points above the accepted drop, or above the drop of the network
// that rounds start from, the running average of a pruning round may be: cooling the
// learning rate down wins some back.
const slack = 0.1

// fewest is the least number of weights that the search prunes to.
const fewest = 8

// rounds prunes by moving thresholds until no step is accepted, and saves
// every accepted state: where about the limit lies, and what a search that is
// stopped early has to show.
func (s *search) rounds() error {
	ls := passes.NewLayers(s.net)
	s.save(s.net, 0, passes.Gains(ls))
	ratio := 0.5
	if fits, err := s.fits(s.net); err != nil || fits {
		return err
	}
	if s.recipe.limitsOnly() {
		ratio = 0.25 // there is no limit to find, only a number of weights to start from
	}
	for ratio < 0.8 {
		since := time.Now()
		from := s.saved[len(s.saved)-1]
		keep := int(ratio * float64(passes.Kept(ls)))
		if keep < fewest {
			break
		}
		drop, note, err := s.round(ls, keep)
		if err != nil {
			return err
		}
		ok := drop <= math.Max(s.recipe.MaxDrop, s.start.drop)+slack || s.recipe.limitsOnly()
		s.stage("prune", s.net, drop, ok, note, since)
		if !ok {
			s.net = from.net.Clone()
			passes.Ease(ls)
			gains := passes.Gains(ls)
			ls = passes.NewLayers(s.net)
			passes.SetGains(ls, gains)
			ratio = (1 + ratio) / 2
			continue
		}
		if kept(s.net) >= from.kept {
			return nil // the thresholds do not move any more
		}
		if err := removeDead(s.net); err != nil {
			return err
		}
		gains := passes.Gains(ls)
		ls = passes.NewLayers(s.net) // shapes have changed
		passes.SetGains(ls, gains)
		s.save(s.net, drop, gains)
		if fits, err := s.fits(s.net); err != nil || fits {
			return err
		}
	}
	return nil
}

// round fine-tunes s.net while the thresholds move to keep elements, and
// returns the held-out drop.
func (s *search) round(ls []*passes.Layer, keep int) (drop float64, note string, err error) {
	type result struct {
		Note         string
		Harm         []float64 // of each layer
		Drop, Margin float64
	}
	res, err := staged(s, "prune", s.net, func() (res result, err error) {
		batch := fitBatch(s.net, tuneBatch)
		t, err := s.trainer(s.net, batch, 0.998, 0)
		if err != nil {
			return res, err
		}
		t.RestartAverage()
		r := passes.GradualPruning{Keep: keep, Steps: s.steps(s.net, roundSamples, batch, roundWork), Rate: func(float64) float64 { return s.rate }, Graph: s.net}
		moves, err := s.thin("prune", r, 0, r.Steps, t, ls, batch)
		if err != nil {
			return res, err
		}
		res.Note = moved(moves)
		for _, l := range ls {
			res.Harm = append(res.Harm, l.Harm)
		}
		res.Drop, _, err = s.averageDrop(t, s.net, s.judge.set.Len())
		res.Margin = s.margin
		return res, err
	})
	if err != nil {
		return 0, "", err
	}
	for i, l := range ls {
		l.Harm = res.Harm[i]
	}
	s.margin = res.Margin
	return res.Drop, res.Note, nil
}

// thin runs the steps from to to-1 of a round on the feed.
func (s *search) thin(stage string, r passes.GradualPruning, from, to int, t *train.Trainer, ls []*passes.Layer, batch int) (passes.Moves, error) {
	r.Criterion = s.recipe.Criterion
	if r.Criterion == prune.Input {
		r.Samples = s.samplesFor(64)
	}
	next := func() (train.Batch, error) { return s.feed.next(batch), nil }
	return r.Part(from, to, t, ls, next, func(step int) error {
		s.tell(Progress{Stage: stage, Done: step, Total: r.Steps})
		return s.stop()
	})
}

// moved says what moved in a round.
func moved(m passes.Moves) string {
	return fmt.Sprintf(", %d pruned, %d spliced back, %d late", m.Pruned, m.Spliced, m.Late)
}
