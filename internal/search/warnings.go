package search

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/dataset"
	"edgec/internal/eval"
)

// diverged notes that a strategy ended because its training diverged: the files of the others stand.
func (s *Study) diverged(strategy string, err error) {
	w := fmt.Sprintf("%s ended early, so that a better file may have been missed: %v", strategy, err)
	s.ledger.warnings = append(s.ledger.warnings, w)
	s.ledger.tell(Progress{Stage: "warning", Note: w})
}

// warnings says what makes the figures of a search doubtful, and what to check.
func (s *Study) warnings() []string {
	all := slices.Clone(s.ledger.warnings)
	m, traits := s.float(), s.task().Traits()
	chance := 0.0 // two standard errors of a count of errors
	counts := !traits.Distance && !traits.Nats
	if counts {
		p := m.Error / 100
		chance = 200 * math.Sqrt(p*(1-p)/float64(max(m.N, 1)))
	}
	switch {
	case m.Chance == 0:
		all = append(all, fmt.Sprintf("all %d samples have the same answer: every drop will look like 0; give samples of all classes", m.N))
	case traits.Nats && m.Error >= m.Chance:
		all = append(all, fmt.Sprintf("the float network is no better than chance on this data: it has %.4f bits a token, and the frequencies of the tokens alone give %.4f; check that tokens have the numbers that it was trained with", m.Bits, eval.Bits(m.Chance)))
	case !traits.Self && !traits.Nats && m.Error >= m.Chance-chance:
		all = append(all, fmt.Sprintf("the float network is no better than chance on this data: its error is %.1f %%, that of the best constant answer %.1f %%; check how bytes become input (--raw, --mean, --std), and the order of the classes", m.Error, m.Chance))
	}
	if m.Hint != "" {
		all = append(all, m.Hint)
	}
	if one := 100 / float64(s.heldOut()*max(1, traits.Positions)); counts && !s.objective().limitsOnly() && one > s.objective().drop() {
		all = append(all, fmt.Sprintf("%d held-out samples cannot judge a drop of %v points: one sample is %.2g points; give more samples, or allow a larger drop", s.heldOut(), s.objective().drop(), one))
	}
	if s.task().Name() == "vectors" {
		all = append(all, s.ofVectors()...)
	}
	if traits.Distance && s.heldOut() < fewestDistances {
		all = append(all, fmt.Sprintf("%d samples are held out: distances on so few say little of others; give more samples", s.heldOut()))
	}
	return all
}

// ofVectors says what is doubtful where only the distance of outputs is measured.
func (s *Study) ofVectors() []string {
	all := []string{"files are measured by the distance of their outputs from the float network's, in percent of the variance: " + s.unlabelled() + ", and the outputs are not classes"}
	in, out := s.subject.Model.inputs(), s.subject.Model.outputs()
	if !s.config.Data.NoLabels && len(in) == 1 && len(out) == 1 && in[0].Size() == out[0].Size() {
		all = append(all, "the network has as many outputs as inputs, but its outputs are further from these than their mean is; if it should reproduce its input, check how bytes become input (--raw, --mean, --std)")
	}
	if k := s.holdout.Reference.Still(); k >= 0 {
		all = append(all, fmt.Sprintf("output %q of the float network hardly changes from sample to sample, by less than a thousandth of its largest value: 8 bits cannot hold such differences; check that the network is trained, and that samples are what it takes (--raw, --mean, --std)", s.subject.Model.Graph.Outputs[k].Name))
	}
	return all
}

// fewestDistances is the number of held-out samples below which a mean distance is doubtful.
const fewestDistances = 20

// unlabelled says why no labels count.
func (s *Study) unlabelled() string {
	noLabels := s.config.Data.NoLabels
	if q := s.subject.sequences; q != nil {
		noLabels = q.noLabels
	}
	if noLabels {
		return "labels are left aside"
	}
	return "there are no labels"
}

// constant reports whether all samples of a set are the same.
func constant(set *dataset.Set) bool {
	size := set.Sample().Size()
	first, x := make([]float32, size), make([]float32, size)
	set.Read(0, first)
	for i := 1; i < set.Len(); i++ {
		set.Read(i, x)
		for k, v := range x {
			if v != first[k] {
				return false
			}
		}
	}
	return true
}
