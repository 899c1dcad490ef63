package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 21)) }

var normal = testnet.Normal

// chain builds a network layer by layer.
type chain struct {
	t testing.TB
	r *rand.Rand
	g *graph.Graph
	v *graph.Value
}

func newChain(t testing.TB, seed uint64, sample ...int) *chain {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &chain{t, newRand(seed), &graph.Graph{Name: "net", Inputs: []*graph.Value{x}}, x}
}

// then appends o with weights of the given shape and a bias, scaled so that
// activations keep their size.
func (c *chain) then(o graph.Op, w ...int) *chain {
	in := []*graph.Value{c.v}
	if w != nil {
		name := fmt.Sprint("w", len(c.g.Nodes))
		p := normal(c.r, w...)
		scale := float32(math.Sqrt(2 / float64(tensor.Shape(w[1:]).Size())))
		for i := range p.Data {
			p.Data[i] *= scale
		}
		b := tensor.New(w[0])
		in = append(in, &graph.Value{Name: name, Shape: p.Shape, Param: graph.NewParam(name, graph.Weight, p)},
			&graph.Value{Name: name + "b", Shape: b.Shape, Param: graph.NewParam(name+"b", graph.Bias, b)})
	}
	return c.node(o, in...)
}

func (c *chain) node(o graph.Op, in ...*graph.Value) *chain {
	v := &graph.Value{Name: fmt.Sprint("v", len(c.g.Nodes))}
	c.g.Nodes = append(c.g.Nodes, &graph.Node{Name: v.Name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
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

// small is a convolution, a pool and two dense layers behind a softmax.
func small(t testing.TB, seed uint64) *graph.Graph {
	return newChain(t, seed, 1, 8, 8).
		then(op.Conv2D{Clamp: rectify}, 4, 1, 3, 3).
		then(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2}).
		then(op.Reshape{Shape: []int{36}}).
		then(op.Dense{Clamp: rectify}, 12, 36).
		then(op.Dense{}, 3, 12).
		then(op.Softmax{Axis: 1}).done()
}

func smallBatch(seed uint64, n int) Batch {
	r := newRand(seed)
	b := Single(normal(r, n, 1, 8, 8), make([]int, n), normal(r, n, 3))
	for i := range b.Labels {
		b.Labels[i] = r.IntN(3)
	}
	return b
}

func mustNew(t testing.TB, g *graph.Graph, cfg Config) *Trainer {
	t.Helper()
	tr, err := New(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// shadows returns a copy of every shadow weight.
func shadows(g *graph.Graph) []float32 {
	var w []float32
	for _, p := range g.Params() {
		w = append(w, p.Shadow.Data...)
	}
	return w
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Max(1, math.Abs(want))) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}
