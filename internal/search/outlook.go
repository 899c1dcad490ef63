package search

import (
	"fmt"
	"math"
	"time"
)

// phase is a part of a search that progress has a number for.
type phase struct {
	name   string                   // of the strategy or stage that it is
	title  string                   // in words, for progress
	expect func(f forecast) float64 // seconds that it takes in most searches; nil: hardly any
}

// outlook says how far a search has come, and about how long it still takes. It decides
// nothing.
type outlook struct {
	study *Study // nil before the search begins
	plan  []phase
	at    int           // number of the phase that runs, from 1; 0: none yet
	since time.Time     // when it began
	macs  float64       // multiplications of the network that was trained last
	step  float64       // multiplications forward of a step of the training that runs; 0: none runs
	begun time.Time     // when that training began
	done  int           // steps of it that are done
	steps int           // of all, as far as it was shown
	pace  pace          // of the trainings that have ended, the latest most: early ones make samples and ask the teacher
	own   float64       // seconds of training for a multiplication forward, at the pace of the float network; 0: not known yet
	file  time.Duration // that a rounded file takes, made and measured
}

// stageEvent is what progress calls the beginning of a phase.
const stageEvent = "stage"

// The phases before and after the strategies.
var (
	floatPhase  = phase{name: "float", title: "measuring the float network"}
	answerPhase = phase{name: "answer", title: "measuring the answer", expect: func(f forecast) float64 {
		if f.s.subject.Data.Test == nil {
			return 0
		}
		return f.file() * float64(f.s.subject.Data.Test.Len()) / float64(max(f.s.heldOut(), 1))
	}}
	filesPhase = phase{name: "files", title: "pruning in single runs, making files", expect: forecast.files}
)

// plan lists the phases of a search. Strategies that do not apply have none.
func (s *Study) plan() []phase {
	all := []phase{floatPhase}
	for _, st := range strategies {
		switch {
		case !st.applies(s):
		case st.title != "":
			all = append(all, phase{st.name, st.title, st.expect})
		default: // pruning, whose stages have phases of their own
			for _, stage := range stages {
				if stage.title != "" {
					all = append(all, phase{stage.name, stage.title, stage.expect})
				}
			}
			all = append(all, filesPhase)
		}
	}
	answer := answerPhase
	if s.subject.Data == nil || s.subject.Data.Test == nil {
		answer.title = "choosing the answer"
	}
	return append(all, answer)
}

// enter begins the phase of that name, and shows it. A name without a phase belongs to
// the one that runs. Phases that are passed over are named, so that every number is
// seen.
func (l *ledger) enter(name string) {
	o := &l.outlook
	i := o.at
	for i < len(o.plan) && o.plan[i].name != name {
		i++
	}
	if i == len(o.plan) {
		return
	}
	if i > o.at {
		l.skip(o.at+1, i)
	}
	o.at, o.since = i+1, time.Now()
	l.tell(Progress{Stage: stageEvent, Title: o.plan[i].title})
}

// skip shows that the phases first to last are passed over, and why.
func (l *ledger) skip(first, last int) {
	which, whose := fmt.Sprintf("stages %d to %d are ", first, last), "their"
	if first == last {
		which, whose = fmt.Sprintf("stage %d is ", first), "its"
	}
	why := "not needed: a file is good enough"
	switch {
	case l.interrupted == budgetUsedUp:
		why = "left out: " + whose + " share of the budget is used up"
	case l.interrupted != "":
		why = "left out"
	}
	l.outlook.at = last
	l.tell(Progress{Stage: stageEvent, Note: which + why})
}

// number completes what is shown with the phase that runs and the time that is left.
func (o *outlook) number(p Progress) Progress {
	p.Number, p.Of = o.at, len(o.plan)
	if o.step > 0 && p.Total > 0 {
		o.done++
		o.steps = p.Total
	}
	p.Left = o.left(p)
	return p
}

// watch notes that a training of a network begins, with steps of so many
// multiplications forward, and returns what ends it.
func (o *outlook) watch(macs, batch int64) (done func()) {
	o.macs, o.step, o.begun, o.done = float64(max(macs, 1)), float64(macs*batch), time.Now(), 0
	o.steps = 0
	return func() {
		o.pace = o.trained()
		o.step = 0
	}
}

// trained returns the pace with the training that runs, the others counting half.
func (o *outlook) trained() pace {
	p := pace{o.pace.work / 2, o.pace.time / 2}
	p.add(float64(o.done)*o.step, time.Since(o.begun))
	return p
}

// left estimates the time until the search ends: what is left of a budget, or what the
// phases to come take in most searches, at the pace that was seen. 0: not known.
func (o *outlook) left(p Progress) time.Duration {
	if o.study == nil {
		return 0
	}
	if b := o.study.config.Budget; b > 0 {
		return max(0, time.Until(o.study.ledger.started.Add(b)))
	}
	f, ok := o.forecast()
	if !ok || o.at == 0 {
		return 0
	}
	const unsure = 0.15 // of the expected time, as long as a phase has not ended
	expected := o.plan[o.at-1].seconds(f)
	rest := math.Max(expected-time.Since(o.since).Seconds(), unsure*expected)
	if o.step > 0 {
		rest = math.Max(rest, float64(p.Total-p.Done)*o.step*f.pace)
	}
	for _, ph := range o.plan[o.at:] {
		rest += ph.seconds(f)
	}
	return time.Duration(rest * float64(time.Second))
}

// ended returns how far the search has come.
func (o *outlook) ended() ended { return ended{o.at, len(o.plan), o.left(Progress{})} }

// seconds returns the time that a phase takes in most searches.
func (p phase) seconds(f forecast) float64 {
	if p.expect == nil {
		return 0
	}
	return p.expect(f)
}

// forecast is what the time of a phase follows from.
type forecast struct {
	s    *Study
	macs float64 // multiplications of the network that was trained last
	pace float64 // seconds of training for a multiplication forward
}

// trusted is the shortest measurement that a forecast follows from: shorter ones say more of
// how they began than of the pace.
const trusted = 2 * time.Second

// forecast returns what is known; ok is false until the float network, or a training, was
// measured for long enough. A training counts when a tenth of it is done: the first steps
// make samples and ask the teacher.
func (o *outlook) forecast() (f forecast, ok bool) {
	if o.study.loader == nil {
		return f, false
	}
	seen := o.pace
	if o.step > 0 && o.done > 0 && 10*o.done >= o.steps {
		seen = o.trained()
	}
	own := o.study.ledger.pace // the float network's, until something was trained
	if o.own == 0 && own.work > 0 && own.time >= trusted {
		o.own = own.time.Seconds() / own.work
	}
	// Training takes longer than its multiplications, since samples are made and the
	// teacher is asked, but a first short one says too much of that.
	const beside, most = 3, 5
	f = forecast{s: o.study, macs: o.macs, pace: beside * o.own}
	if seen.work > 0 && seen.time >= trusted {
		if f.pace = seen.time.Seconds() / seen.work; o.own > 0 {
			f.pace = math.Min(f.pace, most*o.own)
		}
	}
	if f.macs == 0 {
		f.macs = float64(max(MACs(o.study.net), 1))
	}
	return f, f.pace > 0
}

// training returns the seconds of a training, after which the network is measured on the
// held-out samples: forward only, a third of the multiplications.
func (f forecast) training(long training) float64 {
	return f.pace * f.macs * (f.s.trainedSamples(long, f.macs) + float64(f.s.heldOut())/3)
}

// file returns the seconds of a rounded file, made and measured.
func (f forecast) file() float64 { return f.s.ledger.outlook.file.Seconds() }

// The numbers of runs that most searches take, counted in searches on LeNet-5 and the
// network of the demo. Only progress depends on them.

// rounding: a bisection of lambda.
func (f forecast) rounding() float64 {
	if f.s.objective().limitsOnly() {
		return 10 * f.file()
	}
	return lambdaSteps * f.file()
}

// tuned: rounded to a size, trials of a rate and one long training.
func (f forecast) tuned() float64 {
	return 10*f.file() + 3*f.training(trialTraining) + f.training(finalTraining)
}

// tunedWithin: the same for four sizes, or until one is hopeless.
func (f forecast) tunedWithin() float64 {
	return 4*(5*f.file()+3*f.training(trialTraining)) + 3*f.training(runTraining)
}

// rates: a learning rate, of which the first is often too high.
func (f forecast) rates() float64 { return 1.5 * f.training(scoreTraining) }

// cuts: a few cuts of channels in networks that are slow to train, none in others.
func (f forecast) cuts() float64 {
	if !f.s.objective().executed() && cheap(f.macs) {
		return 0
	}
	return 3 * f.training(scoreTraining)
}

// rounds: a few rounds of iterative pruning.
func (f forecast) rounds() float64 {
	if f.s.objective().limitsOnly() {
		return 2 * f.training(roundTraining)
	}
	return 6 * f.training(roundTraining)
}

// files: one-shot pruning runs, and the files of each.
func (f forecast) files() float64 {
	file := f.training(fileTraining) + f.file()
	switch {
	case f.s.objective().limitsOnly():
		return 1.15*f.training(finalTraining) + 1.2*file
	case !cheap(f.macs):
		return f.training(runTraining) + 3*f.training(finalTraining) + 5*file
	}
	return 5*f.training(runTraining) + f.training(finalTraining) + 9*file
}
