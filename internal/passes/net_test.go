package passes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// net builds small networks with random weights.
type net struct {
	t   *testing.T
	g   *graph.Graph
	rng *rand.Rand
}

func newNet(t *testing.T, seed uint64, sample ...int) (*net, *graph.Value) {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &net{t, &graph.Graph{Name: "test", Inputs: []*graph.Value{x}}, rand.New(rand.NewPCG(seed, 77))}, x
}

func (b *net) node(o graph.Op, in ...*graph.Value) *graph.Value {
	b.t.Helper()
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		if v != nil {
			shapes[i] = v.Shape
		}
	}
	out, err := o.Infer(shapes)
	if err != nil {
		b.t.Fatal(err)
	}
	name := fmt.Sprintf("%s%d", o.Name(), len(b.g.Nodes))
	v := &graph.Value{Name: name + "_out", Shape: out[0]}
	b.g.Nodes = append(b.g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
	return v
}

func (b *net) param(role graph.Role, gain float64, shape ...int) *graph.Value {
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = float32(b.rng.NormFloat64() * gain)
	}
	name := fmt.Sprintf("p%d_%d", len(b.g.Nodes), role)
	return &graph.Value{Name: name, Shape: t.Shape, Param: graph.NewParam(name, role, t)}
}

var relu = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}

func (b *net) conv(x *graph.Value, outC, k, groups int, c op.Clamp) *graph.Value {
	inC := x.Shape[1] / groups
	w := b.param(graph.Weight, 1/math.Sqrt(float64(inC*k*k)), outC, inC, k, k)
	o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: k / 2, PadL: k / 2, PadB: k / 2, PadR: k / 2, Groups: groups, Clamp: c}
	return b.node(o, x, w, b.param(graph.Bias, 0.3, outC))
}

func (b *net) dense(x *graph.Value, out int, c op.Clamp) *graph.Value {
	k := x.Shape[1]
	w := b.param(graph.Weight, 1/math.Sqrt(float64(k)), out, k)
	return b.node(op.Dense{Clamp: c}, x, w, b.param(graph.Bias, 0.3, out))
}

func (b *net) pool(x *graph.Value) *graph.Value {
	return b.node(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}, x)
}

func (b *net) flatten(x *graph.Value) *graph.Value {
	return b.node(op.Reshape{Shape: []int{x.Shape.Sample().Size()}}, x)
}

func (b *net) done(out ...*graph.Value) *graph.Graph {
	b.t.Helper()
	b.g.Outputs = out
	if err := b.g.Check(); err != nil {
		b.t.Fatal(err)
	}
	return b.g
}

// inputs returns n random samples.
func (b *net) inputs(n int) *tensor.Tensor {
	x := tensor.New(b.g.Inputs[0].Shape.WithBatch(n)...)
	for i := range x.Data {
		x.Data[i] = float32(b.rng.NormFloat64())
	}
	return x
}

// run returns a copy of the first output.
func run(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return tape.Forward(x)[0].Clone().Data
}

// sqnr is the ratio of signal to error power in decibels.
func sqnr(want, got []float32) float64 {
	signal, noise := 0.0, 1e-30
	for i, w := range want {
		signal += float64(w) * float64(w)
		noise += float64(w-got[i]) * float64(w-got[i])
	}
	return 10 * math.Log10(signal/noise)
}

// lenet is conv, pool, depthwise conv, pool, flatten, dense, dense.
func lenet(t *testing.T, seed uint64) (*net, *graph.Graph) {
	b, x := newNet(t, seed, 2, 8, 8)
	h := b.pool(b.conv(x, 6, 3, 1, relu))
	h = b.pool(b.conv(h, 6, 3, 6, relu))
	h = b.dense(b.flatten(h), 12, relu)
	return b, b.done(b.dense(h, 5, op.Clamp{}))
}
