package search

import (
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
	sets      []*dataset.Set // the augmented copies, nil until used
	task      eval.Task
	answers   answers
	order     order
	shape     tensor.Shape // of a batch of one
	buffers   buffers
	threads   int
	reference *eval.Reference
}

// source is where a loader takes its samples from.
type source struct {
	n             int // samples
	augmentations int // copies of each
	make          func(copy int) *dataset.Set
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
	x, targets *tensor.Tensor
	classes    []int
	picks      []int // sample p % n in copy p / n
}

// newLoader prepares batches of at most batch samples, with g as the teacher.
func newLoader(g *graph.Graph, from source, task eval.Task, batch, threads int, seed uint64) (*loader, error) {
	p, err := train.NewPredictor(g, eval.Batch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	shape := g.Inputs[0].Shape
	asked := from.augmentations * from.n
	if from.asked != nil {
		asked = from.n
	}
	pcg := rand.NewPCG(seed, 0x5eed)
	return &loader{
		source: from, sets: make([]*dataset.Set, from.augmentations), task: task,
		answers: answers{teacher: p, logits: make([]float32, asked*p.Outputs()), known: make([]bool, asked)},
		order:   order{pcg: pcg, rng: rand.New(pcg)}, shape: shape, threads: threads,
		buffers: buffers{x: tensor.New(shape.WithBatch(batch)...), targets: tensor.New(batch, p.Outputs()), classes: make([]int, batch)},
	}, nil
}

// noise is the standard deviation of targets while importance is measured; see
// eval.Task.
func (l *loader) noise() float64 { return l.reference.Noise }

// next returns a batch of size samples, valid until the next call, with targets of
// the given noise.
func (l *loader) next(size int, noise float64) train.Batch {
	l.pick(size)
	l.ask()
	l.read(size)
	b := &l.buffers
	width, sample := l.answers.teacher.Outputs(), l.shape.Sample().Size()
	for k, p := range b.picks {
		x, y := b.x.Data[k*sample:(k+1)*sample], b.targets.Data[k*width:(k+1)*width]
		a := l.answer(p)
		copy(y, l.answers.logits[a*width:(a+1)*width])
		label := -1
		if labels := l.copy(p / l.n).Labels; labels != nil {
			label = labels[p%l.n]
		}
		l.task.Aim(y, x, l.copy(p/l.n).Target(p%l.n))
		b.classes[k] = l.task.Draw(l.reference, y, label, noise, l.order.rng)
	}
	batch := train.Single(b.x.Rows(0, size), nil, b.targets.Rows(0, size))
	if !l.task.Traits().Distance {
		batch.Labels = b.classes[:size]
	}
	return batch
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
	b, sample := &l.buffers, l.shape.Sample().Size()
	for _, p := range b.picks {
		l.copy(p / l.n) // is made by one goroutine
	}
	train.Parallel(l.threads, (size+samplesAtOnce-1)/samplesAtOnce, func(i int) {
		for k := i * samplesAtOnce; k < min((i+1)*samplesAtOnce, size); k++ {
			p := b.picks[k]
			l.copy(p/l.n).Read(p%l.n, b.x.Data[k*sample:(k+1)*sample])
		}
	})
}

// copy returns an augmented copy of the samples.
func (l *loader) copy(c int) *dataset.Set {
	if l.sets[c] == nil {
		l.sets[c] = l.make(c)
	}
	return l.sets[c]
}

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
		for _, p := range t.missing {
			l.copy(p / l.n)
		}
	}
	sample := l.shape.Sample().Size()
	out := t.teacher.Run(len(t.missing), func(lo, hi int, dst *tensor.Tensor) {
		for k := lo; k < hi; k++ {
			p := t.missing[k]
			shown(p).Read(p%l.n, dst.Data[(k-lo)*sample:(k-lo+1)*sample])
		}
	})
	width := t.teacher.Outputs()
	for k, p := range t.missing {
		a := l.answer(p)
		copy(t.logits[a*width:(a+1)*width], out.Data[k*width:(k+1)*width])
	}
}

// samples returns the first n samples of copy 0 in one tensor.
func (l *loader) samples(n int) *tensor.Tensor { return l.manySamples(min(n, l.n)) }

// manySamples returns the first n samples of copy 0 and, where these are too few,
// of the next copies.
func (l *loader) manySamples(n int) *tensor.Tensor {
	n = min(n, l.augmentations*l.n)
	x := tensor.New(l.shape.WithBatch(n)...)
	for c, lo := 0, 0; lo < n; c++ {
		hi := min(lo+l.n, n)
		eval.Read(l.copy(c), 0, hi-lo, x.Rows(lo, hi))
		lo = hi
	}
	return x
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

func (o *order) restore(s orderState) error {
	if err := o.pcg.UnmarshalBinary(s.Source); err != nil {
		return fmt.Errorf("edgec: the journal's random numbers: %w; remove the journal and start again", err)
	}
	o.list, o.at, o.epoch = s.Order, s.At, s.Epoch
	return nil
}
