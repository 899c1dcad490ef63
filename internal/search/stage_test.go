package search

import (
	"context"
	"testing"
	"time"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// wide is a network of one activation of n elements that nothing computes.
func wide(n int) *graph.Graph {
	v := &graph.Value{Shape: tensor.Shape{1, n}}
	return &graph.Graph{Nodes: []*graph.Node{{Outputs: []*graph.Value{v}}}}
}

// Batches of training shrink until activations and gradients fit, to smallestBatch at the
// least.
func TestFitBatch(t *testing.T) {
	for _, c := range []struct{ elements, want int }{
		{1000, 256},
		{262_144, 256},   // 536 MB with gradients
		{400_000, 128},   // 819 MB would be too much
		{900_000, 64},    // the case of four convolutions of 256 kernels
		{50_000_000, 16}, // never smaller
	} {
		if got := fitBatch(wide(c.elements), 256); got != c.want {
			t.Errorf("%d elements: a batch of %d, want %d", c.elements, got, c.want)
		}
	}
	if got := fitBatch(wide(10), 128); got != 128 {
		t.Errorf("a small network trains in batches of %d, asked 128", got)
	}
}

// Work and a deadline bound the steps that there is room for.
func TestRoomFor(t *testing.T) {
	s := &Study{ledger: &ledger{}}
	long := training{samples: 100 * tuneBatch, work: 8e6 * tuneBatch, share: 0.5}
	small := identity(t, 4, 1)
	near(t, "a small network", s.roomFor(context.Background(), small, long), 100*repeats(float64(MACs(small))), 0)
	broad := identity(t, 2000, 1) // 4e6 multiplications
	near(t, "a wide one", s.roomFor(context.Background(), broad, long), 2, 0)
	s.ledger.pace.add(1e6*tuneBatch, time.Second)
	soon, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	near(t, "a wide one before a deadline", s.roomFor(soon, broad, long), 0.5*10*1e6/4e6, 0.02)
}
