package share

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

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 61)) }

// optimum is the least weighted distortion of the ascending values x with k
// centroids, by dynamic programming over all ways to cut them into runs.
func optimum(x, f []float64, k int) float64 {
	n := len(x)
	sf, sx, sxx := make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)
	for i, v := range x {
		sf[i+1], sx[i+1], sxx[i+1] = sf[i]+f[i], sx[i]+f[i]*v, sxx[i]+f[i]*v*v
	}
	cost := func(lo, hi int) float64 { // around the mean
		m := sx[hi] - sx[lo]
		return sxx[hi] - sxx[lo] - m*m/(sf[hi]-sf[lo])
	}
	best := make([]float64, n+1)
	for i := range best {
		best[i] = math.Inf(1)
	}
	best[0] = 0
	for c := 0; c < k; c++ {
		for hi := n; hi > 0; hi-- {
			for lo := 0; lo < hi; lo++ {
				best[hi] = math.Min(best[hi], best[lo]+cost(lo, hi))
			}
		}
	}
	return best[n]
}

// distortion is sum f (x - nearest centroid)^2.
func distortion(x, f []float64, c []float32) float64 {
	d := 0.0
	for i, v := range x {
		least := math.Inf(1)
		for _, q := range c {
			least = math.Min(least, (v-float64(q))*(v-float64(q)))
		}
		d += f[i] * least
	}
	return d
}

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

// TestKMeansAgainstOptimum: Lloyd's algorithm is local; with some hundred
// values it stays near the optimum that dynamic programming finds.
func TestKMeansAgainstOptimum(t *testing.T) {
	const (
		worst = 1.75 // of any one draw, in units of the optimum
		mean  = 1.25 // of all draws
	)
	r := newRand(1)
	sum, n := 0.0, 0
	for trial := 0; trial < 30; trial++ {
		w, f, x, fx := values(r, 250+r.IntN(150))
		k := 3 + trial%6
		c := KMeans(w, f, k, 0)
		if len(c) > k-1 || !slices.IsSorted(c) || len(slices.Compact(slices.Clone(c))) != len(c) {
			t.Fatalf("centroids %v of at most %d, ascending and distinct", c, k-1)
		}
		got, least := distortion(x, fx, c), optimum(x, fx, k-1)
		if got < least*(1-1e-5) {
			t.Fatalf("distortion %v is below the optimum %v: the oracle is wrong", got, least)
		}
		if got > worst*least {
			t.Errorf("distortion %v, the optimum is %v (k %d, %d values)", got, least, k, len(w))
		}
		sum += got / least
		n++
	}
	t.Logf("distortion over the optimum: %.3f on average", sum/float64(n))
	if sum/float64(n) > mean {
		t.Errorf("distortion is %v times the optimum on average", sum/float64(n))
	}
}

// TestKMeansIsAFixedPoint: every centroid is the weighted mean of the values
// that are nearest to it.
func TestKMeansIsAFixedPoint(t *testing.T) {
	w, f, x, fx := values(newRand(2), 200)
	c := KMeans(w, f, 9, 0)
	for j, q := range c {
		s, m := 0.0, 0.0
		for i, v := range x {
			best := 0
			for k := range c {
				if math.Abs(v-float64(c[k])) < math.Abs(v-float64(c[best])) {
					best = k
				}
			}
			if best == j {
				s += fx[i]
				m += fx[i] * v
			}
		}
		if math.Abs(m/s-float64(q)) > 0.01*math.Abs(float64(q)) { // a floor under the importance shifts it a little
			t.Errorf("centroid %d is %v, the mean of its values %v", j, q, m/s)
		}
	}
}

func TestKMeansLimits(t *testing.T) {
	one := func(n int) []float32 { return slices.Repeat([]float32{1}, n) }
	if c := KMeans(nil, nil, 8, 0); c != nil {
		t.Errorf("no values: %v", c)
	}
	if c := KMeans([]float32{1}, one(1), 1, 0); c != nil {
		t.Errorf("zero alone: %v", c)
	}
	if c := KMeans([]float32{3, -2, 3}, one(3), 8, 0); !slices.Equal(c, []float32{-2, 3}) {
		t.Errorf("fewer values than centroids: %v", c)
	}
	if c := KMeans([]float32{5, 1, 3}, []float32{0, 0, 0}, 2, 0); !slices.Equal(c, []float32{3}) {
		t.Errorf("without importance: %v", c)
	}
	if c := KMeans([]float32{1, 5}, []float32{3, 1}, 2, 0); len(c) != 1 || math.Abs(float64(c[0])-2) > 0.01 {
		t.Errorf("the weighted mean: %v", c)
	}
}

// TestPriceOfBits: with a price, indexes cost less and distortion more.
func TestPriceOfBits(t *testing.T) {
	bits, loss := math.Inf(1), 0.0
	for _, lambda := range []float64{0, 3, 30, 300} {
		p := param(newRand(3), 400, true)
		f := importance(newRand(4), p)
		if err := Fit(p, f, 16, lambda); err != nil {
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
					p := param(newRand(5), 320, masked)
					mask := slices.Clone(p.Mask)
					if err := Fit(p, importance(newRand(6), p), k, lambda); err != nil {
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
					if err := Check(p); err != nil {
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
	if err := Fit(p, f, 4, 0); err == nil || !strings.Contains(err.Error(), `"w"`) || !strings.Contains(err.Error(), "quantize before sharing") {
		t.Errorf("without a grid: %v", err)
	}
	p.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	for _, k := range []int{-1, 0, 1, 257} {
		if err := Fit(p, f, k, 0); err == nil || !strings.Contains(err.Error(), "2 to 256") {
			t.Errorf("%d centroids: %v", k, err)
		}
	}
	if err := Fit(p, f, 4, 0); err != nil || !slices.Equal(p.Book.Centroids, []float32{0, 1}) || Check(p) != nil {
		t.Errorf("all weights round to zero: %v, %v", p.Book, err)
	}
	p.Mask = make([]float32, 8)
	if err := Fit(p, f, 4, 0); err != nil || !slices.Equal(p.Book.Centroids, []float32{0}) || Check(p) != nil {
		t.Errorf("all weights are pruned: %v, %v", p.Book, err)
	}
	if changed := Assign(p, f, 0); changed != 0 || Entropy(p) != 0 {
		t.Error("there is nothing to assign")
	}
	p.Mask = nil
	copy(p.Shadow.Data, []float32{500, -500, 2, 3, 4, 5, 6, 7})
	if err := Fit(p, f, 3, 0); err != nil || Check(p) != nil {
		t.Errorf("weights beyond the grid: %v, %v", p.Book, err)
	}
}

// TestAssign compares with a search over all centroids, by the cost in the
// package comment.
func TestAssign(t *testing.T) {
	for _, lambda := range []float64{0, 0.5, 20} {
		for _, masked := range []bool{false, true} {
			t.Run(fmt.Sprint(lambda, masked), func(t *testing.T) {
				r := newRand(7)
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
				changed := Assign(p, f, lambda)
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
				if lambda == 0 && Assign(p, f, lambda) != 0 {
					t.Error("without a price a second assignment changes nothing")
				}
			})
		}
	}
}

func TestMeasures(t *testing.T) {
	r := newRand(8)
	p := param(r, 4000, true)
	f := importance(r, p)
	if err := Fit(p, f, 6, 1); err != nil {
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
			Settle(p)
			if !slices.Equal(p.Book.Centroids, tt.wantC) || !slices.Equal(p.Book.Index, tt.wantIndex) || !slices.Equal(p.Mask, tt.wantMask) {
				t.Errorf("centroids %v, index %v, mask %v", p.Book.Centroids, p.Book.Index, p.Mask)
			}
			if math.Signbit(float64(p.Book.Centroids[0])) {
				t.Error("centroid 0 is -0")
			}
			if err := Check(p); err != nil {
				t.Error(err)
			}
			for i, v := range p.Value.Data {
				if v != tt.wantC[tt.wantIndex[i]]*0.5 {
					t.Errorf("effective value %d is %v", i, v)
				}
			}
			c, index := slices.Clone(p.Book.Centroids), slices.Clone(p.Book.Index)
			if Settle(p); !slices.Equal(c, p.Book.Centroids) || !slices.Equal(index, p.Book.Index) {
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
	if err := Check(sound()); err != nil {
		t.Fatal(err)
	}
	if err := Check(graph.NewParam("free", graph.Weight, tensor.New(3))); err != nil {
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
			err := Check(p)
			if err == nil {
				t.Fatal("accepted")
			}
			if msg := err.Error(); !strings.Contains(msg, tt.says) || !strings.Contains(msg, `"w"`) {
				t.Errorf("message %q does not say %q", msg, tt.says)
			}
		})
	}
}
