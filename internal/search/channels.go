package search

import (
	"context"
	"math"
	"time"

	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/prune"
)

// channelPruning cuts whole channels while the network bears it, and keeps the
// states from which one-shot pruning is worth its time. A network that is too
// slow even when pruning has thinned it out may lose all that the answer may lose:
// only smaller feature maps make it fast enough.
func channelPruning(ctx context.Context, s *Study, t Track) (Track, error) {
	if fits, err := s.fits(ctx, t.start.net); err != nil || fits || t.brief {
		return t, err
	}
	first, rest := t.start, cutRest
	slow, err := s.slow(ctx, first.net)
	if err != nil {
		return t, err
	}
	for rest < finestCutRest && (slow || !cheap(float64(MACs(t.start.net)))) {
		cut, ok, err := s.cutChannels(ctx, t, rest, first.drop, slow)
		if err != nil {
			return t, err
		}
		if cut.start == nil {
			break // nothing can be cut
		}
		if !ok {
			t.margin = cut.margin
			rest = finer(rest)
			continue
		}
		t = cut
		if slow, err = s.slow(ctx, t.start.net); err != nil {
			return t, err
		}
	}
	if t.start != first && t.rate < topRate && !expensive(t.start.net) {
		t.rate = topRate
		return learningRate(ctx, s, t) // narrow layers bear more
	}
	return t, nil
}

// cutChannels cuts the channels of least score until a fraction of the cost is left,
// and fine-tunes. Its start is nil where there was nothing to cut.
func (s *Study) cutChannels(ctx context.Context, t Track, rest, first float64, slow bool) (cut Track, ok bool, err error) {
	since := time.Now()
	from := t.start
	g, n, err := from.cut(rest)
	if err != nil || n == 0 {
		return Track{}, false, err
	}
	next, margin, err := s.score(ctx, "channels", g, cutRate*t.rate, t.margin)
	if err != nil {
		return t, false, err
	}
	t.margin = margin
	narrow := s.channelLimit(g, first)
	limit := narrow
	if slow {
		limit = math.Max(limit, s.mayLose())
	}
	ok = !next.diverged && next.drop-next.doubt <= limit
	s.ledger.network("channels", g, next.drop, ok, "", since)
	if ok {
		t = t.withWide(from)
		t.start = next
		if next.drop-next.doubt <= narrow {
			t.roomy = t.narrowest
		}
	}
	return t, ok, nil
}

// channelLimit returns the largest drop at which the channels of g were not cut too
// far, from the drop before any cut.
func (s *Study) channelLimit(g *graph.Graph, first float64) float64 {
	share := channelShare
	if !cheap(float64(MACs(g))) {
		share = slowChannelShare
	}
	if s.objective().limitsOnly() {
		return first + share*limitsDrop
	}
	return first + share*math.Max(0, s.objective().drop()+roundSlack-first)
}

// mayLose is the largest drop of an answer, in points.
func (s *Study) mayLose() float64 {
	if o := s.objective(); !o.limitsOnly() {
		return o.drop()
	}
	return mayLose(s.float())
}

// withWide returns the track with the state that channels were cut from, for
// one-shot runs that the narrowest state is too small for, where such a run is
// worth its time.
func (t Track) withWide(o *scored) Track {
	if expensive(o.net) {
		return t
	}
	wide := newState(o.net, o.drop, nil)
	wide.gains = passes.Gains(passes.NewLayers(wide.net)) // which adds masks
	t = t.with(wide)
	t.narrowest = len(t.states)
	return t
}

// slow reports that g takes too long, or too much memory, even without most of its weights, so
// that it has to be narrower.
func (s *Study) slow(ctx context.Context, g *graph.Graph) (bool, error) {
	if !s.objective().executed() {
		return false, nil
	}
	g = g.Clone()
	ls := passes.NewLayers(g)
	r := passes.GradualPruning{Keep: int(thinnedRest * float64(passes.Kept(ls))), Criterion: s.config.Criterion, Graph: g}
	if r.Criterion == prune.Input {
		x, err := s.loader.samples(ctx, inputSamples)
		if err != nil {
			return false, err
		}
		r.Samples = x
	}
	if err := r.Once(ls); err != nil {
		return false, err
	}
	return s.exceeds(ctx, g)
}
