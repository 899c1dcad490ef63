package edgec

import (
	"fmt"
	"slices"
	"time"

	"edgec/internal/dataset"
)

// The bits for a value that a shot is tried with: first those that serve most
// networks, more if that loses too much, then fewer.
const (
	firstBits = 3.4
	fineBits  = 4.2
)

var coarseBits = []float64{3, 2.6}

// A hunt tries mostTried shots, or, where each takes half the work of a stage, until one
// is good. The last shot, which trains longer, has lastShare of the weights that were
// good enough. Where a hunt ended with the first good one there may be up to mostLast, each smaller
// than the one before, as long as they are good.
const (
	mostTried = 5
	lastShare = 0.85
	mostLast  = 3
)

// finishAll makes files: small ones within the drop, or good ones within the limits. These
// are made also when files within the drop are too slow: the best that the time allows may
// lose little enough. It is looked for in a network that was not made narrower at the
// expense of the drop.
func (s *search) finishAll() error {
	if s.recipe.limitsOnly() {
		return s.finishLimits()
	}
	if err := s.finishSmall(); err != nil || s.recipe.MaxLatency == 0 || s.met() {
		return err
	}
	s.narrowest = s.ample
	return s.fillPruned()
}

// finishSmall makes files within the drop: the sparsest shot that meets the recipe is
// hunted for around the sparsest state that pruning rounds have accepted, a last one, or
// more, train longer, and the best is tried with smaller codebooks.
func (s *search) finishSmall() error {
	var good, last *shot
	bits := 0.0 // of the good one
	try := func(keep int, long training) (ok bool, err error) {
		if last, err = s.shoot(goal{keep: keep}, long); err != nil {
			return false, err
		}
		b, err := s.attempt(last)
		if b > 0 {
			good, bits = last, b
		}
		return b > 0, err
	}
	tries, slow := mostTried, shotSamples*float64(macs(s.saved[s.narrowest].net)) > stageWork/2
	if slow {
		tries = 1
	}
	h := newHunt(s.saved[len(s.saved)-1].kept, s.saved[0].kept, tries)
	for h.keep > 0 {
		ok, err := try(h.keep, huntTraining)
		if err != nil {
			return err
		}
		if ok && s.late() {
			h.tries++ // fewer weights take less time
		}
		h.learn(ok)
	}
	lasts := 1
	if slow {
		lasts = mostLast
	}
	if err := h.lasts(lasts, func(keep int) (bool, error) { return try(keep, lastTraining) }); err != nil {
		return err
	}
	if good == nil {
		return s.finer(last)
	}
	if bits != firstBits || slow {
		return nil
	}
	for _, b := range coarseBits {
		p, err := s.finish(good, b)
		if err != nil || !s.keeps(p) {
			return err
		}
	}
	return nil
}

// attempt makes files of a shot unless it is hopeless, and returns the bits for a
// value with which one is good enough, or 0. Rounding seldom wins back anything, so
// a shot that has used up the drop already, or most of the margin, is hopeless.
func (s *search) attempt(sh *shot) (bits float64, err error) {
	if sh.drop > s.recipe.MaxDrop-s.part()*sh.margin/2 {
		return 0, nil
	}
	for _, b := range []float64{firstBits, fineBits} {
		p, err := s.finish(sh, b)
		if err != nil {
			return 0, err
		}
		if s.keeps(p) {
			return b, nil
		}
		if p.Drop+s.part()*p.Margin > s.recipe.MaxDrop+p.DropError {
			return 0, nil // more than larger codebooks win back
		}
	}
	return 0, nil
}

// keeps reports whether a file keeps the accuracy with a margin: the smallest of
// many files that seem good enough is one that was lucky on the held-out samples.
func (s *search) keeps(p Point) bool { return p.Drop+s.part()*p.Margin <= s.recipe.MaxDrop }

// part is the part of the margin that files are to keep: half of it where the state
// after the first round has used up the other half already.
func (s *search) part() float64 {
	if first := s.narrowest + 1; len(s.saved) > first && s.saved[first].drop+s.margin > s.recipe.MaxDrop {
		return 0.5
	}
	return 1
}

// finer tries the densest shot, for which the usual codebooks are too coarse,
// with larger ones, unless a file with a codebook meets the recipe already.
func (s *search) finer(sh *shot) error {
	if s.met() {
		return nil
	}
	for _, bits := range []float64{5, 6} {
		p, err := s.finish(sh, bits)
		if err != nil || p.Meets {
			return err
		}
	}
	return nil
}

// met reports whether a file with a codebook meets the recipe, without a margin.
func (s *search) met() bool {
	return slices.ContainsFunc(s.points, func(p Point) bool { return p.Centroids > 0 && p.Meets })
}

// finish makes a file from a shot with codebooks in which a value costs the given
// bits on average.
func (s *search) finish(sh *shot, bits float64) (Point, error) {
	since := time.Now()
	p, err := s.made(func() (p Point, err error) {
		g := sh.net.Clone()
		if err := s.makeFile(g, bits, false); err != nil {
			return p, err
		}
		return s.measure(g, s.judge.set.Len())
	})
	if err != nil {
		return p, err
	}
	s.showFile("file", p, fmt.Sprintf(", up to %d centroids, %d bytes", p.Centroids, p.Size), since)
	return p, nil
}

// rescue makes a file from the latest accepted state without training, when
// the search was stopped before it had made any good one.
func (s *search) rescue() error {
	if s.met() {
		return nil
	}
	for i := len(s.saved) - 1; i >= 0 && i >= len(s.saved)-3; i-- {
		for _, bits := range []float64{firstBits, 5} {
			g, err := s.quick(s.saved[i].net, bits)
			if err != nil {
				return err
			}
			p, err := s.measure(g, s.few(g))
			if err != nil {
				return err
			}
			if err := s.add(p); err != nil {
				return err
			}
			if p.Meets {
				return nil
			}
		}
	}
	return nil
}

// finishReport chooses the answer and measures it on the test set.
func (s *search) finishReport(test *dataset.Set) (*Report, error) {
	r := s.report
	p, ok, err := s.answer()
	r.Tried = s.points
	r.Front = front(s.points)
	r.Seconds = time.Since(s.started).Seconds()
	if err != nil {
		return r, err
	}
	if !ok {
		return r, s.unmet()
	}
	r.Best = p
	if measurable(test, s.judge.task) {
		s.tell(Progress{Stage: "test", Note: "measuring the answer on the test set"})
		j := s.honest
		if j == nil {
			var err error
			if j, err = newJudge(s.model.graph, s.judge.task, test, s.threads); err != nil {
				return r, err
			}
		}
		out, err := fileOutputs(p.Bytes, test, test.Len(), s.threads)
		if err != nil {
			return r, err
		}
		r.Test = &Tested{Float: newMetrics(j.task, j.reference), File: newMetrics(j.task, j.losses(out))}
	}
	r.Seconds = time.Since(s.started).Seconds()
	return r, nil
}

// unmet says what the nearest file is.
func (s *search) unmet() error {
	if len(s.points) == 0 {
		return fmt.Errorf("edgec: stopped before any file was made; give the search more time")
	}
	small, good, fast := s.points[0], s.points[0], s.points[0]
	for _, p := range s.points {
		if p.Size < small.Size {
			small = p
		}
		if p.Drop < good.Drop {
			good = p
		}
		if p.Latency < fast.Latency {
			fast = p
		}
	}
	nearest := fmt.Sprintf("the smallest has %d bytes at a drop of %.2f points, the best loses %.2f points at %d bytes", small.Size, small.Drop, good.Drop, good.Size)
	if most := s.recipe.MaxLatency; most > 0 {
		return fmt.Errorf("edgec: no file meets the limits: %s, the fastest takes %v of %v at a drop of %.2f points; allow a larger drop, size or latency, or the search more time", nearest, fast.Latency, most, fast.Drop)
	}
	return fmt.Errorf("edgec: no file meets the limits: %s; allow a larger drop or size, or more time", nearest)
}
