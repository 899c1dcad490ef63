package eval

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Batches shrink until the activations of a thread fit, to 4 at the least.
func TestBatch(t *testing.T) {
	for _, c := range []struct{ elements, want int }{
		{1000, 32},
		{262_144, 32}, // 32 MB, just
		{400_000, 16},
		{900_000, 8},
		{50_000_000, 4}, // never smaller
	} {
		v := &graph.Value{Shape: tensor.Shape{1, c.elements}} // nothing computes it
		g := &graph.Graph{Nodes: []*graph.Node{{Outputs: []*graph.Value{v}}}}
		if got := Batch(g); got != c.want {
			t.Errorf("%d elements: a batch of %d, want %d", c.elements, got, c.want)
		}
	}
}
