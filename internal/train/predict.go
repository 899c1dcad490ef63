package train

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Predictor runs a graph forward over many samples with several threads. It
// reads the parameters' effective weights at each call.
type Predictor struct {
	view    *graph.Graph
	batch   int
	tapes   []*graph.Tape
	inputs  []*tensor.Tensor
	outputs int
}

// NewPredictor prepares g (without a final Softmax: outputs are logits) for
// batches of the given size on up to threads goroutines.
func NewPredictor(g *graph.Graph, batch, threads int) (*Predictor, error) {
	p := &Predictor{view: Logits(g), batch: batch}
	p.outputs = p.view.Outputs[0].Shape.Sample().Size()
	for i := 0; i < max(threads, 1); i++ {
		t, err := graph.NewTape(p.view, batch)
		if err != nil {
			return nil, err
		}
		p.tapes = append(p.tapes, t)
		p.inputs = append(p.inputs, tensor.New(p.view.Inputs[0].Shape.WithBatch(batch)...))
	}
	return p, nil
}

// Outputs returns the number of outputs of a sample.
func (p *Predictor) Outputs() int { return p.outputs }

// Run fills samples 0..n-1 with fill (called from several goroutines, for
// disjoint ranges lo..hi-1) and returns the outputs as [n, Outputs].
func (p *Predictor) Run(n int, fill func(lo, hi int, dst *tensor.Tensor)) *tensor.Tensor {
	out := tensor.New(n, p.outputs)
	chunks := (n + p.batch - 1) / p.batch
	free := make(chan int, len(p.tapes))
	for i := range p.tapes {
		free <- i
	}
	Parallel(len(p.tapes), chunks, func(c int) {
		i := <-free
		defer func() { free <- i }()
		lo, hi := c*p.batch, min((c+1)*p.batch, n)
		x := p.inputs[i].Rows(0, hi-lo)
		fill(lo, hi, x)
		y := p.tapes[i].Forward(x)[0]
		copy(out.Data[lo*p.outputs:hi*p.outputs], y.Data)
	})
	return out
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
