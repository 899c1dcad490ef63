// Package testnet makes small random networks, and reads the tensors that they are compared
// with. Tests import it.
package testnet

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Net builds a network node by node, with weights from Rand. What fails, fails T.
type Net struct {
	T    testing.TB
	G    *graph.Graph
	Rand *rand.Rand

	params int // so far
}

// New starts a network with the input x of shape [1, sample...]. seed and stream make its
// random numbers (rand.NewPCG).
func New(t testing.TB, seed, stream uint64, sample ...int) (*Net, *graph.Value) {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &Net{T: t, G: &graph.Graph{Name: "test", Inputs: []*graph.Value{x}}, Rand: rand.New(rand.NewPCG(seed, stream))}, x
}

// Node appends an operator and returns its first output. An input may be nil, where the
// operator allows that.
func (b *Net) Node(o graph.Op, in ...*graph.Value) *graph.Value {
	b.T.Helper()
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		if v != nil {
			shapes[i] = v.Shape
		}
	}
	out, err := o.Infer(shapes)
	if err != nil {
		b.T.Fatal(err)
	}
	name := fmt.Sprintf("%s%d", o.Name(), len(b.G.Nodes))
	v := &graph.Value{Name: name + "_out", Shape: out[0]}
	n := &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}}
	v.Elem = n.Elems()[0]
	b.G.Nodes = append(b.G.Nodes, n)
	return v
}

// Param returns a parameter of normal numbers times gain.
func (b *Net) Param(role graph.Role, gain float64, shape ...int) *graph.Value {
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = float32(b.Rand.NormFloat64() * gain)
	}
	name := fmt.Sprintf("p%d", b.params)
	b.params++
	return &graph.Value{Name: name, Shape: t.Shape, Param: graph.NewParam(name, role, t)}
}

// Done ends the network and checks it.
func (b *Net) Done(out ...*graph.Value) *graph.Graph {
	b.T.Helper()
	b.G.Outputs = out
	if err := b.G.Check(); err != nil {
		b.T.Fatal(err)
	}
	return b.G
}

// Inputs returns n samples of normal numbers for the first input.
func (b *Net) Inputs(n int) *tensor.Tensor {
	return Normal(b.Rand, b.G.Inputs[0].Shape.WithBatch(n)...)
}

// Normal returns a tensor of normal numbers.
func Normal(r *rand.Rand, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(r.NormFloat64())
	}
	return x
}
