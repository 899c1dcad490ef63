package train

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Predictor runs a graph forward over many samples with several threads. It
// reads the parameters' effective weights at each call.
type Predictor struct {
	g      *graph.Graph
	batch  int
	tapes  []*graph.Tape
	inputs [][]*tensor.Tensor // of each tape
}

// NewPredictor prepares g for batches of the given size on up to threads
// goroutines. Give it Logits(g) for outputs before a final Softmax.
func NewPredictor(g *graph.Graph, batch, threads int) (*Predictor, error) {
	p := &Predictor{g: g, batch: batch}
	for i := 0; i < max(threads, 1); i++ {
		t, err := graph.NewTape(p.g, batch)
		if err != nil {
			return nil, err
		}
		var in []*tensor.Tensor
		for _, v := range p.g.Inputs {
			in = append(in, tensor.New(v.Shape.WithBatch(batch)...))
		}
		p.tapes, p.inputs = append(p.tapes, t), append(p.inputs, in)
	}
	return p, nil
}

// Batch returns the number of samples that a goroutine runs at once.
func (p *Predictor) Batch() int { return p.batch }

// Outputs returns the number of elements of all outputs of a sample.
func (p *Predictor) Outputs() int {
	size := 0
	for _, v := range p.g.Outputs {
		size += v.Shape.Sample().Size()
	}
	return size
}

// RunAll fills samples 0..n-1 of every input with fill and returns every output, as
// [n, sample...]. fill is called from several goroutines, for disjoint ranges lo..hi-1;
// dst has one tensor [hi-lo, sample...] for each input.
func (p *Predictor) RunAll(n int, fill func(lo, hi int, dst []*tensor.Tensor)) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(p.g.Outputs))
	for k, v := range p.g.Outputs {
		out[k] = tensor.New(v.Shape.WithBatch(n)...)
	}
	chunks := (n + p.batch - 1) / p.batch
	free := make(chan int, len(p.tapes))
	for i := range p.tapes {
		free <- i
	}
	Parallel(len(p.tapes), chunks, func(c int) {
		i := <-free
		defer func() { free <- i }()
		lo, hi := c*p.batch, min((c+1)*p.batch, n)
		in := make([]*tensor.Tensor, len(p.inputs[i]))
		for k, x := range p.inputs[i] {
			in[k] = x.Rows(0, hi-lo)
		}
		fill(lo, hi, in)
		for k, y := range p.tapes[i].Forward(in...) {
			copy(out[k].Rows(lo, hi).Data, y.Data)
		}
	})
	return out
}

// Run is RunAll with all outputs of a sample one after another: [n, Outputs].
func (p *Predictor) Run(n int, fill func(lo, hi int, dst []*tensor.Tensor)) *tensor.Tensor {
	return tensor.Join(p.RunAll(n, fill)...)
}

// Argmax returns the index of the largest element, the first of equals.
func Argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
