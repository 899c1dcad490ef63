package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	screenShare  = 0.65 // of the budget, that the design may take
	buildSeconds = 4.0  // of one core, for a measuring program
	variedTime   = 1.25 // of the base's time, that a run of the design takes: half and double of work are 1.25 on average
)

// seconds is how long the base runs of a subject take on one core: measured, or,
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
	return float64(len(n.recipes())) * sum / float64(runs)
}

// screening is how long the design takes, when each network meets a part of its rows: 1
// all, 2 half, 4 a quarter.
func (s *study) screening(parts map[string]int) time.Duration {
	sum, most := 0.0, 0.0
	for _, n := range s.subjects {
		part := 1 / float64(max(parts[n.name], 1))
		sum += variedTime * s.seconds(n) * part
		most = max(most, part)
	}
	return s.wall((buildSeconds*most + sum) * float64(len(s.plan.Rows)))
}

// wall is the time of as many seconds of one core.
func (s *study) wall(seconds float64) time.Duration {
	return time.Duration(seconds / float64(s.queue.workers) * float64(time.Second)).Round(time.Second)
}

// parts returns which part of the design each network meets: all of it, or half, from the
// slowest one on, or a quarter, so that it takes no more than its share of the budget.
func (s *study) parts() (map[string]int, error) {
	parts := map[string]int{}
	slowest := slices.Clone(s.subjects)
	slices.SortStableFunc(slowest, func(a, b subject) int { return cmp.Compare(s.seconds(b), s.seconds(a)) })
	most := time.Duration(screenShare * float64(s.options.budget))
	for _, part := range []int{2, 4} {
		for _, n := range slowest {
			if s.screening(parts) <= most {
				return parts, nil
			}
			parts[n.name] = part
		}
	}
	if t := s.screening(parts); t > most {
		return nil, fmt.Errorf("a quarter of the design takes %v, more than %v, which is %.0f %% of the budget; give more time, fewer networks, or -effort less than %v", t, most, 100*screenShare, s.options.effort)
	}
	return parts, nil
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
func (s *study) predict(parts map[string]int) {
	alone := 2 * buildSeconds
	for _, n := range s.subjects {
		part := map[int]string{2: "half", 4: "a quarter"}[parts[n.name]]
		alone += 2 * float64(s.options.seeds) * s.seconds(n)
		fmt.Printf("  %s: %.1f s for the base runs, %s of the rows\n", n.name, s.seconds(n), cmp.Or(part, "all"))
	}
	t := s.screening(parts)
	fmt.Printf("design: about %v; each constant by itself: about %v, so that %d fit into the budget\n", t, s.wall(alone), max(0, int((s.options.budget-t)/max(s.wall(alone), 1))))
}
