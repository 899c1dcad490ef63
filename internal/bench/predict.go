package main

import (
	"fmt"
	"slices"
	"time"
)

const (
	screenShare  = 0.65 // of the budget, that the design may take
	buildSeconds = 8.0  // of one core, for a measuring program
	variedTime   = 1.25 // of the base's time, that a run of the design takes: half and double of work are 1.25 on average
)

// seconds is how long both base runs of a subject take on one core: measured, or,
// before that, as the subject says.
func (s *study) seconds(n subject) float64 {
	sum, runs := 0.0, 0
	for _, run := range s.results.Runs {
		if run.ID == s.plan.Base().ID && run.Network == n.name && run.Effort == n.effort*s.options.effort {
			sum += run.Seconds
			runs++
		}
	}
	if runs == 0 {
		return n.seconds
	}
	return 2 * sum / float64(runs)
}

// screening is how long the design takes, with the networks that meet half of it.
func (s *study) screening(halves map[string]bool) time.Duration {
	sum := buildSeconds
	for _, n := range s.subjects {
		t := variedTime * s.seconds(n)
		if halves[n.name] {
			t /= 2
		}
		sum += t
	}
	return s.wall(sum * float64(len(s.plan.Rows)))
}

// wall is the time of as many seconds of one core.
func (s *study) wall(seconds float64) time.Duration {
	return time.Duration(seconds / float64(s.queue.workers) * float64(time.Second)).Round(time.Second)
}

// halves returns the networks that meet half of the design, from the slowest one on,
// so that it takes no more than its share of the budget.
func (s *study) halves() (map[string]bool, error) {
	halves := map[string]bool{}
	slowest := slices.Clone(s.subjects)
	slices.SortStableFunc(slowest, func(a, b subject) int {
		if s.seconds(a) > s.seconds(b) {
			return -1
		}
		return 1
	})
	most := time.Duration(screenShare * float64(s.options.budget))
	for _, n := range slowest {
		if s.screening(halves) <= most {
			return halves, nil
		}
		halves[n.name] = true
	}
	if t := s.screening(halves); t > most {
		return nil, fmt.Errorf("half of the design takes %v, more than %v, which is %.0f %% of the budget; give more time, fewer networks, or -effort less than %v", t, most, 100*screenShare, s.options.effort)
	}
	return halves, nil
}

// announce prints the plan by what subjects say of themselves.
func (s *study) announce() {
	fmt.Printf("%d constants, %d varied: a design of %d rows on %d networks, and low and high values of what moves anything; at most %v on %d cores\n",
		len(s.plan.File.Constants), len(s.plan.Names), len(s.plan.Rows), len(s.subjects), s.options.budget, s.queue.workers)
	base := 0.0
	for _, n := range s.subjects {
		base += s.seconds(n) * float64(s.options.seeds)
	}
	fmt.Printf("base runs with %d seeds: about %v; the whole design: about %v\n", s.options.seeds, s.wall(base), s.screening(nil))
}

// predict prints the plan by the times of the base runs.
func (s *study) predict(halves map[string]bool) {
	alone := 2 * buildSeconds
	for _, n := range s.subjects {
		part := "all"
		if halves[n.name] {
			part = "half"
		}
		alone += 2 * float64(s.options.seeds) * s.seconds(n)
		fmt.Printf("  %s: %.1f s for both base runs, %s of the rows\n", n.name, s.seconds(n), part)
	}
	t := s.screening(halves)
	fmt.Printf("design: about %v; each constant by itself: about %v, so that %d fit into the budget\n", t, s.wall(alone), max(0, int((s.options.budget-t)/max(s.wall(alone), 1))))
}
