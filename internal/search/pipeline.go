package search

import (
	"context"
	"fmt"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// pass is one step of making a file from a state. draft carries what a pass leaves
// for the next ones.
type pass struct {
	name string
	does string
	run  func(ctx context.Context, s *Study, d *draft) error
}

// draft is a network on its way into a file.
type draft struct {
	net    *graph.Graph
	bits   float64 // that a value costs on average; 0: no codebooks
	rate   float64 // learning rate of pruning
	lambda float64 // of the codebooks, in nats of loss for a bit; see passes.AllocateCodebooks
}

// trained are the passes that make a file, and untrained are those without
// training: the answer of last resort, and an estimate of a size.
var (
	trainedPasses   = []pass{deadPass, quantizePass, sharePass, tunePass, finalizePass}
	untrainedPasses = []pass{deadPass, quantizePass, sharePass, finalizePass}
)

var (
	deadPass     = pass{"dead", "removes channels that pruning has emptied", func(_ context.Context, _ *Study, d *draft) error { return removeDead(d.net) }}
	quantizePass = pass{"quantize", "puts activations, weights and biases on int8 grids", quantizeDraft}
	sharePass    = pass{"share", "lets the weights of a layer share a few values", shareDraft}
	tunePass     = pass{"tune", "fine-tunes under mask, grid and codebook", tuneDraft}
	finalizePass = pass{"finalize", "rounds centroids, and removes channels that this has emptied", func(_ context.Context, _ *Study, d *draft) error { return finalize(d.net) }}
)

// passOrder lists which stage or pass must come before which, and why. Stages of the
// search come before the passes that make files; reading a network simplifies it,
// and encoding one exports it.
var passOrder = []struct{ first, then, because string }{
	{"learning rate", "pooling", "pooled networks are fine-tuned at that rate"},
	{"pooling", "channels", "scores of channels are those of the layers that stay"},
	{"pooling", "prune", "a block's weight is the sum of all of its pixels'"},
	{"channels", "prune", "a channel that is cut costs no mask bits, and training is quicker without it"},
	{"prune", "dead", "pruning makes zeros"},
	{"dead", "quantize", "activation ranges must not count channels that go"},
	{"prune", "quantize", "scales must ignore removed weights"},
	{"quantize", "share", "centroids are int8 values, so that a codebook entry costs a byte"},
	{"share", "tune", "fine-tuning moves the centroids"},
	{"tune", "finalize", "rounding centroids makes zeros"},
}

// run walks passes, and checks the graph after each.
func (d *draft) run(ctx context.Context, s *Study, passes []pass) error {
	for _, p := range passes {
		if err := p.run(ctx, s, d); err != nil {
			return err
		}
		if err := d.net.Check(); err != nil {
			return fmt.Errorf("edgec: after pass %q: %w", p.name, err)
		}
	}
	return nil
}

// quantizeDraft puts the network on its grids; weights that will have a codebook
// get one scale for all channels.
func quantizeDraft(ctx context.Context, s *Study, d *draft) error {
	cfg := passes.Config{}
	if d.bits > 0 {
		cfg.PerTensor = func(*graph.Param) bool { return true }
	}
	batches, err := s.calibration(ctx)
	if err != nil {
		return err
	}
	if err := stoppedOr(ctx, passes.Calibrate(d.net, batches, cfg)); err != nil {
		return err
	}
	if err := passes.Weights(d.net, cfg); err != nil {
		return err
	}
	if err := passes.Constants(d.net, cfg); err != nil {
		return err
	}
	return passes.Biases(d.net, cfg)
}

// calibration yields the calibration samples in batches until ctx ends; the caller
// asks whether it has.
func (s *Study) calibration(ctx context.Context) (passes.Batches, error) {
	return s.calibrationOn(ctx, s.fewer(calibrations))
}

// calibrationOn is calibration with n samples.
func (s *Study) calibrationOn(ctx context.Context, n int) (passes.Batches, error) {
	x, err := s.loader.samples(ctx, n)
	if err != nil {
		return nil, err
	}
	return whileRunning(ctx, passes.InputSamples(x, s.calibrationBatch())), nil
}

// fewer returns how many of n samples are enough where each has inputs at many positions, which
// count as samples.
func (s *Study) fewer(n int) int {
	if positions := s.loader.task.Traits().Positions; positions > momentPositions {
		return max(min(n, calibrationPart), n*momentPositions/positions)
	}
	return n
}

// calibrationBatch returns the samples of a batch of calibration: fewer where their activations
// would take more than calibrationFloats.
func (s *Study) calibrationBatch() int {
	return max(1, min(calibrationPart, calibrationFloats/max(eval.Activations(s.net), 1)))
}

// stoppedOr returns why ctx has ended, or else err.
func stoppedOr(ctx context.Context, err error) error {
	if cause := eval.Stopped(ctx); cause != nil {
		return cause
	}
	return err
}

// whileRunning yields batches until ctx ends.
func whileRunning(ctx context.Context, batches passes.Batches) passes.Batches {
	return func(yield func([]*tensor.Tensor) bool) {
		for b := range batches {
			if ctx.Err() != nil || !yield(b) {
				return
			}
		}
	}
}

// shareDraft gives weights codebooks in which a value costs the given bits on
// average.
func shareDraft(_ context.Context, _ *Study, d *draft) error {
	if d.bits == 0 {
		return nil
	}
	ps := Shareable(d.net)
	f := make([][]float32, len(ps))
	for i, p := range ps {
		f[i] = fisher(p)
	}
	var err error
	d.lambda, err = passes.AllocateCodebooks(ps, f, d.bits)
	return err
}

// tuneDraft fine-tunes the network under its constraints.
func tuneDraft(ctx context.Context, s *Study, d *draft) error {
	return s.tune(ctx, d.net, d.rate/tuneRateDivisor, fileTraining, d.lambda)
}

// tune fine-tunes g under its constraints, at a rate that falls to tuneFloor.
// Weights choose their centroids anew every reassignEvery steps, at lambda for a
// bit, until most is done.
func (s *Study) tune(ctx context.Context, g *graph.Graph, rate float64, long training, lambda float64) error {
	batch := fitBatch(g, tuneBatch)
	t, err := s.trainer(g, batch, 0, 0)
	if err != nil {
		return err
	}
	ps := Shareable(g)
	steps := s.steps(ctx, g, long, batch)
	defer s.ledger.training(g, batch, steps)()
	reassignment := s.config.reassignment()
	falling := func(done float64) float64 { return rate * train.Cosine(done, 0, tuneFloor) }
	return s.train(ctx, t, steps, batch, falling, func(step int) {
		if done := float64(step-1) / float64(steps); step%reassignEvery == 0 && done < reassignment {
			train.Parallel(s.config.Threads, len(ps), func(k int) {
				if p := ps[k]; p.Book != nil {
					passes.AssignCentroids(p, fisher(p), lambda)
					p.Refresh()
				}
			})
		}
		s.ledger.tell(Progress{Stage: "tune", Done: step, Total: steps})
	})
}

// finalize makes the constraints final and proves that all of them hold.
func finalize(g *graph.Graph) error {
	for _, p := range Shareable(g) {
		if p.Book != nil {
			passes.FinalizeCodebook(p)
		}
	}
	for _, p := range g.Params() {
		p.Refresh()
	}
	if err := removeDead(g); err != nil {
		return err
	}
	for _, p := range g.Params() {
		p.Refresh()
	}
	if err := passes.Check(g); err != nil {
		return err
	}
	for _, p := range g.Params() {
		if err := passes.CheckCodebook(p); err != nil {
			return err
		}
	}
	return nil
}

// fisher returns the Fisher information of each weight for one sample, all ones
// before any training.
func fisher(p *graph.Param) []float32 {
	f := make([]float32, len(p.Shadow.Data))
	if len(p.State) <= train.StateSquare {
		for i := range f {
			f[i] = 1
		}
		return f
	}
	sum := 0.0
	for i, v := range p.State[train.StateSquare] {
		f[i] = tuneBatch * v
		sum += float64(f[i])
	}
	// Adam's estimate is noisy where gradients are rare
	floor := float32(fisherFloor * sum / float64(max(len(f), 1)))
	for i := range f {
		f[i] += floor
	}
	return f
}
