package edgec

import (
	"math"
	"testing"

	"edgec/internal/tensor"
)

// TestLeastPriced: of files whose size falls as a power of the price, from one that is too
// large to one that is too small, one that just fits is found with a dozen of tries; the
// finest if it fits, the coarsest if none does, and what fits already when the budget ends.
func TestLeastPriced(t *testing.T) {
	for _, c := range []struct {
		name      string
		size      func(price float64) float64
		budget    int // tries
		low, high float64
		tries     int
	}{
		{"a power", func(p float64) float64 { return math.Pow(p/1e-7, -0.2) }, 100, 1e-7, 1.02e-7, 12},
		{"with steps", func(p float64) float64 { return 1 + 0.5*math.Round(-4*math.Log10(p/3e-6)) }, 100, 3e-6 / 1.4, 3e-6 * 1.4, mostPrices},
		{"all fit", func(p float64) float64 { return 0.5 }, 100, leastPrice, leastPrice, 1},
		{"none fits", func(p float64) float64 { return 3 }, 100, mostPrice, mostPrice, mostPrices},
		{"stopped", func(p float64) float64 { return math.Pow(p/1e-7, -0.2) }, 3, 1e-6, 1e-6, 4},
	} {
		tries := 0
		got, err := leastPriced(func(price float64) (float64, error) {
			if tries++; tries > c.budget {
				return 0, errBudget
			}
			return c.size(price), nil
		})
		if err != nil || got < c.low*0.999 || got > c.high*1.001 || tries > c.tries {
			t.Errorf("%s: a price of %g after %d tries, %v; want %g to %g", c.name, got, tries, err, c.low, c.high)
		}
		if c.name != "none fits" && c.size(got) > 1 {
			t.Errorf("%s: %v of the size", c.name, c.size(got))
		}
	}
	if _, err := leastPriced(func(float64) (float64, error) { return 0, errBudget }); err != errBudget {
		t.Errorf("stopped before any try: %v", err)
	}
}

// TestCurved: draws of gradients are zero on average, and the products of two have on average
// the second derivatives of the divergence of classes, diag(p) - p p^T, or of a distance.
func TestCurved(t *testing.T) {
	const n = 200_000
	y := tensor.New(n, 3)
	for i := range n {
		copy(y.Data[3*i:], []float32{curvedTemperature * 1, 0, curvedTemperature * -0.5})
	}
	sum := math.E + 1 + math.Exp(-0.5)
	p := []float64{math.E / sum, 1 / sum, math.Exp(-0.5) / sum}
	for _, task := range []string{TaskAccuracy, TaskFidelity} {
		s := &search{report: &Report{Task: task}, judge: &judge{unit: 0.5}}
		dy := s.curved()(y)
		for i := range 3 {
			first := 0.0
			for k := range n {
				first += float64(dy.Data[3*k+i]) / n
			}
			if math.Abs(first) > 0.01 {
				t.Errorf("%s: output %d has a gradient of %v on average", task, i, first)
			}
			for j := range 3 {
				second, want := 0.0, -p[i]*p[j]
				for k := range n {
					second += float64(dy.Data[3*k+i]) * float64(dy.Data[3*k+j]) / n
				}
				if i == j {
					want += p[i]
				}
				if task == TaskFidelity {
					if want = 0; i == j {
						want = 2 / (3 * 0.5)
					}
				}
				if math.Abs(second-want) > 0.01 {
					t.Errorf("%s: outputs %d and %d: %v, want %v", task, i, j, second, want)
				}
			}
		}
	}
}
