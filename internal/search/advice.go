package search

import (
	"fmt"
	"math"
	"time"
)

// ended is how far a search had come when it was interrupted.
type ended struct {
	at, of int           // stage
	left   time.Duration // that it would still have taken, by estimate; 0: not known
}

// advice says what would make the answer better, from the most certain to the least.
// Every figure in it was seen in this search; docs/SEARCH.md says how.
func (s *Study) advice(best Candidate, all []Candidate) []string {
	var says []string
	for _, f := range []func(Candidate, []Candidate) string{s.moreTime, s.moreTraining, s.moreSamples} {
		if text := f(best, all); text != "" {
			says = append(says, text)
		}
	}
	return says
}

// moreTime: the search was cut short.
func (s *Study) moreTime(Candidate, []Candidate) string {
	e := s.ledger.ended
	switch {
	case s.ledger.interrupted == "":
		return ""
	case s.config.NoTraining && s.ledger.interrupted == budgetUsedUp:
		return fmt.Sprintf("the budget of %v ended the search for more files; with more time, or no budget, it tries more. How much that gives is not known from this search", s.config.Budget)
	case s.config.Budget > 0 && s.ledger.interrupted == budgetUsedUp:
		return fmt.Sprintf("the budget of %v bounded the training; with more time, or no budget, the search trains longer. How much that gives is not known from this search", s.config.Budget)
	case e.left > 0:
		return fmt.Sprintf("it was stopped in stage %d of %d; the rest would have taken about %d min", e.at, e.of, int(math.Ceil(e.left.Minutes())))
	}
	return fmt.Sprintf("it was stopped in stage %d of %d", e.at, e.of)
}

// moreTraining: what a run with twice the training gave in this search, or why that
// is not known.
func (s *Study) moreTraining(best Candidate, all []Candidate) string {
	o := s.objective()
	switch {
	case s.config.NoTraining:
		return "training can make a much smaller file; leave out --no-training. How much is not known: this search has not trained"
	case s.ledger.interrupted != "":
		return ""
	case o.limitsOnly():
		if best.Drop <= 0 {
			return ""
		}
		return fmt.Sprintf("the drop of %.2f points may fall with more training (--effort 2) or a better teacher. How much is not known: this search trained for the limits once", best.Drop)
	}
	short, long := s.smallest(all, best, runTraining.samples), s.smallest(all, best, finalTraining.samples)
	switch {
	case short == 0 && long == 0:
		return "no file with shared values kept the limits, so that this search cannot tell what more training (--effort 2) gives"
	case short == 0:
		return "only a run with twice the training kept the limits; --effort 2 trains all runs that long"
	case long == 0 || long >= short:
		return "in this search, a last run with twice the training made no smaller file. What --effort 2 gives, which trains in every stage twice as long, is not known from that"
	case !s.compared():
		return "longer training (--effort 2) may make it smaller. How much is not known: this search did not train equal numbers of weights for both times"
	}
	return fmt.Sprintf("in this search, runs with twice the training kept the limits with a file %.0f %% smaller (%s, not %s bytes). --effort 2 trains in every stage twice as long; it may give as much again, or more, or less", 100*(1-float64(long)/float64(short)), thousands(long), thousands(short))
}

// compared reports whether the shorter runs of the sparsity search failed at a number of
// weights that longer ones need no more than: otherwise they were merely not tried
// there, and the longer training is not what made the smaller file.
func (s *Study) compared() bool {
	failed, fewest := 0, math.MaxInt
	for _, r := range s.ledger.runs {
		switch {
		case r.samples == runTraining.samples && !r.good:
			failed = max(failed, r.keep)
		case r.samples == finalTraining.samples && r.good:
			fewest = min(fewest, r.keep)
		}
	}
	const alike = 1.05 // numbers of weights this close count as equal
	return float64(fewest) <= alike*float64(failed)
}

// smallest returns the size of the smallest file that could have been the answer, among
// those of one-shot runs on so many samples; 0: none.
func (s *Study) smallest(all []Candidate, best Candidate, samples int) int {
	o, least := s.objective(), 0
	f := o.fraction(best)
	for _, c := range all {
		if c.samples == samples && !c.ineligible && o.safe(c, f) && (least == 0 || c.Size() < least) {
			least = c.Size()
		}
	}
	return least
}

// moreSamples: a smaller file meets the limits, but not by its margin, which shrinks
// with the number of held-out samples.
func (s *Study) moreSamples(best Candidate, all []Candidate) string {
	o, near := s.objective(), best
	if o.limitsOnly() {
		return ""
	}
	f := o.fraction(best)
	for _, c := range all {
		if c.Meets && !c.ineligible && c.Size() < near.Size() && !o.safe(c, f) {
			near = c
		}
	}
	gain := 100 * (1 - float64(near.Size())/float64(best.Size()))
	if math.Round(gain) < 1 {
		return ""
	}
	text := fmt.Sprintf("a file of %s bytes, %.0f %% smaller, meets the limits, but not by its margin of %.2f points", thousands(near.Size()), gain, f*near.Margin)
	if s.heldOut() < mostHeldOut {
		return text + fmt.Sprintf("; the margin shrinks with more samples (%s are held out)", thousands(s.heldOut()))
	}
	return text + "; --front writes it too"
}
