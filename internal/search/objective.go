package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Objective is what a file is asked to be. Zero values are not asked for; with
// nothing asked for, MaxDrop is 0.
type Objective struct {
	// MaxDrop is the largest drop in points; nil: the least drop within the
	// limits.
	MaxDrop *float64
	// MaxSize is the largest file in bytes.
	MaxSize int
	// MaxLatency is the longest inference on this machine.
	MaxLatency time.Duration
}

// validate returns every value that is out of range.
func (o Objective) validate() error {
	var errs []error
	if d := o.drop(); !(d >= 0 && d <= 100) {
		errs = append(errs, fmt.Errorf("edgec: max drop is %v points; give 0 to 100", d))
	}
	if o.MaxSize < 0 {
		errs = append(errs, fmt.Errorf("edgec: max size is %d bytes; give a positive size", o.MaxSize))
	}
	if o.MaxLatency < 0 {
		errs = append(errs, fmt.Errorf("edgec: max latency is %v; give a positive time", o.MaxLatency))
	}
	return errors.Join(errs...)
}

// drop returns MaxDrop, or 0 where it is not asked for.
func (o Objective) drop() float64 {
	if o.MaxDrop == nil {
		return 0
	}
	return *o.MaxDrop
}

// limitsOnly reports that a size or a time is asked for, and no drop.
func (o Objective) limitsOnly() bool {
	return o.MaxDrop == nil && (o.MaxSize > 0 || o.MaxLatency > 0)
}

// timed reports that a time is asked for.
func (o Objective) timed() bool { return o.MaxLatency > 0 }

// meets reports whether a file of the given size, drop and latency is what was
// asked for.
func (o Objective) meets(size int, drop float64, t time.Duration) bool {
	return o.within(size, t) && (o.limitsOnly() || drop <= o.drop())
}

// within reports whether a file is neither too large nor too slow.
func (o Objective) within(size int, t time.Duration) bool {
	return (o.MaxSize == 0 || size <= o.MaxSize) && (o.MaxLatency == 0 || t <= o.MaxLatency)
}

// exceedsLatency reports whether an inference takes too long.
func (o Objective) exceedsLatency(t time.Duration) bool { return o.timed() && t > o.MaxLatency }

// limit is what costs are compared with: the largest size in bytes, or, where
// none is asked for, the longest time in nanoseconds.
func (o Objective) limit() int {
	if o.MaxSize == 0 {
		return int(o.MaxLatency)
	}
	return o.MaxSize
}

// cost is what a file takes of its tightest limit, to compare with limit: its
// bytes, or its time on the same scale, where timeUtilization counts as much as
// sizeUtilization.
func (o Objective) cost(size int, t time.Duration) float64 {
	if o.MaxLatency == 0 {
		return float64(size)
	}
	c := float64(t) / float64(o.MaxLatency) * sizeUtilization / timeUtilization * float64(o.limit())
	if o.MaxSize == 0 {
		return c
	}
	return math.Max(c, float64(size))
}

// utilized reports whether a file is within the limits and uses up the tightest
// one.
func (o Objective) utilized(c Candidate) bool {
	enough := enoughSizeUtilization
	if o.timed() {
		enough = enoughTimeUtilization
	}
	size := c.Size()
	return o.within(size, c.Latency) && o.cost(size, c.Latency) >= enough*float64(o.limit())
}

// slackBits is how many bits more for each of n weights would use up the size; as
// many as a value may have where none is asked for.
func (o Objective) slackBits(size, n int) float64 {
	if o.MaxSize == 0 {
		return mostBits
	}
	return 8 * (sizeUtilization*float64(o.MaxSize) - float64(size)) / math.Max(float64(n), 1)
}

// safe reports whether a candidate meets the objective with a fraction of its
// margin. The whole margin is one standard error of the drop (Breiman et al.
// 1984, section 3.4.3), with which the drop is right in 84 % of random draws of
// held-out samples, and what the float network may know of these.
func (o Objective) safe(c Candidate, fraction float64) bool {
	return o.meets(c.Size(), c.Drop+fraction*c.Margin, c.Latency)
}

// better reports whether a is better than b: with limits alone the one with the
// least drop, otherwise the smaller; of equals the one that is better in the
// other.
func (o Objective) better(a, b Candidate) bool {
	if o.limitsOnly() {
		return a.Drop < b.Drop || a.Drop == b.Drop && a.Size() < b.Size()
	}
	return a.Size() < b.Size() || a.Size() == b.Size() && a.Drop < b.Drop
}

// marginFractions are the fractions of their margins that Select asks of candidates, one
// after the other.
var marginFractions = []float64{1, halfMargin, 0}

// Select returns the best candidate that meets the objective with its margin; if
// there is none, with half of the margin, or without. ok is false when none
// meets the objective.
func (o Objective) Select(cs []Candidate) (best Candidate, ok bool) {
	for _, fraction := range marginFractions {
		for _, c := range cs {
			if c.ineligible || !o.safe(c, fraction) {
				continue
			}
			if !ok || o.better(c, best) {
				best, ok = c, true
			}
		}
		if ok {
			return best, true
		}
	}
	return best, false
}

// Pareto returns the candidates that no other beats in both size and drop, by
// size.
func Pareto(cs []Candidate) []Candidate {
	sorted := slices.Clone(cs)
	slices.SortStableFunc(sorted, func(a, b Candidate) int {
		if a.Size() != b.Size() {
			return a.Size() - b.Size()
		}
		switch {
		case a.Drop < b.Drop:
			return -1
		case a.Drop > b.Drop:
			return 1
		}
		return 0
	})
	var front []Candidate
	for _, c := range sorted {
		if len(front) == 0 || c.Drop < front[len(front)-1].Drop {
			front = append(front, c)
		}
	}
	return front
}

// unmet says what the nearest candidates are, and what else than larger limits may help.
func (o Objective) unmet(cs []Candidate, remedy string) error {
	if len(cs) == 0 {
		return fmt.Errorf("edgec: stopped before any file was made; give the search more time")
	}
	small, good, fast := cs[0], cs[0], cs[0]
	for _, c := range cs {
		if c.Size() < small.Size() {
			small = c
		}
		if c.Drop < good.Drop {
			good = c
		}
		if c.Latency < fast.Latency {
			fast = c
		}
	}
	nearest := fmt.Sprintf("the smallest has %s bytes at a drop of %.2f points, the best loses %.2f points at %s bytes", thousands(small.Size()), small.Drop, good.Drop, thousands(good.Size()))
	if o.timed() {
		return fmt.Errorf("edgec: no file meets the limits: %s, the fastest takes %v of %v at a drop of %.2f points; allow a larger drop, size or latency, or %s", nearest, fast.Latency, o.MaxLatency, fast.Drop, remedy)
	}
	return fmt.Errorf("edgec: no file meets the limits: %s; allow a larger drop or size, or %s", nearest, remedy)
}
