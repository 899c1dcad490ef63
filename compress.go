package edgec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/journal"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Compress searches for the file that the recipe asks for. It trains on
// data.Train, of which it holds a part out to decide by, and measures the
// answer once on data.Test if there is one.
//
// What decides is the drop on the held-out part, sample by sample against the
// float network. If the network was trained on data.Train (Recipe.TrainedOn),
// it knows the held-out part too, and its errors there are too few. Then, with
// labels, its error is taken where it is honest: on data.Test, which the float
// network meets for this figure alone and no candidate before the answer. That
// still flatters a file, which has some of this knowledge left: a margin makes up for it
// (see Point.Margin). A network that knows the held-out part by heart, and does better there
// by more than 2 points, is compared there all the same, since a file has too much of that
// knowledge left. Without data.Test both are compared on the held-out samples in
// distortions that neither has met, which errs on the safe side. Files that are made
// without training know as much as the float network, and are compared with it on the
// held-out samples as they are.
//
// The search is anytime: when ctx ends or the budget is used up, the best file
// so far is the answer and Report.Interrupted says so. The error is not nil
// when no file meets the recipe; the report then holds what was tried.
func Compress(ctx context.Context, m *Model, data *dataset.Splits, r Recipe, progress func(Progress)) (*Report, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	s, err := newSearch(ctx, m, data, r, progress)
	if err != nil {
		return nil, err
	}
	return s.compress(data.Test)
}

// compress searches, and measures the answer on the test set.
func (s *search) compress(test *dataset.Set) (*Report, error) {
	err := s.run()
	if err != nil && s.ctx.Err() == nil && !errors.Is(err, errBudget) {
		return nil, err
	}
	if err != nil {
		s.report.Interrupted = "interrupted"
		if s.ctx.Err() == nil {
			s.report.Interrupted = "budget used up"
		}
		if err := s.rescue(); err != nil {
			return nil, err
		}
	}
	report, err := s.finishReport(test)
	if s.ctx.Err() == nil {
		err = errors.Join(err, s.journal.Remove())
	}
	return report, err
}

// errBudget ends a stage whose share of the budget is used up.
var errBudget = errors.New("edgec: budget used up")

// search is the state of one Compress.
type search struct {
	ctx       context.Context
	model     *Model
	recipe    Recipe
	threads   int
	tell      func(Progress)
	started   time.Time
	deadline  time.Time // of the present stage; zero: none
	report    *Report
	passes    []Pass  // Passes
	judge     *judge  // decides
	honest    *judge  // on the test part, when the bar comes from there; otherwise nil
	memory    float64 // points that held-out errors may be too few by
	known     float64 // points that the float network's held-out error is too low by, in the same case; otherwise 0
	margin    float64 // of the state that was measured last, in points; see Point.Margin
	feed      *feed
	loss      train.Loss
	inputs    float64          // root mean square of what training meets
	net       *graph.Graph     // the network that is being compressed
	journal   *journal.Journal // what stages have left, on disk; nil: nothing
	start     *observed        // what filters and rounds start from
	rate      float64          // learning rate of pruning
	points    []Point
	saved     []*checkpoint // ever sparser
	narrowest int           // the first of saved whose filters are cut no further
	ample     int           // the first of saved whose filters are cut as far as without a limit to the time
	price     float64       // of a bit, in nats of loss; see passes.AllocateCodebooks

	clock func(file []byte, long time.Duration) (time.Duration, error) // latency
}

// Sizes of the training stages, in samples; see steps.
const (
	filterSamples = 30_000
	roundSamples  = 150_000
	shotSamples   = 900_000
	tuneSamples   = 300_000
)

// warmBatch is the batch of the warm-up and of cutting filters.
const warmBatch = 128

func newSearch(ctx context.Context, m *Model, data *dataset.Splits, r Recipe, progress func(Progress)) (*search, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	s := &search{ctx: ctx, model: m, recipe: r, threads: r.Threads, tell: progress, started: time.Now(), rate: topRate, passes: Passes, clock: latency}
	if s.threads <= 0 {
		s.threads = runtime.GOMAXPROCS(0)
	}
	set := data.Train
	if set == nil || set.Len() < 2*held {
		n := 0
		if set != nil {
			n = set.Len()
		}
		return nil, fmt.Errorf("edgec: %d training samples; %d are the least that can be split into training and held-out parts", n, 2*held)
	}
	if !set.Sample().Equal(m.Input()) {
		return nil, fmt.Errorf("edgec: samples have shape %v, network %q takes %v", set.Sample(), m.Name, m.Input())
	}
	if r.Labels != nil && len(r.Labels) != m.Outputs() {
		return nil, fmt.Errorf("edgec: %d labels for %d outputs", len(r.Labels), m.Outputs())
	}
	if t := r.Teacher; t != nil && (!t.Input().Equal(m.Input()) || t.Outputs() != m.Outputs()) {
		return nil, fmt.Errorf("edgec: the teacher %q takes %v and gives %d outputs, network %q takes %v and gives %d; they have to be alike", t.Name, t.Input(), t.Outputs(), m.Name, m.Input(), m.Outputs())
	}
	task, err := taskOf(m.graph, set, r.NoLabels)
	if err != nil {
		return nil, err
	}
	if r.Teacher != nil && (task == TaskAgreement || task == TaskFidelity) {
		return nil, fmt.Errorf("edgec: the teacher %q, but no labels: files are judged by agreement with network %q then; leave the teacher out, or give labels", r.Teacher.Name, m.Name)
	}
	s.loss = train.Distill{Weight: 0.7, Temperature: 3}
	if isDistance(task) {
		s.loss = train.MeanSquare{}
	}
	trainedOn := r.TrainedOn == "yes" || r.TrainedOn != "no" && data.Test != nil
	s.report = &Report{TrainedOn: trainedOn, Model: m.Name, Recipe: r, Task: task, FloatBytes: m.Bytes, FloatParams: m.Params(), FloatMACs: m.MACs()}
	if r.Teacher != nil {
		s.report.Teacher = r.Teacher.Name
	}
	s.net = m.graph.Clone()
	s.net = softmaxFree(s.net, task)
	if err := s.openJournal(data); err != nil {
		return nil, err
	}
	if err := s.split(data, task); err != nil {
		return nil, err
	}
	s.report.Float = newMetrics(task, s.judge.reference)
	return s, nil
}

// softmaxFree leaves a final softmax out: it does not change which output is
// largest, and costs code and time on the device. Tasks that measure distances keep it.
func softmaxFree(g *graph.Graph, task string) *graph.Graph {
	if isDistance(task) {
		return g
	}
	n := g.Producer(g.Outputs[0])
	if n == nil || !op.IsNormalizer(n.Op) {
		return g
	}
	return train.Logits(g)
}

// activations returns the elements of all activations of a sample.
func activations(g *graph.Graph) int {
	size := 0
	for _, n := range g.Nodes {
		for _, v := range n.Outputs {
			size += v.Shape.Size()
		}
	}
	return size
}

// fitBatch halves a batch, to 16 at the least, until activations and their
// gradients take at most about 600 MB.
func fitBatch(g *graph.Graph, batch int) int {
	for size := activations(g); batch > 16 && size*batch*8 > 600<<20; {
		batch /= 2
	}
	return batch
}

// predictBatch is the batch of networks that only run forward: 32, or less
// where the activations of a thread would take more than 32 MB.
func predictBatch(g *graph.Graph) int {
	batch := 32
	for size := activations(g); batch > 4 && size*batch*4 > 32<<20; {
		batch /= 2
	}
	return batch
}

// run does every stage.
func (s *search) run() error {
	if s.recipe.NoTraining {
		s.stageBudget(1)
		if err := s.plain(); err != nil {
			return err
		}
		return s.rounding()
	}
	s.stageBudget(0.6)
	if err := s.plain(); err != nil {
		return err
	}
	if s.recipe.limitsOnly() {
		if enough, err := s.fillRounded(); err != nil || enough {
			return err
		}
	}
	if !s.recipe.limitsOnly() && s.recipe.MaxLatency == 0 && s.byHeart() {
		s.stageBudget(0.3)
		if err := s.roundedWithin(); err != nil && !errors.Is(err, errBudget) {
			return err
		}
		s.stageBudget(0.6)
	}
	stages := []func(*search) error{(*search).warm}
	for _, p := range s.passes {
		if p.search != nil {
			stages = append(stages, p.search)
		}
	}
	for _, stage := range stages {
		if err := stage(s); err != nil {
			if !errors.Is(err, errBudget) || len(s.saved) == 0 {
				return err
			}
			s.report.Interrupted = "budget used up"
			break
		}
	}
	s.stageBudget(0.92)
	return s.finishAll()
}

// stageBudget lets the stages that follow run until the given fraction of the
// budget.
func (s *search) stageBudget(fraction float64) {
	if s.recipe.Budget > 0 {
		s.deadline = s.started.Add(time.Duration(fraction * float64(s.recipe.Budget)))
	}
}

// stop returns why training must end, or nil.
func (s *search) stop() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if !s.deadline.IsZero() && time.Now().After(s.deadline) {
		return errBudget
	}
	return nil
}

// Bounds on the multiplications forward of a stage, and of rounds, which only show the way.
const (
	stageWork = 1e12
	roundWork = stageWork / 3
)

// steps returns how many steps of batch samples each make the given number of
// samples of g, within work. A network that is cheap to train gets up to four times
// as many.
func (s *search) steps(g *graph.Graph, samples, batch int, work float64) int {
	const cheap = 2e11 // multiplications forward
	effort := s.recipe.Effort
	if effort == 0 {
		effort = 1
	}
	n := float64(samples) * math.Max(1, math.Min(4, cheap/trainingWork(g)))
	n = math.Min(n, work/float64(max(macs(g), 1)))
	const passes = 40 // over each form
	n = math.Min(n, passes*float64(s.feed.n*min(s.feed.copies, usualForms)))
	return max(20, int(effort*n/float64(batch)))
}

// trainingWork returns the multiplications forward that fine-tuning g takes.
func trainingWork(g *graph.Graph) float64 { return tuneSamples * float64(max(macs(g), 1)) }

// trainer prepares to train g, after the given number of steps of the same training.
func (s *search) trainer(g *graph.Graph, batch int, average float64, done int) (*train.Trainer, error) {
	return train.New(g, train.Config{Threads: s.threads, Batch: batch, Average: average, Loss: s.loss, Done: done, Inputs: []float64{s.inputs}})
}

// stage records a step of the search that left g, and shows it.
func (s *search) stage(name string, g *graph.Graph, drop float64, accepted bool, note string, since time.Time) {
	s.show(Stage{Name: name, Params: params(g), Kept: kept(g), MACs: macs(g), Drop: drop, Accepted: accepted, Note: note}, since)
}

// show records a step of the search and shows it.
func (s *search) show(st Stage, since time.Time) {
	st.Seconds = time.Since(since).Seconds()
	s.report.Stages = append(s.report.Stages, st)
	verb := "accepted"
	if !st.Accepted {
		verb = "rolled back"
	}
	s.tell(Progress{Stage: st.Name, Note: fmt.Sprintf("%d of %d weights, drop %+.2f points, %s%s", st.Kept, st.Params, st.Drop, verb, st.Note)})
}

func kept(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		n += p.Kept()
	}
	return n
}

// averageDrop measures g under the running average of its weights on the first
// n held-out samples.
func (s *search) averageDrop(t *train.Trainer, g *graph.Graph, n int) (drop, se float64, err error) {
	t.WithAverage(func() { drop, se, err = s.judge.graphDrop(g, n) })
	s.margin = se + s.memory
	return drop, se, err
}

// enough returns how many of the held-out samples are enough to judge a network
// of that many multiplications by, in a step that later ones put right: a large
// one meets part of them, at least 1000.
func enough(heldOut int, multiplications int64) int {
	const work = 5e11 // multiplications in all
	return min(heldOut, max(1000, int(work/float64(max(multiplications, 1)))))
}

// checkpoint is an accepted state of pruning.
type checkpoint struct {
	net   *graph.Graph
	kept  int
	drop  float64 // before the learning rate has fallen; 0 for the first
	gains map[string]float64
}

func (s *search) save(net *graph.Graph, drop float64, gains map[string]float64) {
	s.saved = append(s.saved, &checkpoint{net: net.Clone(), kept: kept(net), drop: drop, gains: gains})
}

// samplesFor returns calibration samples.
func (s *search) samplesFor(n int) *tensor.Tensor { return s.feed.samples(n) }

// removeDead removes emptied channels; the running averages start again where
// biases have taken up constants.
func removeDead(g *graph.Graph) error {
	r, err := simplify.RemoveDead(g)
	if err != nil {
		return fmt.Errorf("edgec: dead structure: %w", err)
	}
	if r.Channels > 0 {
		for _, p := range g.Params() {
			if len(p.State) > train.StateAverage {
				copy(p.State[train.StateAverage], p.Shadow.Data)
			}
		}
	}
	return g.Check()
}
