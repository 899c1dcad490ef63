package search_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/search"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// leaky is a network with state, h' = x + 0.7 h, which tells three classes apart by h'.
func leaky(t *testing.T) *graph.Graph {
	t.Helper()
	x, h := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2}}, &graph.Value{Name: "h", Shape: tensor.Shape{1, 2}}
	kept, next, y := &graph.Value{Name: "kept"}, &graph.Value{Name: "h_out"}, &graph.Value{Name: "y"}
	weights := func(name string, out int, v ...float32) *graph.Value {
		w := tensor.Of(v, out, 2)
		return &graph.Value{Name: name, Shape: w.Shape, Param: graph.NewParam(name, graph.Weight, w)}
	}
	g := &graph.Graph{Name: "leaky", Inputs: []*graph.Value{x, h}, Outputs: []*graph.Value{y, next}, State: []graph.StateLink{{Output: 1, Input: 1}}, Nodes: []*graph.Node{
		{Name: "leak", Op: op.Dense{}, Inputs: []*graph.Value{h, weights("a", 2, 0.7, 0, 0, 0.7), nil}, Outputs: []*graph.Value{kept}},
		{Name: "sum", Op: op.Add{}, Inputs: []*graph.Value{x, kept}, Outputs: []*graph.Value{next}},
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{next, weights("b", 3, 2, 0, -1, 2, -1, -2), nil}, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// leakySequences returns 24 sequences of 10 steps. Labels are what the network says, but for every ninth.
func leakySequences(t *testing.T, g *graph.Graph) *dataset.Set {
	t.Helper()
	r, x := newRand(3), make([]float32, 24*10*2)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	path := t.TempDir() + "/x.npy"
	if err := dataset.WriteNpy(path, tensor.Shape{24, 10, 2}, x); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{Shape: tensor.Shape{2}, Inputs: []dataset.Input{{Name: "x", Shape: tensor.Shape{2}}}, Sequences: true})
	if err != nil {
		t.Fatal(err)
	}
	h, err := eval.NewMeasure(context.Background(), eval.Subject{Graph: g, Set: sp.Train, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	set := *sp.Train
	set.Classes = 3
	for i := range set.Len() {
		l := train.Argmax(h.Reference.Float.Data[3*i : 3*i+3])
		if i%9 == 0 {
			l = (l + 1) % 3
		}
		set.Labels = append(set.Labels, l)
	}
	return &set
}

// TestMeasuredOnSequences: what the search says of the float network and of a file of a network
// with state is what evaluation finds on the sequences that were held out, by their labels.
func TestMeasuredOnSequences(t *testing.T) {
	g := leaky(t)
	set := leakySequences(t, g)
	var said []string
	r, err := compressWith(context.Background(), &search.Network{Name: "leaky", Graph: g}, &dataset.Splits{Train: set}, recipe{MaxDrop: 10, NoTraining: true, Threads: 2}, func(p search.Progress) { said = append(said, p.Note) })
	if err != nil {
		t.Fatal(err)
	}
	var last []int
	for i := 200; i < 240; i++ {
		last = append(last, i)
	}
	heldOut := set.Subset(last)
	wrong, mistaken := 0, 0
	out, err := eval.Execute(context.Background(), r.Best.Bytes, heldOut, 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range heldOut.Labels {
		if last[i]%9 == 0 {
			mistaken++
		}
		if train.Argmax(out.Data[3*i:3*i+3]) != l {
			wrong++
		}
	}
	if m := r.Float; m.Task != "accuracy" || m.N != 40 || m.Error != 100*float64(mistaken)/40 {
		t.Errorf("float network: %+v, want an error of %d in 40", m, mistaken)
	}
	if m := r.Best.Metrics; m.N != 40 || m.Error != 100*float64(wrong)/40 {
		t.Errorf("file: %+v, want an error of %d in 40", m, wrong)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "files are measured on sequences") || strings.Contains(all, "no labels") {
		t.Errorf("progress:\n%s", all)
	}
}

// TestSpent: a budget that reading has used up leaves time for the first file alone.
func TestSpent(t *testing.T) {
	g := leaky(t)
	config := recipe{MaxDrop: 10, NoTraining: true, Threads: 1}.config()
	config.Budget, config.Spent = time.Minute, time.Hour
	s, err := search.New(context.Background(), search.Subject{Model: &search.Network{Name: "leaky", Graph: g}, Data: &dataset.Splits{Train: leakySequences(t, g)}}, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(context.Background())
	if err != nil || r.Interrupted == "" || r.Time < time.Hour || len(r.Candidates) != 1 {
		t.Errorf("interrupted %q, %v, %d files, error %v; want one file", r.Interrupted, r.Time, len(r.Candidates), err)
	}
}
