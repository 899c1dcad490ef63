package passes

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/share"
)

func shareRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 61)) }

// sharedParam is a weight of 8 channels with n weights in all, on an int8 grid, and an
// importance of each.
func sharedParam(r *rand.Rand, n int, masked bool) (*graph.Param, []float32) {
	w, f := make([]float32, n), make([]float32, n)
	for i := range w {
		w[i], f[i] = float32(2+6*r.ExpFloat64())*float32(2*r.IntN(2)-1), float32(r.ExpFloat64())
	}
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
	return p, f
}

// A parameter gets the codebook of its plain data, and its effective values are centroids.
func TestFitCodebook(t *testing.T) {
	p, f := sharedParam(shareRand(5), 320, true)
	mask := slices.Clone(p.Mask)
	if err := FitCodebook(p, f, 8, 5); err != nil {
		t.Fatal(err)
	}
	w := share.Tensor{Weights: p.Shadow.Data, Mask: p.Mask, Importance: f, Scale: p.Grid.Scale, Limit: 127}
	want, err := w.Fit(8, 5)
	if err != nil || !slices.Equal(p.Book.Centroids, want.Centroids) || !slices.Equal(p.Book.Index, want.Index) || !slices.Equal(p.Mask, mask) {
		t.Errorf("%v, want %v, %v", p.Book, want, err)
	}
	p.Refresh()
	if err := CheckCodebook(p); err != nil {
		t.Error(err)
	}
	p.Shadow.Data[slices.Index(mask, 1)] *= -1
	if n := AssignCentroids(p, f, 5); n == 0 {
		t.Error("a weight of the other sign keeps its centroid")
	}
	if err := FitCodebook(p, f, 1, 0); err == nil || !strings.Contains(err.Error(), `"w"`) || !strings.Contains(err.Error(), "2 to 256") {
		t.Errorf("one centroid: %v", err)
	}
	p.Grid = nil
	if err := FitCodebook(p, f, 4, 0); err == nil || !strings.Contains(err.Error(), `"w"`) || !strings.Contains(err.Error(), "quantize before sharing") {
		t.Errorf("without a grid: %v", err)
	}
}

// AllocateCodebooks leaves weights that cost about what was asked for, and the assignment
// that its lambda makes.
func TestAllocateCodebooks(t *testing.T) {
	r := shareRand(23)
	a, fa := sharedParam(r, 4000, true)
	b, fb := sharedParam(r, 800, false)
	ps, f := []*graph.Param{a, b}, [][]float32{fa, fb}
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
			cost += (*share.Codebook)(p.Book).Entropy(p.Mask) + share.CentroidBits*float64(len(p.Book.Centroids))
			kept += p.Kept()
			if moved := AssignCentroids(p, f[i], lambda); moved > p.Kept()/5 { // assigning changes the rates a little
				t.Errorf("%v bits: %d of %d weights move at the same lambda", bits, moved, p.Kept())
			}
		}
		if got := cost / float64(kept); got > bits || got < 0.8*bits { // lambda saves some more
			t.Errorf("%.2f bits for a weight, %v were asked for", got, bits)
		}
	}
}

func TestAllocateCodebooksRefuses(t *testing.T) {
	p, f := sharedParam(shareRand(22), 80, false)
	for _, bits := range []float64{0, 1, 8.5} {
		if _, err := AllocateCodebooks([]*graph.Param{p}, [][]float32{f}, bits); err == nil || !strings.Contains(err.Error(), "bits for a weight") {
			t.Errorf("%v bits: %v", bits, err)
		}
	}
	p.Mask = make([]float32, 80)
	if _, err := AllocateCodebooks([]*graph.Param{p}, [][]float32{f}, 3); err != nil || CheckCodebook(p) != nil {
		t.Errorf("nothing is kept: %v", err)
	}
	p.Grid = nil
	if _, err := AllocateCodebooks([]*graph.Param{p}, [][]float32{f}, 3); err == nil || !strings.Contains(err.Error(), "quantize before sharing") {
		t.Errorf("without a grid: %v", err)
	}
}

// Weights whose centroid has become zero are pruned, and effective values follow.
func TestFinalizeCodebook(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{1, 2, 3, 4}, 4))
	p.Grid = &graph.Grid{Scale: []float32{0.5}, Max: 127}
	p.Mask = []float32{1, 1, 1, 0}
	p.Book = &graph.Codebook{Centroids: []float32{0, 0.4, -0.2, 2.6}, Index: []uint8{1, 2, 3, 0}}
	FinalizeCodebook(p)
	if !slices.Equal(p.Book.Centroids, []float32{0, 3}) || !slices.Equal(p.Mask, []float32{0, 0, 1, 0}) || !slices.Equal(p.Value.Data, []float32{0, 0, 1.5, 0}) {
		t.Errorf("centroids %v, mask %v, effective values %v", p.Book.Centroids, p.Mask, p.Value.Data)
	}
	if err := CheckCodebook(p); err != nil {
		t.Error(err)
	}
}

// Each invariant of a finished parameter is broken.
func TestCheckCodebookRefuses(t *testing.T) {
	if err := CheckCodebook(graph.NewParam("free", graph.Weight, tensor.New(3))); err != nil {
		t.Errorf("without a codebook: %v", err)
	}
	for _, c := range []struct {
		name  string
		spoil func(p *graph.Param)
		says  string
	}{
		{"", func(p *graph.Param) {}, ""},
		{"no grid", func(p *graph.Param) { p.Grid = nil }, "without a grid"},
		{"a centroid between integers", func(p *graph.Param) { p.Book.Centroids[1] = 2.5 }, "centroid 1 is 2.5, not an integer"},
		{"a centroid of NaN", func(p *graph.Param) { p.Book.Centroids[2] = float32(math.NaN()) }, "centroid 2 is NaN"},
		{"a pruned weight that is back", func(p *graph.Param) { p.Book.Index[1] = 2 }, "pruned weight 1"},
		{"a short index", func(p *graph.Param) { p.Book.Index = p.Book.Index[1:] }, "3 indexes"},
		{"a broken mask", func(p *graph.Param) { p.Mask[0] = 0.25 }, "mask[0]"},
	} {
		p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{1, 2, 3, 4}, 4))
		p.Grid = &graph.Grid{Scale: []float32{0.5}, Max: 127}
		p.Mask = []float32{1, 0, 1, 1}
		p.Book = &graph.Codebook{Centroids: []float32{0, 3, -7}, Index: []uint8{1, 0, 2, 2}}
		c.spoil(p)
		err := CheckCodebook(p)
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `"w"`)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

// Weights that are integers keep them under the codebook of their values.
func TestValueCodebook(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{0.5, -1, 0, 0.5, 0, 6}, 2, 3))
	if err := ValueCodebook(p); err == nil || !strings.Contains(err.Error(), "quantize before sharing") {
		t.Errorf("without a grid: %v", err)
	}
	p.Grid = &graph.Grid{Scale: []float32{0.5, 0.25}, Max: 127}
	p.Refresh()
	want := slices.Clone(p.Value.Data)
	if err := ValueCodebook(p); err != nil {
		t.Fatal(err)
	}
	if err := CheckCodebook(p); err != nil {
		t.Error(err)
	}
	if !slices.Equal(p.Value.Data, want) || !slices.Equal(p.Book.Centroids, []float32{0, -2, 1, 2, 24}) || !slices.Equal(p.Mask, []float32{1, 1, 0, 1, 0, 1}) {
		t.Errorf("values %v, want %v; book %v, mask %v", p.Value.Data, want, p.Book.Centroids, p.Mask)
	}
	many := make([]float32, 300)
	for i := range many {
		many[i] = float32(i)
	}
	p = graph.NewParam("w", graph.Weight, tensor.Of(many, 1, 300))
	p.Grid = &graph.Grid{Scale: []float32{1}, Max: 1000}
	if err := ValueCodebook(p); err == nil || !strings.Contains(err.Error(), "300 values") {
		t.Errorf("300 values: %v", err)
	}
}
