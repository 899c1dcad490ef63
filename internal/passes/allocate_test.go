package passes

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
)

// The sizes are those that lose least: no combination of codebooks that costs
// no more bits loses less, by trying all of them.
func TestBookSizes(t *testing.T) {
	r := shareRand(21)
	ps := []*graph.Param{param(r, 2000, true), param(r, 400, true), param(r, 1200, false)}
	f := make([][]float32, len(ps))
	kept := 0
	var options [3]map[int]allocation
	for i, p := range ps {
		f[i] = importance(r, p)
		for j := range f[i] {
			f[i][j] *= []float32{1, 100, 1}[i]
		}
		kept += p.Kept()
		options[i] = map[int]allocation{}
		for _, k := range sizes {
			a, err := allocate(p, f[i], k)
			if err != nil {
				t.Fatal(err)
			}
			options[i][k] = a
		}
	}
	last := 0
	for _, bits := range []float64{2, 3, 4.5} {
		ks, _, err := bookSizes(ps, f, bits)
		if err != nil {
			t.Fatal(err)
		}
		cost, loss := 0.0, 0.0
		for i, k := range ks {
			cost += options[i][k].bits
			loss += options[i][k].loss
		}
		if cost > bits*float64(kept) {
			t.Errorf("%v bits for each of %d weights: %.0f in all", bits, kept, cost)
		}
		for _, a := range options[0] {
			for _, b := range options[1] {
				for _, c := range options[2] {
					if a.bits+b.bits+c.bits <= cost && a.loss+b.loss+c.loss < loss {
						t.Fatalf("%v bits: %v lose %.4g in %.0f bits; %d, %d, %d would lose %.4g in %.0f", bits, ks, loss, cost, a.k, b.k, c.k, a.loss+b.loss+c.loss, a.bits+b.bits+c.bits)
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

// Allocate leaves weights that cost about what was asked for, and the
// assignment that its lambda makes.
func TestAllocate(t *testing.T) {
	r := shareRand(23)
	ps := []*graph.Param{param(r, 4000, true), param(r, 800, false)}
	f := [][]float32{importance(r, ps[0]), importance(r, ps[1])}
	for _, bits := range []float64{2.5, 4} {
		lambda, err := AllocateCodebooks(ps, f, bits)
		if err != nil {
			t.Fatal(err)
		}
		cost, kept := 0.0, 0
		for i, p := range ps {
			if err := CheckCodebook(p); err != nil {
				t.Fatal(err)
			}
			cost += Entropy(p) + bookBits*float64(len(p.Book.Centroids))
			kept += p.Kept()
			before := slices.Clone(p.Book.Index)
			AssignCentroids(p, f[i], lambda)
			moved := 0
			for j := range before {
				if before[j] != p.Book.Index[j] {
					moved++
				}
			}
			if moved > p.Kept()/5 { // assigning changes the prices a little
				t.Errorf("%v bits: %d of %d weights move at the lambda", bits, moved, p.Kept())
			}
		}
		if got := cost / float64(kept); got > bits || got < 0.8*bits { // the lambda saves some more
			t.Errorf("%.2f bits for a weight, %v were asked for", got, bits)
		}
	}
}

func TestAllocateRefuses(t *testing.T) {
	r := shareRand(22)
	p := param(r, 80, false)
	f := [][]float32{importance(r, p)}
	for _, bits := range []float64{0, 1, 8.5} {
		if _, err := AllocateCodebooks([]*graph.Param{p}, f, bits); err == nil || !strings.Contains(err.Error(), "bits for a weight") {
			t.Errorf("%v bits: %v", bits, err)
		}
	}
	p.Grid = nil
	if _, err := AllocateCodebooks([]*graph.Param{p}, f, 3); err == nil || !strings.Contains(err.Error(), "quantize before sharing") {
		t.Errorf("without a grid: %v", err)
	}
	p = param(r, 80, false)
	p.Mask = make([]float32, 80)
	if _, err := AllocateCodebooks([]*graph.Param{p}, f, 3); err != nil || CheckCodebook(p) != nil {
		t.Errorf("nothing is kept: %v", err)
	}
}
