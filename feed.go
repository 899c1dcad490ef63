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
// and the teacher is asked when a batch first needs them; both are kept.
//
// A network that equals its teacher has no gradient, and without gradients there
// is no importance. So where labels are missing, one is drawn for each sample
// from the teacher's softmax (the gradients' square is then the Fisher
// information: Martens 2020, section 5), and a network that reconstructs its
// input aims at the mean of the teacher's output and the input.
type feed struct {
	copies  []*dataset.Set // nil until used; copy 0 is the samples as they are when plain
	make    func(copy int) *dataset.Set
	n       int // samples of each copy
	task    string
	teacher *train.Predictor
	logits  []float32 // [copies*n, outputs]
	known   []bool
	rng     *rand.Rand
	order   []int
	at      int
	epoch   int
	shape   tensor.Shape
	x, soft *tensor.Tensor
	classes []int
	pick    []int
	missing []int
}

// newFeed prepares batches of at most batch samples.
func newFeed(g *graph.Graph, copies, n int, makeCopy func(copy int) *dataset.Set, task string, batch, threads int, seed uint64) (*feed, error) {
	p, err := train.NewPredictor(g, predictBatch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	shape := g.Inputs[0].Shape
	return &feed{
		copies: make([]*dataset.Set, copies), make: makeCopy, n: n, task: task, teacher: p,
		logits: make([]float32, copies*n*p.Outputs()), known: make([]bool, copies*n),
		rng: rand.New(rand.NewPCG(seed, 0x5eed)), shape: shape,
		x: tensor.New(shape.WithBatch(batch)...), soft: tensor.New(batch, p.Outputs()), classes: make([]int, batch),
	}, nil
}

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
		c := (f.epoch + i) % len(f.copies)
		f.pick = append(f.pick, c*f.n+i)
	}
	width := f.teacher.Outputs()
	sample := f.shape.Sample().Size()
	f.missing = f.missing[:0]
	for _, p := range f.pick {
		if !f.known[p] {
			f.missing = append(f.missing, p)
		}
	}
	f.ask()
	for k, p := range f.pick {
		set := f.copy(p / f.n)
		x, soft := f.x.Data[k*sample:(k+1)*sample], f.soft.Data[k*width:(k+1)*width]
		set.Read(p%f.n, x)
		copy(soft, f.logits[p*width:(p+1)*width])
		switch f.task {
		case TaskAccuracy:
			f.classes[k] = set.Labels[p%f.n]
		case TaskAgreement:
			f.classes[k] = draw(soft, f.rng.Float64())
		default:
			for i, v := range x {
				soft[i] = (soft[i] + v) / 2
			}
		}
	}
	b := train.Batch{X: f.x.Rows(0, size), Teacher: f.soft.Rows(0, size)}
	if f.task != TaskReconstruction {
		b.Labels = f.classes[:size]
	}
	return b
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
	if f.copies[c] == nil {
		f.copies[c] = f.make(c)
	}
	return f.copies[c]
}

// ask computes the teacher's outputs of the missing samples.
func (f *feed) ask() {
	if len(f.missing) == 0 {
		return
	}
	for _, p := range f.missing {
		f.copy(p / f.n)
	}
	sample := f.shape.Sample().Size()
	out := f.teacher.Run(len(f.missing), func(lo, hi int, dst *tensor.Tensor) {
		for k := lo; k < hi; k++ {
			p := f.missing[k]
			f.copies[p/f.n].Read(p%f.n, dst.Data[(k-lo)*sample:(k-lo+1)*sample])
		}
	})
	width := f.teacher.Outputs()
	for k, p := range f.missing {
		copy(f.logits[p*width:(p+1)*width], out.Data[k*width:(k+1)*width])
		f.known[p] = true
	}
}

// samples returns the first n samples of copy 0 in one tensor.
func (f *feed) samples(n int) *tensor.Tensor {
	n = min(n, f.n)
	x := tensor.New(f.shape.WithBatch(n)...)
	read(f.copy(0), 0, n, x)
	return x
}
