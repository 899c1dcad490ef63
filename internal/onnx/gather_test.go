package onnx

import (
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// movedCase is a model of one output y and what it gives for the inputs.
type movedCase struct {
	name  string
	model *modelBuilder
	in    []*tensor.Tensor
	want  *tensor.Tensor
	nodes []string // of the graph
}

// run reads the model and compares its output.
func (c movedCase) run(t *testing.T) {
	g, err := Decode(c.model.output("y").bytes(), c.name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := forward(g, c.in...)
	if err != nil {
		t.Fatal(err)
	}
	if !got[0].Shape.Equal(c.want.Shape) || !slices.Equal(got[0].Data, c.want.Data) {
		t.Errorf("%v %v, want %v %v\n%v", got[0].Shape, got[0].Data, c.want.Shape, c.want.Data, g)
	}
	var nodes []string
	for _, n := range g.Nodes {
		nodes = append(nodes, n.Op.Name())
	}
	if c.nodes != nil && !slices.Equal(nodes, c.nodes) {
		t.Errorf("nodes %v, want %v", nodes, c.nodes)
	}
	if name := g.Outputs[0].Name; len(nodes) > 0 && name != "y" {
		t.Errorf("the output is called %q", name)
	}
	c.written(t, g)
}

// written compares the output of the graph as it is written and read again.
func (c movedCase) written(t *testing.T, g *graph.Graph) {
	file, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(file, c.name)
	if err != nil {
		t.Fatalf("written: %v", err)
	}
	for i, v := range g.Inputs {
		if again.Inputs[i].Elem != v.Elem {
			t.Errorf("input %q has elements of kind %d, written %d", v.Name, v.Elem, again.Inputs[i].Elem)
		}
	}
	got, err := forward(again, c.in...)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[0].Data, c.want.Data) {
		t.Errorf("written: %v, want %v", got[0].Data, c.want.Data)
	}
}

// count returns a tensor of 0, 1, 2...
func count(shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	return x
}

func TestGather(t *testing.T) {
	ids := func(batch int, dims ...int) *modelBuilder {
		return newModel(13).input("x", typeInt64, append([]int{batch}, dims...)...).floats("w", []int{3, 2}, 0, 1, 10, 11, 20, 21)
	}
	activation := func(batch int) *modelBuilder { return newModel(13).input("x", typeFloat, batch, 3, 2) }
	two := tensor.Of([]float32{2, 0, 1, -1}, 2, 2)
	for _, c := range []movedCase{
		{"an embedding", ids(0, 2).node("Gather", "w,x", "y"), []*tensor.Tensor{two}, tensor.Of([]float32{20, 21, 0, 1, 10, 11, 20, 21}, 2, 2, 2), []string{"Gather"}},
		{"an embedding of one id", ids(0).node("Gather", "w,x", "y"), []*tensor.Tensor{tensor.Of([]float32{2, 1}, 2, 1)}, tensor.Of([]float32{20, 21, 10, 11}, 2, 2), []string{"Gather", "Reshape"}},
		{"an embedding, time first", newModel(13).inputOpen("x", "batch", 1, 2, 0).floats("w", []int{3, 2}, 0, 1, 10, 11, 20, 21).node("Gather", "w,x", "g").
			node("Transpose", "g", "t", attribute{"perm", []int{1, 0, 2}}).node("Relu", "t", "y"),
			[]*tensor.Tensor{two}, tensor.Of([]float32{20, 21, 0, 1, 10, 11, 20, 21}, 2, 2, 2), []string{"Gather", "Relu"}},
		{"columns of a table", ids(0, 2).floats("v", []int{2, 3}, 0, 1, 2, 10, 11, 12).node("Gather", "v,x", "g", attribute{"axis", 1}).
			node("Transpose", "g", "t", attribute{"perm", []int{1, 0, 2}}).node("Relu", "t", "y"),
			[]*tensor.Tensor{two}, tensor.Of([]float32{2, 0, 12, 10, 1, 2, 11, 12}, 2, 2, 2), nil},
		{"one step", activation(0).scalarInts("i", -1).node("Gather", "x,i", "y", attribute{"axis", 1}), []*tensor.Tensor{count(2, 3, 2)}, tensor.Of([]float32{4, 5, 10, 11}, 2, 2), []string{"Slice", "Reshape"}},
		{"a range", activation(0).int64s("i", 0, 2).node("Gather", "x,i", "y", attribute{"axis", 1}), []*tensor.Tensor{count(1, 3, 2)}, tensor.Of([]float32{0, 1, 4, 5}, 1, 2, 2), []string{"Slice"}},
		{"backwards", activation(0).int64s("i", 1, 0).node("Gather", "x,i", "y", attribute{"axis", 2}), []*tensor.Tensor{count(1, 3, 2)}, tensor.Of([]float32{1, 0, 3, 2, 5, 4}, 1, 3, 2), []string{"Gather"}},
		{"the only sample", activation(1).scalarInts("i", 0).node("Gather", "x,i", "y"), []*tensor.Tensor{count(1, 3, 2)}, count(1, 3, 2), nil},
		{"by an activation", activation(1).input("k", typeInt64, 2).node("Gather", "x,k", "y", attribute{"axis", 1}), []*tensor.Tensor{count(1, 3, 2), tensor.Of([]float32{2, 1}, 1, 2)},
			tensor.Of([]float32{4, 5, 2, 3}, 1, 2, 2), []string{"Reshape", "Gather", "Reshape"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

// TestTiedEmbedding: a table that is multiplied by, too, is one parameter.
func TestTiedEmbedding(t *testing.T) {
	g, err := Decode(newModel(13).input("x", typeInt64, 0, 1).floats("w", []int{3, 2}, 0, 1, 10, 11, 20, 21).int64s("s", -1, 2).node("Gather", "w,x", "g").
		node("Reshape", "g,s", "r").node("Gemm", "r,w", "y", attribute{"transB", 1}).output("y").bytes(), "tied")
	if err != nil {
		t.Fatal(err)
	}
	if p := g.Params(); len(p) != 1 || p[0].Role != graph.Weight {
		t.Errorf("%d parameters, want one of weights", len(p))
	}
}
