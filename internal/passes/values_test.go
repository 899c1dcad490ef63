package passes

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Weights that are integers keep them under the codebook of their values.
func TestFound(t *testing.T) {
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
