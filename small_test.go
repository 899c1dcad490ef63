package edgec_test

import (
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"edgec"
	"edgec/internal/dataset"
	"edgec/internal/demo"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// glyphs is demo's network with a few hundred pictures, which the network does not know.
func glyphs(t *testing.T) (*edgec.Model, *edgec.Data) {
	t.Helper()
	drawn, err := drawnGlyphs()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := dataset.WriteIdx(dir, drawn); err != nil {
		t.Fatal(err)
	}
	m := open(t, demo.ONNX, demo.Name)
	return m, openData(t, dir, m, edgec.DataOptions{})
}

var drawnGlyphs = sync.OnceValues(func() (*dataset.Splits, error) { return demo.Data(demo.Seed+1, 600, 160, 1) })

func open(t *testing.T, file []byte, name string) *edgec.Model {
	t.Helper()
	m, err := edgec.OpenBytes(file, name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openData(t *testing.T, path string, n edgec.Network, o edgec.DataOptions) *edgec.Data {
	t.Helper()
	d, err := edgec.OpenData(path, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// triples is a network that reproduces the mean of each three of its twelve inputs, with samples
// whose inputs are equal in threes, but for noise: the best that four inner values can do.
func triples(t *testing.T) (*edgec.Model, *edgec.Data) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 71))
	var x []float32
	for range 400 {
		for range 4 {
			cause := r.NormFloat64()
			for range 3 {
				x = append(x, float32(cause+0.2*r.NormFloat64()))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := dataset.WriteNpy(path, tensor.Shape{400, 12}, x); err != nil {
		t.Fatal(err)
	}
	down, up := tensor.New(4, 12), tensor.New(12, 4)
	for i := range 12 {
		down.Data[i/3*12+i] = 1.0 / 3
		up.Data[i*4+i/3] = 1
	}
	m := open(t, network(t, down, up), "triples.onnx")
	return m, openData(t, path, m, edgec.DataOptions{TestLast: 100})
}

// network is a chain of dense layers with the given weights, [out, in], as ONNX.
func network(t *testing.T, weights ...*tensor.Tensor) []byte {
	t.Helper()
	v := &graph.Value{Name: "x", Shape: tensor.Shape{1, weights[0].Shape[1]}}
	g := &graph.Graph{Name: "small", Inputs: []*graph.Value{v}}
	for i, w := range weights {
		name := "layer" + string(rune('0'+i))
		y := &graph.Value{Name: name}
		p := &graph.Value{Name: name + ".w", Shape: w.Shape, Param: graph.NewParam(name+".w", graph.Weight, w)}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: op.Dense{}, Inputs: []*graph.Value{v, p, nil}, Outputs: []*graph.Value{y}})
		v = y
	}
	g.Outputs = []*graph.Value{v}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
