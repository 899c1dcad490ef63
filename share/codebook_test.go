package share

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A larger lambda makes indexes cost less and distortion more.
func TestLambda(t *testing.T) {
	bits, loss := math.Inf(1), 0.0
	for _, lambda := range []float64{0, 3, 30, 300} {
		w := drawn(newRand(3), newRand(4), 400, true)
		b, err := w.Fit(16, lambda)
		if err != nil {
			t.Fatal(err)
		}
		e, d := b.Entropy(w.Mask), w.Distortion(b)
		if e > bits || d < loss {
			t.Errorf("lambda %v: %v bits after %v, distortion %v after %v", lambda, e, bits, d, loss)
		}
		bits, loss = e, d
	}
}

// drawn is n weights in 8 channels on an int8 grid.
func drawn(r, importance *rand.Rand, n int, masked bool) Tensor {
	w, _, _, _ := values(r, n)
	r.Shuffle(n, func(i, j int) { w[i], w[j] = w[j], w[i] })
	t := Tensor{Weights: w, Scale: make([]float32, 8), Limit: 127, Importance: make([]float32, n)}
	for c := range t.Scale {
		t.Scale[c] = 0.3 + 0.1*r.Float32()
	}
	if masked {
		t.Mask = make([]float32, n)
		for i := range t.Mask {
			t.Mask[i] = float32(r.IntN(2))
		}
	}
	for i := range t.Importance {
		t.Importance[i] = float32(importance.ExpFloat64())
	}
	return t
}

func TestFit(t *testing.T) {
	for _, k := range []int{2, 3, 8, 256} {
		for _, masked := range []bool{false, true} {
			for _, lambda := range []float64{0, 5} {
				t.Run(fmt.Sprint(k, masked, lambda), func(t *testing.T) {
					w := drawn(newRand(5), newRand(6), 320, masked)
					b, err := w.Fit(k, lambda)
					if err != nil {
						t.Fatal(err)
					}
					if c := b.Centroids; len(c) > k || len(c) < 2 || c[0] != 0 || slices.Contains(c[1:], 0) {
						t.Errorf("centroids %v", c)
					}
					for i, x := range b.Index {
						if kept := !masked || w.Mask[i] != 0; kept != (x != 0) {
							t.Fatalf("weight %d, kept %v, has centroid %d", i, kept, x)
						}
					}
					if err := b.Check(w.Mask, w.Limit); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func TestFitLimits(t *testing.T) {
	w := Tensor{Weights: []float32{0.1, -0.2, 0.1, 0, 0.3, 0.1, 0, 0.2}, Importance: slices.Repeat([]float32{1}, 8), Scale: []float32{1}, Limit: 127}
	for _, k := range []int{-1, 0, 1, 257} {
		if _, err := w.Fit(k, 0); err == nil || !strings.Contains(err.Error(), "2 to 256") {
			t.Errorf("%d centroids: %v", k, err)
		}
	}
	fit := func(k int) *Codebook {
		b, err := w.Fit(k, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(w.Mask, w.Limit); err != nil {
			t.Error(err)
		}
		return b
	}
	if b := fit(4); !slices.Equal(b.Centroids, []float32{0, 1}) {
		t.Errorf("all weights round to zero: %v", b)
	}
	w.Mask = make([]float32, 8)
	b := fit(4)
	if !slices.Equal(b.Centroids, []float32{0}) {
		t.Errorf("all weights are pruned: %v", b)
	}
	if w.Assign(b, 0) != 0 || b.Entropy(w.Mask) != 0 {
		t.Error("there is nothing to assign")
	}
	w.Mask = nil
	w.Weights = []float32{500, -500, 2, 3, 4, 5, 6, 7}
	fit(3) // weights beyond the grid
}

// Assign is compared with a search over all centroids, by the cost in the package comment.
func TestAssign(t *testing.T) {
	for _, lambda := range []float64{0, 0.5, 20} {
		for _, masked := range []bool{false, true} {
			t.Run(fmt.Sprint(lambda, masked), func(t *testing.T) {
				r := newRand(7)
				w := drawn(r, r, 320, masked)
				b := &Codebook{Centroids: []float32{0, -40.2, -12.4, 9.6, 31}, Index: make([]uint8, 320)}
				count, total := make([]float64, 5), 0.0
				for i := range b.Index {
					if !masked || w.Mask[i] != 0 {
						b.Index[i] = uint8(1 + min(r.IntN(4), r.IntN(4))) // unequal shares
						count[b.Index[i]]++
						total++
					}
				}
				before := slices.Clone(b.Index)
				changed, moved := w.Assign(b, lambda), 0
				for i, v := range w.Weights {
					if before[i] != b.Index[i] {
						moved++
					}
					if masked && w.Mask[i] == 0 {
						if b.Index[i] != 0 {
							t.Fatalf("pruned weight %d has centroid %d", i, b.Index[i])
						}
						continue
					}
					cost := func(c uint8) float64 {
						e := float64(v) - float64(w.Scale[i/40])*math.Round(float64(b.Centroids[c]))
						return 0.5*float64(w.Importance[i])*e*e + lambda*-math.Log2((count[c]+0.5)/(total+2.5))
					}
					for c := uint8(1); c < 5; c++ {
						if got := b.Index[i]; got == 0 || cost(c) < cost(got)-1e-6 {
							t.Fatalf("weight %d takes centroid %d (cost %v), but %d costs %v", i, got, cost(got), c, cost(c))
						}
					}
				}
				if changed != moved || moved == 0 {
					t.Errorf("%d reported, %d changed", changed, moved)
				}
				if lambda == 0 && w.Assign(b, lambda) != 0 {
					t.Error("without a lambda a second assignment changes nothing")
				}
			})
		}
	}
}

func TestMeasures(t *testing.T) {
	r := newRand(8)
	w := drawn(r, r, 4000, true)
	b, err := w.Fit(6, 1)
	if err != nil {
		t.Fatal(err)
	}
	count, kept, want := map[uint8]float64{}, 0.0, 0.0
	for i, v := range w.Weights {
		if w.Mask[i] == 0 {
			continue
		}
		kept++
		count[b.Index[i]]++
		e := float64(v) - float64(b.Centroids[b.Index[i]])*float64(w.Scale[i/500])
		want += 0.5 * float64(w.Importance[i]) * e * e
	}
	bits := 0.0
	for _, n := range count {
		bits -= n * math.Log2(n/kept)
	}
	if got := w.Distortion(b); math.Abs(got-want) > 1e-4*want {
		t.Errorf("distortion %v, want %v", got, want)
	}
	if got := b.Entropy(w.Mask); math.Abs(got-bits) > 0.01*bits { // shares are smoothed by half a weight
		t.Errorf("%v bits, want %v", got, bits)
	}
}

func TestFinalize(t *testing.T) {
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
			b, mask := &Codebook{Centroids: slices.Clone(tt.centroids), Index: slices.Clone(tt.index)}, slices.Clone(tt.mask)
			b.Finalize(mask)
			if !slices.Equal(b.Centroids, tt.wantC) || !slices.Equal(b.Index, tt.wantIndex) || !slices.Equal(mask, tt.wantMask) {
				t.Errorf("centroids %v, index %v, mask %v", b.Centroids, b.Index, mask)
			}
			if math.Signbit(float64(b.Centroids[0])) {
				t.Error("centroid 0 is -0")
			}
			if err := b.Check(mask, 127); err != nil {
				t.Error(err)
			}
			c, index := slices.Clone(b.Centroids), slices.Clone(b.Index)
			if b.Finalize(mask); !slices.Equal(c, b.Centroids) || !slices.Equal(index, b.Index) {
				t.Error("a second call changes something")
			}
		})
	}
}

// Each invariant of a finished codebook is broken.
func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b *Codebook)
		says  string
	}{
		{"", func(b *Codebook) {}, ""},
		{"no centroids", func(b *Codebook) { b.Centroids = nil }, "0 centroids"},
		{"too many", func(b *Codebook) { b.Centroids = make([]float32, 257) }, "257 centroids"},
		{"centroid 0 moved", func(b *Codebook) { b.Centroids[0] = 1 }, "the first one zero"},
		{"a centroid between integers", func(b *Codebook) { b.Centroids[1] = 2.5 }, "centroid 1 is 2.5, not an integer"},
		{"a centroid beyond int8", func(b *Codebook) { b.Centroids[2] = -128 }, "centroid 2 is -128"},
		{"a centroid of NaN", func(b *Codebook) { b.Centroids[2] = float32(math.NaN()) }, "centroid 2 is NaN"},
		{"a pruned weight that is back", func(b *Codebook) { b.Index[1] = 2 }, "pruned weight 1 has centroid 2"},
		{"an index beyond the book", func(b *Codebook) { b.Index[0] = 3 }, "weight 0 has centroid 3 of 3"},
	} {
		b := &Codebook{Centroids: []float32{0, 3, -7}, Index: []uint8{1, 0, 2, 2}}
		c.spoil(b)
		if err := b.Check([]float32{1, 0, 1, 1}, 127); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

// Integers keep their values.
func TestFromValues(t *testing.T) {
	q := []int32{1, -2, 0, 1, 0, 24, -2}
	b, err := FromValues(q)
	if err != nil || !slices.Equal(b.Centroids, []float32{0, -2, 1, 24}) {
		t.Fatalf("%v, %v", b, err)
	}
	for i, v := range q {
		if got := b.Centroids[b.Index[i]]; got != float32(v) {
			t.Errorf("value %d is %v, want %d", i, got, v)
		}
	}
	many := make([]int32, 300)
	for i := range many {
		many[i] = int32(i)
	}
	if _, err := FromValues(many[:256]); err != nil {
		t.Error(err)
	}
	if _, err := FromValues(many); err == nil || !strings.Contains(err.Error(), "300 values") {
		t.Errorf("300 values: %v", err)
	}
}

// The nearest centroid is found as the loop over all of them finds it, ties too.
func TestAssignNearest(t *testing.T) {
	r := newRand(31)
	for range 200 {
		values := []float64{}
		for v := -6 + r.IntN(4); v < 7; v += 1 + r.IntN(3) {
			values = append(values, float64(v))
		}
		x := float64(r.IntN(40)-20) / 2 // halves are ties
		f := []float64{0, 1, r.ExpFloat64()}[r.IntN(3)]
		cost := func(c int) float64 { return (0.5*f + 1e-12) * (x - values[c]) * (x - values[c]) }
		if got, want := firstNearest(values, x, cost), firstCheapest(len(values), cost); got != want {
			t.Fatalf("%v among %v: value %d, want %d", x, values, got, want)
		}
	}
}
