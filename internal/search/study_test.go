package search

import (
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/tensor"
)

// A small network meets all held-out samples in every step, a large one part of
// them, and none fewer than 1000 while there are as many.
func TestJudged(t *testing.T) {
	for _, c := range []struct {
		heldOut         int
		multiplications int64
		want            int
	}{
		{10_000, 0, 10_000}, {10_000, 2_000_000, 10_000}, {10_000, 155_000_000, 3225}, {10_000, 2_000_000_000, 1000}, {400, 2_000_000_000, 400},
	} {
		if got := judged(c.heldOut, c.multiplications); got != c.want {
			t.Errorf("%d samples of %d for %d multiplications, want %d", got, c.heldOut, c.multiplications, c.want)
		}
	}
}

// Fallback files are measured on fewer samples where an inference is large.
func TestForFallback(t *testing.T) {
	set, err := dataset.FromBytes(tensor.Shape{1, 1, 1}, make([]uint8, 4000), make([]int, 4000), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &Study{holdout: eval.Unpaired(eval.Classification{}, set, nil, 1)}
	long := identity(t, 400, 1) // the same layer in each of a thousand places
	long.Inputs[0].Shape, long.Outputs[0].Shape = tensor.Shape{1, 1000, 400}, tensor.Shape{1, 1000, 400}
	if got := s.forFallback(long); got != 200 {
		t.Errorf("%d multiplications: %d samples, want 200", MACs(long), got)
	}
	for _, c := range []struct{ side, want int }{{3, 4000}, {2000, 4000}, {4000, 1250}} {
		if got := s.forFallback(identity(t, c.side, 1)); got != c.want {
			t.Errorf("%d multiplications: %d samples, want %d", c.side*c.side, got, c.want)
		}
	}
}
