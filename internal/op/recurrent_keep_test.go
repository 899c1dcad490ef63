package op

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestRecurrentKeeps: the gradient is the same whether a tape has kept the forward pass or
// the operator computes it again, for batches of any size.
func TestRecurrentKeeps(t *testing.T) {
	rng := newRand(12)
	r := normal(rng, 12, 3)
	x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, 4, 12}}, &graph.Value{Name: "y"}
	p := graph.NewParam("R", graph.Weight, r)
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "layer", Op: Recurrent{Kind: LSTM}, Inputs: []*graph.Value{x, {Name: "R", Shape: r.Shape, Param: p}}, Outputs: []*graph.Value{y}}}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	tape, err := graph.NewTape(g, 5)
	if err != nil {
		t.Fatal(err)
	}
	for k, n := range []int{5, 5, 2, 2, 5} { // the first pass has nowhere to keep anything
		in, dout := normal(rng, n, 4, 12), normal(rng, n, 4, 3)
		tape.Forward(in)
		if tape.Gradient(p) != nil {
			tape.ZeroGrad()
		}
		if err := tape.Backward(dout); err != nil {
			t.Fatal(err)
		}
		din := []*tensor.Tensor{nil, tensor.New(r.Shape...)}
		Recurrent{Kind: LSTM}.Backward(&graph.Scratch{}, din, []*tensor.Tensor{in, r}, nil, []*tensor.Tensor{dout})
		equalWithin(t, tape.Gradient(p), din[1], 0, "pass %d", k)
	}
}
