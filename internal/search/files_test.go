package search

import "testing"

// A search that is stopped with a good file makes no fallback file.
func TestRescueIsLeftOut(t *testing.T) {
	s := asked(within(1))
	s.ledger.candidates = []Candidate{{Shape: Shape{Centroids: 16}, Meets: true}}
	if err := s.rescue(Track{states: []*State{nil}}); err != nil { // would fail on the missing state
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an int8 file that meets the objective was taken for a good one")
		}
	}()
	s.ledger.candidates[0].Shape.Centroids = 0
	s.rescue(Track{states: []*State{nil}})
}
