package eval

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// near reports a value that differs from the wanted one by more than tol.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// openCSV opens a table as a data set.
func openCSV(t *testing.T, text string) *dataset.Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sp.Train
}

// identity is a network of n inputs that returns them scaled.
func identity(t *testing.T, n int, scale float32) *graph.Graph {
	t.Helper()
	x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, n}}, &graph.Value{Name: "y", Shape: tensor.Shape{1, n}}
	w := tensor.New(n, n)
	for i := range n {
		w.Data[i*n+i] = scale
	}
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{{Name: "d", Op: op.Dense{}, Outputs: []*graph.Value{y},
		Inputs: []*graph.Value{x, {Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}, nil}}}}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}
