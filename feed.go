package edgec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// feed supplies the batches of fine-tuning: samples in random order, each in
// several augmented copies, with the float network's outputs. Copies are made
// and the teacher is asked when a batch first needs them; both are kept. A teacher
// that is too expensive to be asked about every copy is asked about the sample as it
// is, and its answer stands for all copies.
//
// A network that equals its teacher has no gradient, and without gradients there
// is no importance. So where labels are missing, one is drawn for each sample
// from the teacher's softmax (the gradients' square is then the Fisher
// information: Martens 2020, section 5), and a network that reconstructs its
// input aims at the mean of the teacher's output and the input. One that is to
// reproduce the teacher's output aims at a draw around it, of standard deviation
// noise and new for each output and each time: the gradient of a network that equals
// its teacher is zero on average, and its square is the Fisher information of outputs
// with so large a normal error, but for a factor that is the same for all weights. Only
// the variance counts for this, so a draw is one of the two values that differ by noise.
type feed struct {
	source
	sets    []*dataset.Set // the copies, nil until used
	task    string
	teacher *train.Predictor
	logits  []float32 // of each answer; see answer
	known   []bool
	pcg     *rand.PCG // the source of rng
	rng     *rand.Rand
	order   []int
	at      int
	epoch   int
	shape   tensor.Shape
	x, soft *tensor.Tensor
	classes []int
	pick    []int
	missing []int
	threads int
	noise   float64 // of the targets of TaskFidelity, of each output
}

// source is where a feed takes its samples from.
type source struct {
	n      int // samples
	copies int // of each
	make   func(copy int) *dataset.Set
	asked  *dataset.Set // what the teacher is asked about for all copies; nil: each copy
}

// newFeed prepares batches of at most batch samples.
func newFeed(g *graph.Graph, from source, task string, batch, threads int, seed uint64) (*feed, error) {
	p, err := train.NewPredictor(g, predictBatch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	shape := g.Inputs[0].Shape
	answers := from.copies * from.n
	if from.asked != nil {
		answers = from.n
	}
	pcg := rand.NewPCG(seed, 0x5eed)
	return &feed{
		source: from, sets: make([]*dataset.Set, from.copies), task: task, teacher: p,
		logits: make([]float32, answers*p.Outputs()), known: make([]bool, answers),
		pcg: pcg, rng: rand.New(pcg), shape: shape,
		x: tensor.New(shape.WithBatch(batch)...), soft: tensor.New(batch, p.Outputs()), classes: make([]int, batch), threads: threads,
	}, nil
}

// readAtOnce is the number of samples that a goroutine reads in one go.
const readAtOnce = 16

// next returns a batch of size samples, valid until the next call.
func (f *feed) next(size int) train.Batch {
	f.pick = f.pick[:0]
	for len(f.pick) < size {
		if f.at == len(f.order) {
			f.shuffle()
		}
		i := f.order[f.at]
		f.at++
		// every epoch shows another copy of each sample
		c := (f.epoch + i) % f.copies
		f.pick = append(f.pick, c*f.n+i)
	}
	width := f.teacher.Outputs()
	sample := f.shape.Sample().Size()
	f.ask()
	for _, p := range f.pick {
		f.copy(p / f.n) // is made by one goroutine
	}
	train.Parallel(f.threads, (size+readAtOnce-1)/readAtOnce, func(i int) {
		for k := i * readAtOnce; k < min((i+1)*readAtOnce, size); k++ {
			p := f.pick[k]
			f.copy(p/f.n).Read(p%f.n, f.x.Data[k*sample:(k+1)*sample])
		}
	})
	for k, p := range f.pick {
		x, soft := f.x.Data[k*sample:(k+1)*sample], f.soft.Data[k*width:(k+1)*width]
		a := f.answer(p)
		copy(soft, f.logits[a*width:(a+1)*width])
		switch f.task {
		case TaskAccuracy:
			f.classes[k] = f.copy(p / f.n).Labels[p%f.n]
		case TaskAgreement:
			f.classes[k] = draw(soft, f.rng.Float64())
		case TaskFidelity:
			f.scatter(soft)
		default:
			midway(soft, x)
		}
	}
	b := train.Single(f.x.Rows(0, size), nil, f.soft.Rows(0, size))
	if !isDistance(f.task) {
		b.Labels = f.classes[:size]
	}
	return b
}

// midway moves y to the mean of y and x.
func midway(y, x []float32) {
	for i, v := range x {
		y[i] = (y[i] + v) / 2
	}
}

// scatter adds the noise to targets, a sign for each output and sample.
func (f *feed) scatter(y []float32) {
	const signs = 64 // in one random number
	size := float32(f.noise)
	for len(y) > 0 {
		n := min(signs, len(y))
		bits := f.rng.Uint64()
		for i := range y[:n] {
			if bits>>i&1 != 0 {
				y[i] += size
			} else {
				y[i] -= size
			}
		}
		y = y[n:]
	}
}

// draw returns class c with probability softmax(logits)[c], for u uniform in
// 0..1.
func draw(logits []float32, u float64) int {
	top := float64(slices.Max(logits))
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	rest := u * sum
	for c, v := range logits {
		if rest -= math.Exp(float64(v) - top); rest < 0 {
			return c
		}
	}
	return train.Argmax(logits)
}

func (f *feed) shuffle() {
	if f.order == nil {
		f.order = make([]int, f.n)
		for i := range f.order {
			f.order[i] = i
		}
	}
	f.rng.Shuffle(len(f.order), func(a, b int) { f.order[a], f.order[b] = f.order[b], f.order[a] })
	f.at = 0
	f.epoch++
}

func (f *feed) copy(c int) *dataset.Set {
	if f.sets[c] == nil {
		f.sets[c] = f.make(c)
	}
	return f.sets[c]
}

// answer returns the number of the teacher's answer for pick p.
func (f *feed) answer(p int) int {
	if f.asked != nil {
		return p % f.n
	}
	return p
}

// ask computes the teacher's answers to the picks that it was not asked about before.
func (f *feed) ask() {
	f.missing = f.missing[:0]
	for _, p := range f.pick {
		if a := f.answer(p); !f.known[a] {
			f.missing = append(f.missing, p)
			f.known[a] = true
		}
	}
	if len(f.missing) == 0 {
		return
	}
	shown := func(p int) *dataset.Set { return f.asked }
	if f.asked == nil {
		shown = func(p int) *dataset.Set { return f.sets[p/f.n] }
		for _, p := range f.missing {
			f.copy(p / f.n)
		}
	}
	sample := f.shape.Sample().Size()
	out := f.teacher.Run(len(f.missing), func(lo, hi int, dst *tensor.Tensor) {
		for k := lo; k < hi; k++ {
			p := f.missing[k]
			shown(p).Read(p%f.n, dst.Data[(k-lo)*sample:(k-lo+1)*sample])
		}
	})
	width := f.teacher.Outputs()
	for k, p := range f.missing {
		a := f.answer(p)
		copy(f.logits[a*width:(a+1)*width], out.Data[k*width:(k+1)*width])
	}
}

// samples returns the first n samples of copy 0 in one tensor.
func (f *feed) samples(n int) *tensor.Tensor { return f.manySamples(min(n, f.n)) }

// manySamples returns the first n samples of copy 0 and, where these are too few, of the
// next copies.
func (f *feed) manySamples(n int) *tensor.Tensor {
	n = min(n, f.copies*f.n)
	x := tensor.New(f.shape.WithBatch(n)...)
	for c, lo := 0, 0; lo < n; c++ {
		hi := min(lo+f.n, n)
		read(f.copy(c), 0, hi-lo, x.Rows(lo, hi))
		lo = hi
	}
	return x
}

// feedState is how far a feed has come.
type feedState struct {
	Source    []byte // the random numbers to come
	Order     []int
	At, Epoch int
}

func (f *feed) state() feedState {
	source, _ := f.pcg.MarshalBinary() // never fails
	return feedState{source, slices.Clone(f.order), f.at, f.epoch}
}

func (f *feed) restore(s feedState) error {
	if err := f.pcg.UnmarshalBinary(s.Source); err != nil {
		return fmt.Errorf("edgec: the journal's random numbers: %w; remove the journal and start again", err)
	}
	f.order, f.at, f.epoch = s.Order, s.At, s.Epoch
	return nil
}
