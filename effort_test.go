package edgec

import (
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// wide is a network of one activation of n elements that nothing computes.
func wide(n int) *graph.Graph {
	v := &graph.Value{Shape: tensor.Shape{1, n}}
	return &graph.Graph{Nodes: []*graph.Node{{Outputs: []*graph.Value{v}}}}
}

// Batches shrink until activations fit, and no further than training bears.
func TestBatchesFit(t *testing.T) {
	for _, c := range []struct{ elements, train, predict int }{
		{1000, 256, 32},
		{262_144, 256, 32},  // 536 MB with gradients; 32 MB forward, just
		{400_000, 128, 16},  // 819 MB would be too much
		{900_000, 64, 8},    // the case of four convolutions of 256 kernels
		{50_000_000, 16, 4}, // never smaller
	} {
		g := wide(c.elements)
		if got := fitBatch(g, 256); got != c.train {
			t.Errorf("%d elements: batch %d of training, want %d", c.elements, got, c.train)
		}
		if got := predictBatch(g); got != c.predict {
			t.Errorf("%d elements: batch %d forward, want %d", c.elements, got, c.predict)
		}
	}
	if got := fitBatch(wide(10), 128); got != 128 {
		t.Errorf("a small network trains in batches of %d, asked 128", got)
	}
}

// Filters are cut while the drop stays within a part of what is accepted above
// the drop before any cut; limits alone accept limitsDrop more than that.
func TestFilterLimit(t *testing.T) {
	s := &search{net: identity(t, 3, 1), recipe: Recipe{MaxDrop: 1}}
	near(t, "from 0.1", s.filterLimit(s.net, 0.1), 0.1+filterShare*(1+slack-0.1), 1e-12)
	near(t, "above what is accepted", s.filterLimit(s.net, 2), 2, 1e-12)
	s.recipe = Recipe{MaxSize: 1000}
	near(t, "limits only", s.filterLimit(s.net, 2), 2+filterShare*limitsDrop, 1e-12)
}

// A small network meets all held-out samples in every step, a large one part of
// them, and none fewer than 1000 while there are as many.
func TestEnough(t *testing.T) {
	for _, c := range []struct {
		heldOut         int
		multiplications int64
		want            int
	}{
		{10_000, 0, 10_000}, {10_000, 2_000_000, 10_000}, {10_000, 155_000_000, 3225}, {10_000, 2_000_000_000, 1000}, {400, 2_000_000_000, 400},
	} {
		if got := enough(c.heldOut, c.multiplications); got != c.want {
			t.Errorf("%d samples of %d for %d multiplications, want %d", got, c.heldOut, c.multiplications, c.want)
		}
	}
}

// Files made for want of better ones are measured on fewer samples where an
// inference is large.
func TestFew(t *testing.T) {
	set, err := dataset.FromBytes(tensor.Shape{1, 1, 1}, make([]uint8, 4000), make([]int, 4000), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &search{judge: &judge{set: set}}
	long := identity(t, 400, 1) // the same layer on each of a thousand places
	long.Inputs[0].Shape, long.Outputs[0].Shape = tensor.Shape{1, 1000, 400}, tensor.Shape{1, 1000, 400}
	if got := s.few(long); got != 200 {
		t.Errorf("%d multiplications: %d samples, want 200", macs(long), got)
	}
	for _, c := range []struct{ side, want int }{{3, 4000}, {2000, 4000}, {4000, 1250}} {
		if got := s.few(identity(t, c.side, 1)); got != c.want {
			t.Errorf("%d multiplications: %d samples, want %d", c.side*c.side, got, c.want)
		}
	}
}

// A search that is stopped with a good file looks for no other.
func TestRescueIsLeftOut(t *testing.T) {
	s := &search{points: []Point{{Centroids: 16, Meets: true}}, saved: []*checkpoint{nil}} // would fail on the missing state
	if err := s.rescue(); err != nil {
		t.Fatal(err)
	}
}

// Larger codebooks are left out once a file with a codebook meets the recipe,
// for which the int8 file does not count.
func TestFinerIsLeftOut(t *testing.T) {
	s := &search{points: []Point{{Meets: true}, {Centroids: 16, Meets: true}}}
	if err := s.finer(nil); err != nil { // would fail on the missing state
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an int8 file that meets the recipe ended the search for a codebook")
		}
	}()
	s.points = s.points[:1]
	s.finer(nil)
}

// Longer fine-tunings choose centroids in as many steps as one of effort 1, not in as large a part.
func TestChoosing(t *testing.T) {
	for _, c := range []struct{ effort, want float64 }{{0, 0.75}, {0.1, 0.75}, {1, 0.75}, {3, 0.25}} {
		near(t, "effort", Recipe{Effort: c.effort}.choosing(), c.want, 1e-12)
	}
}
