package search

import (
	"context"
	"fmt"
	"math"
	"slices"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/journal"
	"edgec/internal/simplify"
	"edgec/internal/train"
)

// A search is the same whenever it is run, so one that was killed goes on by being
// run again: what its costly stages have left is in a journal, and they take it
// from there.

// record is what a stage leaves behind: its result, the parameters that it
// trained, and how far the loader has come.
type record[R any] struct {
	Result R
	Params []paramState
	Order  orderState
}

// resumable does the work of a stage, which trains g, or nothing when g is nil,
// and takes samples from the loader; or takes what it left from the journal. Work
// that fails leaves nothing.
func resumable[R any](s *Study, name string, g *graph.Graph, work func() (R, error)) (R, error) {
	var rec record[R]
	if ok, err := s.journal.Replay(name, &rec); err != nil {
		return rec.Result, journalError{err}
	} else if ok {
		if g != nil {
			if err := restore(g, rec.Params); err != nil {
				return rec.Result, journalError{err}
			}
		}
		return rec.Result, inJournal(s.loader.order.restore(rec.Order, s.loader.n))
	}
	r, err := work()
	if err != nil || s.journal == nil {
		return r, err
	}
	rec = record[R]{Result: r, Order: s.loader.order.state()}
	if g != nil {
		rec.Params = paramStates(g)
	}
	return r, inJournal(s.journal.Record(name, rec))
}

// journalError is an error of the journal, which another run may not have.
type journalError struct{ error }

func (e journalError) Unwrap() error { return e.error }

// inJournal marks an error of the journal.
func inJournal(err error) error {
	if err == nil {
		return nil
	}
	return journalError{err}
}

// paramState is a parameter without its name and shape: what training changes.
type paramState struct {
	Shadow, Mask []float32
	State        [][]float32
	Book         *graph.Codebook
}

func paramStates(g *graph.Graph) []paramState {
	var ps []paramState
	for _, p := range g.Params() {
		ps = append(ps, paramState{p.Shadow.Data, p.Mask, p.State, p.Book})
	}
	return ps
}

// restore gives g the state of the parameters of an equal network.
func restore(g *graph.Graph, ps []paramState) error {
	params := g.Params()
	if len(ps) != len(params) {
		return fmt.Errorf("edgec: the search folder has %d parameters, the network %d; remove the folder and start again", len(ps), len(params))
	}
	for i, p := range params {
		if !ps[i].fits(len(p.Shadow.Data)) {
			return fmt.Errorf("edgec: the search folder has other values for parameter %q than the network; remove the folder and start again", p.Name)
		}
	}
	for i, p := range params {
		copy(p.Shadow.Data, ps[i].Shadow)
		p.Mask, p.State, p.Book = ps[i].Mask, ps[i].State, ps[i].Book
		p.Refresh()
	}
	return nil
}

// fits reports whether this is the state of a parameter of n elements.
func (s *paramState) fits(n int) bool {
	for _, x := range s.State {
		if len(x) != n {
			return false
		}
	}
	if s.Book != nil {
		if len(s.Book.Index) != n || n > 0 && int(slices.Max(s.Book.Index)) >= len(s.Book.Centroids) {
			return false
		}
	}
	return len(s.Shadow) == n && (s.Mask == nil || len(s.Mask) == n)
}

// openJournal starts or takes up the journal that the configuration asks for.
func openJournal(ctx context.Context, subject Subject, c Config) (*journal.Journal, error) {
	if c.Journal.Folder == "" {
		return nil, nil
	}
	id, err := identify(ctx, subject, c)
	if err != nil {
		return nil, err
	}
	open := journal.Create
	if c.Journal.Resume {
		open = journal.Resume
	}
	return open(c.Journal.Folder, id)
}

// training is how long a network is trained: in samples, as far as work in
// multiplications forward goes, and, before a deadline, in a share of the time that
// is left.
type training struct {
	samples int
	work    float64
	share   float64
}

// The training of each kind of run.
var (
	scoreTraining = training{scoreSamples, stageWork, stageShare}                       // while channels are scored
	roundTraining = training{roundSamples, roundWork, stageShare}                       // of a round of iterative pruning
	runTraining   = training{runSamples, stageWork, runShare}                           // of the sparsity search
	finalTraining = training{longRun * runSamples, longRun * stageWork, runShare}       // of the last runs
	fileTraining  = training{tuneSamples, fileWork, runShare}                           // of a file
	trialTraining = training{tuneSamples / trialPart, fileWork / trialPart, stageShare} // of a learning rate
)

// steps returns how many steps of batch samples each a training of g takes. A
// network that is cheap to train gets more; see repeats.
func (s *Study) steps(ctx context.Context, g *graph.Graph, long training, batch int) int {
	n := s.trainedSamples(long, float64(max(MACs(g), 1)))
	if work, ok := s.ledger.pace.affordable(ctx, long.share); ok {
		n = math.Min(n, work/float64(max(MACs(g), 1)))
	}
	return max(fewestSteps, int(n/float64(batch)))
}

// trainedSamples returns the number of samples of a training of a network of that many
// multiplications, without a deadline.
func (s *Study) trainedSamples(long training, macs float64) float64 {
	n := float64(long.samples) * repeats(macs)
	n = math.Min(n, long.work/macs)
	n = math.Min(n, mostEpochs*float64(s.loader.n*min(s.loader.augmentations, usualAugmentations)))
	return s.config.effort() * n
}

// roomFor is how many steps of a training of g its work and a deadline leave room for. Effort and
// epochs, which bound other training as well, do not count.
func (s *Study) roomFor(ctx context.Context, g *graph.Graph, long training) float64 {
	macs := float64(max(MACs(g), 1))
	n := math.Min(float64(long.samples)*repeats(macs), long.work/macs)
	if work, ok := s.ledger.pace.affordable(ctx, long.share); ok {
		n = math.Min(n, work/s.config.effort()/macs)
	}
	return n / tuneBatch
}

// trainer prepares to train g, after the given number of steps of the same
// training.
func (s *Study) trainer(g *graph.Graph, batch int, average float64, done int) (*train.Trainer, error) {
	return train.New(g, train.Config{Threads: s.config.Threads, Batch: batch, Average: average, Loss: s.loader.task.Loss(&s.loader.holdout.Reference), Done: done, Inputs: s.inputs, Softmax: s.loader.task.Traits().Distance})
}

// train fine-tunes g for some steps, the learning rate of each of which is given;
// after is called with the number of steps done.
func (s *Study) train(ctx context.Context, t *train.Trainer, steps, batch int, rate func(done float64) float64, after func(step int)) error {
	for i := range steps {
		if err := eval.Stopped(ctx); err != nil {
			return err
		}
		const noise = 0 // it is for importance, which is known by now
		b, err := s.loader.next(ctx, batch, noise)
		if err != nil {
			return err
		}
		if _, err := t.Step(b, rate(float64(i)/float64(steps))); err != nil {
			return err
		}
		after(i + 1)
	}
	return nil
}

// averageDrop estimates the drop of g under the running average of its weights on
// the first n held-out samples.
func (s *Study) averageDrop(ctx context.Context, t *train.Trainer, g *graph.Graph, n int) (e eval.Estimate, err error) {
	t.WithAverage(func() { e, err = s.holdout.Graph(ctx, g, n) })
	return e, err
}

// fitBatch halves a batch, to smallestBatch at the least, until activations and
// their gradients fit into trainingBytes.
func fitBatch(g *graph.Graph, batch int) int {
	for size := eval.Activations(g); batch > smallestBatch && size*batch*8 > trainingBytes; {
		batch /= 2
	}
	return batch
}

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
