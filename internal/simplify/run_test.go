package simplify

import (
	"math"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// batchNorm adds an inference BatchNorm with random statistics.
func (b *net) batchNorm(x *graph.Value) *graph.Value {
	c := x.Shape[1]
	v := b.Param(graph.Constant, 0.5, c)
	for i, s := range v.Param.Shadow.Data {
		v.Param.Shadow.Data[i] = s*s + 0.1
	}
	v.Param.Refresh()
	return b.Node(op.BatchNorm{Epsilon: 1e-3}, x, b.Param(graph.Constant, 0.5, c), b.Param(graph.Constant, 0.5, c), b.Param(graph.Constant, 0.5, c), v)
}

func TestRun(t *testing.T) {
	tests := []struct {
		name  string
		build func(t *testing.T) *graph.Graph
		want  string // operators left
	}{
		{"batchnorm after convolution", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 1, 2, 6, 6)
			return b.Done(b.Node(op.Relu{}, b.batchNorm(b.conv(x, 4, 3, 1, 1, op.Clamp{}))))
		}, "Conv2D"},
		{"batchnorm after depthwise", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 1, 3, 6, 6)
			return b.Done(b.batchNorm(b.conv(x, 6, 3, 1, 0, op.Clamp{})))
		}, "Conv2D"},
		{"batchnorm after dense", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 2, 5)
			return b.Done(b.Node(op.Clip{Lo: -1, Hi: 0.5}, b.batchNorm(b.dense(x, 4, op.Clamp{}))))
		}, "Dense"},
		{"batchnorm alone", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 3, 4, 4)
			return b.Done(b.Node(op.Relu{}, b.batchNorm(x)))
		}, "Conv2D"},
		{"batchnorm of features before dense", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 7)
			return b.Done(b.dense(b.batchNorm(x), 2, op.Clamp{}))
		}, "Mul Add Dense"},
		{"batchnorm after a clamp", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 3, 4, 4)
			return b.Done(b.batchNorm(b.conv(x, 4, 1, 0, 1, relu)))
		}, "Conv2D Conv2D"},
		{"batchnorm of a shared activation", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 3, 4, 4)
			h := b.conv(x, 4, 1, 0, 1, op.Clamp{})
			return b.Done(b.Node(op.Add{}, h, b.batchNorm(h)))
		}, "Conv2D Conv2D Add"},
		{"matmul and add", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 4, 5)
			h := b.Node(op.Dense{}, x, b.Param(graph.Weight, 0.5, 3, 5))
			return b.Done(b.Node(op.Relu{}, b.Node(op.Add{}, h, b.Param(graph.Constant, 0.5, 1, 3))))
		}, "Dense"},
		{"arithmetic after convolution", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 5, 2, 5, 5)
			h := b.Node(op.Mul{}, b.conv(x, 3, 2, 0, 1, op.Clamp{}), b.Param(graph.Constant, 0.5, 3, 1, 1))
			h = b.Node(op.Sub{}, h, b.Param(graph.Constant, 0.5, 1, 3, 1, 1))
			h = b.Node(op.Sub{Clamp: relu}, b.Param(graph.Constant, 0.5, 1), h)
			return b.Done(h)
		}, "Conv2D"},
		{"scale before convolution", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 6, 2, 5, 5)
			h := b.Node(op.Div{}, x, paramValue(graph.NewParam("k", graph.Constant, tensor.Of([]float32{255}, 1))))
			return b.Done(b.conv(b.Node(op.Mul{}, h, b.Param(graph.Constant, 0.5, 2, 1, 1)), 3, 3, 1, 1, op.Clamp{}))
		}, "Conv2D"},
		{"addition along the width stays", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 6, 2, 5, 5)
			return b.Done(b.Node(op.Add{}, b.conv(x, 5, 3, 1, 1, op.Clamp{}), b.Param(graph.Constant, 0.5, 5)))
		}, "Conv2D Add"},
		{"clamps compose", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 7, 2, 5, 5)
			h := b.Node(op.Relu{}, b.conv(x, 3, 3, 1, 1, op.Clamp{}))
			return b.Done(b.Node(op.Clip{Lo: float32(math.Inf(-1)), Hi: 0.7}, b.Node(op.Clip{Lo: -1, Hi: 1}, h)))
		}, "Conv2D"},
		{"clamp of a residual", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 7, 2, 5, 5)
			h := b.conv(x, 2, 3, 1, 1, op.Clamp{})
			return b.Done(b.Node(op.Relu{}, b.Node(op.Add{}, h, x)))
		}, "Conv2D Add"},
		{"pad into convolution", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 8, 2, 5, 5)
			return b.Done(b.conv(b.Node(op.Pad{Before: []int{0, 0, 0, 1}, After: []int{0, 0, 1, 2}}, x), 3, 3, 0, 1, op.Clamp{}))
		}, "Conv2D"},
		{"pad with a value stays", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 8, 2, 5, 5)
			return b.Done(b.conv(b.Node(op.Pad{Before: []int{0, 0, 0, 1}, After: []int{0, 0, 1, 2}, Value: 1}, x), 3, 3, 0, 1, op.Clamp{}))
		}, "Pad Conv2D"},
		{"one-dimensional convolutions", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 9, 2, 8)
			h := b.Node(op.Reshape{Shape: []int{2, 1, 8}}, x)
			o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
			h = b.Node(o, h, b.Param(graph.Weight, 0.5, 3, 2, 1, 3), nil)
			h = b.Node(op.Relu{}, b.Node(op.Reshape{Shape: []int{3, 6}}, h))
			h = b.Node(op.Reshape{Shape: []int{3, 1, 6}}, h)
			return b.Done(b.Node(o, h, b.Param(graph.Weight, 0.5, 2, 3, 1, 3), nil))
		}, "Reshape Conv2D Conv2D"},
		{"transpose before flatten", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 10, 2, 6, 6)
			h := b.Node(op.Transpose{Perm: []int{0, 2, 3, 1}}, b.conv(x, 3, 3, 0, 1, op.Clamp{}))
			return b.Done(b.dense(b.flatten(b.Node(op.Relu{}, h)), 3, op.Clamp{}))
		}, "Conv2D Reshape Dense"},
		{"transpose of a pooled image", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 10, 4, 6, 6)
			h := b.Node(op.Transpose{Perm: []int{0, 2, 3, 1}}, b.Node(op.GlobalAvgPool{}, x))
			return b.Done(b.Node(op.Softmax{Axis: 1}, b.flatten(h)))
		}, "GlobalAvgPool Reshape Softmax"},
		{"identities", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 11, 2, 6)
			h := b.Node(op.Reshape{Shape: []int{12}}, b.Node(op.Reshape{Shape: []int{2, 6}}, x))
			h = b.Node(op.Clip{Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}, h)
			return b.Done(b.dense(h, 2, op.Clamp{}))
		}, "Reshape Dense"},
		{"constant subgraph", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 12, 3)
			k := b.Node(op.Relu{}, b.Param(graph.Constant, 0.5, 3))
			return b.Done(b.Node(op.Add{}, x, k))
		}, "Add"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := tt.build(t)
			x := randomInput(g, 5)
			want, name := run(t, g, x), g.Outputs[0].Name
			if err := Run(g); err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, n := range g.Nodes {
				ops = append(ops, n.Op.Name())
			}
			if got := strings.Join(ops, " "); got != tt.want {
				t.Errorf("operators %q, want %q", got, tt.want)
			}
			if g.Outputs[0].Name != name {
				t.Errorf("output is now named %q, was %q", g.Outputs[0].Name, name)
			}
			expectClose(t, run(t, g, x), want, foldTol)
		})
	}
}

// TestRunKeepsConstraints: parameters with grids are not rewritten.
func TestRunKeepsConstraints(t *testing.T) {
	b, x := newNet(t, 1, 2, 6, 6)
	h := b.conv(x, 4, 3, 1, 1, op.Clamp{})
	w := b.G.Params()[0]
	w.Grid = &graph.Grid{Scale: []float32{0.25}, Max: 127}
	w.Refresh()
	g := b.Done(b.batchNorm(h))
	before := append([]float32(nil), w.Value.Data...)
	want := run(t, g, randomInput(g, 1))
	if err := Run(g); err != nil {
		t.Fatal(err)
	}
	for i, v := range w.Value.Data {
		if v != before[i] {
			t.Fatal("a weight on a grid was changed")
		}
	}
	expectClose(t, run(t, g, randomInput(g, 1)), want, foldTol)
}

// TestRunIsBounded: a chain that needs a round for each of its nodes is left as far as the
// rounds go; it computes the same.
func TestRunIsBounded(t *testing.T) {
	const n = 1000
	b, x := newNet(t, 1, 2)
	h := x
	for range n {
		k := graph.NewParam("k", graph.Constant, tensor.Of([]float32{1, -1}, 2))
		h = b.Node(op.Mul{}, h, paramValue(k))
	}
	g := b.Done(b.dense(h, 2, op.Clamp{}))
	want := run(t, g, randomInput(g, 1))
	if err := Run(g); err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) < n/2 || len(g.Nodes) >= n {
		t.Errorf("%d of %d nodes are left", len(g.Nodes), n+1)
	}
	expectClose(t, run(t, g, randomInput(g, 1)), want, foldTol)
}
