package passes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

func shareRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 61)) }

// values draws n pruned weights' survivors: two bells with a gap at zero.
func values(r *rand.Rand, n int) (w, f []float32, x, fx []float64) {
	for i := 0; i < n; i++ {
		v := 2 + 6*r.ExpFloat64()
		if r.IntN(2) == 0 {
			v = -v
		}
		w = append(w, float32(v))
	}
	slices.Sort(w)
	for _, v := range w {
		g := float32(r.ExpFloat64())
		f = append(f, g)
		x, fx = append(x, float64(v)), append(fx, float64(g))
	}
	return w, f, x, fx
}

// TestPriceOfBits: with a lambda, indexes cost less and distortion more.
func TestPriceOfBits(t *testing.T) {
	bits, loss := math.Inf(1), 0.0
	for _, lambda := range []float64{0, 3, 30, 300} {
		p := param(shareRand(3), 400, true)
		f := importance(shareRand(4), p)
		if err := FitCodebook(p, f, 16, lambda); err != nil {
			t.Fatal(err)
		}
		b, d := Entropy(p), Distortion(p, f)
		if b > bits || d < loss {
			t.Errorf("lambda %v: %v bits after %v, distortion %v after %v", lambda, b, bits, d, loss)
		}
		bits, loss = b, d
	}
}

// param is a weight of 8 channels with n weights in all, on an int8 grid.
func param(r *rand.Rand, n int, masked bool) *graph.Param {
	w, _, _, _ := values(r, n)
	r.Shuffle(n, func(i, j int) { w[i], w[j] = w[j], w[i] })
	p := graph.NewParam("w", graph.Weight, tensor.Of(w, 8, n/8))
	p.Grid = &graph.Grid{Scale: make([]float32, 8), Max: 127}
	for c := range p.Grid.Scale {
		p.Grid.Scale[c] = 0.3 + 0.1*r.Float32()
	}
	if masked {
		p.Mask = make([]float32, n)
		for i := range p.Mask {
			p.Mask[i] = float32(r.IntN(2))
		}
	}
	p.Refresh()
	return p
}

func importance(r *rand.Rand, p *graph.Param) []float32 {
	f := make([]float32, len(p.Shadow.Data))
	for i := range f {
		f[i] = float32(r.ExpFloat64())
	}
	return f
}

func TestFit(t *testing.T) {
	for _, k := range []int{2, 3, 8, 256} {
		for _, masked := range []bool{false, true} {
			for _, lambda := range []float64{0, 5} {
				t.Run(fmt.Sprint(k, masked, lambda), func(t *testing.T) {
					p := param(shareRand(5), 320, masked)
					mask := slices.Clone(p.Mask)
					if err := FitCodebook(p, importance(shareRand(6), p), k, lambda); err != nil {
						t.Fatal(err)
					}
					c := p.Book.Centroids
					if len(c) > k || len(c) < 2 || c[0] != 0 || slices.Contains(c[1:], 0) {
						t.Errorf("centroids %v", c)
					}
					if !slices.Equal(mask, p.Mask) {
						t.Error("the mask has changed")
					}
					for i, x := range p.Book.Index {
						if kept := mask == nil || mask[i] != 0; kept != (x != 0) {
							t.Fatalf("weight %d, kept %v, has centroid %d", i, kept, x)
						}
					}
					p.Refresh()
					if err := CheckCodebook(p); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func TestFitLimits(t *testing.T) {
	f := slices.Repeat([]float32{1}, 8)
	p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{0.1, -0.2, 0.1, 0, 0.3, 0.1, 0, 0.2}, 8))
	if err := FitCodebook(p, f, 4, 0); err == nil || !strings.Contains(err.Error(), `"w"`) || !strings.Contains(err.Error(), "quantize before sharing") {
		t.Errorf("without a grid: %v", err)
	}
	p.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	for _, k := range []int{-1, 0, 1, 257} {
		if err := FitCodebook(p, f, k, 0); err == nil || !strings.Contains(err.Error(), "2 to 256") {
			t.Errorf("%d centroids: %v", k, err)
		}
	}
	if err := FitCodebook(p, f, 4, 0); err != nil || !slices.Equal(p.Book.Centroids, []float32{0, 1}) || CheckCodebook(p) != nil {
		t.Errorf("all weights round to zero: %v, %v", p.Book, err)
	}
	p.Mask = make([]float32, 8)
	if err := FitCodebook(p, f, 4, 0); err != nil || !slices.Equal(p.Book.Centroids, []float32{0}) || CheckCodebook(p) != nil {
		t.Errorf("all weights are pruned: %v, %v", p.Book, err)
	}
	if changed := AssignCentroids(p, f, 0); changed != 0 || Entropy(p) != 0 {
		t.Error("there is nothing to assign")
	}
	p.Mask = nil
	copy(p.Shadow.Data, []float32{500, -500, 2, 3, 4, 5, 6, 7})
	if err := FitCodebook(p, f, 3, 0); err != nil || CheckCodebook(p) != nil {
		t.Errorf("weights beyond the grid: %v, %v", p.Book, err)
	}
}

// TestAssign compares with a search over all centroids, by the cost in the
// package comment.
func TestAssign(t *testing.T) {
	for _, lambda := range []float64{0, 0.5, 20} {
		for _, masked := range []bool{false, true} {
			t.Run(fmt.Sprint(lambda, masked), func(t *testing.T) {
				r := shareRand(7)
				p := param(r, 320, masked)
				f := importance(r, p)
				p.Book = &graph.Codebook{Centroids: []float32{0, -40.2, -12.4, 9.6, 31}, Index: make([]uint8, 320)}
				for i := range p.Book.Index {
					if p.Mask == nil || p.Mask[i] != 0 {
						p.Book.Index[i] = uint8(1 + min(r.IntN(4), r.IntN(4))) // unequal shares
					}
				}
				before := slices.Clone(p.Book.Index)
				count, total := make([]float64, 5), 0.0
				for i, c := range before {
					if p.Mask == nil || p.Mask[i] != 0 {
						count[c]++
						total++
					}
				}
				changed := AssignCentroids(p, f, lambda)
				moved := 0
				for i, w := range p.Shadow.Data {
					if before[i] != p.Book.Index[i] {
						moved++
					}
					if p.Mask != nil && p.Mask[i] == 0 {
						if p.Book.Index[i] != 0 {
							t.Fatalf("pruned weight %d has centroid %d", i, p.Book.Index[i])
						}
						continue
					}
					cost := func(c uint8) float64 {
						e := float64(w) - float64(p.Grid.ScaleOf(i/40))*math.Round(float64(p.Book.Centroids[c]))
						return 0.5*float64(f[i])*e*e + lambda*-math.Log2((count[c]+0.5)/(total+2.5))
					}
					for c := uint8(1); c < 5; c++ {
						if got := p.Book.Index[i]; got == 0 || cost(c) < cost(got)-1e-6 {
							t.Fatalf("weight %d takes centroid %d (cost %v), but %d costs %v", i, got, cost(got), c, cost(c))
						}
					}
				}
				if changed != moved || moved == 0 {
					t.Errorf("%d reported, %d changed", changed, moved)
				}
				if lambda == 0 && AssignCentroids(p, f, lambda) != 0 {
					t.Error("without a lambda a second assignment changes nothing")
				}
			})
		}
	}
}

func TestMeasures(t *testing.T) {
	r := shareRand(8)
	p := param(r, 4000, true)
	f := importance(r, p)
	if err := FitCodebook(p, f, 6, 1); err != nil {
		t.Fatal(err)
	}
	count, kept, want := map[uint8]float64{}, 0.0, 0.0
	for i, w := range p.Shadow.Data {
		if p.Mask[i] == 0 {
			continue
		}
		kept++
		count[p.Book.Index[i]]++
		e := float64(w) - float64(p.Book.Centroids[p.Book.Index[i]])*float64(p.Grid.ScaleOf(i/500))
		want += 0.5 * float64(f[i]) * e * e
	}
	bits := 0.0
	for _, n := range count {
		bits -= n * math.Log2(n/kept)
	}
	if got := Distortion(p, f); math.Abs(got-want) > 1e-4*want {
		t.Errorf("distortion %v, want %v", got, want)
	}
	if got := Entropy(p); math.Abs(got-bits) > 0.01*bits { // shares are smoothed by half a weight
		t.Errorf("%v bits, want %v", got, bits)
	}
}

func TestSettle(t *testing.T) {
	tests := []struct {
		name      string
		centroids []float32
		index     []uint8
		mask      []float32
		wantC     []float32
		wantIndex []uint8
		wantMask  []float32
	}{
		{"rounds", []float32{0, 1.4, -2.5}, []uint8{1, 2, 0, 1}, []float32{1, 1, 0, 1}, []float32{0, 1, -3}, []uint8{1, 2, 0, 1}, []float32{1, 1, 0, 1}},
		{"merges equal ones", []float32{0, 1.4, 0.6, 5}, []uint8{1, 2, 3, 2}, []float32{1, 1, 1, 1}, []float32{0, 1, 5}, []uint8{1, 1, 2, 1}, []float32{1, 1, 1, 1}},
		{"drops unused ones", []float32{0, 7, 8, 9}, []uint8{3, 3, 0, 0}, []float32{1, 1, 0, 0}, []float32{0, 9}, []uint8{1, 1, 0, 0}, []float32{1, 1, 0, 0}},
		{"prunes what has become zero", []float32{0, 0.4, -0.2, 3}, []uint8{1, 2, 3, 0}, []float32{1, 1, 1, 0}, []float32{0, 3}, []uint8{0, 0, 1, 0}, []float32{0, 0, 1, 0}},
		{"without a mask", []float32{0, 0.4, 3}, []uint8{1, 2, 0, 2}, nil, []float32{0, 3}, []uint8{0, 1, 0, 1}, nil},
		{"everything pruned", []float32{0, 4}, []uint8{0, 0, 0, 0}, []float32{0, 0, 0, 0}, []float32{0}, []uint8{0, 0, 0, 0}, []float32{0, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{1, 2, 3, 4}, 4))
			p.Grid = &graph.Grid{Scale: []float32{0.5}, Max: 127}
			p.Mask = slices.Clone(tt.mask)
			p.Book = &graph.Codebook{Centroids: slices.Clone(tt.centroids), Index: slices.Clone(tt.index)}
			FinalizeCodebook(p)
			if !slices.Equal(p.Book.Centroids, tt.wantC) || !slices.Equal(p.Book.Index, tt.wantIndex) || !slices.Equal(p.Mask, tt.wantMask) {
				t.Errorf("centroids %v, index %v, mask %v", p.Book.Centroids, p.Book.Index, p.Mask)
			}
			if math.Signbit(float64(p.Book.Centroids[0])) {
				t.Error("centroid 0 is -0")
			}
			if err := CheckCodebook(p); err != nil {
				t.Error(err)
			}
			for i, v := range p.Value.Data {
				if v != tt.wantC[tt.wantIndex[i]]*0.5 {
					t.Errorf("effective value %d is %v", i, v)
				}
			}
			c, index := slices.Clone(p.Book.Centroids), slices.Clone(p.Book.Index)
			if FinalizeCodebook(p); !slices.Equal(c, p.Book.Centroids) || !slices.Equal(index, p.Book.Index) {
				t.Error("settling twice changes something")
			}
		})
	}
}

// TestCheckRefuses breaks each invariant of a settled parameter.
func TestCheckRefuses(t *testing.T) {
	sound := func() *graph.Param {
		p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{1, 2, 3, 4}, 4))
		p.Grid = &graph.Grid{Scale: []float32{0.5}, Max: 127}
		p.Mask = []float32{1, 0, 1, 1}
		p.Book = &graph.Codebook{Centroids: []float32{0, 3, -7}, Index: []uint8{1, 0, 2, 2}}
		return p
	}
	if err := CheckCodebook(sound()); err != nil {
		t.Fatal(err)
	}
	if err := CheckCodebook(graph.NewParam("free", graph.Weight, tensor.New(3))); err != nil {
		t.Errorf("without a codebook: %v", err)
	}
	tests := []struct {
		name  string
		spoil func(p *graph.Param)
		says  string
	}{
		{"no grid", func(p *graph.Param) { p.Grid = nil }, "without a grid"},
		{"centroid 0 moved", func(p *graph.Param) { p.Book.Centroids[0] = 1 }, "centroid 0 is 1"},
		{"a centroid between integers", func(p *graph.Param) { p.Book.Centroids[1] = 2.5 }, "centroid 1 is 2.5, not an integer"},
		{"a centroid beyond int8", func(p *graph.Param) { p.Book.Centroids[2] = -128 }, "centroid 2 is -128"},
		{"a centroid of NaN", func(p *graph.Param) { p.Book.Centroids[2] = float32(math.NaN()) }, "centroid 2 is NaN"},
		{"a pruned weight that is back", func(p *graph.Param) { p.Book.Index[1] = 2 }, "pruned weight 1"},
		{"an index beyond the book", func(p *graph.Param) { p.Book.Index[0] = 3 }, "index[0] is 3"},
		{"a short index", func(p *graph.Param) { p.Book.Index = p.Book.Index[1:] }, "3 indexes"},
		{"a broken mask", func(p *graph.Param) { p.Mask[0] = 0.25 }, "mask[0]"},
		{"a broken scale", func(p *graph.Param) { p.Grid.Scale[0] = -1 }, "scale[0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sound()
			tt.spoil(p)
			err := CheckCodebook(p)
			if err == nil {
				t.Fatal("accepted")
			}
			if msg := err.Error(); !strings.Contains(msg, tt.says) || !strings.Contains(msg, `"w"`) {
				t.Errorf("message %q does not say %q", msg, tt.says)
			}
		})
	}
}
