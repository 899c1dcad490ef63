package train

import (
	"slices"
	"sync/atomic"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestPredictor: any number of samples, batches and threads gives what the
// samples give one by one.
func TestPredictor(t *testing.T) {
	g := small(t, 20)
	x := normal(newRand(21), 13, 1, 8, 8)
	tape, err := graph.NewTape(Logits(g), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.New(13, 3)
	for i := 0; i < 13; i++ {
		copy(want.Data[3*i:], tape.Forward(x.Rows(i, i+1))[0].Data)
	}
	for _, n := range []int{0, 1, 7, 8, 13} {
		for _, threads := range []int{0, 1, 3} {
			p, err := NewPredictor(Logits(g), 4, threads)
			if err != nil {
				t.Fatal(err)
			}
			var filled atomic.Int64
			out := p.Run(n, func(lo, hi int, dst []*tensor.Tensor) {
				if dst[0].Shape[0] != hi-lo {
					t.Errorf("samples %d..%d in shape %v", lo, hi-1, dst[0].Shape)
				}
				filled.Add(int64(hi - lo))
				copy(dst[0].Data, x.Rows(lo, hi).Data)
			})
			if int(filled.Load()) != n || p.Outputs() != 3 || !out.Shape.Equal(tensor.Shape{n, 3}) {
				t.Errorf("%d samples: %d filled, shape %v", n, filled.Load(), out.Shape)
			}
			if !slices.Equal(out.Data, want.Data[:3*n]) {
				t.Errorf("%d samples on %d threads: other outputs than one by one", n, threads)
			}
		}
	}
}

func TestArgmax(t *testing.T) {
	for want, x := range [][]float32{{3}, {1, 2}, {0, 0, 1, 1}, {-3, -2, -9, -1}} {
		if got := Argmax(x); got != want {
			t.Errorf("Argmax(%v) = %d, want %d", x, got, want)
		}
	}
}

func TestParallel(t *testing.T) {
	for _, threads := range []int{-1, 0, 1, 2, 9} {
		for _, n := range []int{0, 1, 2, 50} {
			counts := make([]atomic.Int32, n)
			var running, most atomic.Int32
			Parallel(threads, n, func(i int) {
				if r := running.Add(1); r > most.Load() {
					most.Store(r)
				}
				counts[i].Add(1)
				running.Add(-1)
			})
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Errorf("%d threads, %d calls: f(%d) was called %d times", threads, n, i, c)
				}
			}
			if int(most.Load()) > max(threads, 1) {
				t.Errorf("%d calls at once on %d threads", most.Load(), threads)
			}
		}
	}
}
