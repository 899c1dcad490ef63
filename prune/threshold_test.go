package prune

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 51)) }

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.Abs(got-want) > tol*math.Max(1, math.Abs(want)) || math.IsNaN(got) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func randomLayer(r *rand.Rand, n int) *Layer {
	l := &Layer{Gain: 1, Score: make([]float32, n), Mask: make([]float32, n)}
	for i := range l.Mask {
		l.Mask[i] = float32(r.IntN(2))
		l.Score[i] = r.Float32()
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
			Update(ls, Threshold(ls, keep))
			if got := Kept(ls); got != keep {
				t.Fatalf("n %d: kept %d, want %d", n, got, keep)
			}
		}
	}
}

// Nothing kept, everything kept, and ties.
func TestThresholdLimits(t *testing.T) {
	r := newRand(9)
	ls := []*Layer{randomLayer(r, 20), randomLayer(r, 30)}
	for _, tt := range []struct{ keep, want int }{{-3, 0}, {0, 0}, {50, 50}, {99, 50}} {
		if Update(ls, Threshold(ls, tt.keep)); Kept(ls) != tt.want {
			t.Errorf("keep %d: %d are kept", tt.keep, Kept(ls))
		}
	}
	tied := []*Layer{randomLayer(r, 10)}
	for i := range tied[0].Score {
		tied[0].Score[i], tied[0].Mask[i] = float32(i/5), 1
	}
	if Update(tied, Threshold(tied, 3)); Kept(tied) != 5 {
		t.Errorf("%d kept: the five that tie survive together", Kept(tied))
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
			l := &Layer{Gain: 1, Score: []float32{tt.score}, Mask: []float32{tt.mask}}
			Update([]*Layer{l}, 1)
			if l.Mask[0] != tt.want {
				t.Errorf("mask %v, want %v", l.Mask[0], tt.want)
			}
		})
	}
}

func TestGainScalesTheLayersThreshold(t *testing.T) {
	l := &Layer{Gain: 0.5, Score: []float32{0.5, 0.4}, Mask: []float32{1, 1}}
	Update([]*Layer{l}, 1)
	if l.Threshold != 0.5 || l.Mask[0] != 1 || l.Mask[1] != 0 {
		t.Errorf("threshold %v, mask %v; want 0.5, [1 0]", l.Threshold, l.Mask)
	}
}

// The layers whose pruning cost more than the average for each weight get smaller gains;
// the cost is 0.5 v w^2 of what was removed.
func TestEase(t *testing.T) {
	layer := func(w, v, score float32, n int) *Layer {
		repeat := func(x float32) []float32 { return slices.Repeat([]float32{x}, n) }
		return &Layer{Gain: 1, Weights: repeat(w), SquaredGradient: repeat(v), Score: repeat(score), Mask: repeat(1)}
	}
	hurt, fine, same := layer(2, 3, 1, 4), layer(0.1, 1, 1, 4), layer(9, 9, 100, 2)
	ls := []*Layer{hurt, fine, same}
	if pruned, spliced := Update(ls, 2); pruned != 8 || spliced != 0 {
		t.Fatalf("%d pruned, %d spliced", pruned, spliced)
	}
	near(t, "harm", hurt.Harm, 4*0.5*3*4, 1e-6)
	near(t, "harm", fine.Harm, 4*0.5*0.01, 1e-6)
	near(t, "harm", same.Harm, 0, 0)
	Ease(ls)
	if hurt.Gain != 0.8 || fine.Gain != 1 || same.Gain != 1 {
		t.Errorf("gains %v %v %v", hurt.Gain, fine.Gain, same.Gain)
	}
	hurt.Score[0] = 5
	if _, spliced := Update(ls, 2); spliced != 1 {
		t.Fatalf("%d spliced", spliced)
	}
	near(t, "harm after one came back", hurt.Harm, 3*0.5*3*4, 1e-6)
	bare := &Layer{Gain: 1, Score: []float32{0}, Mask: []float32{1}}
	if Update([]*Layer{bare}, 1); bare.Harm != 0 || bare.Mask[0] != 0 {
		t.Errorf("without gradients the harm is %v, mask %v", bare.Harm, bare.Mask)
	}
}

// The schedule starts and ends where it should, falls all the way, fastest at first, and
// stays after the ramp.
func TestSchedule(t *testing.T) {
	const start, keep, ramp = 1000, 100, 0.5
	near(t, "half of the ramp", float64(Schedule(start, keep, 0.25, ramp)), 100+900*0.125, 1e-2)
	last, fall := start, math.MaxInt
	for i := 0; i <= 20; i++ {
		n := Schedule(start, keep, float64(i)/20, ramp)
		if i == 0 && n != start || i >= 10 && n != keep {
			t.Errorf("%d at step %d of 20", n, i)
		}
		if i > 0 && (n > last || last-n > fall) {
			t.Errorf("from %d to %d after a fall of %d", last, n, fall)
		}
		if i > 0 {
			fall = last - n
		}
		last = n
	}
}

func TestDecay(t *testing.T) {
	w := []float32{2, -4, 8}
	Decay(w, []float32{0, 1, 0})
	if want := []float32{2 * float32(decay), -4, 8 * float32(decay)}; !slices.Equal(w, want) {
		t.Errorf("%v, want %v", w, want)
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
