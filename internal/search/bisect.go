package search

import (
	"errors"
	"math"
)

// The one-dimensional searches. All of them work on a scale of ratios, since sizes,
// numbers of weights and lambdas matter by ratios.

// bracket is a value that is good and one that is not; what lies between them is
// not known.
type bracket struct{ good, bad float64 }

// middle returns the geometric mean of the ends, to try next.
func (b bracket) middle() float64 { return math.Sqrt(b.good * b.bad) }

// ratio returns how many times larger the larger end is.
func (b bracket) ratio() float64 { return math.Max(b.good/b.bad, b.bad/b.good) }

// learn returns the bracket after the verdict on x, which lies in it.
func (b bracket) learn(x float64, good bool) bracket {
	if good {
		b.good = x
	} else {
		b.bad = x
	}
	return b
}

// finer returns a fraction that is to be kept, when a smaller one was too small: half
// as much goes.
func finer(kept float64) float64 { return (1 + kept) / 2 }

// crossing looks for the least x in low..high at which f is at most 1, of a function
// that falls about as a power of x. It bisects, and goes along the secant of log f
// over log x once both ends are within a factor of e of 1. It ends after so many
// tries, or when f is at least enough, or when the budget is used up and some x will
// do. It returns low if f is at most 1 even there, and high if it is more everywhere.
func crossing(low, high, enough float64, tries int, f func(x float64) (float64, error)) (float64, error) {
	left, err := f(low)
	if err != nil || left <= 1 {
		return low, err
	}
	a, b, right := math.Log(low), math.Log(high), 0.0 // right: f at b, 0 while it is not known
	for range tries - 1 {
		x := (a + b) / 2
		if right > 1/math.E && left < math.E {
			l, r := math.Log(left), math.Log(right)
			x = a + (b-a)*math.Max(secantEdge, math.Min(1-secantEdge, l/(l-r)))
		}
		y, err := f(math.Exp(x))
		if errors.Is(err, errBudget) && right > 0 {
			break
		}
		if err != nil {
			return 0, err
		}
		if y > 1 {
			a, left = x, y
			continue
		}
		b, right = x, y
		if y > enough {
			break
		}
	}
	return math.Exp(b), nil
}
