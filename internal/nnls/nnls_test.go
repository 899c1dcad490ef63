package nnls

import (
	"math"
	"math/rand/v2"
	"testing"
)

// loss is what Solve minimizes.
func loss(a [][]float64, b, x, prior, shrink []float64) (sum float64) {
	for i, row := range a {
		r := -b[i]
		for j, v := range row {
			r += v * x[j]
		}
		sum += r * r
	}
	for j := range shrink {
		sum += shrink[j] * (x[j] - prior[j]) * (x[j] - prior[j])
	}
	return sum
}

// Unknowns of exact equations are found again.
func TestSolveExact(t *testing.T) {
	want := []float64{2, 0, 0.5}
	a := [][]float64{{1, 2, 3}, {4, 1, 0}, {0, 5, 2}, {1, 1, 1}}
	var b []float64
	for _, row := range a {
		b = append(b, row[0]*want[0]+row[1]*want[1]+row[2]*want[2])
	}
	for j, v := range Solve(a, b, nil, nil) {
		if math.Abs(v-want[j]) > 1e-6 {
			t.Errorf("unknown %d is %v, want %v", j, v, want[j])
		}
	}
}

// No point nearby that is not negative is better, with and without shrinking.
func TestSolveLeast(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 50 {
		var a [][]float64
		var b []float64
		for range 8 {
			a = append(a, []float64{r.Float64(), r.NormFloat64(), r.Float64(), 1})
			b = append(b, r.NormFloat64())
		}
		var prior, shrink []float64
		if trial%2 == 1 {
			prior, shrink = []float64{1, 0, 2, 1}, []float64{1, 0.5, 0, 2}
		}
		x := Solve(a, b, prior, shrink)
		least := loss(a, b, x, prior, shrink)
		for range 200 {
			y := make([]float64, len(x))
			for j := range x {
				y[j] = math.Max(0, x[j]+0.05*r.NormFloat64())
			}
			if l := loss(a, b, y, prior, shrink); l < least-1e-9 {
				t.Fatalf("trial %d: %v has %v, %v has %v", trial, x, least, y, l)
			}
		}
	}
}

// Without equations the prior stays, and so does an unknown that no equation has.
func TestSolvePrior(t *testing.T) {
	if x := Solve(nil, nil, []float64{3, 4}, nil); x[0] != 3 || x[1] != 4 {
		t.Errorf("%v", x)
	}
	if x := Solve([][]float64{{1, 0}}, []float64{2}, []float64{3, 4}, []float64{0, 0}); math.Abs(x[0]-2) > 1e-9 || x[1] != 4 {
		t.Errorf("%v", x)
	}
}
