package search

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// untrainedRounding makes files without training: each layer's weights are pruned
// and rounded together, so that the network's outputs change little for the bits
// that are saved. One lambda serves all layers: the least that the limits allow,
// or, where a drop is asked for, the largest that keeps it.
func untrainedRounding(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	t, err := s.withRounder(ctx, t)
	if err != nil {
		return t, false, err
	}
	if s.objective().limitsOnly() {
		lambda, err := s.leastFitting(ctx, t.rounder, s.objective().limit())
		if err != nil {
			return t, false, err
		}
		_, _, err = s.roundedFile(ctx, t.rounder, lambda)
		return t, false, err
	}
	return t, false, s.largestWithinDrop(ctx, t.rounder)
}

// withRounder returns the track with a rounder, which is measured once.
func (s *Study) withRounder(ctx context.Context, t Track) (Track, error) {
	if t.rounder != nil {
		return t, nil
	}
	r, err := s.newRounder(ctx, s.baseOf(t))
	t.rounder = r
	return t, err
}

// largestWithinDrop makes files at ever closer lambdas, to find the largest that
// keeps the drop with its margin.
func (s *Study) largestWithinDrop(ctx context.Context, r *rounder) error {
	b := bracket{good: leastLambda, bad: mostLambda}
	for step := range lambdaSteps {
		if err := eval.Stopped(ctx); err != nil {
			return err
		}
		s.ledger.tell(Progress{Stage: "round", Done: step, Total: lambdaSteps})
		lambda := b.middle()
		_, c, err := s.roundedFile(ctx, r, lambda)
		if err != nil {
			return err
		}
		s.ledger.tell(Progress{Stage: "round", Done: step + 1, Total: lambdaSteps})
		b = b.learn(lambda, c.withinMargin(s.objective(), 1))
	}
	return nil
}

// rounder rounds the weights of a network at any lambda.
type rounder struct {
	net                 *graph.Graph
	x                   []*tensor.Tensor       // of each input
	moments             []*passes.InputMoments // of the parameters of net
	sensitive           []passes.Sensitivity   // the same, as Balance takes it
	batch, calibrations int                    // samples that observe activations, and of a batch of them
	costs               map[float64]float64    // of the files of lambdas that were tried; searches for other sizes begin alike
	last                roundedNet             // that was tried last
}

// roundedNet is a network rounded at lambda; nil: none.
type roundedNet struct {
	lambda float64
	net    *graph.Graph
}

// newRounder measures a network.
func (s *Study) newRounder(ctx context.Context, net *graph.Graph) (*rounder, error) {
	n := min(secondMoments, max(1, momentFloats/s.loader.sample))
	n = s.fewer(n)
	x, err := s.loader.manySamples(ctx, n)
	if err != nil {
		return nil, err
	}
	r := &rounder{net: net.Clone(), x: x, costs: map[float64]float64{}, batch: s.calibrationBatch(), calibrations: s.fewer(calibrations)}
	all, err := passes.MeasureMoments(ctx, r.net, r.x, eval.Batch(s.net), s.curvature())
	if err != nil {
		return nil, err
	}
	for _, p := range r.net.Params() {
		m := all[p]
		r.moments = append(r.moments, m)
		var of passes.Sensitivity
		if m != nil {
			of = passes.Sensitivity{Curvature: m.Curvatures(), OutputCurvature: m.OutputCurvature(), AbsMax: m.AbsMax()}
		}
		r.sensitive = append(r.sensitive, of)
	}
	return r, nil
}

// curvature returns what draws gradients [n, K] in outputs [n, K] of the network; see
// eval.Task.Curve.
func (s *Study) curvature() func(y *tensor.Tensor) *tensor.Tensor {
	rng := rand.New(rand.NewPCG(s.config.Seed, 0xd1ce))
	return func(y *tensor.Tensor) *tensor.Tensor {
		dy := tensor.New(y.Shape...)
		k := y.Shape.Sample().Size()
		for lo := 0; lo < len(y.Data); lo += k {
			s.loader.task.Curve(&s.loader.holdout.Reference, dy.Data[lo:lo+k], y.Data[lo:lo+k], rng)
		}
		return dy
	}
}

// samples yields the calibration samples in batches.
func (r *rounder) samples(ctx context.Context) passes.Batches {
	return whileRunning(ctx, passes.InputSamples(firstRows(r.x, r.calibrations), r.batch))
}

// firstRows returns the first n samples of every input, or all if there are fewer.
func firstRows(x []*tensor.Tensor, n int) []*tensor.Tensor {
	first := make([]*tensor.Tensor, len(x))
	for k, t := range x {
		first[k] = t.Rows(0, min(n, t.Shape[0]))
	}
	return first
}

// network returns the network with weights and biases that are rounded at lambda,
// and with activations that fit them.
func (r *rounder) network(ctx context.Context, lambda float64) (*graph.Graph, error) {
	g, steps, err := r.weights(ctx, lambda)
	if err != nil {
		return nil, err
	}
	cfg := passes.Config{CoarsestBias: func(w *graph.Param) float64 { return steps[w.Name] }}
	if err := stoppedOr(ctx, passes.Calibrate(g, r.samples(ctx), cfg)); err != nil {
		return nil, err
	}
	if err := passes.Constants(g, cfg); err != nil {
		return nil, err
	}
	if err := passes.Biases(g, cfg); err != nil {
		return nil, err
	}
	if err := stoppedOr(ctx, passes.CorrectBias(g, r.samples(ctx))); err != nil {
		return nil, err
	}
	maskZeros(g)
	if err := removeDead(g); err != nil {
		return nil, err
	}
	return g, passes.Biases(g, cfg)
}

// weights returns the network with weights that are rounded at lambda, and the steps of the
// biases beside them.
func (r *rounder) weights(ctx context.Context, lambda float64) (*graph.Graph, map[string]float64, error) {
	g, moments, err := r.balanced(lambda)
	if err != nil {
		return nil, nil, err
	}
	steps := map[string]float64{}
	for i, p := range g.Params() {
		m := moments[i]
		if m == nil {
			continue
		}
		p.Grid = &graph.Grid{Scale: []float32{quantize.RoundScale(m.Step(p, lambda))}, Max: 127}
		if _, err := m.Round(ctx, p, lambda); err != nil {
			return nil, nil, err
		}
		steps[p.Name] = m.BiasStep(lambda)
	}
	return g, steps, nil
}

// thinned returns the float network without the weights that rounding at lambda makes zero. The
// others begin with what they are rounded to, which makes up for those that went.
func (r *rounder) thinned(ctx context.Context, lambda float64) (*graph.Graph, error) {
	g, _, err := r.weights(ctx, lambda)
	if err != nil {
		return nil, err
	}
	if err := stoppedOr(ctx, passes.CorrectBias(g, r.samples(ctx))); err != nil {
		return nil, err
	}
	maskZeros(g)
	for _, p := range g.Params() {
		p.Grid, p.Book = nil, nil
		p.Refresh()
	}
	return g, removeDead(g)
}

// maskZeros prunes the weights of g that share a value of zero.
func maskZeros(g *graph.Graph) {
	for _, p := range Shareable(g) {
		if p.Book != nil {
			passes.MaskZeros(p)
		}
	}
}

// balanced returns the network with scale moved between its layers so that it takes
// the fewest bits, and its moments.
func (r *rounder) balanced(lambda float64) (*graph.Graph, []*passes.InputMoments, error) {
	g := r.net.Clone()
	of := map[*graph.Param]passes.Sensitivity{}
	ps := g.Params()
	for i, p := range ps {
		if r.moments[i] != nil {
			of[p] = r.sensitive[i]
		}
	}
	scaled, err := passes.Balance(g, of, lambda)
	if err != nil {
		return nil, nil, err
	}
	moments := slices.Clone(r.moments)
	for i, p := range ps {
		if s := scaled[p]; s != nil {
			moments[i] = r.moments[i].Scaled(s.Rows, s.Columns)
		}
	}
	return g, moments, nil
}

// leastFitting returns the least lambda, to less than a percent of the cost, whose
// file has at most that cost: the file uses it up. When the budget is used up
// before, a larger one.
func (s *Study) leastFitting(ctx context.Context, r *rounder, limit int) (float64, error) {
	return resumable(s, "lambda", nil, func() (float64, error) {
		most := roundedUtilization * float64(limit)
		tried := 0
		return crossing(leastLambda, mostLambda, enough(roundedUtilization)/roundedUtilization, mostLambdas, func(lambda float64) (float64, error) {
			if err := eval.Stopped(ctx); err != nil {
				return 0, err
			}
			s.ledger.tell(Progress{Stage: "lambda", Done: tried, Total: mostLambdas})
			tried++
			cost, err := s.roundedCost(ctx, r, lambda)
			return cost / most, err
		})
	})
}

// roundedCost is the cost of the file of weights that are rounded at lambda.
func (s *Study) roundedCost(ctx context.Context, r *rounder, lambda float64) (float64, error) {
	if cost, ok := r.costs[lambda]; ok {
		return cost, nil
	}
	g, err := r.network(ctx, lambda)
	if err != nil {
		return 0, err
	}
	file, _, err := s.encode(ctx, g)
	if err != nil {
		return 0, err
	}
	cost, err := s.fileCost(file)
	if err == nil {
		r.costs[lambda], r.last = cost, roundedNet{lambda, g}
	}
	return cost, err
}

// take returns the network rounded at lambda, which the caller may change.
func (r *rounder) take(ctx context.Context, lambda float64) (*graph.Graph, error) {
	if last := r.last; last.net != nil && last.lambda == lambda {
		r.last = roundedNet{}
		return last.net, nil
	}
	return r.network(ctx, lambda)
}

// roundedFile makes a file of weights that are rounded at lambda, and returns its
// network too.
func (s *Study) roundedFile(ctx context.Context, r *rounder, lambda float64) (g *graph.Graph, c Candidate, err error) {
	since := time.Now()
	if g, err = r.take(ctx, lambda); err != nil {
		return nil, c, err
	}
	if err := finalize(g); err != nil {
		return nil, c, err
	}
	c, err = s.file(func() (Candidate, error) { return s.measureRounded(ctx, g) })
	if err != nil {
		return nil, c, err
	}
	s.ledger.outlook.file = time.Since(since)
	s.ledger.file("round", c, s.objective(), fmt.Sprintf("lambda %.2g", lambda), since)
	return g, c, nil
}
