package eval

import (
	"context"
	"fmt"
	goruntime "runtime"
	"sync"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/runtime"
)

// Predict runs g on the first n samples of set: [n, K], logits of classifiers. When
// ctx ends it returns the cause.
func Predict(ctx context.Context, g *graph.Graph, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	p, err := train.NewPredictor(g, Batch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	return Run(ctx, p, n, func(lo, hi int, dst *tensor.Tensor) { Read(set, lo, hi, dst) })
}

// Run fills n samples and returns the outputs of p, or, when ctx ends, the cause.
func Run(ctx context.Context, p *train.Predictor, n int, fill func(lo, hi int, dst *tensor.Tensor)) (*tensor.Tensor, error) {
	out := tensor.New(n, p.Outputs())
	part := 8 * p.Batch() // samples between two looks at ctx
	for lo := 0; lo < n; lo += part {
		if err := Stopped(ctx); err != nil {
			return nil, err
		}
		hi := min(lo+part, n)
		y := p.Run(hi-lo, func(a, b int, dst *tensor.Tensor) { fill(lo+a, lo+b, dst) })
		copy(out.Rows(lo, hi).Data, y.Data)
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

// Read writes the samples lo to hi-1 of set to dst.
func Read(set *dataset.Set, lo, hi int, dst *tensor.Tensor) {
	size := set.Sample().Size()
	for i := lo; i < hi; i++ {
		set.Read(i, dst.Data[(i-lo)*size:(i-lo+1)*size])
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

// Execute runs a compressed file on the first n samples of set with the runtime:
// [n, K]. threads 0 means GOMAXPROCS. When ctx ends it returns the cause.
func Execute(ctx context.Context, file []byte, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	sessions, err := newSessions(file, threads)
	if err != nil {
		return nil, err
	}
	if in, want := set.Sample().Size(), len(sessions[0].Input(0)); in != want {
		return nil, fmt.Errorf("edgec: samples of shape %v have %d values, the network takes %d", set.Sample(), in, want)
	}
	k := len(sessions[0].Output(0))
	out := tensor.New(n, k)
	const chunk = 64
	var mu sync.Mutex
	var failed error
	free := make(chan *runtime.Session, len(sessions))
	for _, s := range sessions {
		free <- s
	}
	train.Parallel(len(sessions), (n+chunk-1)/chunk, func(c int) {
		s := <-free
		defer func() { free <- s }()
		lo := c * chunk
		if err := runSamples(ctx, s, set, lo, min(lo+chunk, n), out.Data[lo*k:]); err != nil {
			mu.Lock()
			failed = err
			mu.Unlock()
		}
	})
	return out, failed
}

// newSessions loads a file for a number of threads.
func newSessions(file []byte, threads int) ([]*runtime.Session, error) {
	model, err := runtime.Load(file)
	if err != nil {
		return nil, err
	}
	if threads <= 0 {
		threads = goruntime.GOMAXPROCS(0)
	}
	sessions := make([]*runtime.Session, threads)
	for i := range sessions {
		if sessions[i], err = model.NewSession(runtime.Config{}); err != nil {
			return nil, err
		}
	}
	return sessions, nil
}

// runSamples runs the samples lo to hi-1 and writes their outputs to dst.
func runSamples(ctx context.Context, s *runtime.Session, set *dataset.Set, lo, hi int, dst []float32) error {
	x := make([]float32, set.Sample().Size())
	for i := lo; i < hi; i++ {
		if err := Stopped(ctx); err != nil {
			return err
		}
		set.Read(i, x)
		if err := s.SetInputNCHW(0, x); err != nil {
			return err
		}
		s.Run()
		y := s.Output(0)
		copy(dst[(i-lo)*len(y):], y)
	}
	return nil
}
