package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/journal"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Network is a trained network with its name.
type Network struct {
	Name  string
	Graph *graph.Graph
}

// inputs returns the shape of each input of a sample.
func (n *Network) inputs() []tensor.Shape { return samplesOf(n.Graph.Inputs) }

// outputs returns the shape of each output of a sample.
func (n *Network) outputs() []tensor.Shape { return samplesOf(n.Graph.Outputs) }

// samplesOf returns the shapes of values of a sample.
func samplesOf(vs []*graph.Value) []tensor.Shape {
	var shapes []tensor.Shape
	for _, v := range vs {
		shapes = append(shapes, v.Shape.Sample())
	}
	return shapes
}

// sizes returns the number of elements of all shapes together.
func sizes(shapes []tensor.Shape) int {
	n := 0
	for _, s := range shapes {
		n += s.Size()
	}
	return n
}

// Subject is what a search is about.
type Subject struct {
	Model   *Network
	Teacher *Network // whose answers training imitates; nil: the model's own
	Data    *dataset.Splits

	sequences *sequences // of a network with state; otherwise nil
}

// Clock measures an inference of a file for so long.
type Clock func(file []byte, long time.Duration) (time.Duration, error)

// Study is what the stages of a search read. None of them changes it; what they
// learn travels in a Track, and what they make goes to the ledger.
type Study struct {
	subject Subject
	config  Config
	net     *graph.Graph  // the network that is compressed
	holdout *eval.Holdout // decides
	test    *eval.Holdout // on the test part, where the float network's error comes from there; otherwise nil
	memory  memorization
	taught  int // samples that there are to train on
	loader  *loader
	inputs  []float64        // root mean square of what training meets, of each input
	journal *journal.Journal // nil: nothing is recorded
	ledger  *ledger
	clock   Clock
}

// errBudget ends a stage whose share of the budget is used up.
var errBudget = errors.New("edgec: budget used up")

// New prepares a search. observe is told about progress; it may be nil. It measures
// the float network, and returns the cause when ctx ends.
func New(ctx context.Context, subject Subject, config Config, observe func(Progress)) (*Study, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Threads <= 0 {
		config.Threads = runtime.GOMAXPROCS(0)
	}
	if err := subject.check(config); err != nil {
		return nil, err
	}
	l := newLedger(observe)
	l.started = l.started.Add(-config.Spent)
	if err := subject.record(ctx, &config, l.started); err != nil {
		return nil, err
	}
	model, data := subject.Model, subject.Data
	task, err := eval.Choose(ctx, eval.Subject{Graph: model.Graph, Set: data.Train, NoLabels: config.Data.NoLabels, Threads: config.Threads})
	if err != nil {
		return nil, err
	}
	if subject.Teacher != nil && task.Traits().Self {
		return nil, fmt.Errorf("edgec: the teacher %q, but no labels: files are measured by agreement with network %q then; leave the teacher out, or give labels", subject.Teacher.Name, model.Name)
	}
	trainedOn := config.Data.TrainedOn
	s := &Study{subject: subject, config: config, ledger: l, clock: latency,
		memory: memorization{trainedOn: trainedOn == "yes" || trainedOn != "no" && data.Test != nil},
		net:    withoutSoftmax(model.Graph.Clone(), task)}
	if config.Target != nil {
		s.clock = predicted(*config.Target)
	}
	if len(s.net.Nodes) < len(model.Graph.Nodes) {
		n := model.Graph.Producer(model.Graph.Outputs[0])
		s.ledger.tell(Progress{Stage: "float", Note: fmt.Sprintf("files leave the final %s (node %q) out: they give the scores before it, of which the same is the largest", n.Op.Name(), n.Name)})
	}
	if s.journal, err = openJournal(ctx, subject, config); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, task); err != nil {
		return nil, s.failed(ctx, err)
	}
	return s, nil
}

// prepare measures the float network, and tells what is doubtful.
func (s *Study) prepare(ctx context.Context, task eval.Task) error {
	limited, cancel := s.withinBudget(ctx, fallbackTime)
	defer cancel()
	if s.journal != nil {
		for _, n := range s.journal.Notes {
			s.ledger.tell(Progress{Stage: "warning", Note: n})
		}
	}
	if err := s.networks(s.ledger.watched(limited), task); err != nil {
		if errors.Is(err, errBudget) {
			return fmt.Errorf("edgec: the budget of %v is used up before the float network was measured; give more time", s.config.Budget)
		}
		return err
	}
	for _, w := range s.warnings() {
		s.ledger.tell(Progress{Stage: "warning", Note: w})
	}
	return nil
}

// networks measures the float network and makes what is compressed of it.
func (s *Study) networks(ctx context.Context, task eval.Task) error {
	if err := s.split(ctx, task); err != nil {
		return err
	}
	if err := s.scaleInputs(ctx); err != nil {
		return err
	}
	return s.dropNegligible(ctx)
}

// scaleInputs gives the features of inputs grids of their own where their ranges are unlike;
// see passes.ScaleInputs.
func (s *Study) scaleInputs(ctx context.Context) error {
	since := time.Now()
	batches, err := s.calibration(ctx)
	if err != nil {
		return err
	}
	scaled, err := passes.ScaleInputs(s.net, batches)
	if err := stoppedOr(ctx, err); err != nil {
		return err
	}
	for _, i := range scaled {
		note := fmt.Sprintf("input %q has features of unlike ranges, from %.2g to %.2g wide", i.Input, i.Least, i.Most)
		if i.Offset() {
			note = fmt.Sprintf("input %q lies far from zero beside its range, which is %.2g wide", i.Input, i.Most)
		}
		note += fmt.Sprintf(": files scale each of its %d channels to int8 by itself", i.Channels)
		if len(i.Own) > 0 {
			note += fmt.Sprintf("; the network's own scaling (nodes %s) goes into that", strings.Join(i.Own, ", "))
		}
		s.ledger.prepared("inputs", s.net, note, since)
	}
	return nil
}

// dropNegligible removes channels from the network that is compressed which change nothing;
// see passes.DropNegligible.
func (s *Study) dropNegligible(ctx context.Context) error {
	since := time.Now()
	batches, err := s.calibration(ctx)
	if err != nil {
		return err
	}
	n, err := passes.DropNegligible(s.net, batches)
	if err := stoppedOr(ctx, err); err != nil || n == 0 {
		return err
	}
	before := Params(s.net)
	if err := removeDead(s.net); err != nil {
		return err
	}
	note := fmt.Sprintf("%d channels change nothing that float32 would show; without them %d of %d weights and biases are left", n, Params(s.net), before)
	s.ledger.prepared("dead channels", s.net, note, since)
	return nil
}

// check reports what does not fit together.
func (s Subject) check(c Config) error {
	set, m := s.Data.Train, s.Model
	if set == nil || set.Len() < 2*heldOutFold {
		n := 0
		if set != nil {
			n = set.Len()
		}
		return fmt.Errorf("edgec: %d training samples; %d are the least that can be split into training and held-out parts", n, 2*heldOutFold)
	}
	if err := m.Takes(set); err != nil {
		return err
	}
	if constant(set) {
		return fmt.Errorf("edgec: all %d training samples are the same; check how the data was written", set.Len())
	}
	if c.Labels != nil && !m.namedBy(len(c.Labels)) {
		return fmt.Errorf("edgec: %d labels for %d outputs; give a name for each output, or none", len(c.Labels), sizes(m.outputs()))
	}
	if err := s.possible(c); err != nil {
		return err
	}
	t := s.Teacher
	if t == nil {
		return nil
	}
	if c.NoTraining {
		return fmt.Errorf("edgec: there is a teacher but no training; leave one out")
	}
	if !slices.EqualFunc(t.inputs(), m.inputs(), tensor.Shape.Equal) || !slices.EqualFunc(t.outputs(), m.outputs(), func(a, b tensor.Shape) bool { return a.Size() == b.Size() }) {
		return fmt.Errorf("edgec: the teacher %q takes %v and gives %v, network %q takes %v and gives %v; they have to be alike; give another teacher, or none", t.Name, t.inputs(), t.outputs(), m.Name, m.inputs(), m.outputs())
	}
	return nil
}

// namedBy reports whether so many labels fit the outputs: one for each element of all outputs,
// or of output 0, or of its last dimension, where it has classes at positions.
func (n *Network) namedBy(labels int) bool {
	first := n.outputs()[0]
	return labels == sizes(n.outputs()) || labels == first.Size() || len(first) > 1 && labels == first[len(first)-1]
}

// Takes returns an error if the samples of a set are not what the network takes.
func (n *Network) Takes(set *dataset.Set) error {
	var shapes []tensor.Shape
	for _, in := range set.Inputs() {
		shapes = append(shapes, in.Shape)
	}
	want := n.inputs()
	if state := n.Graph.State; len(state) > 0 && len(shapes) == len(want)-len(state) {
		want = nil // but the state, which the run before has
		for i, v := range n.Graph.Inputs {
			if !n.Graph.IsState(i) {
				want = append(want, v.Shape.Sample())
			}
		}
	}
	switch {
	case slices.EqualFunc(shapes, want, tensor.Shape.Equal):
		return nil
	case len(shapes) == 1 && len(want) == 1:
		return fmt.Errorf("edgec: samples have shape %v, network %q takes %v; give data of that shape", shapes[0], n.Name, want[0])
	}
	return fmt.Errorf("edgec: samples have arrays of shapes %v, network %q takes %v; give an array for each input", shapes, n.Name, want)
}

// withoutSoftmax leaves a final softmax out: it does not change which output is
// largest, and costs code and time on the device. Tasks that measure distances
// keep it.
func withoutSoftmax(g *graph.Graph, task eval.Task) *graph.Graph {
	if task.Traits().Distance {
		return g
	}
	n := g.Producer(g.Outputs[0])
	if n == nil || !op.IsNormalizer(n.Op) {
		return g
	}
	return train.Logits(g)
}

// objective returns what is asked for.
func (s *Study) objective() Objective { return s.config.Objective }

// task returns what the quality of the network means.
func (s *Study) task() eval.Task { return s.holdout.Task }

// heldOut returns the number of held-out samples.
func (s *Study) heldOut() int { return s.holdout.Set().Len() }

// withinBudget returns a context that ends with the budget, but not before some time
// from now.
func (s *Study) withinBudget(ctx context.Context, atLeast time.Duration) (context.Context, context.CancelFunc) {
	if s.config.Budget == 0 {
		return context.WithCancel(ctx)
	}
	end, least := s.ledger.started.Add(s.config.Budget), time.Now().Add(atLeast)
	if end.Before(least) {
		end = least
	}
	return context.WithDeadlineCause(ctx, end, errBudget)
}

// until returns a context that ends when a fraction of the budget is used up.
func (s *Study) until(ctx context.Context, fraction float64) (context.Context, context.CancelFunc) {
	if fraction == noDeadline {
		return s.withinBudget(ctx, fallbackTime)
	}
	if s.config.Budget == 0 {
		return context.WithCancel(ctx)
	}
	deadline := s.ledger.started.Add(time.Duration(fraction * float64(s.config.Budget)))
	return context.WithDeadlineCause(ctx, deadline, errBudget)
}

// judged returns how many of the held-out samples are enough to judge a network of
// that many multiplications by, in a step that later ones put right: a large one
// meets part of them.
func judged(heldOut int, multiplications int64) int {
	return min(heldOut, max(fewestJudged, int(judgeWork/float64(max(multiplications, 1)))))
}

// forFallback returns how many held-out samples a fallback file of g is measured
// on: all, or for a large network part of them.
func (s *Study) forFallback(g *graph.Graph) int {
	return min(s.heldOut(), max(fewestFallback, int(fallbackWork/float64(max(MACs(g), 1)))))
}

// rms returns the root mean square of x.
func rms(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / math.Max(float64(len(x)), 1))
}
