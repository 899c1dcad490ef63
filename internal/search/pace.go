package search

import (
	"context"
	"math"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/graph"
)

// pace is how fast this machine trains, as far as it was seen. It scales training
// to the time before a deadline; without one it changes nothing.
type pace struct {
	work float64       // multiplications forward
	time time.Duration // that training with them took
}

// watch starts to watch steps of training g, and returns what ends it.
func (p *pace) watch(g *graph.Graph, batch, steps int) (done func()) {
	since := time.Now()
	return func() { p.add(float64(MACs(g))*float64(batch)*float64(steps), time.Since(since)) }
}

// add adds training that was seen.
func (p *pace) add(work float64, t time.Duration) {
	p.work += work
	p.time += t
}

// affordableSamples returns how many samples the float network may be measured on:
// any number without a budget, otherwise those that take budgetShares.judge of it,
// but at least fewestFallback.
func (s *Study) affordableSamples(ctx context.Context, set *dataset.Set) (int, error) {
	if s.config.Budget == 0 {
		return math.MaxInt, nil
	}
	n := min(set.Len(), timedSamples)
	since := time.Now()
	if _, err := eval.Predict(ctx, s.subject.Model.Graph, set, n, s.config.Threads); err != nil {
		return 0, err
	}
	each := max(time.Since(since)/time.Duration(n), 1)
	most := time.Duration(budgetShares.judge*float64(s.config.Budget)) / each
	return max(fewestFallback, int(min(most, math.MaxInt32))), nil
}

// affordable returns the multiplications forward that fit into a share of the time
// before the deadline of ctx; ok is false without a deadline, or if nothing was
// seen yet.
func (p *pace) affordable(ctx context.Context, share float64) (work float64, ok bool) {
	deadline, ok := ctx.Deadline()
	if !ok || p.work == 0 || p.time == 0 {
		return 0, false
	}
	return p.work / p.time.Seconds() * share * time.Until(deadline).Seconds(), true
}
