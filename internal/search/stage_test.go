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

// A training is complete unless its work or a deadline bounds its samples.
func TestCompleteness(t *testing.T) {
	s := &Study{ledger: &ledger{}}
	long := training{samples: 1000, work: 8e6, share: 0.5}
	near(t, "a small network", s.completeness(context.Background(), identity(t, 4, 1), long), 1, 0)
	broad := identity(t, 2000, 1) // 4e6 multiplications
	of := 8e6 / (1000 * repeats(4e6) * 4e6)
	near(t, "a wide one", s.completeness(context.Background(), broad, long), of, of/1e6)
	s.ledger.pace.add(1e5, time.Second)
	soon, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	near(t, "a wide one before a deadline", s.completeness(soon, broad, long), of*0.5*1e6/8e6, of/100)
}
