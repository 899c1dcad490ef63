package edgec

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/prune"
	"edgec/runtime"
	"edgec/runtime/program"
)

// How long an inference of a file is measured: for searchTimes while the search goes on,
// for answerTimes at its end, with leastTimed runs at the least and after a tenth as long
// of warm-up.
const (
	searchTimes = 100 * time.Millisecond
	answerTimes = time.Second
	leastTimed  = 31
	mostTimed   = 1 << 16
)

// latency returns the median time of an inference of the file on this machine, on one
// goroutine and of one sample, measured for as long as is asked for.
func latency(file []byte, long time.Duration) (time.Duration, error) {
	m, err := runtime.Load(file)
	if err != nil {
		return 0, fmt.Errorf("edgec: latency: %w", err)
	}
	run, err := program.Timed(m)
	if err != nil {
		return 0, fmt.Errorf("edgec: latency: %w", err)
	}
	program.WarmUp(run, long/10)
	times := program.Times(run, leastTimed, mostTimed, long)
	return times[len(times)/2], nil
}

// timed is latency where the recipe asks for a time, and 0 otherwise.
func (s *search) timed(file []byte, long time.Duration) (time.Duration, error) {
	if s.recipe.MaxLatency == 0 {
		return 0, nil
	}
	return s.clock(file, long)
}

// timeFill is how full of the longest time a network should be that a shot at it leaves:
// less than fill, since two measurements differ by some percent; timeFull is what will do,
// as a part of that (see fullEnough).
const (
	timeFill = 0.93
	timeFull = 0.9
)

// cost is what a file takes of the limit that it comes nearest to, to compare with
// limit: its bytes, or its time on the same scale, where as much is left of timeFill as
// of fill.
func (r Recipe) cost(size int, t time.Duration) float64 {
	if r.MaxLatency == 0 {
		return float64(size)
	}
	c := float64(t) / float64(r.MaxLatency) * fill / timeFill * float64(r.limit())
	if r.MaxSize == 0 {
		return c
	}
	return math.Max(c, float64(size))
}

// limit is what costs are compared with: the largest size in bytes, or, where none is
// asked for, the longest time in nanoseconds.
func (r Recipe) limit() int {
	if r.MaxSize == 0 {
		return int(r.MaxLatency)
	}
	return r.MaxSize
}

// cost is the cost of a file that is made from g without training, values costing so many
// bits. What was measured is left in the journal: another measurement would be another
// search.
func (s *search) cost(g *graph.Graph, bits float64) (float64, error) {
	if s.recipe.MaxLatency == 0 {
		size, err := s.estimate(g, bits)
		return float64(size), err
	}
	return staged(s, "estimate", nil, func() (float64, error) {
		file, err := s.sketch(g, bits)
		if err != nil {
			return 0, err
		}
		return s.fileCost(file)
	})
}

// fileCost is the cost of a file, which is timed where the recipe asks for a time.
func (s *search) fileCost(file []byte) (float64, error) {
	t, err := s.timed(file, searchTimes)
	return s.recipe.cost(len(file), t), err
}

// steady bounds the correction of a number of weights, so that a measurement that
// something disturbed does no more harm than later ones put right.
func (s *search) steady(from, to int) int {
	if s.recipe.MaxLatency == 0 {
		return to
	}
	return max(fewest, from/2, min(to, 2*from))
}

// thinned is the part of the weights that slow leaves: just so few that the runtime keeps
// layers as lists. Most networks bear less, but one that is found too slow after all its
// pruning rounds has nothing left to give.
const thinned = 0.25

// slow reports that g takes too long even without most of its weights, so that it has to
// be narrower. With limits alone, where pruning goes on until they hold, nothing is slow.
func (s *search) slow(g *graph.Graph) (bool, error) {
	if s.recipe.MaxLatency == 0 || s.recipe.limitsOnly() {
		return false, nil
	}
	g = g.Clone()
	ls := passes.NewLayers(g)
	r := passes.GradualPruning{Keep: int(thinned * float64(passes.Kept(ls))), Criterion: s.recipe.Criterion, Graph: g}
	if r.Criterion == prune.Input {
		r.Samples = s.samplesFor(64)
	}
	if err := r.Once(ls); err != nil {
		return false, err
	}
	t, err := staged(s, "estimate", nil, func() (time.Duration, error) {
		file, err := s.sketch(g, firstBits)
		if err != nil {
			return 0, err
		}
		return s.timed(file, searchTimes)
	})
	return t > s.recipe.MaxLatency, err
}

// late reports that the last file takes too long.
func (s *search) late() bool {
	n := len(s.points)
	return s.recipe.MaxLatency > 0 && n > 0 && s.points[n-1].Latency > s.recipe.MaxLatency
}

// spend makes a finer file of a shot whose file, with values of so many bits, fills the
// time but not the size: larger codebooks cost no time.
func (s *search) spend(sh *shot, p Point, bits float64) error {
	if s.recipe.MaxLatency == 0 {
		return nil
	}
	finer := math.Min(fineBits, bits+s.room(p.Size, p.Kept))
	if finer < bits+changeBits/2 {
		return nil
	}
	_, err := s.finish(sh, finer)
	return err
}

// answer chooses the answer. Where a time is asked for, it is measured again, for
// longer, and when it is too long then the next best file is the answer.
func (s *search) answer() (Point, bool, error) {
	for {
		p, ok := best(s.points, s.recipe)
		if !ok || s.recipe.MaxLatency == 0 {
			return p, ok, nil
		}
		s.tell(Progress{Stage: "time", Note: fmt.Sprintf("measuring the answer of %d bytes", p.Size)})
		t, err := s.timed(p.Bytes, answerTimes)
		if err != nil {
			return p, false, err
		}
		p.Latency = t
		p.Meets = s.recipe.meets(p.Size, p.Drop, t)
		for i, q := range s.points {
			if bytes.Equal(q.Bytes, p.Bytes) {
				s.points[i].Latency, s.points[i].Meets = t, p.Meets
			}
		}
		if p.Meets {
			return p, true, nil
		}
	}
}
