package search

import (
	"slices"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/tensor"
)

// TestCurvature: gradients are drawn for every row, with the unit of the holdout, from the
// seed; their statistics are tested in package eval.
func TestCurvature(t *testing.T) {
	y := tensor.New(40, 3)
	s := asked(within(1))
	s.loader = &loader{task: eval.Fidelity{}, holdout: &eval.Holdout{Reference: eval.Reference{Set: &dataset.Set{}, Unit: 0.5}}}
	dy := s.curvature()(y)
	if !slices.Equal(dy.Data, s.curvature()(y).Data) {
		t.Error("the same seed draws other gradients")
	}
	up := 0
	for _, v := range dy.Data {
		near(t, "the square of a gradient", float64(v)*float64(v), 2/(3*0.5), 1e-6)
		if v > 0 {
			up++
		}
	}
	if up < 30 || up > 90 {
		t.Errorf("%d of 120 gradients are positive", up)
	}
}
