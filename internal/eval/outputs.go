package eval

import (
	"context"
	"fmt"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Outputs of n samples are one tensor [n, K], all outputs of a sample one after
// another: K is the sum of Reference.Heads. Inputs of a sample are one vector, all
// inputs one after another, until a graph is fed.

// View returns g as a task judges it: before a final softmax where samples are
// counted, since the largest output stays the largest; otherwise g itself.
func View(t Task, g *graph.Graph) *graph.Graph {
	if t.Traits().Distance {
		return g
	}
	return train.Logits(g)
}

// Predict runs g on the first n samples of set: [n, K]. When ctx ends it returns the
// cause.
func Predict(ctx context.Context, g *graph.Graph, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	p, err := train.NewPredictor(g, Batch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	return Run(ctx, p, n, func(lo, hi int, dst []*tensor.Tensor) { Read(set, lo, hi, dst) })
}

// Run fills n samples, one tensor for each input, and returns the outputs of p, or,
// when ctx ends, the cause.
func Run(ctx context.Context, p *train.Predictor, n int, fill func(lo, hi int, dst []*tensor.Tensor)) (*tensor.Tensor, error) {
	out := tensor.New(n, p.Outputs())
	part := 8 * p.Batch() // samples between two looks at ctx
	seen := count(ctx, n)
	for lo := 0; lo < n; lo += part {
		if err := Stopped(ctx); err != nil {
			return nil, err
		}
		hi := min(lo+part, n)
		y := p.Run(hi-lo, func(a, b int, dst []*tensor.Tensor) { fill(lo+a, lo+b, dst) })
		copy(out.Rows(lo, hi).Data, y.Data)
		seen.add(hi - lo)
	}
	return out, nil
}

// Stopped returns why work must end, or nil.
func Stopped(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// Read writes the samples lo to hi-1 of set to dst, one tensor for each input.
func Read(set *dataset.Set, lo, hi int, dst []*tensor.Tensor) {
	for i := lo; i < hi; i++ {
		ReadSample(set, i, i-lo, dst)
	}
}

// ReadSample writes sample i of set to a row of dst, one tensor for each input.
func ReadSample(set *dataset.Set, i, row int, dst []*tensor.Tensor) {
	size := set.Sample().Size()
	if len(dst) == 1 {
		set.Read(i, dst[0].Data[row*size:(row+1)*size])
		return
	}
	x := make([]float32, size)
	set.Read(i, x)
	for _, t := range dst {
		w := t.Shape.Sample().Size()
		copy(t.Data[row*w:(row+1)*w], x[:w])
		x = x[w:]
	}
}

// Batch returns the batch of a network that only runs forward: 32, or less where
// the activations of a thread would take more than 32 MB, but at least 4.
func Batch(g *graph.Graph) int {
	batch := 32
	for size := Activations(g); batch > 4 && size*batch*4 > 32<<20; {
		batch /= 2
	}
	return batch
}

// Activations returns the elements of all activations of a sample.
func Activations(g *graph.Graph) int {
	size := 0
	for _, n := range g.Nodes {
		for _, v := range n.Outputs {
			size += v.Shape.Size()
		}
	}
	return size
}
