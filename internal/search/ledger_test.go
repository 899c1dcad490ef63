package search

import (
	"testing"

	"edgec/internal/eval"
)

// A fine-tuned file takes the place of the rounded one of its weights unless it loses more.
func TestSupersede(t *testing.T) {
	for _, c := range []struct {
		tuned, want float64
		meets       bool
	}{{6, 1, true}, {1, 1, true}, {0.5, 0.5, true}, {0.5, 1, false}} {
		l := newLedger(nil)
		rounded := Candidate{Bytes: make([]byte, 100), Estimate: eval.Estimate{Drop: 1}, Meets: true}
		tuned := Candidate{Bytes: make([]byte, 110), Estimate: eval.Estimate{Drop: c.tuned}, Meets: c.meets, ineligible: !c.meets}
		l.candidates = []Candidate{rounded, tuned}
		l.supersede(0, tuned)
		best, ok := Objective{MaxSize: 200}.Select(l.candidates)
		if !ok || best.Drop != c.want {
			t.Errorf("tuned to a drop of %v: the answer loses %v, want %v", c.tuned, best.Drop, c.want)
		}
		if taken := best.Size() == tuned.Size(); taken != (c.meets && c.tuned <= 1) {
			t.Errorf("tuned to a drop of %v: the tuned file is the answer: %v", c.tuned, taken)
		}
	}
}
