package passes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
	"edgec/internal/train"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 51)) }

var normal = testnet.Normal

// chain builds a network layer by layer, with random weights and biases.
type chain struct {
	t *testing.T
	r *rand.Rand
	g *graph.Graph
	v *graph.Value
}

func newChain(t *testing.T, seed uint64, sample ...int) *chain {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &chain{t, newRand(seed), &graph.Graph{Name: "net", Inputs: []*graph.Value{x}}, x}
}

func (c *chain) param(role graph.Role, shape ...int) *graph.Value {
	p := normal(c.r, shape...)
	for i := range p.Data {
		p.Data[i] *= 0.4
	}
	name := fmt.Sprint("p", len(c.g.Params()))
	if role == graph.Bias {
		name += "b"
	}
	return &graph.Value{Name: name, Shape: p.Shape, Param: graph.NewParam(name, role, p)}
}

func (c *chain) then(o graph.Op, w ...int) *chain {
	in := []*graph.Value{c.v}
	if w != nil {
		in = append(in, c.param(graph.Weight, w...), c.param(graph.Bias, w[0]))
	}
	v := &graph.Value{Name: fmt.Sprint("v", len(c.g.Nodes))}
	c.g.Nodes = append(c.g.Nodes, &graph.Node{Name: fmt.Sprint("n", len(c.g.Nodes)), Op: o, Inputs: in, Outputs: []*graph.Value{v}})
	c.v = v
	if err := c.g.InferShapes(); err != nil {
		c.t.Fatal(err)
	}
	return c
}

func (c *chain) done() *graph.Graph {
	c.g.Outputs = []*graph.Value{c.v}
	if err := c.g.Check(); err != nil {
		c.t.Fatal(err)
	}
	return c.g
}

var rectify = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}

// convNet has two convolutions and two dense layers; three groups of channels
// can be removed: 6, 8 and 10.
func convNet(t *testing.T, seed uint64) *graph.Graph {
	return newChain(t, seed, 2, 10, 10).
		then(op.Conv2D{Clamp: rectify}, 6, 2, 3, 3).
		then(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2}).
		then(op.Conv2D{Clamp: rectify}, 8, 6, 3, 3).
		then(op.Reshape{Shape: []int{32}}).
		then(op.Dense{Clamp: rectify}, 10, 32).
		then(op.Dense{}, 3, 10).done()
}

// denseNet is small enough for hundreds of steps.
func denseNet(t *testing.T, seed uint64) *graph.Graph {
	return newChain(t, seed, 8).then(op.Dense{Clamp: rectify}, 16, 8).then(op.Dense{Clamp: rectify}, 12, 16).then(op.Dense{}, 3, 12).done()
}

// task feeds random samples with labels that three of eight inputs decide.
func task(seed uint64) func() (train.Batch, error) {
	r := newRand(seed)
	return func() (train.Batch, error) {
		b := train.Single(normal(r, 32, 8), make([]int, 32), nil)
		for i := range b.Labels {
			x := b.X[0].Data[8*i:]
			b.Labels[i] = train.Argmax([]float32{x[0], x[1] + x[2], -x[1]})
		}
		return b, nil
	}
}

func newTrainer(t *testing.T, g *graph.Graph, loss train.Loss) *train.Trainer {
	t.Helper()
	tr, err := train.New(g, train.Config{Batch: 32, Threads: 1, Loss: loss})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Max(1, math.Abs(want))) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}
