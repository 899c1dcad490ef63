package graph_test

import (
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }

var normal = testnet.Normal

// builder makes graphs node by node.
type builder struct {
	t *testing.T
	r *rand.Rand
	g *graph.Graph
}

func newBuilder(t *testing.T, seed uint64, sample ...int) (*builder, *graph.Value) {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &builder{t, newRand(seed), &graph.Graph{Name: "net", Inputs: []*graph.Value{x}}}, x
}

func (b *builder) param(name string, role graph.Role, shape ...int) *graph.Value {
	w := normal(b.r, shape...)
	return &graph.Value{Name: name, Shape: w.Shape, Param: graph.NewParam(name, role, w)}
}

func (b *builder) node(name string, o graph.Op, in ...*graph.Value) *graph.Value {
	v := &graph.Value{Name: name}
	b.g.Nodes = append(b.g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
	if err := b.g.InferShapes(); err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *builder) done(outputs ...*graph.Value) *graph.Graph {
	b.g.Outputs = outputs
	if err := b.g.Check(); err != nil {
		b.t.Fatal(err)
	}
	return b.g
}

// branched has a value that two nodes read, a weight that two layers share, an
// absent bias, and an output that is read further.
func branched(t *testing.T) *graph.Graph {
	b, x := newBuilder(t, 1, 2, 4, 4)
	a := b.node("conv", op.Conv2D{PadT: 1, PadL: 1, PadB: 1, PadR: 1}, x, b.param("k", graph.Weight, 3, 2, 3, 3), b.param("kb", graph.Bias, 3))
	s := b.node("sigmoid", op.Sigmoid{}, a)
	m := b.node("gate", op.Mul{}, a, s)
	f := b.node("flat", op.Reshape{Shape: []int{48}}, m)
	h := b.node("hidden", op.Dense{}, f, b.param("h", graph.Weight, 5, 48), nil)
	w, wb := b.param("w", graph.Weight, 5, 5), b.param("wb", graph.Bias, 5)
	u := b.node("first", op.Dense{}, h, w, wb)
	u = b.node("tanh", op.Tanh{}, u)
	y := b.node("second", op.Dense{}, u, w, wb)
	y = b.node("sum", op.Add{}, y, h)
	return b.done(h, y)
}
