package search

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

// counted returns n samples of one byte, with alternating labels 0 and 1.
func counted(t *testing.T, n int) *dataset.Set {
	t.Helper()
	x, labels := make([]byte, n), make([]int, n)
	for i := range labels {
		x[i], labels[i] = byte(i), i%2
	}
	set, err := dataset.FromBytes(tensor.Shape{1, 1, 1}, x, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
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

// asked returns a study of an objective alone.
func asked(o Objective) *Study {
	net := &Network{Graph: &graph.Graph{Outputs: []*graph.Value{{Shape: tensor.Shape{1, 2}}}}}
	return &Study{subject: Subject{Model: net}, config: Config{Objective: o}, ledger: newLedger(nil)}
}

// within returns an objective with a drop.
func within(drop float64) Objective { return Objective{MaxDrop: &drop} }

// of returns a candidate of so many bytes.
func of(size int, drop float64) Candidate {
	c := Candidate{Bytes: make([]byte, size)}
	c.Drop = drop
	return c
}
