package eval

import (
	"context"
	"slices"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
)

// adding is a network that adds its input, [2], to what it has added before, and gives three times
// the sum of both elements.
func adding(t *testing.T) *graph.Graph {
	t.Helper()
	x, h := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2}}, &graph.Value{Name: "h", Shape: tensor.Shape{1, 2}}
	sum, y := &graph.Value{Name: "h_out"}, &graph.Value{Name: "y"}
	w := tensor.Of([]float32{3, 3}, 1, 2)
	g := &graph.Graph{Name: "adding", Inputs: []*graph.Value{x, h}, Outputs: []*graph.Value{y, sum}, State: []graph.StateLink{{Output: 1, Input: 1}}, Nodes: []*graph.Node{
		{Name: "sum", Op: op.Add{}, Inputs: []*graph.Value{x, h}, Outputs: []*graph.Value{sum}},
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{sum, {Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}, nil}, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// inSequences returns 4 samples in two sequences: 1 2, 3 4 and 10 20, 30 40.
func inSequences(t *testing.T) *dataset.Set {
	t.Helper()
	path := t.TempDir() + "/x.npy"
	if err := dataset.WriteNpy(path, tensor.Shape{2, 2, 2}, []float32{1, 2, 3, 4, 10, 20, 30, 40}); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{Shape: tensor.Shape{2}, Inputs: []dataset.Input{{Name: "x", Shape: tensor.Shape{2}}}, Sequences: true})
	if err != nil {
		t.Fatal(err)
	}
	return sp.Train
}

// TestRecorded: samples get the state that the network had when it came to them, from zeros at the
// beginning of each sequence; outputs on them are those of the network on its way.
func TestRecorded(t *testing.T) {
	g, set := adding(t), inSequences(t)
	if set.Len() != 4 || set.Sequence() != 2 || !set.Begins(0) || set.Begins(1) || !set.Begins(2) {
		t.Fatalf("%d samples in sequences of %d", set.Len(), set.Sequence())
	}
	r, err := Recorded(context.Background(), g, set, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	x := make([]float32, 4)
	for i := range r.Len() {
		r.Read(i, x)
		got = append(got, x...)
	}
	if want := []float32{1, 2, 0, 0, 3, 4, 1, 2, 10, 20, 0, 0, 30, 40, 10, 20}; !slices.Equal(got, want) {
		t.Errorf("samples with state %v, want %v", got, want)
	}
	h, err := NewMeasure(context.Background(), Subject{Graph: g, Set: set, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{9, 30, 90, 300}; !slices.Equal(h.Reference.Float.Data, want) {
		t.Errorf("judged outputs %v, want %v", h.Reference.Float.Data, want)
	}
}

// TestMeasureAll: the float network is measured on every sample, not only on those whose state is
// recorded to choose the task.
func TestMeasureAll(t *testing.T) {
	const n = confidenceSamples + 2
	path, x := t.TempDir()+"/x.npy", make([]float32, 2*n)
	for i := range x {
		x[i] = 1
	}
	if err := dataset.WriteNpy(path, tensor.Shape{n / 2, 2, 2}, x); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{Shape: tensor.Shape{2}, Inputs: []dataset.Input{{Name: "x", Shape: tensor.Shape{2}}}, Sequences: true})
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewMeasure(context.Background(), Subject{Graph: adding(t), Set: sp.Train, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if out := h.Reference.Float.Data; h.Float().N != n || len(out) != n || out[n-2] != 6 || out[n-1] != 12 {
		t.Errorf("measured on %d samples, the last outputs are %v, want %d, 6 and 12", h.Float().N, out[len(out)-2:], n)
	}
}

// TestExecuteState: a file carries its state over a sequence, whatever the number of threads, and
// takes that of samples that have one.
func TestExecuteState(t *testing.T) {
	g, set := adding(t), inSequences(t)
	recorded, err := Recorded(context.Background(), g, set, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	x, h := tensor.New(4, 2), tensor.New(4, 2)
	Read(recorded, 0, 4, []*tensor.Tensor{x, h})
	if err := passes.Quantize(g, passes.InputSamples([]*tensor.Tensor{x, h}, 4), passes.Config{}); err != nil {
		t.Fatal(err)
	}
	file, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]*dataset.Set{"carried": set, "recorded": recorded} {
		for threads := range 2 {
			out, err := Execute(context.Background(), file, set, 4, threads+1)
			if err != nil {
				t.Fatal(name, err)
			}
			width := 1 // without the state that is carried
			if set == recorded {
				width = 3
			}
			if out.Shape[1] != width {
				t.Fatalf("%s: outputs of %d elements, want %d", name, out.Shape[1], width)
			}
			for i, want := range []float32{9, 30, 90, 300} {
				if got := out.Data[i*width]; got < want-3 || got > want+3 {
					t.Errorf("%s: sample %d gives %v, want about %v", name, i, got, want)
				}
			}
		}
	}
	one := set.Subset([]int{1, 3})
	out, err := Execute(context.Background(), file, one, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if out.Data[0] > 24 || out.Data[0] < 18 {
		t.Errorf("a sample without those before it gives %v, want about 21", out.Data[0])
	}
}

// TestRecordedUntil: when the time is up, the samples that are done are returned with their state.
func TestRecordedUntil(t *testing.T) {
	path := t.TempDir() + "/x.npy"
	if err := dataset.WriteNpy(path, tensor.Shape{2, 100, 2}, make([]float32, 400)); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{Shape: tensor.Shape{2}, Inputs: []dataset.Input{{Name: "x", Shape: tensor.Shape{2}}}, Sequences: true})
	if err != nil {
		t.Fatal(err)
	}
	for want, until := range map[int]time.Time{fewestRecorded: time.Unix(1, 0), 200: time.Now().Add(time.Hour)} {
		r, err := Recorded(context.Background(), adding(t), sp.Train, until)
		if err != nil || r.Len() != want || len(r.Inputs()) != 2 {
			t.Errorf("%d samples of %d arrays, error %v; want %d of 2", r.Len(), len(r.Inputs()), err, want)
		}
	}
}
