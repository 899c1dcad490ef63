package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
)

// Step is one step of the search.
type Step struct {
	Name     string
	Shape    Shape   // after it
	Drop     float64 // held out, of the float simulation or of the file
	Accepted bool
	Note     string
	Time     time.Duration
}

// Progress tells what a search is doing. Every search has the numbers 1 to Of, in
// order: an event of the Stage "stage" says by its Title that one begins, or by a Note
// which ones are passed over.
type Progress struct {
	Stage       string        // what runs: a step of the search, or a part of one
	Done, Total int           // parts of it; Total 0: they are not counted
	Note        string        // the latest result, or ""
	Title       string        // of the stage that begins, in words, or ""
	Number, Of  int           // of the stage that runs, and of all
	Left        time.Duration // until the search ends: of a budget what is left, otherwise an estimate; 0: not known
}

// ledger lists what a search has done, in order. It only grows.
type ledger struct {
	started     time.Time
	steps       []Step
	candidates  []Candidate
	interrupted string // why stages ended early
	ended       ended  // where it was interrupted
	warnings    []string
	runs        []attempt
	observe     func(Progress)
	pace        pace
	outlook     outlook
}

func newLedger(observe func(Progress)) *ledger {
	if observe == nil {
		observe = func(Progress) {}
	}
	return &ledger{started: time.Now(), observe: observe}
}

// tell shows what the search is doing.
func (l *ledger) tell(p Progress) { l.observe(l.outlook.number(p)) }

// watched returns a context whose predictions and executions are shown, sample by
// sample, but for those within a training.
func (l *ledger) watched(ctx context.Context) context.Context {
	return eval.Watched(ctx, func(done, total int) {
		if l.outlook.step == 0 {
			l.tell(Progress{Stage: "measure", Done: done, Total: total})
		}
	})
}

// step lists a step that began at since, and shows it as text says.
func (l *ledger) step(st Step, text string, since time.Time) {
	st.Time = time.Since(since)
	l.steps = append(l.steps, st)
	l.tell(Progress{Stage: st.Name, Note: text})
}

// prepared lists what was done to the network before the first file.
func (l *ledger) prepared(name string, g *graph.Graph, note string, since time.Time) {
	l.steps = append(l.steps, Step{Name: name, Shape: shapeOf(g), Accepted: true, Note: note, Time: time.Since(since)})
	l.tell(Progress{Stage: name, Note: note})
}

// network lists a step that left g.
func (l *ledger) network(name string, g *graph.Graph, drop float64, accepted bool, note string, since time.Time) {
	st := Step{Name: name, Shape: shapeOf(g), Drop: drop, Accepted: accepted, Note: note}
	verdict := "accepted"
	if !accepted {
		verdict = "taken back"
	}
	if note != "" {
		verdict += "; " + note
	}
	l.step(st, fmt.Sprintf("%s of %s weights, drop %+.2f points: %s", thousands(st.Shape.Kept), thousands(st.Shape.Params), drop, verdict), since)
}

// file lists a step that made a candidate for an objective.
func (l *ledger) file(name string, c Candidate, o Objective, note string, since time.Time) {
	text := fmt.Sprintf("%s bytes, %s weights, drop %+.2f ± %.2f points", thousands(c.Size()), thousands(c.Shape.Kept), c.Drop, c.Error)
	if c.Latency > 0 {
		text += fmt.Sprintf(", %v", c.Latency)
		note = strings.TrimPrefix(fmt.Sprintf("%s, %v", note, c.Latency), ", ")
	}
	l.step(Step{Name: name, Shape: c.Shape, Drop: c.Drop, Accepted: c.Meets, Note: note}, text+": "+o.verdict(c), since)
}

// thousands returns n with a comma at every third digit.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// attempt is a one-shot run of a sparsity search, as advice sees it.
type attempt struct {
	keep, samples int // weights, and samples of its training, of tuning.go
	good          bool
}

// training watches steps of training g: for the pace, and for what is shown. It returns
// what ends it.
func (l *ledger) training(g *graph.Graph, batch, steps int) (done func()) {
	pace, shown := l.pace.watch(g, batch, steps), l.outlook.watch(MACs(g), int64(batch))
	return func() {
		shown()
		pace()
	}
}

// shared reports whether a file with a codebook meets the objective, without a
// margin.
func (l *ledger) shared() bool {
	return slices.ContainsFunc(l.candidates, func(c Candidate) bool { return c.Shape.Centroids > 0 && c.Meets })
}

// supersede bars candidate i from being the answer if another file of its weights
// meets the objective and loses no more: the answer must not be worse than without it.
func (l *ledger) supersede(i int, by Candidate) {
	c := &l.candidates[i]
	c.ineligible = c.ineligible || by.Meets && by.Drop <= c.Drop
}

// last returns the candidate that was made last.
func (l *ledger) last() (c Candidate, ok bool) {
	if len(l.candidates) == 0 {
		return c, false
	}
	return l.candidates[len(l.candidates)-1], true
}
