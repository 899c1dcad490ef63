package share

import (
	"math"
	"slices"
	"testing"
)

// The sizes are those that lose least: no combination of codebooks that costs no more bits
// loses less, by trying all of them.
func TestAllocate(t *testing.T) {
	r := newRand(21)
	kept := 0
	var options [][]Option
	for i, n := range []int{2000, 400, 1200} {
		w := drawn(r, r, n, i < 2)
		for j := range w.Importance {
			w.Importance[j] *= []float32{1, 100, 1}[i]
		}
		o, err := w.Options(sizes)
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, o)
		for j := range w.Weights {
			if w.Mask == nil || w.Mask[j] != 0 {
				kept++
			}
		}
	}
	last := 0
	for _, bits := range []float64{2, 3, 4.5} {
		ks, lambda := Allocate(options, bits*float64(kept))
		cost, loss := 0.0, 0.0
		for i, k := range ks {
			o := options[i][slices.Index(sizes, k)]
			cost += o.Bits
			loss += o.Loss
			for _, other := range options[i] {
				if other.Loss+lambda*other.Bits < o.Loss+lambda*o.Bits {
					t.Errorf("%v bits: layer %d has %d centroids, %d are better at lambda %v", bits, i, k, other.Size, lambda)
				}
			}
		}
		if cost > bits*float64(kept) {
			t.Errorf("%v bits for each of %d weights: %.0f in all", bits, kept, cost)
		}
		for _, a := range options[0] {
			for _, b := range options[1] {
				for _, c := range options[2] {
					if a.Bits+b.Bits+c.Bits <= cost && a.Loss+b.Loss+c.Loss < loss {
						t.Fatalf("%v bits: %v lose %.4g in %.0f bits; %d, %d, %d would lose %.4g", bits, ks, loss, cost, a.Size, b.Size, c.Size, a.Loss+b.Loss+c.Loss)
					}
				}
			}
		}
		if ks[1] <= ks[0] || ks[1] <= ks[2] {
			t.Errorf("%v bits: the layer that matters a hundred times more has %d centroids, the others %d and %d", bits, ks[1], ks[0], ks[2])
		}
		if ks[0] <= last {
			t.Errorf("%v bits: %d centroids, %d with fewer bits", bits, ks[0], last)
		}
		last = ks[0]
	}
}

// A budget that nothing meets gives the cheapest, one that everything meets the best.
func TestAllocateLimits(t *testing.T) {
	options := [][]Option{{{2, 9, 10}, {4, 3, 20}, {8, 0, 30}}}
	if ks, lambda := Allocate(options, 5); ks[0] != 2 || math.Abs(lambda/mostLambda-1) > 1e-9 {
		t.Errorf("%v at %v for less than the cheapest costs", ks, lambda)
	}
	if ks, _ := Allocate(options, 25); ks[0] != 4 {
		t.Errorf("%v for 25 bits", ks)
	}
	if ks, lambda := Allocate(options, 1e9); ks[0] != 8 || lambda > 2*leastLambda {
		t.Errorf("%v at %v for more than the best costs", ks, lambda)
	}
}

func TestSizes(t *testing.T) {
	for bits, most := range map[float64]int{1.01: 32, 3: 128, 8: 256} {
		got := Sizes(bits)
		if got[0] != 2 || !slices.IsSorted(got) || got[len(got)-1] != most {
			t.Errorf("%v bits: %v, want up to %d", bits, got, most)
		}
	}
}
