package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/tensor"
)

// Links answers as the graph does, whose methods look at every node, after any changes.
func TestLinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range 50 {
		g := randomNodes(rng, 3+rng.IntN(20))
		l := NewLinks(g)
		for range 30 {
			change(rng, g, l)
			l.Flush()
			compare(t, g, l)
		}
	}
}

// randomNodes is a graph whose nodes read any earlier values, also twice, and a parameter. Its
// operators are missing: nothing computes it.
func randomNodes(rng *rand.Rand, n int) *Graph {
	p := NewParam("p", Weight, tensor.New(1))
	values := []*Value{{Name: "x"}}
	g := &Graph{Inputs: values[:1]}
	for i := range n {
		out := &Value{Name: fmt.Sprint("v", i)}
		node := &Node{Name: out.Name, Outputs: []*Value{out}}
		for range 1 + rng.IntN(3) {
			node.Inputs = append(node.Inputs, values[rng.IntN(len(values))])
		}
		if rng.IntN(3) == 0 {
			node.Inputs = append(node.Inputs, nil, &Value{Name: "p", Param: p})
		}
		g.Nodes, values = append(g.Nodes, node), append(values, out)
	}
	g.Outputs = []*Value{values[n], values[1+rng.IntN(n)]}
	return g
}

// change makes one change through l.
func change(rng *rand.Rand, g *Graph, l *Links) {
	n := g.Nodes[rng.IntN(len(g.Nodes))]
	some := g.Nodes[rng.IntN(len(g.Nodes))].Outputs[0]
	switch rng.IntN(6) {
	case 0:
		l.SetInput(n, rng.IntN(4), some)
	case 1:
		l.SetInputs(n, some, g.Inputs[0], some)
	case 2:
		if n.Outputs[0] != some {
			l.ReplaceUses(n.Outputs[0], some)
		}
	case 3:
		if len(g.Nodes) > 2 {
			l.Remove(n)
		}
	case 4:
		l.InsertBefore(n, &Node{Name: "new", Inputs: []*Value{g.Inputs[0], some}, Outputs: []*Value{{Name: "new"}}})
	case 5:
		l.SetOutput(n, &Value{Name: "other"})
	}
}

func compare(t *testing.T, g *Graph, l *Links) {
	t.Helper()
	values := slices.Clone(g.Inputs)
	uses := map[*Param]int{}
	for _, n := range g.Nodes {
		values = append(values, n.Outputs...)
		for _, v := range n.Inputs {
			switch {
			case v == nil:
			case v.Param != nil:
				uses[v.Param]++
			default:
				values = append(values, v)
			}
		}
	}
	for _, v := range values {
		a, b := l.Consumers(v), g.Consumers(v)
		reads := 0
		for _, n := range b {
			reads += len(n.Inputs) - len(slices.DeleteFunc(slices.Clone(n.Inputs), func(w *Value) bool { return w == v }))
			if !slices.Contains(a, n) {
				t.Fatalf("%q: reader %q is missing", v.Name, n.Name)
			}
		}
		if len(a) != len(b) || l.Reads(v) != reads || l.Producer(v) != g.Producer(v) || l.IsOutput(v) != g.IsOutput(v) || l.IsInput(v) != slices.Contains(g.Inputs, v) {
			t.Fatalf("%q: %d readers of %d, %d reads of %d, writer %v of %v", v.Name, len(a), len(b), l.Reads(v), reads, l.Producer(v), g.Producer(v))
		}
	}
	for p, k := range uses {
		if l.Uses(p) != k {
			t.Fatalf("%d uses, want %d", l.Uses(p), k)
		}
	}
}

// -128 and integers that float32 does not hold come out as they went in.
func TestQuantaOfOthers(t *testing.T) {
	p := NewParam("w", Weight, tensor.Of([]float32{-64, 63.5, -70, 70}, 2, 2))
	p.Grid = &Grid{Scale: []float32{0.5}, Max: 127, Min: -128}
	p.Refresh()
	if q := p.Quanta(); !slices.Equal(q, []int32{-128, 127, -128, 127}) || p.Value.Data[2] != -64 || p.Check() != nil {
		t.Errorf("%v, %v, %v", q, p.Value.Data, p.Check())
	}
	b := NewParam("b", Bias, tensor.Of([]float32{1 << 30, 3}, 2))
	b.Grid, b.Exact = &Grid{Scale: []float32{1}, Max: 1<<31 - 1}, []int32{1<<30 + 1, 3}
	if q := b.Clone().Quanta(); !slices.Equal(q, b.Exact) || b.Check() != nil {
		t.Errorf("%v, %v", q, b.Check())
	}
	b.Exact = b.Exact[:1]
	if b.Check() == nil {
		t.Error("one exact integer for two values passes")
	}
}

// One cause is itself; of several there are at most ten lines, and shared remedies once.
func TestCauses(t *testing.T) {
	var c Causes
	if c.Err() != nil {
		t.Error(c.Err())
	}
	c.Add(nil)
	c.Add(Named("node 0", &Refusal{"", "a", "do b"}))
	if c.Err().Error() != "node 0: a: do b" {
		t.Error(c.Err())
	}
	for i := range 11 {
		c.Add(Named(fmt.Sprint("node ", i+1), fmt.Errorf("e%d", i)))
	}
	c.Add(&Refusal{"node 20", "z", "do b"})
	want := "13 causes\nnode 0: a\nnode 1: e0\nnode 2: e1\nnode 3: e2\nnode 4: e3\nnode 5: e4\nnode 6: e5\nnode 7: e6\nnode 8: e7\nnode 9: e8\nand 3 more\nfor 2 of them: do b"
	if c.Err().Error() != want {
		t.Errorf("%v", c.Err())
	}
	same := Causes{&Refusal{"node 1", "a", "do b"}, &Refusal{"node 2", "a", "do b"}, &Refusal{"node 3", "a", "do b"}}
	if got := same.Err().Error(); got != "node 1 and 2 more: a: do b" {
		t.Error(got)
	}
	same.Add(&Refusal{"node 4", "c", "do d"})
	if got := same.Err().Error(); got != "2 causes\nnode 1 and 2 more: a: do b\nnode 4: c: do d" {
		t.Error(got)
	}
}
