// Package train fine-tunes a graph under its constraints: a data-parallel
// reverse walk, losses against labels or a teacher, and the Adam optimizer.
//
// A step cuts the batch into a fixed number of shards. Each shard has its own
// tape; the shards' gradients are added in order, so the result depends on the
// number of shards (part of the recipe) and never on the number of threads.
package train

import (
	"errors"
	"fmt"
	"math"
	"runtime"

	"edgec/internal/graph"
)

// Config configures a Trainer; the zero value is the documented default.
type Config struct {
	Shards  int     // parts of a batch; 0: 2. Results depend on it
	Threads int     // goroutines at once; 0: GOMAXPROCS. Results do not depend on it
	Batch   int     // largest batch; 0: 128
	Beta1   float64 // Adam's decay of the mean gradient; 0: 0.9
	Beta2   float64 // Adam's decay of the squared gradient; 0: 0.999
	Epsilon float64 // Adam's epsilon; 0: 1e-8
	Average float64 // decay of the running average of the shadow weights, 0: none
	Done    int     // steps of a Trainer that this one carries on, for Adam's bias correction
	// Inputs holds the root mean square of the elements of each input. Weights that meet
	// an input whose value is above 1 learn that much more slowly; missing entries are 1.
	Inputs []float64
	Loss   Loss // nil: Distill{Weight: 0.7, Temperature: 3}
	// Softmax keeps a final Softmax: the loss is one of probabilities, not of logits.
	Softmax bool
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	deff := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Shards, 2)
	def(&c.Threads, runtime.GOMAXPROCS(0))
	def(&c.Batch, 128)
	deff(&c.Beta1, 0.9)
	deff(&c.Beta2, 0.999)
	deff(&c.Epsilon, 1e-8)
	if c.Loss == nil {
		c.Loss = Distill{Weight: 0.7, Temperature: 3}
	}
	return c
}

// Slots of Param.State that a Trainer keeps beside each shadow weight. They
// are narrowed together with the parameter.
const (
	StateMean    = iota // Adam's m, the decayed mean of the gradient
	StateSquare         // Adam's v, the decayed mean of its square: a diagonal Fisher estimate
	StateAverage        // running average of the shadow weights, when Config.Average > 0
	stateSlots
)

// Trainer fine-tunes the parameters of one graph.
type Trainer struct {
	cfg    Config
	view   *graph.Graph
	params []*graph.Param
	spans  []span // of all parameters, for work that is done on each element
	shards []*shard
	step   int // of Adam's bias correction
	avg    int // steps since the average started
	books  map[*graph.Param]*bookState
	rates  map[*graph.Param]float64 // factors of the learning rate that are not 1
}

// span is the output channels lo to hi-1 of a parameter, whose elements are
// from to to-1.
type span struct {
	param    int
	lo, hi   int
	from, to int
}

// spanSize is the number of elements that a span has at most, when its channels
// have no more.
const spanSize = 1 << 14

// spans cuts the parameters into spans of whole channels.
func spans(params []*graph.Param) (list []span) {
	for k, p := range params {
		n, rows := len(p.Shadow.Data), max(p.Channels(), 1)
		row := n / rows
		step := max(spanSize/max(row, 1), 1)
		for lo := 0; lo < p.Channels(); lo += step {
			hi := min(lo+step, rows)
			list = append(list, span{k, lo, hi, lo * row, hi * row})
		}
	}
	return list
}

// New prepares to train g. A final Softmax is left out, since most losses work on
// logits, unless Config.Softmax keeps it. The optimizer state in the parameters is kept when its size fits
// (after a rebuild) and cleared otherwise.
func New(g *graph.Graph, cfg Config) (*Trainer, error) {
	cfg = cfg.withDefaults()
	view := g
	if !cfg.Softmax {
		view = Logits(g)
	}
	t := &Trainer{cfg: cfg, view: view, params: g.Params(), step: cfg.Done, books: map[*graph.Param]*bookState{}}
	t.spans = spans(t.params)
	t.rates = inputRates(t.view, cfg.Inputs)
	part := (cfg.Batch + cfg.Shards - 1) / cfg.Shards
	for i := 0; i < cfg.Shards; i++ {
		s, err := newShard(t.view, part)
		if err != nil {
			return nil, err
		}
		t.shards = append(t.shards, s)
	}
	for _, p := range t.params {
		n := len(p.Shadow.Data)
		if len(p.State) != stateSlots || len(p.State[0]) != n {
			p.State = make([][]float32, stateSlots)
			for k := range p.State {
				p.State[k] = make([]float32, n)
			}
			copy(p.State[StateAverage], p.Shadow.Data)
		}
		p.Refresh()
	}
	return t, nil
}

// ErrDiverged is the error of a loss that is NaN or infinite.
var ErrDiverged = errors.New("train: the loss is not finite; the learning rate is too high or the data holds NaN")

// Gradients runs b forward and backward and leaves the mean gradient of the
// loss in the effective weights behind (see Gradient). It returns the mean loss;
// one that is NaN or infinite is ErrDiverged.
func (t *Trainer) Gradients(b Batch) (float64, error) {
	if err := b.check(t.view, t.cfg.Batch); err != nil {
		return 0, err
	}
	n := b.Len()
	k := len(t.shards)
	errs := make([]error, k)
	t.parallel(k, func(i int) {
		lo, hi := (i*n+k-1)/k, ((i+1)*n+k-1)/k // the first shard is never empty
		errs[i] = t.shards[i].run(t.cfg.Loss, b, lo, hi, n)
	})
	loss := 0.0
	for i, s := range t.shards {
		if errs[i] != nil {
			return 0, errs[i]
		}
		loss += s.loss
	}
	t.parallel(len(t.spans), func(i int) {
		at := t.spans[i]
		p := t.params[at.param]
		sum := t.shards[0].tape.Gradient(p).Data[at.from:at.to]
		for _, s := range t.shards[1:] {
			if d := s.tape.Gradient(p); d != nil { // nil: the shard has been empty so far
				addTo(sum, d.Data[at.from:at.to])
			}
		}
	})
	if loss-loss != 0 {
		return loss, fmt.Errorf("%w (step %d)", ErrDiverged, t.step)
	}
	return loss, nil
}

// Gradient returns the gradient of p that the last Gradients left.
func (t *Trainer) Gradient(p *graph.Param) []float32 {
	return t.shards[0].tape.Gradient(p).Data
}

// Params returns the parameters that are trained.
func (t *Trainer) Params() []*graph.Param { return t.params }

// Step runs one optimizer step at the given learning rate and returns the mean
// loss of the batch before it. Constants are not trained.
func (t *Trainer) Step(b Batch, lr float64) (float64, error) {
	loss, err := t.Gradients(b)
	if err != nil {
		return loss, err
	}
	t.Update(lr)
	return loss, nil
}

// Update applies Adam (Kingma, Ba 2015, algorithm 1) with the gradients of the
// last Gradients call and recomputes the effective weights. The gradient goes
// straight through mask, grid and codebook to the shadow weights; a codebook's
// centroids move by the sum over their members besides.
func (t *Trainer) Update(lr float64) {
	t.step++
	t.avg++
	for _, p := range t.params {
		if p.Book != nil && (t.books[p] == nil || len(t.books[p].mean) != len(p.Book.Centroids)) {
			t.books[p] = newBookState(len(p.Book.Centroids))
		}
	}
	t.parallel(len(t.params), func(i int) {
		if p := t.params[i]; p.Book != nil && p.Role != graph.Constant {
			t.updateBook(p, t.Gradient(p), lr*t.factor(p))
		}
	})
	a := adam{beta1: t.cfg.Beta1, beta2: t.cfg.Beta2, eps: t.cfg.Epsilon, lr: lr, step: t.step}
	d := float32(t.decay())
	t.parallel(len(t.spans), func(i int) {
		at := t.spans[i]
		p := t.params[at.param]
		if p.Role == graph.Constant {
			return
		}
		w := p.Shadow.Data[at.from:at.to]
		a := a
		a.lr *= t.factor(p)
		a.update(w, t.Gradient(p)[at.from:at.to], p.State[StateMean][at.from:at.to], p.State[StateSquare][at.from:at.to])
		if d > 0 && p.Book == nil {
			average(p.State[StateAverage][at.from:at.to], w, d)
		}
		p.RefreshRows(at.lo, at.hi)
	})
}

// factor is what the learning rate of p is multiplied by; see inputRates.
func (t *Trainer) factor(p *graph.Param) float64 {
	if f, ok := t.rates[p]; ok {
		return f
	}
	return 1
}

// decay is the average's decay for this step: it rises to Config.Average, so
// that where the average started is soon forgotten.
func (t *Trainer) decay() float64 {
	if t.cfg.Average == 0 {
		return 0
	}
	return math.Min(t.cfg.Average, float64(t.avg)/float64(t.avg+10))
}

// RestartAverage makes the running average start again at the present shadow.
func (t *Trainer) RestartAverage() {
	t.avg = 0
	for _, p := range t.params {
		copy(p.State[StateAverage], p.Shadow.Data)
	}
}

// WithAverage runs f while the parameters hold the running average of their
// shadow weights in place of the last one.
func (t *Trainer) WithAverage(f func()) {
	swap := func() {
		for _, p := range t.params {
			if p.Role == graph.Constant || p.Book != nil {
				continue
			}
			p.Shadow.Data, p.State[StateAverage] = p.State[StateAverage], p.Shadow.Data
			p.Refresh()
		}
	}
	if t.cfg.Average > 0 {
		swap()
		defer swap()
	}
	f()
}

// updateBook moves the centroids of p by the summed gradients of their members
// (Han, Mao, Dally 2016, section 3.3) with an Adam of their own, at bookRate
// times the learning rate of the weights. Centroid 0 stays zero.
func (t *Trainer) updateBook(p *graph.Param, g []float32, lr float64) {
	book := p.Book
	k := len(book.Centroids)
	s := t.books[p]
	s.step++
	clear(s.sum)
	unit := float32(meanScale(p))
	row := max(len(g)/max(p.Channels(), 1), 1)
	for i, d := range g {
		s.sum[book.Index[i]] += d * (p.Grid.ScaleOf(i/row) / unit)
	}
	for c, q := range book.Centroids {
		s.real[c] = q * unit
	}
	a := adam{beta1: t.cfg.Beta1, beta2: t.cfg.Beta2, eps: t.cfg.Epsilon, lr: bookRate * lr, step: s.step}
	a.update(s.real[1:], s.sum[1:], s.mean[1:], s.square[1:])
	limit := float32(p.Grid.Max)
	for c := 1; c < k; c++ {
		book.Centroids[c] = max(-limit, min(limit, s.real[c]/unit))
	}
}

// bookRate is the centroids' share of the learning rate: their summed
// gradients are less noisy than a weight's, and a step moves all members.
const bookRate = 0.3

// bookState is Adam's state for the centroids of one codebook, with the
// summed gradients and the centroids in weight units.
type bookState struct {
	mean, square, real, sum []float32
	step                    int
}

func newBookState(k int) *bookState {
	return &bookState{mean: make([]float32, k), square: make([]float32, k), real: make([]float32, k), sum: make([]float32, k)}
}

func meanScale(p *graph.Param) float64 {
	s := 0.0
	for _, v := range p.Grid.Scale {
		s += float64(v)
	}
	return s / float64(len(p.Grid.Scale))
}
