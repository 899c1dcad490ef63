package edgec

import (
	"errors"
	"fmt"
	"math"
	"time"

	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/train"
	"edgec/prune"
)

// topRate is the learning rate that is tried first.
const topRate = 2e-3

// warm finds a learning rate that the network bears: it trains a little, and
// goes back to try a third of the rate when held-out samples got much worse. A point
// of TaskFidelity is a hundredth of an error, not a sample in a hundred, and most of
// what a network is off while the rate is high it loses again when the rate falls.
func (s *search) warm() error {
	most := 0.5 // points
	if s.report.Task == TaskFidelity {
		most = 20
	}
	if expensive(s.net) {
		s.rate /= 3 // wide layers bear less, and to go back costs minutes
	}
	for try := 0; ; try++ {
		since := time.Now()
		w, err := s.observe("warm-up", s.net.Clone(), s.rate)
		if err != nil {
			return err
		}
		ok := !w.diverged && w.drop <= s.recipe.MaxDrop+most
		s.stage("warm-up", w.net, w.drop, ok, fmt.Sprintf(", learning rate %.2g", s.rate), since)
		if ok {
			s.start, s.net = w, w.net
			return nil
		}
		if try == 4 { // the network as it was read is the best start
			s.start, err = s.observe("warm-up", s.net, 0)
			return err
		}
		s.rate /= 3
	}
}

// filterShare is the part of the accepted drop that cutting filters may use
// up: single weights are pruned to less loss for a byte of the file. As long as
// fine-tuning costs more than slowTraining multiplications forward, the time
// that narrower layers save is worth a larger part; below cheapTraining there is
// none to save, and channels go when pruning has emptied them.
const (
	filterShare     = 0.3
	slowFilterShare = 0.65
	slowTraining    = 2.5e11
	cheapTraining   = 1e11
)

// limitsDrop stands for the accepted drop, in points, when only a size or a time is
// asked for.
const limitsDrop = 0.5

// A cut leaves filterRest of a network's cost, or deepRest of an expensive one: such a
// network has more to spare than there is time to find out how much.
const (
	filterRest = 0.6
	deepRest   = 0.45
)

// expensive reports that the work of a stage does not suffice to train g on
// filterSamples.
func expensive(g *graph.Graph) bool { return filterSamples*float64(macs(g)) > stageWork }

// observed is a network that was fine-tuned while its channels were scored.
type observed struct {
	net    *graph.Graph
	scores *passes.ChannelScores
	drop   float64 // held out, of the running average
	doubt  float64 // standard error of drop, where it was measured on part of the held-out samples; otherwise 0

	diverged bool // the loss became infinite
}

// cut returns a copy of o.net without the channels of the least score, and how many
// went.
func (o *observed) cut(rest float64) (*graph.Graph, int, error) {
	g := o.net.Clone()
	n, err := o.scores.For(g).Prune(rest)
	return g, n, err
}

// filters cuts whole channels while the network bears it, and saves the states from
// which shots are worth their time. A network that is too slow even when pruning has
// thinned it out may lose all of the accepted drop.
func (s *search) filters() error {
	if fits, err := s.fits(s.net); err != nil || fits {
		return err
	}
	at := s.start
	start := at.drop
	rest := deepRest
	slow, err := s.slow(at.net)
	if err != nil {
		return err
	}
	for round := 0; round < 16 && rest < 0.9 && (slow || trainingWork(at.net) >= cheapTraining); round++ {
		since := time.Now()
		if !expensive(at.net) {
			rest = max(rest, filterRest)
		}
		g, n, err := at.cut(rest)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		next, err := s.observe("filters", g, s.rate/2)
		if err != nil {
			return err
		}
		limit := s.filterLimit(g, start)
		if slow {
			limit = math.Max(limit, s.recipe.MaxDrop)
		}
		ok := !next.diverged && next.drop-next.doubt <= limit
		s.stage("filters", g, next.drop, ok, "", since)
		if ok {
			s.saveWide(at)
			at = next
			if next.drop-next.doubt <= s.filterLimit(g, start) {
				s.ample = s.narrowest
			}
			if slow, err = s.slow(at.net); err != nil {
				return err
			}
		} else {
			rest = (1 + rest) / 2
		}
	}
	narrower := at != s.start
	s.start, s.net = at, at.net
	if narrower && s.rate < topRate && !expensive(at.net) {
		s.rate = topRate
		return s.warm() // narrow layers bear more
	}
	return nil
}

// filterLimit returns the largest drop at which the filters of g were not cut too
// far, from the drop before any cut.
func (s *search) filterLimit(g *graph.Graph, start float64) float64 {
	share := filterShare
	if trainingWork(g) > slowTraining {
		share = slowFilterShare
	}
	if s.recipe.limitsOnly() {
		return start + share*limitsDrop
	}
	return start + share*math.Max(0, s.recipe.MaxDrop+slack-start)
}

// observe fine-tunes g while its channels are scored, and measures it.
func (s *search) observe(stage string, g *graph.Graph, rate float64) (*observed, error) {
	o := &observed{net: g, scores: passes.NewChannelScores(g)}
	type result struct {
		Scores              [][]float64
		Drop, Error, Margin float64
		Diverged            bool
	}
	n := enough(s.judge.set.Len(), macs(g))
	r, err := staged(s, stage, g, func() (r result, err error) {
		t, err := s.score(stage, o.scores, g, rate)
		if errors.Is(err, train.ErrDiverged) {
			return result{Scores: o.scores.Scores(), Drop: 100, Margin: s.margin, Diverged: true}, nil
		}
		if err != nil {
			return r, err
		}
		r.Drop, r.Error, err = s.averageDrop(t, g, n)
		r.Scores, r.Margin = o.scores.Scores(), s.margin
		return r, err
	})
	if err != nil {
		return nil, err
	}
	o.scores.SetScores(r.Scores)
	o.drop, o.diverged, s.margin = r.Drop, r.Diverged, r.Margin
	if n < s.judge.set.Len() {
		o.doubt = r.Error
	}
	return o, nil
}

// score fine-tunes g while f scores its channels.
func (s *search) score(stage string, f *passes.ChannelScores, g *graph.Graph, rate float64) (*train.Trainer, error) {
	batch := fitBatch(g, warmBatch)
	t, err := s.trainer(g, batch, 0.98, 0)
	if err != nil {
		return nil, err
	}
	t.RestartAverage()
	steps := s.steps(g, filterSamples, batch, stageWork)
	for i := 0; i < steps; i++ {
		if err := s.stop(); err != nil {
			return nil, err
		}
		if _, err := t.Gradients(s.feed.next(batch)); err != nil {
			return nil, err
		}
		f.Observe(t)
		t.Update(rate)
		s.tell(Progress{Stage: stage, Done: i + 1, Total: steps})
	}
	if s.recipe.Criterion == prune.Input {
		if err := f.ObserveInputs(s.samplesFor(64)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// leastShot is the number of samples that a shot must have been trained on to be
// worth its time.
const leastShot = 50_000

// saveWide saves a state that filters were cut from, for shots that the narrowest
// state is too small for.
func (s *search) saveWide(o *observed) {
	if leastShot*float64(macs(o.net)) <= stageWork {
		s.save(o.net, o.drop, passes.Gains(passes.NewLayers(o.net)))
		s.narrowest = len(s.saved)
	}
}
