package search

import (
	"context"
	"math"
)

// sparsitySearch looks for the fewest weights that are good enough: it tries
// numbers that differ by sparsityStride, from the third denser one on by growing
// powers of it, until one is good and one is not, and then halves the gap on a
// scale of ratios until it is smaller than sparsityPrecision.
type sparsitySearch struct {
	keep  int // to try next; 0: the search is over
	most  int // there are
	good  int // the fewest that were good, 0: none
	bad   int // the most that were not, 0: none
	tried int
	tries int // after which one that is good will do; moreRuns more look for one
}

// newSparsitySearch starts above a number of weights that was good before
// rounding, from which a one-shot run loses some more.
func newSparsitySearch(limit, most, tries int) *sparsitySearch {
	return &sparsitySearch{keep: min(int(sparsityStride*float64(limit)), most), most: most, tries: tries}
}

// learn takes the verdict on h.keep weights and sets the next number.
func (h *sparsitySearch) learn(good bool) {
	h.tried++
	if good {
		h.good = h.keep
	} else {
		h.bad = h.keep
	}
	switch {
	case h.tried == h.tries+moreRuns, h.tried >= h.tries && h.good > 0, h.bad == h.most:
		h.keep = 0
	case h.good == 0:
		h.keep = int(math.Min(float64(h.most), float64(h.keep)*math.Pow(sparsityStride, float64(max(1, h.tried-1)))))
	case h.bad == 0:
		h.keep = int(float64(h.keep) / sparsityStride)
	case h.gap().ratio() < sparsityPrecision:
		h.keep = 0
	default:
		h.keep = int(h.gap().middle())
	}
	if h.keep < fewestWeights {
		h.keep = 0
	}
}

// gap is what lies between the numbers of weights that were tried.
func (h *sparsitySearch) gap() bracket { return bracket{float64(h.good), float64(h.bad)} }

// final tries numbers of weights with longer training, which bears fewer: one a little below what
// was good where one try is left, or several that close in on the fewest from there on. Where nothing
// was good it goes up from what was not.
func (h *sparsitySearch) final(times int, try func(keep int) (good bool, err error)) error {
	f := &sparsitySearch{keep: h.last(times), most: h.most, good: h.good, tries: times}
	for f.keep > 0 && f.tried < times {
		good, err := try(f.keep)
		if err != nil {
			return err
		}
		f.learn(good)
		h.good = f.good
	}
	return nil
}

// last is the number of weights for the first of some runs that train longer: below what was good,
// or above what was not.
func (h *sparsitySearch) last(runs int) int {
	if h.good == 0 {
		return min(h.most, int(sparsityStride*float64(h.bad)))
	}
	if runs > 1 {
		return max(fewestWeights, int(float64(h.good)/sparsityStride))
	}
	return max(fewestWeights, int(finalShare*float64(h.good)))
}

// withinDrop makes files within the drop: the sparsest one-shot run that meets the
// objective is looked for around the sparsest state that pruning rounds have
// accepted, final ones train longer, and the best is tried with smaller codebooks.
func (s *Study) withinDrop(ctx context.Context, t Track) error {
	a := &attempts{study: s, track: t, fraction: t.marginFraction(s.objective())}
	tries, slow := mostRuns, !cheap(float64(MACs(t.densest().net)))
	if slow {
		tries = 1
	}
	h := newSparsitySearch(t.sparsest().kept, t.states[0].kept, tries)
	for h.keep > 0 {
		ok, err := a.try(ctx, h.keep, runTraining)
		if err != nil {
			return err
		}
		if ok && a.exceeds() {
			h.tries++ // fewer weights take less time
		}
		h.learn(ok)
	}
	finals := 1
	if slow {
		finals = mostFinal
	}
	if err := h.final(finals, func(keep int) (bool, error) { return a.try(ctx, keep, finalTraining) }); err != nil {
		return err
	}
	if a.good == nil {
		return a.finer(ctx)
	}
	if a.bits != firstBits || slow {
		return nil
	}
	return a.coarser(ctx)
}

// attempts are the one-shot runs of a sparsity search.
type attempts struct {
	study    *Study
	track    Track
	fraction float64 // of the margin that files are to keep
	last     *run
	good     *run    // the last that was good enough
	bits     float64 // of its values
}

// try runs to keep weights and reports whether a file of it is good enough.
func (a *attempts) try(ctx context.Context, keep int, long training) (ok bool, err error) {
	if a.last, err = a.study.oneShot(ctx, a.track, goal{keep: keep}, long); err != nil {
		return false, err
	}
	bits, err := a.files(ctx, a.last)
	if bits > 0 {
		a.good, a.bits = a.last, bits
	}
	a.study.ledger.runs = append(a.study.ledger.runs, attempt{a.last.keep, a.last.long, bits > 0})
	return bits > 0, err
}

// files makes files of a run unless it is hopeless, and returns the bits for a
// value with which one is good enough, or 0. Rounding seldom wins back anything,
// so a run that has used up the drop already, or most of the margin, is hopeless.
func (a *attempts) files(ctx context.Context, r *run) (bits float64, err error) {
	o := a.study.objective()
	if r.drop > o.drop()-a.fraction*r.margin/2 {
		return 0, nil
	}
	for _, b := range []float64{firstBits, fineBits} {
		c, err := a.study.finish(ctx, r, b, a.track.rate)
		if err != nil {
			return 0, err
		}
		if c.withinMargin(o, a.fraction) {
			return b, nil
		}
		if c.Drop+a.fraction*c.Margin > o.drop()+c.Error {
			return 0, nil // more than larger codebooks win back
		}
	}
	return 0, nil
}

// exceeds reports that the last file takes too long or too much memory.
func (a *attempts) exceeds() bool {
	c, ok := a.study.ledger.last()
	return ok && a.study.objective().exceeds(c.Need)
}

// finer tries the densest run, for which the usual codebooks are too coarse, with
// larger ones, unless a file with a codebook meets the objective already.
func (a *attempts) finer(ctx context.Context) error {
	if a.study.ledger.shared() {
		return nil
	}
	for _, bits := range finestBits {
		c, err := a.study.finish(ctx, a.last, bits, a.track.rate)
		if err != nil || c.Meets {
			return err
		}
	}
	return nil
}

// coarser tries the good run with ever smaller codebooks.
func (a *attempts) coarser(ctx context.Context) error {
	for _, bits := range coarseBits {
		c, err := a.study.finish(ctx, a.good, bits, a.track.rate)
		if err != nil || !c.withinMargin(a.study.objective(), a.fraction) {
			return err
		}
	}
	return nil
}
