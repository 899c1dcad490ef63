package search

import (
	"math"
	"slices"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/tensor"
)

// TestLeastLambda: of files whose size falls as a power of lambda, from one that is too
// large to one that is too small, one that just fits is found with a dozen of tries; the
// finest if it fits, the coarsest if none does, and what fits already when the budget ends.
func TestLeastLambda(t *testing.T) {
	for _, c := range []struct {
		name      string
		size      func(lambda float64) float64
		budget    int // tries
		low, high float64
		tries     int
	}{
		{"a power", func(l float64) float64 { return math.Pow(l/1e-7, -0.2) }, 100, 1e-7, 1.02e-7, 12},
		{"with steps", func(l float64) float64 { return 1 + 0.5*math.Round(-4*math.Log10(l/3e-6)) }, 100, 3e-6 / 1.4, 3e-6 * 1.4, mostLambdas},
		{"all fit", func(float64) float64 { return 0.5 }, 100, leastLambda, leastLambda, 1},
		{"none fits", func(float64) float64 { return 3 }, 100, mostLambda, mostLambda, mostLambdas},
		{"stopped", func(l float64) float64 { return math.Pow(l/1e-7, -0.2) }, 3, 1e-6, 1e-6, 4},
	} {
		tries := 0
		got, err := leastLambdaFor(func(lambda float64) (float64, error) {
			if tries++; tries > c.budget {
				return 0, errBudget
			}
			return c.size(lambda), nil
		})
		if err != nil || got < c.low*0.999 || got > c.high*1.001 || tries > c.tries {
			t.Errorf("%s: lambda %g after %d tries, %v; want %g to %g", c.name, got, tries, err, c.low, c.high)
		}
		if c.name != "none fits" && c.size(got) > 1 {
			t.Errorf("%s: %v of the size", c.name, c.size(got))
		}
	}
	if _, err := leastLambdaFor(func(float64) (float64, error) { return 0, errBudget }); err != errBudget {
		t.Errorf("stopped before any try: %v", err)
	}
}

// TestCurvature: gradients are drawn for every row, with the unit of the holdout, from the
// seed; their statistics are tested in package eval.
func TestCurvature(t *testing.T) {
	y := tensor.New(40, 3)
	s := asked(within(1))
	s.holdout = &eval.Holdout{Task: eval.Fidelity{}, Reference: eval.Reference{Set: &dataset.Set{}, Unit: 0.5}}
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
