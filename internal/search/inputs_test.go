package search_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/disk"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/search"
	"edgec/internal/tensor"
	"edgec/runtime"
)

// weather is a network on pressure, temperature, humidity and carbon monoxide that begins
// with a scaling of its own, and samples that are labelled by it.
func weather(t *testing.T, hidden int, spoil func(first *tensor.Tensor)) (*search.Network, *dataset.Splits) {
	t.Helper()
	rng := newRand(81)
	mean, std := []float32{101325, 20, 0.5, 1e-3}, []float32{700, 6, 0.25, 2e-4}
	v := &graph.Value{Name: "x", Shape: tensor.Shape{1, 4}}
	g := &graph.Graph{Name: "weather", Inputs: []*graph.Value{v}}
	node := func(o graph.Op, in ...*graph.Value) {
		next := &graph.Value{Name: "v" + strconv.Itoa(len(g.Nodes))}
		g.Nodes = append(g.Nodes, &graph.Node{Name: "n" + strconv.Itoa(len(g.Nodes)), Op: o, Inputs: append([]*graph.Value{v}, in...), Outputs: []*graph.Value{next}})
		v = next
	}
	param := func(role graph.Role, data []float32, shape ...int) *graph.Value {
		name := "p" + strconv.Itoa(len(g.Params()))
		return &graph.Value{Name: name, Shape: shape, Param: graph.NewParam(name, role, tensor.Of(data, shape...))}
	}
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	first := tensor.Of(random(4*hidden), hidden, 4)
	spoil(first)
	node(op.Sub{}, param(graph.Constant, mean, 4))
	node(op.Div{}, param(graph.Constant, std, 4))
	node(op.Dense{Clamp: rectify}, param(graph.Weight, first.Data, hidden, 4), param(graph.Bias, make([]float32, hidden), hidden))
	node(op.Dense{}, param(graph.Weight, random(3*hidden), 3, hidden))
	g.Outputs = []*graph.Value{v}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	const n = 900
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	csv.WriteString("pressure,temperature,humidity,co,label\n")
	for range n {
		x := tensor.New(1, 4)
		for c := range x.Data {
			x.Data[c] = mean[c] + std[c]*float32(rng.NormFloat64())
			csv.WriteString(strconv.FormatFloat(float64(x.Data[c]), 'g', -1, 32) + ",")
		}
		y := tape.Forward(x)[0].Data
		csv.WriteString(strconv.Itoa(slices.Index(y, slices.Max(y))) + "\n")
	}
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := disk.Write(path, []byte(csv.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(path, dataset.Options{Shape: []int{4}, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	return &search.Network{Name: "weather", Graph: g}, data
}

// notes searches and returns the notes of the stages, too.
func notes(t *testing.T, m *search.Network, data *dataset.Splits, r recipe) (*search.Result, string) {
	t.Helper()
	var all []string
	report, err := compressWith(context.Background(), m, data, r, func(p search.Progress) { all = append(all, p.Note) })
	if err != nil {
		t.Fatal(err)
	}
	return report, strings.Join(all, "\n")
}

// Features of unlike ranges are scaled one by one, by the file, in a search with and without
// training.
func TestUnlikeFeatures(t *testing.T) {
	m, data := weather(t, 16, func(*tensor.Tensor) {})
	for _, noTraining := range []bool{true, false} {
		report, said := notes(t, m, data, recipe{MaxDrop: 3, NoTraining: noTraining, Effort: 0.01, TrainedOn: "no"})
		if best := report.Best; best.Drop > 3 || best.Size() > 250 {
			t.Errorf("no training %v: %d bytes at a drop of %.2f", noTraining, best.Size(), best.Drop)
		}
		if !strings.Contains(said, `input "x" has features of unlike ranges`) || !strings.Contains(said, "own scaling (nodes n0") {
			t.Errorf("the search does not say that it scales features:\n%s", said)
		}
		loaded, err := runtime.Load(report.Best.Bytes)
		if err != nil || !loaded.Info().Scaled[0] {
			t.Errorf("the file is not scaled: %v", err)
		}
	}
}

// Channels that weight decay has left with weights of 1e-20 end in no error, and go.
func TestNearlyDeadChannels(t *testing.T) {
	m, data := weather(t, 16, func(first *tensor.Tensor) {
		for i := range first.Data[:4*4] {
			first.Data[i] *= float32(math.Pow(10, float64(-12-5*(i/4)))) // 1e-12, 1e-17, 1e-22, 1e-27
		}
	})
	for _, noTraining := range []bool{true, false} {
		report, said := notes(t, m, data, recipe{MaxDrop: 3, NoTraining: noTraining, Effort: 0.01, TrainedOn: "no"})
		if best := report.Best; best.Drop > 3 || best.Shape.MACs > 12*(4+3) {
			t.Errorf("no training %v: %d multiplications at a drop of %.2f", noTraining, best.Shape.MACs, best.Drop)
		}
		if !strings.Contains(said, "4 channels change nothing") {
			t.Errorf("the search does not say which channels go:\n%s", said)
		}
	}
}
