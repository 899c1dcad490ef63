package search

import (
	"fmt"
	"slices"
	"time"

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

// Progress tells what a search is doing. Done and Total count the steps of the
// stage; Note holds the latest result.
type Progress struct {
	Stage       string
	Done, Total int
	Note        string
}

// ledger lists what a search has done, in order. It only grows.
type ledger struct {
	started     time.Time
	steps       []Step
	candidates  []Candidate
	interrupted string // why stages ended early
	tell        func(Progress)
	pace        pace
}

func newLedger(observe func(Progress)) *ledger {
	if observe == nil {
		observe = func(Progress) {}
	}
	return &ledger{started: time.Now(), tell: observe}
}

// step lists a step that began at since, and shows it.
func (l *ledger) step(st Step, since time.Time) {
	st.Time = time.Since(since)
	l.steps = append(l.steps, st)
	verb := "accepted"
	if !st.Accepted {
		verb = "rolled back"
	}
	l.tell(Progress{Stage: st.Name, Note: fmt.Sprintf("%d of %d weights, drop %+.2f points, %s%s", st.Shape.Kept, st.Shape.Params, st.Drop, verb, st.Note)})
}

// prepared lists what was done to the network before the first file.
func (l *ledger) prepared(name string, g *graph.Graph, note string, since time.Time) {
	l.steps = append(l.steps, Step{Name: name, Shape: shapeOf(g), Accepted: true, Note: note, Time: time.Since(since)})
	l.tell(Progress{Stage: name, Note: note})
}

// network lists a step that left g.
func (l *ledger) network(name string, g *graph.Graph, drop float64, accepted bool, note string, since time.Time) {
	l.step(Step{Name: name, Shape: shapeOf(g), Drop: drop, Accepted: accepted, Note: note}, since)
}

// file lists a step that made a candidate.
func (l *ledger) file(name string, c Candidate, note string, since time.Time) {
	if c.Latency > 0 {
		note += fmt.Sprintf(", %v", c.Latency)
	}
	l.step(Step{Name: name, Shape: c.Shape, Drop: c.Drop, Accepted: c.Meets, Note: note}, since)
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
