package simplify

import (
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// net is testnet's, with the layers of these tests.
type net struct{ *testnet.Net }

func newNet(t testing.TB, seed uint64, sample ...int) (*net, *graph.Value) {
	b, x := testnet.New(t, seed, 1, sample...)
	return &net{b}, x
}

var relu = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}

// conv is a k x k convolution with pad on all sides; groups 0 means depthwise.
func (b *net) conv(x *graph.Value, outC, k, pad, groups int, c op.Clamp) *graph.Value {
	in := x.Shape[1]
	if groups == 0 {
		groups = in
	}
	o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: pad, PadL: pad, PadB: pad, PadR: pad, Groups: groups, Clamp: c}
	return b.Node(o, x, b.Param(graph.Weight, 0.5, outC, in/groups, k, k), b.Param(graph.Bias, 0.5, outC))
}

func (b *net) dense(x *graph.Value, out int, c op.Clamp) *graph.Value {
	return b.Node(op.Dense{Clamp: c}, x, b.Param(graph.Weight, 0.5, out, x.Shape[len(x.Shape)-1]), b.Param(graph.Bias, 0.5, out))
}

func (b *net) maxPool(x *graph.Value, k int) *graph.Value {
	return b.Node(op.MaxPool{KH: k, KW: k, StrideH: k, StrideW: k, DilH: 1, DilW: 1}, x)
}

func (b *net) avgPool(x *graph.Value, k, pad int, count bool) *graph.Value {
	return b.Node(op.AvgPool{KH: k, KW: k, StrideH: k, StrideW: k, DilH: 1, DilW: 1, PadT: pad, PadL: pad, PadB: pad, PadR: pad, CountPad: count}, x)
}

func (b *net) flatten(x *graph.Value) *graph.Value {
	return b.Node(op.Reshape{Shape: []int{x.Shape.Size()}}, x)
}

// networks are the structures that the tests cut; each ends in a small output.
var networks = map[string]func(t *testing.T, seed uint64) *graph.Graph{
	"lenet": func(t *testing.T, seed uint64) *graph.Graph {
		b, x := newNet(t, seed, 1, 12, 12)
		h := b.maxPool(b.conv(x, 6, 3, 0, 1, op.Clamp{}), 2)
		h = b.maxPool(b.conv(h, 8, 2, 0, 1, relu), 2)
		return b.Done(b.dense(b.dense(b.flatten(h), 10, relu), 4, op.Clamp{}))
	},
	"depthwise": func(t *testing.T, seed uint64) *graph.Graph {
		b, x := newNet(t, seed, 3, 9, 9)
		h := b.conv(x, 8, 3, 1, 1, relu)
		h = b.conv(h, 8, 3, 1, 0, relu)
		h = b.conv(h, 7, 1, 0, 1, op.Clamp{On: true, Lo: -0.1, Hi: 2})
		h = b.conv(h, 14, 3, 0, 0, relu) // two outputs for each input
		h = b.conv(h, 6, 1, 0, 1, op.Clamp{})
		h = b.Node(op.Sigmoid{}, h)
		h = b.Node(op.GlobalAvgPool{}, h)
		return b.Done(b.dense(b.flatten(h), 3, op.Clamp{}))
	},
	"residual": func(t *testing.T, seed uint64) *graph.Graph {
		b, x := newNet(t, seed, 2, 8, 8)
		a := b.conv(x, 6, 3, 0, 1, relu)
		h := b.conv(a, 5, 1, 0, 1, relu)
		h = b.conv(h, 6, 1, 0, 1, op.Clamp{})
		h = b.Node(op.Add{Clamp: relu}, a, h)
		h = b.avgPool(h, 2, 0, false)
		h = b.Node(op.Tanh{}, h)
		return b.Done(b.dense(b.flatten(h), 3, op.Clamp{}))
	},
	"concat": func(t *testing.T, seed uint64) *graph.Graph {
		b, x := newNet(t, seed, 2, 8, 8)
		l := b.conv(x, 5, 3, 1, 1, relu)
		r := b.conv(x, 4, 1, 0, 1, op.Clamp{})
		h := b.Node(op.Concat{Axis: 1}, l, r, x)
		h = b.conv(h, 6, 3, 0, 1, relu)
		h = b.avgPool(h, 2, 1, true)
		h = b.Node(op.Transpose{Perm: []int{0, 2, 3, 1}}, h)
		return b.Done(b.dense(b.flatten(h), 3, op.Clamp{}))
	},
	"constants": func(t *testing.T, seed uint64) *graph.Graph {
		b, x := newNet(t, seed, 2, 6, 6)
		h := b.conv(x, 6, 3, 0, 1, op.Clamp{})
		h = b.Node(op.HardSwish{}, h)
		h = b.Node(op.Mul{}, h, b.Param(graph.Constant, 0.5, 6, 1, 1))
		h = b.Node(op.Sub{Clamp: relu}, b.Param(graph.Constant, 0.5, 1, 1, 1), h)
		h = b.conv(h, 5, 2, 0, 1, op.Clamp{})
		h = b.Node(op.Pad{Before: []int{0, 0, 1, 0}, After: []int{0, 0, 0, 1}}, h)
		h = b.Node(op.Reshape{Shape: []int{5, h.Shape[2] * h.Shape[3]}}, h)
		h = b.Node(op.Transpose{Perm: []int{0, 2, 1}}, h)
		h = b.dense(h, 4, relu)
		return b.Done(b.dense(b.flatten(h), 3, op.Clamp{}))
	},
}

func run(t *testing.T, g *graph.Graph, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return tape.Forward(x)[0].Clone()
}

func randomInput(g *graph.Graph, seed uint64) *tensor.Tensor {
	rng := rand.New(rand.NewPCG(seed, 2))
	x := tensor.New(g.Inputs[0].Shape.WithBatch(3)...)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	return x
}

// foldTol bounds |difference| / max(1, largest output): a few float32 roundings
// per layer, in another order.
const foldTol = 1e-5

func expectClose(t *testing.T, got, want *tensor.Tensor, tol float64) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
	}
	scale := 1.0
	for _, v := range want.Data {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range want.Data {
		if d := math.Abs(float64(got.Data[i] - v)); !(d <= tol*scale) {
			t.Fatalf("element %d is %v, want %v", i, got.Data[i], v)
		}
	}
}
