package simplify

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// An infinite constant of a mask becomes a number that masks as well.
func TestBoundMasks(t *testing.T) {
	low := func() *graph.Value {
		return paramValue(graph.NewParam("low", graph.Constant, tensor.Of([]float32{float32(math.Inf(-1))}, 1)))
	}
	b, x := newNet(t, 1, 6)
	hidden := b.Node(op.Compare{Is: op.Less}, x, b.Param(graph.Constant, 0.1, 1))
	scores := b.Node(op.Where{}, hidden, low(), x)
	g := b.Done(b.Node(op.Softmax{Axis: 1}, scores))
	before := outputs(t, g)
	BoundMasks(g)
	if err := g.Finite(); err != nil {
		t.Error(err)
	}
	for i, y := range outputs(t, g) {
		if y != before[i] {
			t.Errorf("output %d is %v with a bounded mask, %v with an infinite one", i, y, before[i])
		}
	}

	for name, build := range map[string]func(b *net, x *graph.Value) *graph.Value{
		"an operator looks for": func(b *net, x *graph.Value) *graph.Value { return b.Node(op.IsInf{}, b.Node(op.Add{}, x, low())) },
		"an output has":         func(b *net, x *graph.Value) *graph.Value { return b.Node(op.Add{}, x, low()) },
	} {
		b, x := newNet(t, 1, 6)
		g := b.Done(build(b, x))
		if BoundMasks(g); g.Finite() == nil {
			t.Errorf("a constant whose infinity %s was replaced", name)
		}
	}
}

// outputs are those of g for one sample of fixed numbers, one of which is below all others.
func outputs(t *testing.T, g *graph.Graph) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Of([]float32{0.4, -0.5, 1.25, 0.75, -2, 3}, g.Inputs[0].Shape...)
	return append([]float32(nil), tape.Forward(x)[0].Data...)
}
