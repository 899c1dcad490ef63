package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// TestBrokenTraining: NaN and infinity are errors, and no weight is touched.
func TestBrokenTraining(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(g *graph.Graph, b *Batch)
		loss  Loss
	}{
		{"NaN in the data", func(_ *graph.Graph, b *Batch) { b.X[0].Data[5] = float32(math.NaN()) }, nil},
		{"an infinite weight", func(g *graph.Graph, _ *Batch) {
			p := g.Params()[4]
			p.Shadow.Data[0] = float32(math.Inf(1))
		}, nil},
		{"an infinite loss", func(g *graph.Graph, b *Batch) { b.Targets[0].Data[0] = float32(math.Inf(1)) }, MeanSquare{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, b := small(t, 12), smallBatch(13, 8)
			for i := range b.X[0].Data { // every unit is awake
				b.X[0].Data[i] = float32(math.Abs(float64(b.X[0].Data[i])))
			}
			tt.spoil(g, &b)
			tr := mustNew(t, g, Config{Batch: 8, Loss: tt.loss})
			before := shadows(g)
			_, err := tr.Step(b, 0.01)
			if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "step 0") || !strings.Contains(err.Error(), "learning rate") {
				t.Fatalf("error %v", err)
			}
			if !slices.Equal(before, shadows(g)) {
				t.Error("weights have moved")
			}
		})
	}
}

func TestTrainerRefuses(t *testing.T) {
	g := small(t, 14)
	tr := mustNew(t, g, Config{Batch: 8})
	if _, err := tr.Gradients(smallBatch(1, 9)); err == nil || !strings.Contains(err.Error(), "9 samples") {
		t.Errorf("a batch that is too large: %v", err)
	}
	if _, err := tr.Gradients(Single(tensor.New(0, 1, 8, 8), nil, nil)); err == nil || !strings.Contains(err.Error(), "0 samples") {
		t.Errorf("an empty batch: %v", err)
	}
	table := newChain(t, 15, 3).then(op.Dense{}, 2, 3).then(op.Table{In: graph.Affine{Scale: 1}, Out: graph.Affine{Scale: 1}}).done()
	if _, err := mustNew(t, table, Config{Batch: 2}).Step(Single(tensor.New(2, 3), []int{0, 1}, nil), 0.1); err == nil || !strings.Contains(err.Error(), "no gradient") {
		t.Errorf("an operator without a gradient: %v", err)
	}
}
