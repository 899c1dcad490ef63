package passes

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// net is testnet's, with the layers of these tests.
type net struct{ *testnet.Net }

func newNet(t testing.TB, seed uint64, sample ...int) (*net, *graph.Value) {
	b, x := testnet.New(t, seed, 77, sample...)
	return &net{b}, x
}

var relu = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}

func (b *net) conv(x *graph.Value, outC, k, groups int, c op.Clamp) *graph.Value {
	inC := x.Shape[1] / groups
	w := b.Param(graph.Weight, 1/math.Sqrt(float64(inC*k*k)), outC, inC, k, k)
	o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: k / 2, PadL: k / 2, PadB: k / 2, PadR: k / 2, Groups: groups, Clamp: c}
	return b.Node(o, x, w, b.Param(graph.Bias, 0.3, outC))
}

func (b *net) dense(x *graph.Value, out int, c op.Clamp) *graph.Value {
	k := x.Shape[1]
	w := b.Param(graph.Weight, 1/math.Sqrt(float64(k)), out, k)
	return b.Node(op.Dense{Clamp: c}, x, w, b.Param(graph.Bias, 0.3, out))
}

func (b *net) pool(x *graph.Value) *graph.Value {
	return b.Node(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}, x)
}

func (b *net) flatten(x *graph.Value) *graph.Value {
	return b.Node(op.Reshape{Shape: []int{x.Shape.Sample().Size()}}, x)
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

// lenet is conv, pool, depthwise conv, pool, flatten, dense, dense.
func lenet(t *testing.T, seed uint64) (*net, *graph.Graph) {
	b, x := newNet(t, seed, 2, 8, 8)
	h := b.pool(b.conv(x, 6, 3, 1, relu))
	h = b.pool(b.conv(h, 6, 3, 6, relu))
	h = b.dense(b.flatten(h), 12, relu)
	return b, b.Done(b.dense(h, 5, op.Clamp{}))
}
