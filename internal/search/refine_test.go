package search_test

import (
	"math"
	"path/filepath"
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

// loudAndQuiet is a network on 8 samples of a signal, most of which is a hundredth of its
// largest: it first takes differences, as a filter does, and then their logarithm. 8 bits of the
// signal lose the quiet parts.
func loudAndQuiet(t *testing.T) (*search.Network, *dataset.Splits) {
	t.Helper()
	rng := newRand(91)
	v := &graph.Value{Name: "x", Shape: tensor.Shape{1, 8}}
	g := &graph.Graph{Name: "signal", Inputs: []*graph.Value{v}}
	node := func(name string, o graph.Op, in ...*graph.Value) {
		next := &graph.Value{Name: "v" + strconv.Itoa(len(g.Nodes))}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: o, Inputs: append([]*graph.Value{v}, in...), Outputs: []*graph.Value{next}})
		v = next
	}
	weight := func(n, k int, f func(i, j int) float32) *graph.Value {
		w := tensor.New(n, k)
		for i := range n {
			for j := range k {
				w.Data[i*k+j] = f(i, j)
			}
		}
		name := "w" + strconv.Itoa(len(g.Params()))
		return &graph.Value{Name: name, Shape: w.Shape, Param: graph.NewParam(name, graph.Weight, w)}
	}
	one := &graph.Value{Name: "one", Shape: tensor.Shape{1}, Param: graph.NewParam("one", graph.Constant, tensor.Of([]float32{1e-3}, 1))}
	node("filter", op.Dense{}, weight(7, 8, func(i, j int) float32 { return map[int]float32{i: 1, i + 1: -1}[j] }))
	node("size", op.Abs{})
	node("floor", op.Add{}, one)
	node("log", op.Log{})
	node("hidden", op.Dense{Clamp: rectify}, weight(12, 7, func(int, int) float32 { return float32(rng.NormFloat64()) }))
	node("last", op.Dense{}, weight(2, 12, func(int, int) float32 { return float32(rng.NormFloat64()) }))
	g.Outputs = []*graph.Value{v}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	for range 900 {
		loud := math.Exp(-5 * rng.Float64())
		for c := range 8 {
			if c > 0 {
				csv.WriteByte(',')
			}
			csv.WriteString(strconv.FormatFloat(loud*rng.NormFloat64(), 'g', 7, 32))
		}
		csv.WriteByte('\n')
	}
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := disk.Write(path, []byte(csv.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(path, dataset.Options{Shape: []int{8}})
	if err != nil {
		t.Fatal(err)
	}
	return &search.Network{Name: "signal", Graph: g}, data
}

// Where 8 bits of the inputs of a layer cost more than the drop, that layer gets 16, and the search
// says which and why; the others keep 8.
func TestInputsOf16Bits(t *testing.T) {
	m, data := loudAndQuiet(t)
	report, said := notes(t, m, data, recipe{MaxDrop: 2, NoTraining: true, NoLabels: true, Effort: 0.01, TrainedOn: "no"})
	if !strings.Contains(said, "the inputs of 1 of 3 layers get 16: filter") {
		t.Errorf("the search does not say that the filter wants 16 bits:\n%s", said)
	}
	if first := report.Candidates[0]; first.Drop < 4 || report.Best.Drop > 2 {
		t.Errorf("a drop of %.2f with 8 bits, of %.2f with 16", first.Drop, report.Best.Drop)
	}
	loaded, err := runtime.Load(report.Best.Bytes)
	if err != nil || !loaded.Info().Floats[0] || loaded.Info().Whole[0] {
		t.Errorf("the input of the file is not float32: %v", err)
	}
	if err := loaded.SelfTest(); err != nil {
		t.Error(err)
	}
}

// Where no file keeps the drop, 16 bits are tried although 8 may miss it by chance.
func TestInputsOf16BitsAnyway(t *testing.T) {
	m, data := loudAndQuiet(t)
	r := recipe{MaxDrop: 100, NoTraining: true, NoLabels: true, Effort: 0.01, TrainedOn: "no"}
	report, _ := notes(t, m, data, r)
	first := report.Candidates[0]
	r.MaxDrop = first.Drop - first.Error
	report, said := notes(t, m, data, r)
	if !strings.Contains(said, "the inputs of 1 of 3 layers get 16: filter") {
		t.Errorf("a drop of %.2f ± %.2f with 8 bits, where %.2f is accepted, and 16 are not tried:\n%s", first.Drop, first.Error, r.MaxDrop, said)
	}
	if !report.Best.Meets {
		t.Errorf("a drop of %.2f", report.Best.Drop)
	}
}

// Where 8 bits lose no more than is asked for, all layers keep 8.
func TestInputsOf8Bits(t *testing.T) {
	m, data := weather(t, 16, func(*tensor.Tensor) {})
	_, said := notes(t, m, data, recipe{MaxDrop: 3, NoTraining: true, Effort: 0.01, TrainedOn: "no"})
	if strings.Contains(said, "get 16") {
		t.Errorf("8 bits would do:\n%s", said)
	}
}
