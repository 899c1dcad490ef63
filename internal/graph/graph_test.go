package graph_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// TestCheckRefuses breaks a sound graph in one place each.
func TestCheckRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	node := func(g *graph.Graph, name string) *graph.Node {
		for _, n := range g.Nodes {
			if n.Name == name {
				return n
			}
		}
		t.Fatalf("no node %q", name)
		return nil
	}
	param := func(g *graph.Graph, name string) *graph.Param {
		for _, p := range g.Params() {
			if p.Name == name {
				return p
			}
		}
		t.Fatalf("no parameter %q", name)
		return nil
	}
	// constrained gives the kernels every constraint.
	constrained := func(g *graph.Graph) *graph.Param {
		p := param(g, "k")
		n := len(p.Shadow.Data)
		p.Mask = make([]float32, n)
		p.Book = &graph.Codebook{Centroids: []float32{0, -3, 5}, Index: make([]uint8, n)}
		for i := range p.Mask {
			p.Mask[i] = float32(i % 2)
			p.Book.Index[i] = uint8(i % 2 * (1 + i/2%2))
		}
		p.Grid = &graph.Grid{Scale: []float32{0.5}, Max: 127}
		p.State = [][]float32{make([]float32, n)}
		p.Refresh()
		return p
	}
	tests := []struct {
		name  string
		spoil func(g *graph.Graph)
		says  string
	}{
		{"execution order", func(g *graph.Graph) { g.Nodes[0], g.Nodes[1] = g.Nodes[1], g.Nodes[0] }, "before it is computed"},
		{"an input that nothing computes", func(g *graph.Graph) {
			g.Nodes[1].Inputs[0] = &graph.Value{Name: "stray", Shape: tensor.Shape{1, 3, 4, 4}}
		}, "before it is computed"},
		{"a value written twice", func(g *graph.Graph) { g.Nodes[2].Outputs = g.Nodes[1].Outputs }, "computed twice"},
		{"the input written", func(g *graph.Graph) { g.Nodes[1].Outputs[0] = g.Inputs[0] }, "computed twice"},
		{"a stale shape", func(g *graph.Graph) { node(g, "hidden").Outputs[0].Shape = tensor.Shape{1, 6} }, "inferred [1,5]"},
		{"one output too many", func(g *graph.Graph) {
			n := node(g, "tanh")
			n.Outputs = append(n.Outputs, &graph.Value{Name: "extra", Shape: tensor.Shape{1, 5}})
		}, "2 outputs, operator has 1"},
		{"no outputs", func(g *graph.Graph) { node(g, "sum").Outputs = nil; g.Outputs = g.Outputs[:1] }, "0 outputs, operator has 1"},
		{"a missing output value", func(g *graph.Graph) { node(g, "tanh").Outputs[0] = nil }, "output 0 is missing"},
		{"an output that is a parameter", func(g *graph.Graph) { node(g, "tanh").Outputs[0] = node(g, "first").Inputs[1] }, "parameter"},
		{"what the operator refuses", func(g *graph.Graph) { node(g, "first").Inputs = node(g, "first").Inputs[:1] }, `node "first" (Dense)`},
		{"an output that is never computed", func(g *graph.Graph) { g.Outputs[0] = &graph.Value{Name: "none"} }, "never computed"},
		{"a parameter as output", func(g *graph.Graph) { g.Outputs[0] = node(g, "first").Inputs[1] }, "never computed"},
		{"a nil output of the graph", func(g *graph.Graph) { g.Outputs[0] = nil }, "output 0 is missing"},
		{"an input listed twice", func(g *graph.Graph) { g.Inputs = append(g.Inputs, g.Inputs[0]) }, "input 1"},
		{"a nil input of the graph", func(g *graph.Graph) { g.Inputs[0] = nil }, "input 0 is missing"},
		{"a parameter of another shape", func(g *graph.Graph) { node(g, "first").Inputs[1].Shape = tensor.Shape{5, 4} }, `parameter "w"`},
		{"an activation's scale of zero", func(g *graph.Graph) { node(g, "tanh").Outputs[0].Grid = &graph.Affine{} }, "scale 0"},
		{"an activation's scale of NaN", func(g *graph.Graph) { node(g, "tanh").Outputs[0].Grid = &graph.Affine{Scale: nan} }, "scale NaN"},
		{"an infinite scale of the input", func(g *graph.Graph) { g.Inputs[0].Grid = &graph.Affine{Scale: inf} }, "scale +Inf"},
		{"an activation's zero beyond int8", func(g *graph.Graph) { g.Inputs[0].Grid = &graph.Affine{Scale: 1, Zero: 128} }, "zero 128"},
		{"an activation's zero below int8", func(g *graph.Graph) { g.Inputs[0].Grid = &graph.Affine{Scale: 1, Zero: -129} }, "zero -129"},

		{"effective values of another length", func(g *graph.Graph) { p := param(g, "k"); p.Value = tensor.New(3) }, "3 effective values"},
		{"a shadow of another length", func(g *graph.Graph) { p := param(g, "k"); p.Shadow.Data = p.Shadow.Data[1:] }, "53 shadow"},
		{"a short optimizer state", func(g *graph.Graph) { p := constrained(g); p.State[0] = p.State[0][1:] }, "optimizer state 0"},
		{"a short mask", func(g *graph.Graph) { p := constrained(g); p.Mask = p.Mask[1:] }, "mask has 53 entries"},
		{"half a mask", func(g *graph.Graph) { constrained(g).Mask[3] = 0.5 }, "mask[3] is 0.5"},
		{"two scales for three channels", func(g *graph.Graph) { constrained(g).Grid.Scale = []float32{1, 1} }, "2 scales for 3 channels"},
		{"no scales", func(g *graph.Graph) { constrained(g).Grid.Scale = nil }, "0 scales"},
		{"a scale of zero", func(g *graph.Graph) { constrained(g).Grid.Scale[0] = 0 }, "scale[0] is 0"},
		{"a negative scale", func(g *graph.Graph) { constrained(g).Grid.Scale[0] = -1 }, "scale[0] is -1"},
		{"a scale of NaN", func(g *graph.Graph) { constrained(g).Grid.Scale[0] = nan }, "scale[0] is NaN"},
		{"an infinite scale", func(g *graph.Graph) { constrained(g).Grid.Scale[0] = inf }, "scale[0] is +Inf"},
		{"a grid of nothing", func(g *graph.Graph) { constrained(g).Grid.Max = 0 }, "grid of 0..0"},
		{"a negative shift", func(g *graph.Graph) { constrained(g).Grid.Shift = -1 }, "its -1 lowest bits"},
		{"a shift that leaves nothing", func(g *graph.Graph) { constrained(g).Grid.Shift = 7 }, "its 7 lowest bits"},
		{"a codebook without a grid", func(g *graph.Graph) { constrained(g).Grid = nil }, "without a grid"},
		{"an empty codebook", func(g *graph.Graph) { constrained(g).Book.Centroids = nil }, "0 centroids"},
		{"257 centroids", func(g *graph.Graph) { constrained(g).Book.Centroids = make([]float32, 257) }, "257 centroids"},
		{"a short index", func(g *graph.Graph) { p := constrained(g); p.Book.Index = p.Book.Index[1:] }, "53 indexes"},
		{"centroid 0 is not zero", func(g *graph.Graph) { constrained(g).Book.Centroids[0] = 1 }, "centroid 0 is 1"},
		{"a centroid beyond the grid", func(g *graph.Graph) { constrained(g).Book.Centroids[2] = 127.6 }, "centroid 2 is 127.6"},
		{"a centroid of NaN", func(g *graph.Graph) { constrained(g).Book.Centroids[1] = nan }, "centroid 1 is NaN"},
		{"an index beyond the book", func(g *graph.Graph) { constrained(g).Book.Index[5] = 3 }, "index[5] is 3"},
		{"a pruned weight with a centroid", func(g *graph.Graph) { constrained(g).Book.Index[4] = 1 }, "pruned weight 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := branched(t)
			constrained(g)
			if err := g.Check(); err != nil {
				t.Fatalf("the sound graph is refused: %v", err)
			}
			g = branched(t)
			tt.spoil(g)
			err := g.Check()
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("message %q does not say %q", err, tt.says)
			}
		})
	}
}

// TestCloneIsDeep walks both graphs: no memory that can be written is shared,
// and what was one object stays one.
func TestCloneIsDeep(t *testing.T) {
	g := branched(t)
	g.Inputs[0].Grid = &graph.Affine{Scale: 0.5, Zero: 3}
	for i, p := range g.Params() {
		n := len(p.Shadow.Data)
		p.Mask = make([]float32, n)
		p.Mask[0] = 1
		p.Grid = &graph.Grid{Scale: []float32{0.25}, Max: 127, Shift: i % 2}
		p.Book = &graph.Codebook{Centroids: []float32{0, 4}, Index: make([]uint8, n)}
		p.Book.Index[0] = 1
		p.State = [][]float32{make([]float32, n), make([]float32, n)}
		p.State[1][0] = 7
		p.Refresh()
	}
	c := g.Clone()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, c) { // follows pointers, so the structure is compared too
		t.Fatal("the copy differs")
	}
	if len(c.Params()) != len(g.Params()) {
		t.Errorf("%d parameters became %d: sharing was lost", len(g.Params()), len(c.Params()))
	}
	seen := map[uintptr]string{}
	collect(reflect.ValueOf(g), seen, false, t)
	collect(reflect.ValueOf(c), seen, true, t)
}

// collect notes the address of everything writable below v, or reports those
// that are noted already. Operators have no state and are shared.
func collect(v reflect.Value, seen map[uintptr]string, report bool, t *testing.T) {
	visit := func(p uintptr, what string) bool {
		if report {
			if old, ok := seen[p]; ok && old != "copy" {
				t.Errorf("%s is shared with the original's %s", what, old)
			}
			if seen[p] == "copy" {
				return false
			}
			seen[p] = "copy"
			return true
		}
		if _, ok := seen[p]; ok {
			return false
		}
		seen[p] = what
		return true
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && visit(v.Pointer(), v.Type().String()) {
			collect(v.Elem(), seen, report, t)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			visit(v.Pointer()|1<<63, v.Type().String()) // a slice may start where a struct does
		}
		switch v.Type().Elem().Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Struct:
			for i := 0; i < v.Len(); i++ {
				collect(v.Index(i), seen, report, t)
			}
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			collect(v.Field(i), seen, report, t)
		}
	}
}

func TestQueries(t *testing.T) {
	g := branched(t)
	names := func(ns []*graph.Node) string {
		var s []string
		for _, n := range ns {
			s = append(s, n.Name)
		}
		return strings.Join(s, " ")
	}
	conv, h, y := g.Nodes[0].Outputs[0], g.Outputs[0], g.Outputs[1]
	if got := names(g.Consumers(conv)); got != "sigmoid gate" {
		t.Errorf("consumers of conv: %s", got)
	}
	if got := names(g.Consumers(h)); got != "first sum" {
		t.Errorf("consumers of hidden: %s", got)
	}
	if g.Producer(h).Name != "hidden" || g.Producer(g.Inputs[0]) != nil {
		t.Error("producers")
	}
	if !g.IsOutput(h) || !g.IsOutput(y) || g.IsOutput(conv) {
		t.Error("outputs")
	}
	var params []string
	for _, p := range g.Params() {
		params = append(params, p.Name)
	}
	if got := strings.Join(params, " "); got != "k kb h w wb" {
		t.Errorf("parameters in the order of first use: %s", got)
	}
	if s := g.String(); strings.Count(s, "\n") != len(g.Nodes) || !strings.Contains(s, "first                    Dense        hidden[1,5] w[5,5] wb[5] -> first[1,5]") {
		t.Errorf("String:\n%s", s)
	}
}

func TestReplaceUsesAndRemove(t *testing.T) {
	b, x := newBuilder(t, 2, 3)
	a := b.node("a", op.Relu{}, x)
	c := b.node("c", op.Neg{}, a)
	d := b.node("d", op.Add{}, a, c)
	g := b.done(a, d)
	g.ReplaceUses(a, x)
	g.Remove(g.Nodes[0])
	g.Remove(&graph.Node{}) // not in the list: nothing happens
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 2 || g.Outputs[0] != x || g.Nodes[1].Inputs[0] != x || g.Nodes[1].Inputs[1] != c {
		t.Errorf("after the replacement:\n%s", g)
	}
}

func TestInferShapes(t *testing.T) {
	g := branched(t)
	for _, n := range g.Nodes {
		n.Outputs[0].Shape = nil
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	g.Inputs[0].Shape = tensor.Shape{1, 3, 4, 4}
	if err := g.InferShapes(); err == nil || !strings.Contains(err.Error(), `node "conv" (Conv2D)`) {
		t.Errorf("wrong input: %v", err)
	}
	g = branched(t)
	g.Nodes[1].Outputs = nil
	if err := g.InferShapes(); err == nil || !strings.Contains(err.Error(), "0 outputs, operator has 1") {
		t.Errorf("no outputs: %v", err)
	}
}
