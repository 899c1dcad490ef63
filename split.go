package edgec

import (
	"math"

	"edgec/internal/dataset"
)

// held is the share of the training set that decides and is not trained on.
const held = 6

// mostHeld bounds the held-out samples.
const mostHeld = 10_000

// A picture is trained on in usualForms forms. When no drop is asked for, samples of all
// kinds are, and where there are few in so many forms that formSamples come together, or,
// of other kinds, mixedSamples, up to mostForms and formBytes of memory: mixes are not what a
// network will meet, and where samples are not few they do more harm than good if they
// outnumber them.
const (
	usualForms   = 6
	mostForms    = 40
	formSamples  = 600_000
	mixedSamples = 20_000
	formBytes    = 512 << 20
)

// teacherWork bounds the multiplications of asking the teacher: an expensive one is asked
// about fewer samples.
const teacherWork = 4e12

// split holds samples out and prepares the judge and the batches.
func (s *search) split(data *dataset.Splits, task string) error {
	set := data.Train
	in, out := s.parts(set)
	teacher := s.model
	if s.recipe.Teacher != nil {
		teacher = s.recipe.Teacher
	}
	pool := int(teacherWork / float64(max(teacher.MACs(), 1)))
	in = in[:min(len(in), max(pool, 1000))]
	fit := set.Subset(in)
	s.tell(Progress{Stage: "float", Note: "measuring the float network on held-out samples"})
	const unseen = 1000 // a distorted copy that training never meets
	heldOut := set.Subset(out)
	known := s.report.TrainedOn && !s.recipe.NoTraining // better by the float network than by files
	switch {
	case task == TaskAgreement || task == TaskFidelity:
		heldOut = s.distorted(heldOut, unseen)
	case known && !measurable(data.Test, task):
		heldOut = s.distorted(set.Subset(in[:min(len(in), mostHeld)]), unseen)
	}
	var err error
	if known && task == TaskAccuracy && measurable(data.Test, task) {
		if s.honest, err = newJudge(s.model.graph, task, data.Test, s.threads); err != nil {
			return err
		}
		s.judge = &judge{task: task, set: heldOut, reference: s.honest.reference, threads: s.threads}
		float, err := outputs(s.model.graph, heldOut, enough(heldOut.Len(), s.report.FloatMACs), s.threads)
		if err != nil {
			return err
		}
		own := s.judge.losses(float)
		if s.known = 100 * (mean(s.honest.reference) - mean(own)); s.known > mostKnown {
			s.known = 0
			s.judge, err = newJudge(s.model.graph, task, heldOut, s.threads)
		} else {
			s.memory = memory(s.honest.reference, own)
		}
		if err != nil {
			return err
		}
	} else if s.judge, err = newJudge(s.model.graph, task, heldOut, s.threads); err != nil {
		return err
	}
	if s.feed, err = newFeed(teacher.graph, s.forms(fit, pool), task, 256, s.threads, s.recipe.Seed); err != nil {
		return err
	}
	s.feed.noise = math.Sqrt(s.judge.unit) // as far as the float network is from its inputs
	s.inputs = rms(s.samplesFor(64).Data)
	return nil
}

// parts cuts the training set into samples to train on and samples held out, half as many
// of these when no drop is asked for, where they decide nothing.
func (s *search) parts(set *dataset.Set) (in, out []int) {
	folds := set.Folds(held, s.recipe.Seed)
	n := min(len(folds[0]), mostHeld)
	if s.recipe.limitsOnly() {
		n = (n + 1) / 2
	}
	for _, f := range folds[1:] {
		in = append(in, f...)
	}
	return append(in, folds[0][n:]...), folds[0][:n]
}

// forms returns what samples are trained on as, with a teacher that may be asked about so
// many: pictures in distortions, other samples as they are and in mixes with each other.
// A teacher that is too expensive for the usual number of distortions is asked about
// pictures as they are.
func (s *search) forms(fit *dataset.Set, pool int) source {
	n := fit.Len()
	from := source{n: n, copies: 1, make: func(int) *dataset.Set { return fit }}
	pictures, many := dataset.CanAugment(fit), s.recipe.limitsOnly()
	if s.recipe.NoAugment || !pictures && !many {
		return from
	}
	if many {
		most := min(mostForms, formBytes/max(fit.Memory(), 1), pool/n)
		enough := mixedSamples
		if pictures {
			enough = formSamples
		}
		from.copies = max(1, min(most, (enough+n-1)/n))
	}
	if pictures {
		from.copies = max(from.copies, usualForms)
		if pool < from.copies*n {
			from.asked = fit
		}
		from.make = func(copy int) *dataset.Set { return s.distorted(fit, copy) }
		return from
	}
	from.make = func(copy int) *dataset.Set {
		if copy == 0 {
			return fit
		}
		return fit.Mixed(s.recipe.Seed + uint64(copy))
	}
	return from
}

// distorted returns a distorted copy of pictures, and other samples as they are.
func (s *search) distorted(set *dataset.Set, copy int) *dataset.Set {
	if s.recipe.NoAugment {
		return set
	}
	return set.Augmented(s.recipe.Seed+uint64(copy), 1, dataset.MildAugment, s.threads)
}

// rms returns the root mean square of x.
func rms(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / math.Max(float64(len(x)), 1))
}

// mostKnown is how many points better the float network may be on held-out samples than on
// the test part for its error to be taken from there. One that is better by more knows them
// by heart; a file, which still knows some, could lose as much and not show it. Both are
// compared on the held-out samples then, which errs on the safe side.
const mostKnown = 2

// mostMemory bounds what is taken off for what the float network knows of the
// held-out samples, in points. Most of what it knew is lost in pruning: the two LeNets
// know 0.4 and 0.5 points (the drop of the int8 file that Compress makes first), and their
// answers do 0.2 better there than on the test part, of which the standard error covers
// half (README, Results: the summary of each command prints both drops).
const mostMemory = 0.1

// memory is how many points fewer errors the float network makes on held-out
// samples, which it was trained on, than on the test part; at least 0 and at most
// mostMemory.
func memory(test, heldOut []float64) float64 {
	return math.Max(0, math.Min(mostMemory, 100*(mean(test)-mean(heldOut))))
}
