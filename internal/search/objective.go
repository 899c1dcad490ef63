package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"edgec/internal/eval"
)

// Objective is what a file is asked to be. Zero values are not asked for; with
// nothing asked for, MaxDrop is 0.
type Objective struct {
	// MaxDrop is the largest drop in points; nil: the least drop within the
	// limits.
	MaxDrop *float64
	// MaxSize is the largest file in bytes.
	MaxSize int
	// MaxLatency is the longest inference, on this machine or on Config.Target.
	MaxLatency time.Duration
	// MaxMemory is the most bytes that packed weights and a session take there.
	MaxMemory int64
	// AnyLoss makes the best file within a time or a memory alone an answer even if it has lost
	// more than lostShare of what the network knows.
	AnyLoss bool
}

// Need is what an inference of a file takes, as far as limits ask for it.
type Need struct {
	Latency time.Duration // on this machine the median, on a target the upper bound of the prediction; 0: not asked for
	Memory  int64         // bytes of packed weights and a session; 0: not asked for
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
	if o.MaxMemory < 0 {
		errs = append(errs, fmt.Errorf("edgec: max memory is %d bytes; give a positive size", o.MaxMemory))
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

// limitsOnly reports that a size, a time or a memory is asked for, and no drop.
func (o Objective) limitsOnly() bool {
	return o.MaxDrop == nil && (o.MaxSize > 0 || o.executed())
}

// executed reports that a time or a memory is asked for: limits to an inference.
func (o Objective) executed() bool { return o.MaxLatency > 0 || o.MaxMemory > 0 }

// meets reports whether a file of the given size, drop and need is what was
// asked for.
func (o Objective) meets(size int, drop float64, n Need) bool {
	return o.within(size, n) && (o.limitsOnly() || drop <= o.drop())
}

// within reports whether a file is neither too large nor needs too much.
func (o Objective) within(size int, n Need) bool {
	return (o.MaxSize == 0 || size <= o.MaxSize) && !o.exceeds(n)
}

// exceeds reports whether an inference takes too long or too much memory.
func (o Objective) exceeds(n Need) bool {
	return o.MaxLatency > 0 && n.Latency > o.MaxLatency || o.MaxMemory > 0 && n.Memory > o.MaxMemory
}

// limit is what costs are compared with: the largest size in bytes, or, where
// none is asked for, the longest time in nanoseconds, or the most memory in bytes.
func (o Objective) limit() int {
	switch {
	case o.MaxSize > 0:
		return o.MaxSize
	case o.MaxLatency > 0:
		return int(o.MaxLatency)
	}
	return int(o.MaxMemory)
}

// cost is what a file takes of its tightest limit, to compare with limit: its
// bytes, or its time or memory on the same scale, where timeUtilization counts as much
// as sizeUtilization.
func (o Objective) cost(size int, n Need) (c float64) {
	if o.MaxSize > 0 || !o.executed() {
		c = float64(size)
	}
	if o.MaxLatency > 0 {
		c = math.Max(c, float64(n.Latency)/float64(o.MaxLatency)*sizeUtilization/timeUtilization*float64(o.limit()))
	}
	if o.MaxMemory > 0 {
		c = math.Max(c, float64(n.Memory)/float64(o.MaxMemory)*float64(o.limit()))
	}
	return c
}

// utilized reports whether a file is within the limits and uses up the tightest
// one.
func (o Objective) utilized(c Candidate) bool {
	aim := sizeUtilization
	if o.executed() {
		aim = timeUtilization
	}
	size := c.Size()
	return o.within(size, c.Need) && o.cost(size, c.Need) >= enough(aim)*float64(o.limit())
}

// enough is the utilization above which a limit is used up: a file may be as far below the aim as
// the aim is below the limit.
func enough(aim float64) float64 { return 2*aim - 1 }

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
	return o.meets(c.Size(), c.Drop+fraction*c.Margin, c.Need)
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

// knows reports whether a file has more than a share of what the float network knows beyond
// chance: of its errors below those of the best answer that does not look at the input.
func (c Candidate) knows(float eval.Metrics) bool {
	return c.Drop <= mayLose(float)
}

// mayLose is the largest drop of an answer where no drop is asked for, in points: lostShare of
// what the float network knows beyond chance.
func mayLose(float eval.Metrics) float64 { return lostShare * (float.Chance - float.Error) }

// destroyed returns an error where only a time or a memory is asked for and the best file within
// it knows hardly anything; nil otherwise, or if the float network knows nothing either.
func (o Objective) destroyed(best Candidate, all []Candidate, float eval.Metrics) error {
	if o.AnyLoss || !o.limitsOnly() || !o.executed() || float.Chance <= float.Error || best.knows(float) {
		return nil
	}
	text := fmt.Sprintf("edgec: no file within the limits keeps what the network knows: the best loses %.2f of %.2f points", best.Drop, float.Chance-float.Error)
	var near *Candidate
	limit := func(c Candidate) float64 { return o.cost(0, c.Need) }
	for i, c := range all {
		if c.knows(float) && (near == nil || limit(c) < limit(*near)) {
			near = &all[i]
		}
	}
	if near != nil {
		text += fmt.Sprintf("; the nearest that keeps it loses %.2f points and takes %s", near.Drop, o.needs(near.Need))
	}
	return fmt.Errorf("%s; allow more time or memory, or accept such a loss by --any-loss", text)
}

// needs prints a need beside its limits.
func (o Objective) needs(n Need) string {
	var parts []string
	if o.MaxLatency > 0 {
		parts = append(parts, fmt.Sprintf("%v of %v", n.Latency, o.MaxLatency))
	}
	if o.MaxMemory > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s bytes of memory", thousands(int(n.Memory)), thousands(int(o.MaxMemory))))
	}
	return strings.Join(parts, " and ")
}

// unmet says what the nearest candidates are, and what else than larger limits may help.
func (o Objective) unmet(cs []Candidate, remedy string) error {
	if len(cs) == 0 {
		return fmt.Errorf("edgec: stopped before any file was made; give the search more time")
	}
	small, good, fast, lean := cs[0], cs[0], cs[0], cs[0]
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
		if c.Memory < lean.Memory {
			lean = c
		}
	}
	nearest := fmt.Sprintf("the smallest has %s bytes at a drop of %.2f points, the best loses %.2f points at %s bytes", thousands(small.Size()), small.Drop, good.Drop, thousands(good.Size()))
	if o.MaxLatency > 0 {
		nearest += fmt.Sprintf(", the fastest takes %v of %v at a drop of %.2f points", fast.Latency, o.MaxLatency, fast.Drop)
	}
	if o.MaxMemory > 0 {
		nearest += fmt.Sprintf(", that of the least memory takes %s of %s bytes at a drop of %.2f points", thousands(int(lean.Memory)), thousands(int(o.MaxMemory)), lean.Drop)
	}
	switch {
	case o.MaxMemory > 0:
		return fmt.Errorf("edgec: no file meets the limits: %s; allow a larger drop, size, latency or memory, or %s", nearest, remedy)
	case o.MaxLatency > 0:
		return fmt.Errorf("edgec: no file meets the limits: %s; allow a larger drop, size or latency, or %s", nearest, remedy)
	}
	return fmt.Errorf("edgec: no file meets the limits: %s; allow a larger drop or size, or %s", nearest, remedy)
}
