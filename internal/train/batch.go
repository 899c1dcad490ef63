package train

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// Batch holds the samples of one step, and what their outputs should be. Every tensor has
// the batch as dimension 0, of the same size N. Labels and Targets may be nil, not both.
type Batch struct {
	X       []*tensor.Tensor // one [N, sample...] for each input of the graph
	Labels  []int            // N class numbers, or N times as many as a sample has positions, -1 for none
	Targets []*tensor.Tensor // one for each output, N times its elements: the teacher's outputs (logits, before a final Softmax) or the values to reach; a nil entry is an output without a target
}

// Single returns a batch for a network with one input and one output. targets may be nil.
func Single(x *tensor.Tensor, labels []int, targets *tensor.Tensor) Batch {
	b := Batch{X: []*tensor.Tensor{x}, Labels: labels}
	if targets != nil {
		b.Targets = []*tensor.Tensor{targets}
	}
	return b
}

// Len returns the number of samples.
func (b Batch) Len() int { return b.X[0].Shape[0] }

// Rows returns samples lo..hi-1 as a batch that aliases b.
func (b Batch) Rows(lo, hi int) Batch {
	r := Batch{}
	for _, x := range b.X {
		r.X = append(r.X, x.Rows(lo, hi))
	}
	if b.Labels != nil {
		k := len(b.Labels) / b.Len()
		r.Labels = b.Labels[lo*k : hi*k]
	}
	for _, y := range b.Targets {
		if y != nil {
			y = y.Rows(lo, hi)
		}
		r.Targets = append(r.Targets, y)
	}
	return r
}

// check verifies that b has 1 to most samples and fits g's inputs and outputs.
func (b Batch) check(g *graph.Graph, most int) error {
	if len(b.X) != len(g.Inputs) {
		return fmt.Errorf("train: a batch of %d inputs; network %q has %d", len(b.X), g.Name, len(g.Inputs))
	}
	n := b.Len()
	if n < 1 || n > most {
		return fmt.Errorf("train: a batch of %d samples; this trainer takes 1 to %d", n, most)
	}
	for i, x := range b.X {
		if want := g.Inputs[i].Shape.WithBatch(n); !x.Shape.Equal(want) {
			return fmt.Errorf("train: input %d has shape %v, network %q takes %v", i, x.Shape, g.Name, want)
		}
	}
	if b.Labels != nil && (len(b.Labels) == 0 || len(b.Labels)%n != 0) {
		return fmt.Errorf("train: %d labels for %d samples", len(b.Labels), n)
	}
	if b.Targets != nil && len(b.Targets) != len(g.Outputs) {
		return fmt.Errorf("train: %d targets; network %q has %d outputs", len(b.Targets), g.Name, len(g.Outputs))
	}
	for i, y := range b.Targets {
		if want := g.Outputs[i].Shape.WithBatch(n); y != nil && len(y.Data) != want.Size() {
			return fmt.Errorf("train: target %d has shape %v, the output %v", i, y.Shape, want)
		}
	}
	return nil
}

// shard computes one part of a batch.
type shard struct {
	tape    *graph.Tape
	dout    []*tensor.Tensor // gradient of the loss in each output, for the largest part
	dy, y   [][]float32      // of one sample, for each output
	targets [][]float32
	loss    float64
}

// newShard prepares for at most part samples of g.
func newShard(g *graph.Graph, part int) (*shard, error) {
	tape, err := graph.NewTape(g, part)
	if err != nil {
		return nil, err
	}
	k := len(g.Outputs)
	s := &shard{tape: tape, dy: make([][]float32, k), y: make([][]float32, k), targets: make([][]float32, k)}
	for _, v := range g.Outputs {
		s.dout = append(s.dout, tensor.New(v.Shape.WithBatch(part)...))
	}
	return s, nil
}

// run leaves in the tape the gradient of samples lo..hi-1 of b, of which there are total,
// and in s.loss their part of the mean loss.
func (s *shard) run(l Loss, b Batch, lo, hi, total int) error {
	s.loss = 0
	s.tape.ZeroGrad()
	if lo == hi {
		return nil
	}
	in := make([]*tensor.Tensor, len(b.X))
	for k, x := range b.X {
		in[k] = x.Rows(lo, hi)
	}
	out := s.tape.Forward(in...)
	dout := make([]*tensor.Tensor, len(out))
	for k := range dout {
		dout[k] = s.dout[k].Rows(0, hi-lo)
	}
	inv := 1 / float32(total)
	for i := lo; i < hi; i++ {
		var labels []int
		if k := len(b.Labels) / total; k > 0 {
			labels = b.Labels[i*k : (i+1)*k]
		}
		for k := range out {
			s.dy[k], s.y[k] = row(dout[k].Data, i-lo, hi-lo), row(out[k].Data, i-lo, hi-lo)
		}
		s.loss += l.Sample(s.dy, s.y, labels, s.targetsOf(b, i, total)) / float64(total)
		for _, dy := range s.dy {
			for j := range dy {
				dy[j] *= inv
			}
		}
	}
	return s.tape.Backward(dout...)
}

// targetsOf returns the targets of sample i of n, or nil when b has none.
func (s *shard) targetsOf(b Batch, i, n int) [][]float32 {
	if b.Targets == nil {
		return nil
	}
	for k, y := range b.Targets {
		s.targets[k] = nil
		if y != nil {
			s.targets[k] = row(y.Data, i, n)
		}
	}
	return s.targets
}

// row returns row i of the n equal ones in x.
func row(x []float32, i, n int) []float32 {
	w := len(x) / n
	return x[i*w : (i+1)*w]
}

// Logits returns a view of g whose outputs come before a final Softmax, where they have
// one. It shares g's values and parameters.
func Logits(g *graph.Graph) *graph.Graph {
	view := *g
	view.Outputs = slices.Clone(g.Outputs)
	final := map[*graph.Node]bool{}
	for i, v := range view.Outputs {
		n := g.Producer(v)
		if n == nil || len(g.Consumers(v)) > 0 {
			continue
		}
		if op.IsNormalizer(n.Op) {
			view.Outputs[i] = n.Inputs[0]
			final[n] = true
		}
	}
	view.Nodes = slices.DeleteFunc(slices.Clone(g.Nodes), func(n *graph.Node) bool { return final[n] })
	return &view
}
