package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
)

// memorization is what the float network knows of the held-out samples.
// A network that was trained on them makes too few errors there; a compressed one
// has some of this knowledge left.
type memorization struct {
	trainedOn  bool    // it was trained on them
	known      float64 // points that its held-out error is too low by; 0 where it is compared there all the same
	correction float64 // points of margins, for what is left of it in a pruned file
}

// split holds samples out and prepares the holdout and the loader.
func (s *Study) split(ctx context.Context, task eval.Task) error {
	set := s.subject.Data.Train
	in, out := s.parts(set)
	teacher := s.subject.Model
	if s.subject.Teacher != nil {
		teacher = s.subject.Teacher
	}
	pool := int(teacherWork / float64(max(MACs(teacher.Graph), 1)))
	in = in[:min(len(in), max(pool, fewestJudged), max(2*outputFloats/sizes(s.subject.Model.outputs()), fewestFallback))]
	s.taught = len(in)
	s.ledger.outlook.study, s.ledger.outlook.plan = s, s.plan()
	s.ledger.enter(floatPhase.name)
	most, err := s.affordableSamples(ctx, set)
	if err != nil {
		return err
	}
	since := time.Now()
	steps, err := s.hold(ctx, task, set, in, out[:min(len(out), most)])
	if err != nil {
		return err
	}
	if q := s.subject.sequences; q != nil {
		for _, n := range q.notes {
			s.ledger.tell(Progress{Stage: "float", Note: n})
		}
	}
	m := s.float()
	s.ledger.tell(Progress{Stage: "float", Note: fmt.Sprintf("%s on %s samples", errorText(m), thousands(m.N))})
	const backward = 2 // times as many multiplications as forward
	s.ledger.pace.add(float64(MACs(s.subject.Model.Graph))*float64(s.measured())/(1+backward), time.Since(since))
	if s.loader, err = newLoader(teacher.Graph, s.forms(set.Subset(in), pool), task, tuneBatch, s.config.Threads, s.config.Seed); err != nil {
		return err
	}
	s.loader.holdout = steps
	x, err := s.loader.samples(ctx, inputSamples)
	for _, in := range x {
		s.inputs = append(s.inputs, rms(in.Data))
	}
	return err
}

// errorText says how good the float network is.
func errorText(m eval.Metrics) string {
	if m.Bits > 0 {
		return fmt.Sprintf("%.4f bits a token", m.Bits)
	}
	return fmt.Sprintf("an error of %.2f %%", m.Error)
}

// hold prepares the holdout, and returns what training compares outputs with: the same, unless the
// network carries a state.
func (s *Study) hold(ctx context.Context, task eval.Task, set *dataset.Set, in, out []int) (steps *eval.Holdout, err error) {
	if s.subject.sequences == nil {
		err = s.holdSamples(ctx, task, set, in, out)
		return s.holdout, err
	}
	most, err := s.subject.sequences.affordable(ctx, s)
	if err != nil {
		return nil, err
	}
	if steps, err = eval.NewHoldout(ctx, s.subject.Model.Graph, task, set.Subset(out), s.config.Threads); err != nil {
		return nil, err
	}
	s.holdout, err = s.subject.sequences.measure(ctx, s.subject, s.subject.sequences.heldOut.First(most), s.config.Threads)
	return steps, err
}

// holdSamples prepares the holdout of the samples out. A network that knows them has its
// error taken from the test part, which the float network meets for this figure
// alone, and no candidate before the answer. One that knows them by heart is
// compared there all the same, and so is any without training, where files know as
// much as it does. Without a test part both are compared in distortions that
// neither has met. Both err on the safe side.
func (s *Study) holdSamples(ctx context.Context, task eval.Task, set *dataset.Set, in, out []int) (err error) {
	heldOut, test := set.Subset(out), s.subject.Data.Test
	known := s.memory.trainedOn && !s.config.NoTraining // better by the float network than by files
	switch {
	case task.Traits().Self:
		heldOut, err = s.distorted(ctx, heldOut, distortedCopy)
	case known && !eval.Measurable(task, test):
		heldOut, err = s.distorted(ctx, set.Subset(in[:min(len(in), mostHeldOut)]), distortedCopy)
	}
	if err != nil {
		return err
	}
	model, threads := s.subject.Model.Graph, s.config.Threads
	if !known || !task.Traits().Truth || !eval.Measurable(task, test) {
		s.holdout, err = eval.NewHoldout(ctx, model, task, heldOut, threads)
		return err
	}
	most, err := s.affordableSamples(ctx, set)
	if err != nil {
		return err
	}
	if s.test, err = eval.NewHoldout(ctx, model, task, test.First(most), threads); err != nil {
		return err
	}
	s.holdout = eval.Unpaired(task, heldOut, s.test.Baseline, threads)
	float, err := eval.Predict(ctx, eval.View(task, model), heldOut, judged(heldOut.Len(), MACs(model)), threads)
	if err != nil {
		return err
	}
	own := s.holdout.Losses(float)
	s.memory.known = 100 * (eval.Mean(s.test.Baseline) - eval.Mean(own))
	if s.memory.known > mostKnown {
		s.memory.known = 0
		s.holdout, err = eval.NewHoldout(ctx, model, task, heldOut, threads)
		return err
	}
	s.memory.correction = correction(s.test.Baseline, own)
	return nil
}

// measured returns how many samples the float network was measured on.
func (s *Study) measured() int {
	n := len(s.holdout.Baseline)
	if !s.holdout.Paired {
		n += judged(s.heldOut(), MACs(s.subject.Model.Graph))
	}
	return n
}

// correction is how many points fewer errors the float network makes on held-out
// samples, which it was trained on, than on the test part; 0 to mostMemory.
func correction(test, heldOut []float64) float64 {
	return math.Max(0, math.Min(mostMemory, 100*(eval.Mean(test)-eval.Mean(heldOut))))
}

// parts cuts the training set into samples to train on and samples held out, half
// as many of these when no drop is asked for, where they decide nothing.
func (s *Study) parts(set *dataset.Set) (in, out []int) {
	folds := set.Folds(heldOutFold, s.config.Seed)
	n := min(len(folds[0]), mostHeldOut, max(outputFloats/sizes(s.subject.Model.outputs()), fewestFallback))
	if s.objective().limitsOnly() {
		n = (n + 1) / 2
	}
	for _, f := range folds[1:] {
		in = append(in, f...)
	}
	return append(in, folds[0][n:]...), folds[0][:n]
}

// forms returns what samples are trained on as, with a teacher that may be asked
// about so many: pictures in distortions, other samples as they are and in mixes
// with each other. A teacher that is too expensive for the usual number of
// distortions is asked about pictures as they are.
func (s *Study) forms(fit *dataset.Set, pool int) source {
	n := fit.Len()
	from := source{n: n, augmentations: 1, make: func(context.Context, int) (*dataset.Set, error) { return fit, nil }}
	pictures, many := dataset.CanAugment(fit), s.objective().limitsOnly()
	if s.config.Data.NoAugment || !pictures && !(many && dataset.CanMix(fit)) {
		return from
	}
	if many {
		most := min(mostAugmentations, augmentedBytes/max(fit.Memory(), 1), pool/n)
		enough := mixedSamples
		if pictures {
			enough = augmentedPictures
		}
		from.augmentations = max(1, min(most, (enough+n-1)/n))
	}
	if pictures {
		from.augmentations = max(from.augmentations, usualAugmentations)
		if pool < from.augmentations*n {
			from.asked = fit
		}
		from.make = func(ctx context.Context, copy int) (*dataset.Set, error) { return s.distorted(ctx, fit, copy) }
		return from
	}
	from.make = func(_ context.Context, copy int) (*dataset.Set, error) {
		if copy == 0 {
			return fit, nil
		}
		return fit.Mixed(s.config.Seed + uint64(copy)), nil
	}
	return from
}

// distorted returns a distorted copy of pictures, and other samples as they are.
func (s *Study) distorted(ctx context.Context, set *dataset.Set, copy int) (*dataset.Set, error) {
	if s.config.Data.NoAugment {
		return set, nil
	}
	return set.AugmentedUntil(ctx, s.config.Seed+uint64(copy), 1, dataset.MildAugment, s.config.Threads)
}

// memorized reports that the network knows the samples by heart that there are to
// train on: it was trained on them, and they are so few that a pruning run meets each
// more than mostEpochs times, which no training gains from. Their gradients teach it little,
// and pruning at high rates makes it forget more than it has to.
func (s *Study) memorized() bool { return s.memory.trainedOn && mostEpochs*s.taught < runSamples }
