package eval

import (
	"archive/zip"
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
)

// pair is a network with a map of 3 x 2 x 2 and two classes of 0..1 as outputs: the map is a
// convolution by 1 x 1 of the first input, of 2 x 2 x 2, the classes a softmax of the second.
func pair(t *testing.T) *graph.Graph {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	weight := func(name string, shape ...int) *graph.Value {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(r.NormFloat64())
		}
		return &graph.Value{Name: name, Shape: w.Shape, Param: graph.NewParam(name, graph.Weight, w)}
	}
	x, z := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2, 2, 2}}, &graph.Value{Name: "z", Shape: tensor.Shape{1, 3}}
	maps, logits, classes := &graph.Value{Name: "map"}, &graph.Value{Name: "logits"}, &graph.Value{Name: "classes"}
	g := &graph.Graph{Name: "pair", Inputs: []*graph.Value{x, z}, Outputs: []*graph.Value{maps, classes}, Nodes: []*graph.Node{
		{Name: "conv", Op: op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, Inputs: []*graph.Value{x, weight("wx", 3, 2, 1, 1), nil}, Outputs: []*graph.Value{maps}},
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{z, weight("wz", 2, 3), nil}, Outputs: []*graph.Value{logits}},
		{Name: "softmax", Op: op.Softmax{Axis: 1}, Inputs: []*graph.Value{logits}, Outputs: []*graph.Value{classes}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// rowsOf returns samples of one array that has the elements of all inputs.
func rowsOf(t *testing.T, n, width int) *dataset.Set {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n*width)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	path := t.TempDir() + "/x.npy"
	if err := dataset.WriteNpy(path, tensor.Shape{n, width}, x); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sp.Train
}

// TestPredictSeveral: the outputs of a sample are one row, output after output, in the network's
// order; tasks of distances keep a final softmax, those of classes do not.
func TestPredictSeveral(t *testing.T) {
	g, set := pair(t), rowsOf(t, 40, 11)
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Predict(context.Background(), View(Vectors{}, g), set, 40, 2)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 11)
	for i := range 40 {
		set.Read(i, x)
		out := tape.Forward(tensor.Of(x[:8], 1, 2, 2, 2), tensor.Of(x[8:], 1, 3))
		for k, v := range append(out[0].Data, out[1].Data...) {
			near(t, "output", float64(got.Data[14*i+k]), float64(v), 0)
		}
		near(t, "sum of probabilities", float64(got.Data[14*i+12]+got.Data[14*i+13]), 1, 1e-6)
	}
	logits, err := Predict(context.Background(), View(Agreement{}, g), set, 40, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if s := logits.Data[14*i+12] + logits.Data[14*i+13]; math.Abs(float64(s)-1) < 1e-4 {
			t.Errorf("sample %d: logits add up to %v", i, s)
		}
	}
}

// TestExecuteSeveral: a file's outputs lie where the float network's lie, a map channels first,
// to a few steps of its grid.
func TestExecuteSeveral(t *testing.T) {
	g, set := pair(t), several(t, 60)
	want, err := Predict(context.Background(), g, set, 60, 1)
	if err != nil {
		t.Fatal(err)
	}
	in := []*tensor.Tensor{tensor.New(60, 2, 2, 2), tensor.New(60, 3)}
	Read(set, 0, 60, in)
	if err := passes.Quantize(g, passes.InputSamples(in, 60), passes.Config{}); err != nil {
		t.Fatal(err)
	}
	file, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Execute(context.Background(), file, set, 60, 2)
	if err != nil {
		t.Fatal(err)
	}
	var lost, all [2]float64
	for i, w := range want.Data {
		head := 0
		if i%14 >= 12 {
			head, w = 1, w-0.5
		}
		y := float64(got.Data[i]) - 0.5*float64(head)
		lost[head] += (y - float64(w)) * (y - float64(w))
		all[head] += float64(w) * float64(w)
	}
	for head := range lost {
		if e := lost[head] / all[head]; e > 0.005 { // int8 grids
			t.Errorf("output %d is off by %v of its square", head, e)
		}
	}
	if _, err := Execute(context.Background(), file, rowsOf(t, 3, 11), 3, 1); err == nil || !strings.Contains(err.Error(), "1 arrays, the file has 2 inputs") {
		t.Errorf("samples of one array: %v", err)
	}
}

// twoArrays writes n samples with arrays x [2, 2, 2] and z [3], and more, whose shapes begin
// with n.
func twoArrays(t *testing.T, n int, more ...dataset.Input) string {
	t.Helper()
	folder := t.TempDir()
	r := rand.New(rand.NewPCG(5, 6))
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for _, in := range append([]dataset.Input{{Name: "x", Shape: tensor.Shape{n, 2, 2, 2}}, {Name: "z", Shape: tensor.Shape{n, 3}}}, more...) {
		name, shape := in.Name, in.Shape
		x := make([]float32, shape.Size())
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		path := folder + "/" + name + ".npy"
		if err := dataset.WriteNpy(path, shape, x); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := w.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		e.Write(data) // into memory
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := folder + "/d.npz"
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var pairInputs = []dataset.Input{{Name: "x", Shape: tensor.Shape{2, 2, 2}}, {Name: "z", Shape: tensor.Shape{3}}}

// several returns n samples with an array for each input of pair.
func several(t *testing.T, n int) *dataset.Set {
	t.Helper()
	sp, err := dataset.Open(twoArrays(t, n), dataset.Options{Inputs: pairInputs})
	if err != nil {
		t.Fatal(err)
	}
	return sp.Train
}

// TestSeveralTargets: target values, as many as all outputs have, make it regression.
func TestSeveralTargets(t *testing.T) {
	path := twoArrays(t, 20, dataset.Input{Name: "y", Shape: tensor.Shape{20, 14}})
	sp, err := dataset.Open(path, dataset.Options{Inputs: pairInputs, Classes: 14})
	if err != nil {
		t.Fatal(err)
	}
	g := pair(t)
	task, err := Choose(context.Background(), Subject{Graph: g, Set: sp.Train})
	if err != nil || task.Name() != "regression" {
		t.Fatalf("%v, %v", task, err)
	}
	h, err := NewHoldout(context.Background(), g, task, sp.Train, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "error of the targets", h.Measure(tensor.Of(sp.Train.Targets, 20, 14)).Error, 0, 0)
	if e := h.Float().Error; !(e > 50) { // the targets are noise
		t.Errorf("error of the network: %v", e)
	}
	if _, err := Choose(context.Background(), Subject{Graph: &graph.Graph{Inputs: g.Inputs, Outputs: g.Outputs[:1], Nodes: g.Nodes[:1]}, Set: sp.Train}); err == nil || !strings.Contains(err.Error(), "14 target values, the network has outputs of [12]") {
		t.Errorf("too many target values: %v", err)
	}
}

// TestSeveralOutputsHaveNoLabels: labels belong to one output.
func TestSeveralOutputsHaveNoLabels(t *testing.T) {
	g := pair(t)
	labelled := openCSV(t, "a,b,label\n1,10,0\n2,20,1\n")
	if _, err := Choose(context.Background(), Subject{Graph: g, Set: labelled}); err == nil || !strings.Contains(err.Error(), "2 outputs, and labels belong to one") {
		t.Errorf("labels for two outputs: %v", err)
	}
	if _, err := ForOutputs(labelled, tensor.New(2, 14), [][]int{{7}, {7}}); err == nil || !strings.Contains(err.Error(), "labels belong to one") {
		t.Errorf("labels for a file with two outputs: %v", err)
	}
	if task, err := Choose(context.Background(), Subject{Graph: g, Set: labelled, NoLabels: true}); err != nil || task.Name() != "vectors" {
		t.Errorf("without labels: %v, %v", task, err)
	}
}
