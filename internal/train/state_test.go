package train

import (
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// TestStateIsKept: a second trainer goes on where the first ended, unless the
// parameter has another size.
func TestStateIsKept(t *testing.T) {
	g := small(t, 16)
	tr := mustNew(t, g, Config{Batch: 8})
	if _, err := tr.Step(smallBatch(1, 8), 0.01); err != nil {
		t.Fatal(err)
	}
	p := g.Params()[2]
	v := slices.Clone(p.State[StateSquare])
	mustNew(t, g, Config{Batch: 8})
	if !slices.Equal(v, p.State[StateSquare]) {
		t.Error("the state was cleared")
	}
	p.State[0] = p.State[0][1:]
	mustNew(t, g, Config{Batch: 8})
	if len(p.State[0]) != len(p.Shadow.Data) || p.State[StateSquare][0] != 0 || p.State[StateAverage][3] != p.Shadow.Data[3] {
		t.Error("a state that does not fit was kept")
	}
}

func TestLogits(t *testing.T) {
	g := small(t, 17)
	view := Logits(g)
	if n := len(view.Nodes); n != len(g.Nodes)-1 || view.Outputs[0] != g.Nodes[n].Inputs[0] || len(g.Nodes) != 6 {
		t.Errorf("%d nodes of %d", n, len(g.Nodes))
	}
	plain := newChain(t, 18, 3).then(op.Dense{}, 2, 3).done()
	if v := Logits(plain); len(v.Nodes) != 1 || v.Outputs[0] != plain.Outputs[0] {
		t.Error("a network without softmax changes")
	}
	c := newChain(t, 19, 3).then(op.Dense{}, 2, 3).then(op.Softmax{Axis: 1})
	inner := c.v
	g = c.then(op.Dense{}, 2, 2).done()
	g.Outputs = []*graph.Value{inner}
	if v := Logits(g); len(v.Nodes) != 3 || v.Outputs[0] != inner {
		t.Error("a softmax that is read further was taken out")
	}
}
