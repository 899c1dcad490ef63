package search

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"edgec/internal/graph"
	"edgec/runtime"
	"edgec/runtime/program"
	"edgec/targets"
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
	program.WarmUp(run, int64(long/warmUpPart))
	times := program.Times(run, fewestTimed, mostTimed, int64(long))
	return time.Duration(times[len(times)/2]), nil
}

// predicted is the clock of a board: the upper bound that the cost model predicts, which one
// measurement in ten passes.
func predicted(b targets.Board) Clock {
	return func(file []byte, _ time.Duration) (time.Duration, error) {
		p, err := predict(b, file)
		return p.Most, err
	}
}

// predict returns what the cost model says of a file on a board.
func predict(b targets.Board, file []byte) (targets.Prediction, error) {
	m, err := runtime.Load(file)
	if err != nil {
		return targets.Prediction{}, fmt.Errorf("edgec: prediction: %w", err)
	}
	p, err := b.Predict(m)
	if err != nil {
		return p, fmt.Errorf("edgec: %w", err)
	}
	return p, nil
}

// footprint returns the bytes of packed weights and a session, on this machine or on the target.
func (s *Study) footprint(file []byte) (int64, error) {
	if b := s.config.Target; b != nil {
		p, err := predict(*b, file)
		return p.Memory, err
	}
	m, err := runtime.Load(file)
	if err != nil {
		return 0, fmt.Errorf("edgec: memory: %w", err)
	}
	i := m.Info()
	return int64(i.Memory) + i.Session, nil
}

// need measures what the limits to an inference ask for, the time for so long.
func (s *Study) need(file []byte, long time.Duration) (n Need, err error) {
	if s.objective().MaxLatency > 0 {
		n.Latency, err = s.clock(file, long)
	}
	if err == nil && s.objective().MaxMemory > 0 {
		n.Memory, err = s.footprint(file)
	}
	return n, err
}

// cost is the cost of a file that is made from g without training, values costing
// so many bits. What was measured is left in the journal: another measurement
// would be another search.
func (s *Study) cost(ctx context.Context, g *graph.Graph, bits float64) (float64, error) {
	if !s.objective().executed() {
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
	n, err := s.need(file, searchTimes)
	return s.objective().cost(len(file), n), err
}

// exceeds reports whether a file that is made from g without training takes too long or
// too much memory.
func (s *Study) exceeds(ctx context.Context, g *graph.Graph) (bool, error) {
	n, err := resumable(s, "latency", nil, func() (Need, error) {
		file, err := s.untrained(ctx, g, firstBits)
		if err != nil {
			return Need{}, err
		}
		return s.need(file, searchTimes)
	})
	return s.objective().exceeds(n), err
}

// clampUpdate bounds the correction of a number of weights where a time is asked
// for, so that a measurement that something disturbed does no more harm than later
// ones put right.
func (o Objective) clampUpdate(from, to int) int {
	if o.MaxLatency == 0 {
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
		if !ok || o.MaxLatency == 0 {
			return c, ok, cs, nil
		}
		s.ledger.tell(Progress{Stage: "time", Note: fmt.Sprintf("measuring the answer of %s bytes", thousands(c.Size()))})
		if ctx.Err() != nil {
			return c, true, cs, nil // there is no time to measure it again
		}
		n, err := s.need(c.Bytes, answerTimes)
		if err != nil {
			return c, false, cs, err
		}
		c.Need = n
		c.Meets = o.meets(c.Size(), c.Drop, n)
		cs = append([]Candidate(nil), cs...)
		for i, q := range cs {
			if bytes.Equal(q.Bytes, c.Bytes) {
				cs[i].Need, cs[i].Meets = n, c.Meets
			}
		}
		if c.Meets {
			return c, true, cs, nil
		}
	}
}
