package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Files for limits that a network meets without having lost most of its weights,
// and within a drop for networks that know few samples by heart: weights are
// rounded first, all at once, and then fine-tuned as they are. Few steps at a low
// rate are enough, where pruning needs many at a high one, which such networks do
// not bear.

// roundedLimits uses the limits up with rounded weights and fine-tunes these. It
// says that this is enough if it loses so little that nothing has to be pruned by
// training.
func roundedLimits(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	t, err := s.withRounder(ctx, t)
	if err != nil {
		return t, false, err
	}
	g, c, err := s.roundedToLimits(ctx, t.rounder)
	if err != nil {
		return t, false, err
	}
	may := s.tolerance()
	t.lost = s.lost(c)
	if t.brief, err = s.brief(ctx, t.lost); err != nil || t.lost > may.hopeless {
		return t, false, err
	}
	c, err = s.tunedToLimits(ctx, g, c)
	return t, c.Meets && s.lost(c)-c.Error <= may.enough, err
}

// roundedToLimits makes a file of weights that are rounded so that it uses the limits up, and
// returns its network too.
func (s *Study) roundedToLimits(ctx context.Context, r *rounder) (*graph.Graph, Candidate, error) {
	lambda, err := s.leastFitting(ctx, r, s.objective().limit())
	if err != nil {
		return nil, Candidate{}, err
	}
	return s.roundedFile(ctx, r, lambda)
}

// tunedToLimits fine-tunes the network of the last file, c, whose weights are rounded, and returns c
// or the file that takes its place.
func (s *Study) tunedToLimits(ctx context.Context, g *graph.Graph, c Candidate) (Candidate, error) {
	rounded, since := len(s.ledger.candidates)-1, time.Now()
	best, err := s.tuneRounded(ctx, g, finalTraining)
	if err != nil || best.net == g {
		return c, err
	}
	if c, err = s.tunedFile(ctx, best.net, since); err == nil {
		s.ledger.supersede(rounded, c)
	}
	return c, err
}

// roundedDrop makes rounded files within the drop, ever closer to the smallest that
// keeps it; they are hardly faster, so that it is not for times. The int8 file, the
// first that was made, is taken to keep it.
func roundedDrop(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	t, err := s.withRounder(ctx, t)
	if err != nil {
		return t, false, err
	}
	int8 := s.ledger.candidates[0].Size()
	for b := (bracket{float64(int8), float64(int8 / roundedSpan)}); b.ratio() > roundedGap; {
		size := int(b.middle())
		ok, err := s.keepsRounded(ctx, t.rounder, size)
		if err != nil {
			return t, false, err
		}
		b = b.learn(float64(size), ok)
	}
	return t, false, nil
}

// keepsRounded reports whether a rounded file of that size keeps the accuracy, if
// need be after fine-tuning.
func (s *Study) keepsRounded(ctx context.Context, r *rounder, size int) (bool, error) {
	lambda, err := s.leastFitting(ctx, r, size)
	if err != nil {
		return false, err
	}
	o := s.objective()
	g, c, err := s.roundedFile(ctx, r, lambda)
	if err != nil || c.withinMargin(o, 1) || s.lost(c) > o.drop()+s.tolerance().hopeless {
		return err == nil && c.withinMargin(o, 1), err
	}
	since := time.Now()
	best, err := s.tuneRounded(ctx, g, runTraining)
	if err != nil || best.net == g {
		return false, err
	}
	c, err = s.tunedFile(ctx, best.net, since)
	return c.withinMargin(o, 1), err
}

// measureRounded measures a file of rounded weights, whose drop is corrected for
// memorization, and whose margin makes up for all of it.
func (s *Study) measureRounded(ctx context.Context, g *graph.Graph) (Candidate, error) {
	c, err := s.measureFinal(ctx, g)
	if err != nil {
		return c, err
	}
	c.Margin = c.Error + math.Max(s.memory.correction, s.memory.known)
	c.Meets = c.Meets && s.objective().meets(c.Size(), s.lost(c), c.Need)
	c.ineligible = !c.Meets // a drop that the float network's knowledge makes up for
	return c, nil
}

// tolerance is what the loss of rounded files is worth in this task.
func (s *Study) tolerance() tolerance {
	if s.task().Traits().Relative {
		return distanceTolerance
	}
	return classTolerance
}

// tunedFile makes a file of rounded weights that were fine-tuned since then.
func (s *Study) tunedFile(ctx context.Context, g *graph.Graph, since time.Time) (Candidate, error) {
	c, err := s.file(func() (Candidate, error) { return s.measureRounded(ctx, g) })
	if err == nil {
		s.ledger.file("file", c, s.objective(), "", since)
	}
	return c, err
}

// lost is the drop of a rounded file from the float network on the held-out samples
// themselves: what that knows of them, rounded weights have not forgotten.
func (s *Study) lost(c Candidate) float64 { return c.Drop + s.memory.known }

// tuneRounded fine-tunes g in trials at ever lower rates, as long as that is
// better, and once more for longer, and returns the one with the least validation
// loss, or g.
func (s *Study) tuneRounded(ctx context.Context, g *graph.Graph, long training) (best validated, err error) {
	v, err := s.newValidation(ctx)
	if err != nil {
		return best, err
	}
	if best, err = v.validate(ctx, g); err != nil {
		return best, err
	}
	try := func(stage string, rate float64, long training) (loss float64, err error) {
		t, err := s.tuneFinal(ctx, stage, g, rate, long, v)
		if t.loss < best.loss {
			best = t
		}
		return t.loss, err
	}
	rate, last := topRate/tuneRateDivisor, math.Inf(1)
	for range mostTrials {
		loss, err := try("trial", rate, trialTraining)
		if err != nil {
			return best, err
		}
		if loss > last {
			break
		}
		last = loss
		rate /= rateStep
	}
	_, err = try("tune", rate, long)
	return best, err
}

// tuneFinal returns g fine-tuned, its constraints final, and validated.
func (s *Study) tuneFinal(ctx context.Context, stage string, g *graph.Graph, rate float64, long training, v *validation) (validated, error) {
	since := time.Now()
	h := g.Clone()
	const lambda = 0 // each weight takes the nearest value; what they cost hardly changes
	failed := validated{loss: math.Inf(1)}
	_, err := resumable(s, stage, h, func() (struct{}, error) { return struct{}{}, s.tune(ctx, h, rate, long, lambda) })
	if err != nil {
		return failed, err
	}
	if err := finalize(h); err != nil {
		return failed, err
	}
	t, err := v.validate(ctx, h)
	if err != nil {
		return t, err
	}
	file, _, err := s.encode(ctx, h)
	if err != nil {
		return t, err
	}
	if !s.objective().within(len(file), Need{}) {
		t.loss = math.Inf(1) // it has outgrown the size
	}
	s.ledger.network(stage, h, t.drop, t.loss < math.Inf(1), fmt.Sprintf("loss %.4g, learning rate %.2g", t.loss, rate), since)
	return t, nil
}

// validated is a network, its validation loss, and its drop in points.
type validated struct {
	net        *graph.Graph
	loss, drop float64
}

// validation is what training minimises, on held-out samples. It tells files apart
// that a count of errors on few samples does not.
type validation struct {
	study   *Study
	targets *tensor.Tensor // what outputs are compared with
}

// newValidation asks the teacher about the held-out samples.
func (s *Study) newValidation(ctx context.Context) (*validation, error) {
	set := s.loader.holdout.Set()
	n := judged(set.Len(), MACs(s.subject.Model.Graph))
	targets, err := eval.Run(ctx, s.loader.answers.teacher, n, func(lo, hi int, dst []*tensor.Tensor) { eval.Read(set, lo, hi, dst) })
	if err != nil {
		return nil, err
	}
	k := targets.Shape[1]
	x := make([]float32, set.Sample().Size())
	for i := range n {
		set.Read(i, x)
		s.loader.task.Aim(targets.Data[i*k:(i+1)*k], x, set.Target(i))
	}
	return &validation{s, targets}, nil
}

// validate measures the mean loss of g.
func (v *validation) validate(ctx context.Context, g *graph.Graph) (validated, error) {
	n, h := v.targets.Shape[0], v.study.loader.holdout
	out, err := eval.Predict(ctx, g, h.Set(), n, h.Threads)
	if err != nil {
		return validated{loss: math.Inf(1)}, err
	}
	k := out.Shape[1]
	dy := make([]float32, k)
	sum := 0.0
	loss := h.Task.Loss(&h.Reference)
	for i := range n {
		labels := h.Set().LabelsAt(i)
		if h.Set().Labels != nil {
			labels = h.Set().Labels[i : i+1]
		}
		if !h.Task.Traits().Truth {
			labels = nil
		}
		sum += loss.Sample([][]float32{dy}, [][]float32{out.Data[i*k : (i+1)*k]}, labels, [][]float32{v.targets.Data[i*k : (i+1)*k]})
	}
	return validated{g, sum / float64(n), h.Compare(h.Losses(out)).Drop}, nil
}
