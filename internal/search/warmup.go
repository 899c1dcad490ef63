package search

import (
	"context"
	"errors"
	"fmt"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/train"
	"edgec/prune"
)

// learningRate finds a learning rate that the network bears: it trains a little,
// and goes back to try a third of the rate when held-out samples got much worse.
func learningRate(ctx context.Context, s *Study, t Track) (Track, error) {
	net := s.startOf(t)
	most := warmupDrop
	if traits := s.task().Traits(); traits.Relative && traits.Self {
		most = distanceTolerance.hopeless
	}
	if expensive(net) {
		t.rate /= rateStep // wide layers bear less, and to go back costs minutes
	}
	for try := 0; ; try++ {
		since := time.Now()
		w, margin, err := s.score(ctx, "learning rate", net.Clone(), t.rate, t.margin)
		if err != nil {
			return t, err
		}
		t.margin = margin
		ok := !w.diverged && w.drop <= s.objective().drop()+most
		s.ledger.network("learning rate", w.net, w.drop, ok, fmt.Sprintf("learning rate %.2g", t.rate), since)
		if ok {
			t.start = w
			return t, nil
		}
		if try == mostWarmups { // the network as it was read is the best start
			t.start, t.margin, err = s.score(ctx, "learning rate", net.Clone(), 0, t.margin)
			return t, err
		}
		t.rate /= rateStep
	}
}

// score fine-tunes g while its channels are scored, and measures it. margin is that
// of the state before, which stays when training diverges.
func (s *Study) score(ctx context.Context, stage string, g *graph.Graph, rate, margin float64) (*scored, float64, error) {
	o := &scored{net: g, channels: passes.NewChannelScores(g)}
	type result struct {
		Scores              [][]float64
		Drop, Error, Margin float64
		Diverged            bool
	}
	n := judged(s.heldOut(), MACs(g))
	r, err := resumable(s, stage, g, func() (r result, err error) {
		t, err := s.observe(ctx, stage, o.channels, g, rate)
		if errors.Is(err, train.ErrDiverged) {
			return result{Scores: o.channels.Scores(), Drop: 100, Margin: margin, Diverged: true}, nil
		}
		if err != nil {
			return r, err
		}
		e, err := s.averageDrop(ctx, t, g, n)
		return result{Scores: o.channels.Scores(), Drop: e.Drop, Error: e.Error, Margin: e.Error + s.memory.correction}, err
	})
	if err != nil {
		return nil, margin, err
	}
	o.channels.SetScores(r.Scores)
	o.drop, o.diverged = r.Drop, r.Diverged
	if n < s.heldOut() {
		o.doubt = r.Error
	}
	return o, r.Margin, nil
}

// observe fine-tunes g while f scores its channels.
func (s *Study) observe(ctx context.Context, stage string, f *passes.ChannelScores, g *graph.Graph, rate float64) (*train.Trainer, error) {
	batch := fitBatch(g, scoreBatch)
	t, err := s.trainer(g, batch, averageScores, 0)
	if err != nil {
		return nil, err
	}
	t.RestartAverage()
	steps := s.steps(ctx, g, scoreTraining, batch)
	defer s.ledger.training(g, batch, steps)()
	for i := range steps {
		if err := eval.Stopped(ctx); err != nil {
			return nil, err
		}
		b, err := s.loader.next(ctx, batch, s.loader.noise())
		if err != nil {
			return nil, err
		}
		if _, err := t.Gradients(b); err != nil {
			return nil, err
		}
		f.Observe(t)
		t.Update(rate)
		s.ledger.tell(Progress{Stage: stage, Done: i + 1, Total: steps})
	}
	if s.config.Criterion == prune.Input {
		x, err := s.loader.samples(ctx, inputSamples)
		if err != nil {
			return nil, err
		}
		if err := f.ObserveInputs(x...); err != nil {
			return nil, err
		}
	}
	return t, nil
}
