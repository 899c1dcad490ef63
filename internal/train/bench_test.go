package train

import (
	"testing"
	"time"

	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// lenet5 is the network of LeCun et al. 1998 in the sizes that pruning papers
// use: 20 and 50 kernels of 5x5, dense layers of 500 and 10; 431,080 parameters.
func lenet5(t testing.TB) *graph.Graph {
	halve := op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2}
	return newChain(t, 1, 1, 28, 28).
		then(op.Conv2D{}, 20, 1, 5, 5).then(halve).
		then(op.Conv2D{}, 50, 20, 5, 5).then(halve).
		then(op.Reshape{Shape: []int{800}}).
		then(op.Dense{Clamp: rectify}, 500, 800).then(op.Dense{}, 10, 500).done()
}

// newStep returns a training step of LeNet-5 at batch 64 with Adam on the given
// number of threads.
func newStep(b *testing.B, threads int) func() {
	tr, err := New(lenet5(b), Config{Batch: 64, Threads: threads})
	if err != nil {
		b.Fatal(err)
	}
	r := newRand(2)
	batch := Single(normal(r, 64, 1, 28, 28), make([]int, 64), normal(r, 64, 10))
	for i := range batch.Labels {
		batch.Labels[i] = i % 10
	}
	return func() {
		if _, err := tr.Step(batch, 1e-4); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLeNet5Step measures a whole training step over the own product
// (ns/op) and, step by step in turns, over gonum's. The metrics are the times of
// both in ms and "ratio", own/gonum. Gonum's product takes all cores by itself,
// whatever the number of threads.
func BenchmarkLeNet5Step(b *testing.B) {
	for _, c := range []struct {
		name    string
		threads int
	}{{"threads=1", 1}, {"threads=2", 2}} {
		b.Run(c.name, func(b *testing.B) {
			step := newStep(b, c.threads)
			gonumStep := func() {
				defer gemm.UseGonum()()
				step()
			}
			step()
			gonumStep()
			var own, other time.Duration
			timed := func(f func()) time.Duration {
				since := time.Now()
				f()
				return time.Since(since)
			}
			for b.Loop() {
				own += timed(step)
				b.StopTimer()
				other += timed(gonumStep)
				b.StartTimer()
			}
			ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(b.N) }
			b.ReportMetric(ms(own), "own-ms/step")
			b.ReportMetric(ms(other), "gonum-ms/step")
			b.ReportMetric(own.Seconds()/other.Seconds(), "ratio")
		})
	}
}

// BenchmarkPredict measures LeNet-5 forward in samples a second.
func BenchmarkPredict(b *testing.B) {
	p, err := NewPredictor(lenet5(b), 32, 2)
	if err != nil {
		b.Fatal(err)
	}
	const n = 1024
	x := normal(newRand(3), n, 1, 28, 28)
	for b.Loop() {
		p.Run(n, func(lo, hi int, dst []*tensor.Tensor) { copy(dst[0].Data, x.Rows(lo, hi).Data) })
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
