package main

import (
	"slices"
	"time"
)

// batch is the CPU time of the inferences between two readings of the clock: short beside a
// time slice of the system, long beside the clock's own cost.
const batch = 4 * time.Millisecond

// times are those of one inference in each round.
type times []time.Duration

func (t times) best() time.Duration { return slices.Min(t) }

// median is the upper one of an even number.
func (t times) median() time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[len(sorted)/2]
}

// contest is one network on one worker.
type contest struct {
	worker  *worker
	network int // its number in the comparison
	file    int // its number in the worker
	n       int // inferences of a batch
	times   times
}

// prepare warms up, and finds how many inferences a batch has.
func (c *contest) prepare() error {
	one, err := c.worker.run(c.file, 2)
	if err != nil {
		return err
	}
	if one, err = c.worker.run(c.file, c.in(one)); err != nil {
		return err
	}
	c.n = c.in(one)
	return nil
}

// in returns how many inferences a batch has, one of which takes so long.
func (c *contest) in(one time.Duration) int {
	return int(max(1, batch/max(1, one)))
}

// alternate measures networks, each on several workers. A round has all of them, in the
// reverse order of the round before, so that what disturbs the machine disturbs all.
func alternate(contests []*contest, rounds int) error {
	for _, c := range contests {
		if err := c.prepare(); err != nil {
			return err
		}
	}
	order := slices.Clone(contests)
	for range rounds {
		for _, c := range order {
			t, err := c.worker.run(c.file, c.n)
			if err != nil {
				return err
			}
			c.times = append(c.times, t)
		}
		slices.Reverse(order)
	}
	return nil
}
