package search

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// loader supplies the batches of training: samples in random order, each in
// several augmented copies, with the teacher's outputs. Copies are made and the
// teacher is asked when a batch first needs them; both are kept. A teacher that
// is too expensive to be asked about every copy is asked about the sample as it
// is, and its answer stands for all copies.
type loader struct {
	source
	sets    []*dataset.Set // the augmented copies, nil until used
	task    eval.Task
	answers answers
	order   order
	inputs  []*graph.Value // of the network
	sample  int            // elements of all inputs of a sample
	buffers buffers
	threads int
	holdout *eval.Holdout // what training compares outputs with
}

// source is where a loader takes its samples from.
type source struct {
	n             int // samples
	augmentations int // copies of each
	make          func(ctx context.Context, copy int) (*dataset.Set, error)
	asked         *dataset.Set // what the teacher is asked about for all copies; nil: each copy
}

// answers are the teacher's outputs, as far as it was asked.
type answers struct {
	teacher *train.Predictor
	logits  []float32 // of each answer
	known   []bool
	missing []int // scratch
}

// order draws samples at random, without replacement in an epoch.
type order struct {
	pcg   *rand.PCG // the source of rng
	rng   *rand.Rand
	list  []int
	at    int
	epoch int
}

// buffers hold the batch that next returns.
type buffers struct {
	x, targets rows
	classes    []int
	picks      []int // sample p % n in copy p / n
}

// rows are vectors, one a sample, and the tensors whose rows they consist of.
type rows struct {
	joined *tensor.Tensor
	parts  []*tensor.Tensor
}

// newRows returns rows of n samples of the values. A single one shares its memory with
// the vectors.
func newRows(n int, vs []*graph.Value) rows {
	r := rows{parts: newBatch(n, vs)}
	r.joined = tensor.Join(r.parts...)
	return r
}

// newBatch returns a tensor of n samples for each value.
func newBatch(n int, vs []*graph.Value) []*tensor.Tensor {
	var batch []*tensor.Tensor
	for _, v := range vs {
		batch = append(batch, tensor.New(v.Shape.WithBatch(n)...))
	}
	return batch
}

// row returns the vector of sample i.
func (r rows) row(i int) []float32 {
	k := r.joined.Shape[1]
	return r.joined.Data[i*k : (i+1)*k]
}

// split returns the tensors of the first n samples.
func (r rows) split(n int) []*tensor.Tensor {
	parts := firstRows(r.parts, n)
	if len(parts) > 1 {
		tensor.Split(r.joined.Rows(0, n), parts...)
	}
	return parts
}

// newLoader prepares batches of at most batch samples, with g as the teacher.
func newLoader(g *graph.Graph, from source, task eval.Task, batch, threads int, seed uint64) (*loader, error) {
	view := eval.View(task, g)
	p, err := train.NewPredictor(view, eval.Batch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	asked := from.augmentations * from.n
	if from.asked != nil {
		asked = from.n
	}
	pcg := rand.NewPCG(seed, 0x5eed)
	return &loader{
		source: from, sets: make([]*dataset.Set, from.augmentations), task: task, holdout: &eval.Holdout{Task: task},
		answers: answers{teacher: p, logits: make([]float32, asked*p.Outputs()), known: make([]bool, asked)},
		order:   order{pcg: pcg, rng: rand.New(pcg)}, inputs: view.Inputs, sample: sizes(samplesOf(view.Inputs)), threads: threads,
		buffers: buffers{x: newRows(batch, view.Inputs), targets: newRows(batch, view.Outputs), classes: make([]int, batch*max(1, task.Traits().Positions))},
	}, nil
}

// noise is the standard deviation of targets while importance is measured; see
// eval.Task.
func (l *loader) noise() float64 { return l.holdout.Reference.Noise }

// next returns a batch of size samples, valid until the next call, with targets of
// the given noise.
func (l *loader) next(ctx context.Context, size int, noise float64) (train.Batch, error) {
	l.pick(size)
	if err := l.prepare(ctx); err != nil {
		return train.Batch{}, err
	}
	l.ask()
	l.read(size)
	b := &l.buffers
	width, each := l.answers.teacher.Outputs(), max(1, l.task.Traits().Positions)
	for k, p := range b.picks {
		x, y := b.x.row(k), b.targets.row(k)
		a := l.answer(p)
		copy(y, l.answers.logits[a*width:(a+1)*width])
		labels := b.classes[k*each : (k+1)*each]
		l.labels(p, labels)
		l.task.Aim(y, x, l.copy(p/l.n).Target(p%l.n))
		l.task.Draw(&l.holdout.Reference, y, labels, noise, l.order.rng)
	}
	batch := train.Batch{X: b.x.split(size), Targets: b.targets.split(size)}
	if !l.task.Traits().Distance {
		batch.Labels = b.classes[:size*each]
	}
	return batch, nil
}

// labels writes the class of pick p, or those of its positions, to dst: -1 where there is none.
func (l *loader) labels(p int, dst []int) {
	set := l.copy(p / l.n)
	for k := range dst {
		dst[k] = -1
	}
	if set.Labels != nil {
		dst[0] = set.Labels[p%l.n]
	}
	copy(dst, set.LabelsAt(p%l.n))
}

// pick draws the samples of a batch. Every epoch shows another copy of each sample.
func (l *loader) pick(size int) {
	b := &l.buffers
	b.picks = b.picks[:0]
	for len(b.picks) < size {
		i := l.order.next(l.n)
		c := (l.order.epoch + i) % l.augmentations
		b.picks = append(b.picks, c*l.n+i)
	}
}

// read reads the samples of the batch.
func (l *loader) read(size int) {
	b := &l.buffers
	train.Parallel(l.threads, (size+samplesAtOnce-1)/samplesAtOnce, func(i int) {
		for k := i * samplesAtOnce; k < min((i+1)*samplesAtOnce, size); k++ {
			p := b.picks[k]
			l.copy(p/l.n).Read(p%l.n, b.x.row(k))
		}
	})
}

// prepare makes the augmented copies that the picks are in.
func (l *loader) prepare(ctx context.Context) error {
	for _, p := range l.buffers.picks {
		if err := l.makeCopy(ctx, p/l.n); err != nil {
			return err
		}
	}
	return nil
}

// makeCopy makes an augmented copy of the samples, unless it was made before.
func (l *loader) makeCopy(ctx context.Context, c int) (err error) {
	if l.sets[c] == nil {
		l.sets[c], err = l.make(ctx, c)
	}
	return err
}

// copy returns an augmented copy that was made.
func (l *loader) copy(c int) *dataset.Set { return l.sets[c] }

// answer returns the number of the teacher's answer for pick p.
func (l *loader) answer(p int) int {
	if l.asked != nil {
		return p % l.n
	}
	return p
}

// ask computes the teacher's answers to the picks that it was not asked about
// before.
func (l *loader) ask() {
	t := &l.answers
	t.missing = t.missing[:0]
	for _, p := range l.buffers.picks {
		if a := l.answer(p); !t.known[a] {
			t.missing = append(t.missing, p)
			t.known[a] = true
		}
	}
	if len(t.missing) == 0 {
		return
	}
	shown := func(p int) *dataset.Set { return l.asked }
	if l.asked == nil {
		shown = func(p int) *dataset.Set { return l.sets[p/l.n] }
	}
	out := t.teacher.Run(len(t.missing), func(lo, hi int, dst []*tensor.Tensor) {
		for k := lo; k < hi; k++ {
			p := t.missing[k]
			eval.ReadSample(shown(p), p%l.n, k-lo, dst)
		}
	})
	width := t.teacher.Outputs()
	for k, p := range t.missing {
		a := l.answer(p)
		copy(t.logits[a*width:(a+1)*width], out.Data[k*width:(k+1)*width])
	}
}

// samples returns the first n samples of copy 0, one tensor for each input.
func (l *loader) samples(ctx context.Context, n int) ([]*tensor.Tensor, error) {
	return l.manySamples(ctx, min(n, l.n))
}

// manySamples returns the first n samples of copy 0 and, where these are too few,
// of the next copies.
func (l *loader) manySamples(ctx context.Context, n int) ([]*tensor.Tensor, error) {
	n = min(n, l.augmentations*l.n)
	x := newBatch(n, l.inputs)
	for c, lo := 0, 0; lo < n; c++ {
		hi := min(lo+l.n, n)
		if err := l.makeCopy(ctx, c); err != nil {
			return nil, err
		}
		part := make([]*tensor.Tensor, len(x))
		for k, t := range x {
			part[k] = t.Rows(lo, hi)
		}
		eval.Read(l.copy(c), 0, hi-lo, part)
		lo = hi
	}
	return x, nil
}

// next returns the next of n samples.
func (o *order) next(n int) int {
	if o.at == len(o.list) {
		o.shuffle(n)
	}
	i := o.list[o.at]
	o.at++
	return i
}

func (o *order) shuffle(n int) {
	if o.list == nil {
		o.list = make([]int, n)
		for i := range o.list {
			o.list[i] = i
		}
	}
	o.rng.Shuffle(len(o.list), func(a, b int) { o.list[a], o.list[b] = o.list[b], o.list[a] })
	o.at = 0
	o.epoch++
}

// orderState is how far a loader has come.
type orderState struct {
	Source    []byte // the random numbers to come
	Order     []int
	At, Epoch int
}

func (o *order) state() orderState {
	source, _ := o.pcg.MarshalBinary() // never fails
	return orderState{source, slices.Clone(o.list), o.at, o.epoch}
}

// restore takes up the order of n samples.
func (o *order) restore(s orderState, n int) error {
	if err := o.pcg.UnmarshalBinary(s.Source); err != nil {
		return fmt.Errorf("edgec: the search folder's random numbers: %w; remove the folder and start again", err)
	}
	if !permutation(s.Order, s.At) || s.Order != nil && len(s.Order) != n {
		return fmt.Errorf("edgec: the search folder's order of samples is not one; remove the folder and start again")
	}
	o.list, o.at, o.epoch = s.Order, s.At, s.Epoch
	return nil
}

// permutation reports whether order holds each number below its length once, and at is
// a place in it or its end.
func permutation(order []int, at int) bool {
	seen := make([]bool, len(order))
	for _, i := range order {
		if i < 0 || i >= len(seen) || seen[i] {
			return false
		}
		seen[i] = true
	}
	return at >= 0 && at <= len(order)
}
