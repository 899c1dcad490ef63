package search

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"edgec/internal/graph"
	"edgec/runtime"
	"edgec/runtime/program"
)

// latency returns the median time of an inference of the file on this machine, on
// one goroutine and of one sample, measured for as long as is asked for.
func latency(file []byte, long time.Duration) (time.Duration, error) {
	m, err := runtime.Load(file)
	if err != nil {
		return 0, fmt.Errorf("edgec: latency: %w", err)
	}
	run, err := program.Timed(m, runtime.Unlimited())
	if err != nil {
		return 0, fmt.Errorf("edgec: latency: %w", err)
	}
	program.WarmUp(run, long/warmUpPart)
	times := program.Times(run, fewestTimed, mostTimed, long)
	return times[len(times)/2], nil
}

// latency measures an inference where a time is asked for, and returns 0
// otherwise.
func (s *Study) latency(file []byte, long time.Duration) (time.Duration, error) {
	if !s.objective().timed() {
		return 0, nil
	}
	return s.clock(file, long)
}

// cost is the cost of a file that is made from g without training, values costing
// so many bits. What was measured is left in the journal: another measurement
// would be another search.
func (s *Study) cost(ctx context.Context, g *graph.Graph, bits float64) (float64, error) {
	if !s.objective().timed() {
		file, err := s.untrained(ctx, g, bits)
		return float64(len(file)), err
	}
	return resumable(s, "cost", nil, func() (float64, error) {
		file, err := s.untrained(ctx, g, bits)
		if err != nil {
			return 0, err
		}
		return s.fileCost(file)
	})
}

// fileCost is the cost of a file.
func (s *Study) fileCost(file []byte) (float64, error) {
	t, err := s.latency(file, searchTimes)
	return s.objective().cost(len(file), t), err
}

// exceedsLatency reports whether a file that is made from g without training takes
// too long.
func (s *Study) exceedsLatency(ctx context.Context, g *graph.Graph) (bool, error) {
	t, err := resumable(s, "latency", nil, func() (time.Duration, error) {
		file, err := s.untrained(ctx, g, firstBits)
		if err != nil {
			return 0, err
		}
		return s.latency(file, searchTimes)
	})
	return t > s.objective().MaxLatency, err
}

// clampUpdate bounds the correction of a number of weights where a time is asked
// for, so that a measurement that something disturbed does no more harm than later
// ones put right.
func (o Objective) clampUpdate(from, to int) int {
	if !o.timed() {
		return to
	}
	return max(fewestWeights, from/2, min(to, 2*from))
}

// answer chooses the answer among candidates. Where a time is asked for, it is
// measured again, for longer, and when it is too long then the next best file is
// the answer. It returns the candidates with what was measured.
func (s *Study) answer(ctx context.Context, cs []Candidate) (best Candidate, ok bool, all []Candidate, err error) {
	o := s.objective()
	for {
		c, ok := o.Select(cs)
		if !ok || !o.timed() {
			return c, ok, cs, nil
		}
		s.ledger.tell(Progress{Stage: "time", Note: fmt.Sprintf("measuring the answer of %s bytes", thousands(c.Size()))})
		if ctx.Err() != nil {
			return c, true, cs, nil // there is no time to measure it again
		}
		t, err := s.latency(c.Bytes, answerTimes)
		if err != nil {
			return c, false, cs, err
		}
		c.Latency = t
		c.Meets = o.meets(c.Size(), c.Drop, t)
		cs = append([]Candidate(nil), cs...)
		for i, q := range cs {
			if bytes.Equal(q.Bytes, c.Bytes) {
				cs[i].Latency, cs[i].Meets = t, c.Meets
			}
		}
		if c.Meets {
			return c, true, cs, nil
		}
	}
}
