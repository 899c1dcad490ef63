package search

import (
	"math"
	"testing"
)

// TestCrossing: of files whose size falls as a power of lambda, from one that is too
// large to one that is too small, one that just fits is found with a dozen of tries; the
// finest if it fits, the coarsest if none does, and what fits already when the budget ends.
func TestCrossing(t *testing.T) {
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
		got, err := crossing(leastLambda, mostLambda, enough(roundedUtilization)/roundedUtilization, mostLambdas, func(lambda float64) (float64, error) {
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
	if _, err := crossing(leastLambda, mostLambda, enough(roundedUtilization)/roundedUtilization, mostLambdas, func(float64) (float64, error) { return 0, errBudget }); err != errBudget {
		t.Errorf("stopped before any try: %v", err)
	}
}

// A bracket closes in on what lies between good and bad, whichever of them is larger.
func TestBracket(t *testing.T) {
	const truth = 300.0
	for _, b := range []bracket{{good: 10_000, bad: 1}, {good: 1, bad: 10_000}} {
		up := b.good > b.bad
		tries := 0
		for ; b.ratio() > 1.1; tries++ {
			x := b.middle()
			b = b.learn(x, (x > truth) == up)
		}
		if lo, hi := min(b.good, b.bad), max(b.good, b.bad); lo > truth || hi < truth || tries > 8 {
			t.Errorf("%+v after %d tries", b, tries)
		}
	}
	near(t, "half as much goes", finer(0.6), 0.8, 1e-12)
}
