package edgec

import (
	"math"
	"testing"
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
