package edgec

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func points(sizeDrop ...float64) []Point {
	var ps []Point
	for i := 0; i < len(sizeDrop); i += 2 {
		ps = append(ps, Point{Size: int(sizeDrop[i]), Drop: sizeDrop[i+1]})
	}
	return ps
}

func samePoints(a, b []Point) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Size != b[i].Size || a[i].Drop != b[i].Drop {
			return false
		}
	}
	return true
}

func TestFront(t *testing.T) {
	tests := []struct {
		name        string
		tried, want []Point
	}{
		{"nothing", nil, nil},
		{"one", points(10, 1), points(10, 1)},
		{"a trade", points(30, 0, 10, 2, 20, 1), points(10, 2, 20, 1, 30, 0)},
		{"a beaten one", points(10, 1, 20, 2), points(10, 1)},
		{"equal sizes", points(10, 2, 10, 1), points(10, 1)},
		{"equal drops", points(20, 1, 10, 1), points(10, 1)},
		{"equals", points(10, 1, 10, 1), points(10, 1)},
		{"a drop below zero", points(10, 1, 20, -0.5, 15, 3), points(10, 1, 20, -0.5)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := front(tt.tried); !samePoints(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// TestFrontAgainstPairs compares with the definition on random tables full of
// ties, and the answer with a search over all points.
//
// Complexity: the definitions in loops over all pairs, as the oracle.
//
//gocyclo:ignore
func TestFrontAgainstPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := 0; trial < 300; trial++ {
		var ps []Point
		for range r.IntN(12) {
			ps = append(ps, Point{Size: 10 + r.IntN(6), Drop: float64(r.IntN(6)) / 2})
		}
		f := front(ps)
		for _, p := range ps {
			beaten, listed := false, false
			for _, q := range ps {
				beaten = beaten || q.Size <= p.Size && q.Drop <= p.Drop && (q.Size < p.Size || q.Drop < p.Drop)
			}
			for _, q := range f {
				listed = listed || q.Size == p.Size && q.Drop == p.Drop
			}
			if beaten == listed {
				t.Fatalf("%v: %d bytes at %v: beaten %v, on the front %v", ps, p.Size, p.Drop, beaten, listed)
			}
		}
		// without errors of the drops there is no margin
		for _, recipe := range []Recipe{{MaxDrop: 1}, {MaxSize: 13}, {MaxDrop: 1.5, MaxSize: 12}, {}} {
			got, ok := best(ps, recipe)
			any := false
			for _, q := range ps {
				if !recipe.meets(q.Size, q.Drop, q.Latency) {
					continue
				}
				any = true
				if recipe.limitsOnly() && q.Drop < got.Drop || !recipe.limitsOnly() && q.Size < got.Size {
					t.Fatalf("%v, %+v: the answer is %+v, but %+v is better", ps, recipe, got, q)
				}
			}
			if any != ok || ok && !recipe.meets(got.Size, got.Drop, got.Latency) {
				t.Fatalf("%v, %+v: found %v, there is one %v", ps, recipe, ok, any)
			}
			if ok {
				listed := false
				for _, q := range f {
					listed = listed || q.Size == got.Size && q.Drop == got.Drop
				}
				if !listed {
					t.Fatalf("%v, %+v: the answer %d bytes at %v is not on the front", ps, recipe, got.Size, got.Drop)
				}
			}
		}
	}
}

// The smallest file that meets the limit with its margin is the answer; without
// such a file one with half of it, or else one that just meets the limit.
func TestBestMargin(t *testing.T) {
	ps := []Point{{Size: 10, Drop: 0.45, Margin: 0.1}, {Size: 12, Drop: 0.35, Margin: 0.1}, {Size: 14, Drop: 0, Margin: 0.1}}
	for _, tt := range []struct {
		most float64
		want int
	}{{0.5, 12}, {0.44, 14}, {0.15, 14}, {0.05, 14}} {
		if got, ok := best(ps, Recipe{MaxDrop: tt.most}); !ok || got.Size != tt.want {
			t.Errorf("at most %v: %d bytes, %v; want %d", tt.most, got.Size, ok, tt.want)
		}
	}
	for _, tt := range []struct {
		most float64
		want int
	}{{0.41, 12}, {0.38, 10}} { // with half the margin; without
		ps := []Point{{Size: 10, Drop: 0.375, Margin: 0.1}, {Size: 12, Drop: 0.35, Margin: 0.1}}
		if got, ok := best(ps, Recipe{MaxDrop: tt.most}); !ok || got.Size != tt.want {
			t.Errorf("at most %v: %d bytes, %v; want %d", tt.most, got.Size, ok, tt.want)
		}
	}
}

// What the float network knows by heart makes the margin wider, to a bound.
func TestMemory(t *testing.T) {
	for _, tt := range []struct {
		test, heldOut []float64
		want          float64
	}{
		{[]float64{0, 0, 0, 1}, []float64{0, 0, 0, 0}, mostMemory},
		{[]float64{0.010, 0.012}, []float64{0.0107}, 0.03},
		{[]float64{0, 0}, []float64{0, 1}, 0},
	} {
		if got := memory(tt.test, tt.heldOut); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v on the test part, %v held out: %v points, want %v", tt.test, tt.heldOut, got, tt.want)
		}
	}
}

func TestMeets(t *testing.T) {
	tests := []struct {
		r    Recipe
		size int
		drop float64
		time time.Duration
		want bool
	}{
		{Recipe{MaxDrop: 1}, 1 << 20, 1, 0, true},
		{Recipe{MaxDrop: 1}, 1, 1.01, 0, false},
		{Recipe{MaxDrop: 1}, 1, -3, 0, true},
		{Recipe{MaxSize: 100}, 100, 99, 0, true},
		{Recipe{MaxSize: 100}, 101, 0, 0, false},
		{Recipe{MaxSize: 100, MaxDrop: 1}, 100, 2, 0, false},
		{Recipe{MaxSize: 100, MaxDrop: 1}, 100, 1, 0, true},
		{Recipe{}, 5, 0, 0, true},
		{Recipe{}, 5, 0.01, 0, false},
		{Recipe{MaxDrop: 1}, 5, math.NaN(), 0, false},
		{Recipe{MaxDrop: 1}, 5, 1, time.Hour, true},
		{Recipe{MaxLatency: 50}, 1 << 20, 99, 50, true},
		{Recipe{MaxLatency: 50}, 5, 0, 51, false},
		{Recipe{MaxLatency: 50, MaxDrop: 1}, 5, 1, 50, true},
		{Recipe{MaxLatency: 50, MaxDrop: 1}, 5, 2, 50, false},
		{Recipe{MaxLatency: 50, MaxDrop: 1}, 5, 1, 51, false},
		{Recipe{MaxLatency: 50, MaxSize: 100}, 100, 99, 50, true},
		{Recipe{MaxLatency: 50, MaxSize: 100}, 101, 0, 50, false},
		{Recipe{MaxLatency: 50, MaxSize: 100}, 100, 0, 51, false},
	}
	for _, tt := range tests {
		if got := tt.r.meets(tt.size, tt.drop, tt.time); got != tt.want {
			t.Errorf("%+v: %d bytes at %v in %v: %v", tt.r, tt.size, tt.drop, tt.time, got)
		}
	}
}

func TestRecipeValidate(t *testing.T) {
	for _, r := range []Recipe{{}, {MaxDrop: 100, MaxSize: 1, MaxLatency: 1, Budget: 1, Effort: 100, TrainedOn: "yes", Criterion: "input"}, {TrainedOn: "no", Criterion: "magnitude"}} {
		if err := r.Validate(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	tests := []struct {
		name string
		r    Recipe
		says []string
	}{
		{"drop", Recipe{MaxDrop: -0.1}, []string{"max drop is -0.1"}},
		{"drop beyond", Recipe{MaxDrop: 101}, []string{"max drop is 101"}},
		{"drop of NaN", Recipe{MaxDrop: math.NaN()}, []string{"max drop is NaN"}},
		{"size", Recipe{MaxSize: -1}, []string{"max size is -1"}},
		{"latency", Recipe{MaxLatency: -time.Millisecond}, []string{"max latency is -1ms"}},
		{"budget", Recipe{Budget: -1}, []string{"budget is -1ns"}},
		{"effort", Recipe{Effort: -1}, []string{"effort is -1"}},
		{"effort beyond", Recipe{Effort: 1e9}, []string{"effort is 1e+09"}},
		{"effort of NaN", Recipe{Effort: math.NaN()}, []string{"effort is NaN"}},
		{"trained on", Recipe{TrainedOn: "perhaps"}, []string{`trained on is "perhaps"`}},
		{"criterion", Recipe{Criterion: "size"}, []string{`criterion "size"`}},
		{"all problems at once", Recipe{MaxDrop: -1, MaxSize: -1, Effort: -1}, []string{"max drop", "max size", "effort"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.r.Validate()
			if err == nil {
				t.Fatal("accepted")
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("message %q does not say %q", err, s)
				}
			}
		})
	}
}

// A file that another of the same weights has beaten is no answer, whatever it loses.
func TestBestBeaten(t *testing.T) {
	ps := []Point{{Size: 10, Drop: 0, barred: true}, {Size: 10, Drop: 1}}
	if got, ok := best(ps, Recipe{MaxSize: 20}); !ok || got.Drop != 1 {
		t.Errorf("a drop of %v, %v", got.Drop, ok)
	}
}
