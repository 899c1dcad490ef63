package passes

import (
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

func randomLayer(r *rand.Rand, n int) *Layer {
	p := graph.NewParam("w", graph.Weight, tensor.New(n))
	l := &Layer{Param: p, Gain: 1, score: make([]float32, n)}
	p.Mask = make([]float32, n)
	for i := range p.Mask {
		p.Mask[i] = float32(r.IntN(2))
		l.score[i] = r.Float32()
	}
	return l
}

func TestThresholdKeepsTheWantedNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 10, 1000} {
		for trial := 0; trial < 20; trial++ {
			ls := []*Layer{randomLayer(r, n), randomLayer(r, 2*n)}
			ls[1].Gain = 0.5
			keep := r.IntN(3*n + 1)
			Apply(ls, Threshold(ls, keep))
			if got := Kept(ls); got != keep {
				t.Fatalf("n %d: kept %d, want %d", n, got, keep)
			}
		}
	}
}

func TestHysteresis(t *testing.T) {
	tests := []struct {
		name  string
		mask  float32
		score float32 // threshold 1
		want  float32
	}{
		{"kept just below the threshold stays", 1, 0.95, 1},
		{"kept far below is pruned", 1, 0.85, 0},
		{"pruned just above stays pruned", 0, 1.05, 0},
		{"pruned far above is spliced back", 0, 1.15, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := graph.NewParam("w", graph.Weight, tensor.New(1))
			p.Mask = []float32{tt.mask}
			l := &Layer{Param: p, Gain: 1, score: []float32{tt.score}}
			Apply([]*Layer{l}, 1)
			if p.Mask[0] != tt.want {
				t.Errorf("mask %v, want %v", p.Mask[0], tt.want)
			}
		})
	}
}

func TestGainScalesTheLayersThreshold(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.New(2))
	p.Mask = []float32{1, 1}
	l := &Layer{Param: p, Gain: 0.5, score: []float32{0.5, 0.4}}
	Apply([]*Layer{l}, 1)
	if l.Threshold != 0.5 || p.Mask[0] != 1 || p.Mask[1] != 0 {
		t.Errorf("threshold %v, mask %v; want 0.5, [1 0]", l.Threshold, p.Mask)
	}
}

func TestSelectNthEqualsSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for trial := 0; trial < 200; trial++ {
		x := make([]float32, 1+r.IntN(50))
		for i := range x {
			x[i] = float32(r.IntN(10))
		}
		n := r.IntN(len(x))
		want := slices.Sorted(slices.Values(x))[n]
		if got := selectNth(slices.Clone(x), n); got != want {
			t.Fatalf("selectNth(%v, %d) = %v, want %v", x, n, got, want)
		}
	}
}
