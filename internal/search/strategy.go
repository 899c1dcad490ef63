package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/train"
)

// strategy is one way of compressing. run adds candidates to the ledger; it may
// say that no more expensive strategy is worth trying.
type strategy struct {
	name    string
	applies func(s *Study) bool
	share   float64 // of the budget, after which it stops
	run     func(ctx context.Context, s *Study, t Track) (Track, bool, error)
	title   string // in words, for progress; "": its stages have titles
	expect  func(f forecast) float64
}

// strategies are tried in order, from the cheapest to the most expensive. The answer is
// the best of all candidates, so that a more expensive one never makes it worse. One that
// has used up its share of the budget leaves the rest to the next.
var strategies = []strategy{
	{"int8", always, noDeadline, func(ctx context.Context, s *Study, t Track) (Track, bool, error) { return t, false, s.int8(ctx) },
		"quantizing to 8 bits", nil},
	{"16 bits", tooCoarse, budgetShares.round, refineInputs, "finding layers whose inputs want 16 bits", nil},
	{"rounding alone", untrained, 1, untrainedRounding, "rounding weights", forecast.rounding},
	{"rounding before training", trainedDrop, budgetShares.round, untrainedRounding, "rounding weights without training", forecast.rounding},
	{"rounding to the limits, with fine-tuning", limitsOnly, budgetShares.prune, roundedLimits, "rounding weights to the limits, then training", forecast.tuned},
	{"rounding within the drop, with fine-tuning", memorizedDrop, budgetShares.round, roundedDrop, "rounding weights further, then training", forecast.tunedWithin},
	{"pruning", trained, budgetShares.file, pruning, "", nil},
	{"the rest of the budget", budgeted, budgetShares.file, useRest, "using the rest of the budget", nil},
	{"16 bits as a last resort", missed, noDeadline, refineAnyway, "giving inputs of layers 16 bits, since no file keeps the drop", nil},
}

func always(*Study) bool { return true }

// trained: gradient steps are allowed.
func trained(s *Study) bool { return !s.config.NoTraining }

// untrained: no gradient step is allowed.
func untrained(s *Study) bool { return s.config.NoTraining }

// trainedDrop: what rounding alone keeps within a drop, training must not miss. With
// limits alone, rounding to the limits begins with the same file.
func trainedDrop(s *Study) bool { return trained(s) && !s.objective().limitsOnly() }

// limitsOnly: few weights may have to go for a size or a time.
func limitsOnly(s *Study) bool { return trained(s) && s.objective().limitsOnly() }

// budgeted: a budget that is left over is used.
func budgeted(s *Study) bool { return trained(s) && s.config.Budget > 0 }

// memorizedDrop: pruning at high rates would make a network forget few samples that
// it knows by heart. Rounded files are hardly faster.
func memorizedDrop(s *Study) bool {
	o := s.objective()
	return trained(s) && !o.limitsOnly() && !o.executed() && s.memorized()
}

// stages lead to the states that files are pruned from.
var stages = []struct {
	name   string
	run    func(ctx context.Context, s *Study, t Track) (Track, error)
	title  string // in words, for progress; "": belongs to the stage before
	expect func(f forecast) float64
}{
	{"learning rate", learningRate, "trying learning rates", forecast.rates},
	{"pooling", inputPooling, "pooling pixels, removing channels", forecast.cuts},
	{"channels", channelPruning, "", nil},
	{"prune", iterativePruning, "pruning weights in rounds", forecast.rounds},
}

// pruning walks the stages and makes files from one-shot runs. A deadline ends the
// stages, but the files are still made.
func pruning(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	staged, cancel := s.until(ctx, budgetShares.prune)
	defer cancel()
	for _, stage := range stages {
		var err error
		s.ledger.enter(stage.name)
		if t, err = stage.run(staged, s, t); errors.Is(err, errBudget) {
			s.ledger.interrupted = budgetUsedUp
			break
		} else if err != nil {
			return t, false, err
		}
	}
	t = s.complete(t)
	s.ledger.enter(filesPhase.name)
	return t, false, s.makeFiles(ctx, t)
}

// complete returns the track with a state of the network that it has come to, where
// a deadline came before iterative pruning kept one: what there is must do.
func (s *Study) complete(t Track) Track {
	if t.narrowest < len(t.states) {
		return t
	}
	return t.with(newState(s.startOf(t), 0, nil))
}

// startOf returns the network that a track has come to.
func (s *Study) startOf(t Track) *graph.Graph {
	if t.start == nil {
		return s.baseOf(t)
	}
	return t.start.net
}

// baseOf returns the network that a track began with.
func (s *Study) baseOf(t Track) *graph.Graph {
	if t.base == nil {
		return s.net
	}
	return t.base
}

// makeFiles makes files from the states of a track.
func (s *Study) makeFiles(ctx context.Context, t Track) error {
	if s.objective().limitsOnly() {
		return s.withinLimits(ctx, t)
	}
	if err := s.withinDrop(ctx, t); err != nil || !s.objective().executed() || s.ledger.shared() {
		return err
	}
	// files within the drop are too slow: the best that the time allows may lose
	// little enough, from a network that was not made narrower at the expense of
	// the drop
	t.narrowest = t.roomy
	return s.useUp(ctx, t)
}

// useRest makes more files from the states of a track until the budget is used up,
// each time with more training: the time that is left bounds it.
func useRest(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	if len(t.states) == 0 {
		return t, false, nil
	}
	for range mostRests {
		if s.used() > budgetShares.rest {
			break
		}
		before := len(s.ledger.candidates)
		if err := s.makeFiles(ctx, t); err != nil {
			return t, false, err
		}
		if len(s.ledger.candidates) == before {
			break // nothing is good enough to make a file of
		}
	}
	return t, false, nil
}

// used returns the fraction of the budget that is used up.
func (s *Study) used() float64 {
	return float64(time.Since(s.ledger.started)) / float64(s.config.Budget)
}

// Result is what a search has found.
type Result struct {
	Best        Candidate
	Candidates  []Candidate // every file that was made, in order
	Steps       []Step
	Float       eval.Metrics // the float network, what drops are taken from
	FloatOnTest bool         // Float is of the test part; otherwise of the samples that files are measured on
	Test        *Tested      // on the test part, of the answer
	TrainedOn   bool         // the float network knows the training data
	Warnings    []string     // what makes the figures doubtful
	Advice      []string     // what would make the answer better
	Interrupted string       // why the search ended early
	Time        time.Duration
}

// Tested compares the float network with the answer on the test part.
type Tested struct{ Float, File eval.Metrics }

const (
	budgetUsedUp = "budget used up"
	interruption = "interrupted"
)

// Run searches, and measures the answer once on the test part. When ctx ends or the
// budget is used up, the best file so far is the answer; it is measured on the test
// part if that takes no longer than the rest of the budget, or grace. The error is
// not nil when no file meets the objective; the result then holds what was tried.
func (s *Study) Run(ctx context.Context) (*Result, error) {
	ctx = s.ledger.watched(ctx)
	defer s.journal.Close() // what is left of it is for the next process
	track, err := s.search(ctx)
	if err != nil && ctx.Err() == nil {
		return nil, s.failed(ctx, err)
	}
	last, cancel := s.lastStages(ctx)
	defer cancel()
	if err != nil {
		s.ledger.interrupted = interruption
		s.ledger.ended = s.ledger.outlook.ended()
	}
	s.ledger.enter(answerPhase.name)
	if s.ledger.interrupted != "" {
		if err := s.rescue(last, track); err != nil && last.Err() == nil {
			return nil, s.failed(ctx, err)
		}
	}
	result, err := s.result(last)
	if ctx.Err() == nil || s.journal.Empty() {
		err = errors.Join(err, s.journal.Remove())
	}
	return result, err
}

// failed ends the use of the journal. It removes that of a search whose error no
// resumption can mend, and of one that has left nothing yet; it keeps one that is at
// fault itself.
func (s *Study) failed(ctx context.Context, err error) error {
	if errors.As(err, new(journalError)) || ctx.Err() != nil && !s.journal.Empty() {
		return errors.Join(err, s.journal.Close())
	}
	return errors.Join(err, s.journal.Remove())
}

// lastStages returns the context of what comes after the search.
func (s *Study) lastStages(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return s.withinBudget(ctx, grace)
	}
	return context.WithTimeoutCause(context.WithoutCancel(ctx), grace, errBudget)
}

// search walks the strategies.
func (s *Study) search(ctx context.Context) (Track, error) {
	t := Track{rate: topRate}
	for _, st := range strategies {
		if !st.applies(s) {
			continue
		}
		var done bool
		err := func() (err error) {
			limited, cancel := s.until(ctx, st.share)
			defer cancel()
			s.ledger.enter(st.name)
			t, done, err = st.run(limited, s, t)
			return err
		}()
		switch {
		case errors.Is(err, errBudget) && ctx.Err() == nil:
			s.ledger.interrupted = budgetUsedUp
		case errors.Is(err, train.ErrDiverged) && len(s.ledger.candidates) > 0:
			s.diverged(st.name, err)
		case err != nil || done:
			return t, err
		}
	}
	return t, nil
}

// float returns the metrics of the float network, what drops are taken from.
func (s *Study) float() eval.Metrics {
	if s.holdout.Paired {
		return s.holdout.Float()
	}
	return s.test.Float()
}

// result chooses the answer and measures it on the test part.
func (s *Study) result(ctx context.Context) (*Result, error) {
	l, o := s.ledger, s.objective()
	best, ok, all, err := s.answer(ctx, l.candidates)
	r := &Result{Candidates: all, Steps: l.steps, Float: s.float(), FloatOnTest: !s.holdout.Paired, TrainedOn: s.memory.trainedOn, Warnings: s.warnings(), Interrupted: l.interrupted}
	defer func() { r.Time = time.Since(l.started) }()
	if err != nil {
		return r, err
	}
	all = slices.Clone(all)
	if ok {
		if best, err = s.shortest(ctx, best, all); err != nil {
			return r, err
		}
		if l.interrupted == "" && ctx.Err() != nil {
			l.interrupted, r.Interrupted = interruption, interruption
		}
	}
	for i, c := range all {
		all[i].Why = o.verdict(c)
		if ok {
			all[i].Why = o.why(c, best)
		}
	}
	if r.Candidates = all; !ok {
		return r, o.unmet(all, s.remedy())
	}
	if err := o.destroyed(best, all, s.float()); err != nil {
		return r, err
	}
	r.Best = best
	r.Best.Why = o.why(best, best)
	r.Advice = s.advice(best, all)
	test := s.subject.Data.Test
	if !eval.Measurable(s.task(), test) {
		return r, nil
	}
	l.tell(Progress{Stage: "test", Note: fmt.Sprintf("on the %s samples of the test part, which no file has seen before", thousands(test.Len()))})
	r.Test, err = s.tested(ctx, best, test)
	if err != nil && ctx.Err() != nil {
		r.Warnings = append(r.Warnings, "the answer was not measured on the test part, since the search was stopped: edgec eval measures it")
		return r, nil
	}
	return r, err
}

// remedy is what may find a file where none meets the limits, beside larger ones.
func (s *Study) remedy() string {
	switch {
	case s.config.NoTraining:
		return "leave out --no-training"
	case s.ledger.interrupted != "":
		return "give the search more time"
	}
	return "train longer (--effort 2)"
}

// tested measures the float network and the answer on the test part.
func (s *Study) tested(ctx context.Context, best Candidate, test *dataset.Set) (*Tested, error) {
	h, err := s.test, error(nil)
	if q := s.subject.sequences; q != nil {
		h, err = q.measure(ctx, s.subject, test, s.config.Threads)
	} else if h == nil || h.Set().Len() < test.Len() {
		h, err = eval.NewHoldout(ctx, s.subject.Model.Graph, s.task(), test, s.config.Threads)
	}
	if err != nil {
		return nil, err
	}
	out, err := eval.Execute(ctx, best.Bytes, test, test.Len(), s.config.Threads)
	if err != nil {
		return nil, err
	}
	return &Tested{Float: h.Float(), File: h.Measure(out)}, nil
}
