package simplify

import (
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// turned is a Transpose that brings channels to the front, as tf2onnx writes it.
func (b *net) turned(x *graph.Value) *graph.Value {
	return b.Node(op.Transpose{Perm: toChannelsFirst}, x)
}

// TestChannelsFirst: which networks take their channels last, and what is left of them
// once their input has its channels first. The results stay.
func TestChannelsFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(t *testing.T) *graph.Graph
		input tensor.Shape
		want  string // operators left
	}{
		{"a transpose before a convolution", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 1, 6, 5, 3)
			return b.Done(b.conv(b.turned(x), 4, 3, 1, 1, relu))
		}, tensor.Shape{1, 3, 6, 5}, "Conv2D"},
		{"of nine channels", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 1, 6, 5, 9)
			return b.Done(b.conv(b.turned(x), 4, 3, 1, 1, relu))
		}, tensor.Shape{1, 9, 6, 5}, "Conv2D"},
		{"gray", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 1, 6, 5, 1)
			return b.Done(b.conv(b.turned(x), 4, 3, 1, 1, relu))
		}, tensor.Shape{1, 1, 6, 5}, "Conv2D"},
		{"scaled for each channel before", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 2, 6, 5, 3)
			h := b.Node(op.Mul{}, b.Node(op.Mul{}, x, b.Param(graph.Constant, 1, 3)), b.Param(graph.Constant, 1, 1, 1, 1, 1))
			return b.Done(b.conv(b.turned(h), 4, 3, 1, 1, relu))
		}, tensor.Shape{1, 3, 6, 5}, "Conv2D"},
		{"a function and a difference before", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 2, 6, 5, 3)
			h := b.Node(op.Tanh{}, b.Node(op.Sub{}, b.Param(graph.Constant, 1, 1, 1, 3), x))
			return b.Done(b.conv(b.turned(h), 4, 3, 1, 1, relu))
		}, tensor.Shape{1, 3, 6, 5}, "Sub Tanh Conv2D"},
		{"gray, a difference before", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 2, 6, 5, 1)
			return b.Done(b.conv(b.turned(b.Node(op.Sub{}, x, b.Param(graph.Constant, 1, 1))), 4, 3, 0, 1, relu))
		}, tensor.Shape{1, 1, 6, 5}, "Sub Conv2D"},
		{"padded before", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 2, 6, 5, 3)
			h := b.Node(op.Pad{Before: []int{0, 0, 1, 0}, After: []int{0, 1, 2, 0}}, x)
			return b.Done(b.conv(b.turned(h), 4, 3, 0, 1, relu))
		}, tensor.Shape{1, 3, 6, 5}, "Conv2D"},
		{"read twice", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 2, 6, 5, 3)
			return b.Done(b.Node(op.Add{}, b.conv(b.turned(x), 4, 3, 1, 1, relu), b.conv(b.turned(b.Node(op.Relu{}, x)), 4, 1, 0, 1, relu)))
		}, tensor.Shape{1, 3, 6, 5}, "Relu Conv2D Conv2D Add"},
		{"flattened", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 6, 5, 3)
			return b.Done(b.dense(b.flatten(x), 4, relu))
		}, tensor.Shape{1, 3, 6, 5}, "Reshape Dense"},
		{"flattened, of nine channels: nothing tells", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 6, 5, 9)
			return b.Done(b.dense(b.flatten(x), 4, relu))
		}, tensor.Shape{1, 6, 5, 9}, "Reshape Dense"},
		{"flattened, channels first", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 3, 3, 6, 5)
			return b.Done(b.dense(b.flatten(x), 4, relu))
		}, tensor.Shape{1, 3, 6, 5}, "Reshape Dense"},
		{"a convolution over three columns", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 4, 6, 5, 3)
			return b.Done(b.conv(x, 4, 3, 1, 1, relu))
		}, tensor.Shape{1, 6, 5, 3}, "Conv2D"},
		{"both orders", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 4, 4, 4, 4)
			return b.Done(b.Node(op.Add{}, b.conv(x, 4, 3, 1, 1, relu), b.conv(b.turned(x), 4, 1, 0, 1, relu)))
		}, tensor.Shape{1, 4, 4, 4}, "Conv2D Transpose Conv2D Add"},
		{"features", func(t *testing.T) *graph.Graph {
			b, x := newNet(t, 5, 7)
			return b.Done(b.dense(x, 4, relu))
		}, tensor.Shape{1, 7}, "Dense"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, before := c.build(t), c.build(t)
			ChannelsFirst(g)
			if err := Run(g); err != nil {
				t.Fatal(err)
			}
			in := g.Inputs[0]
			var ops []string
			for _, n := range g.Nodes {
				ops = append(ops, n.Op.Name())
			}
			if got := strings.Join(ops, " "); !in.Shape.Equal(c.input) || got != c.want || in.Name != "x" {
				t.Errorf("input %q %v, operators %q, want %v, %q", in.Name, in.Shape, got, c.input, c.want)
			}
			if turned := !in.Shape.Equal(before.Inputs[0].Shape); in.ChannelsLast != turned || g.Clone().Inputs[0].ChannelsLast != turned {
				t.Errorf("channels last: %v", in.ChannelsLast)
			}
			sameResults(t, g, before)
		})
	}
}

// TestChannelsLastAgain: what is written has the input of what was read.
func TestChannelsLastAgain(t *testing.T) {
	build := func() *graph.Graph {
		b, x := newNet(t, 1, 6, 5, 3)
		return b.Done(b.conv(b.turned(x), 4, 3, 1, 1, relu))
	}
	g, before := build(), build()
	ChannelsFirst(g)
	if err := Run(g); err != nil {
		t.Fatal(err)
	}
	ChannelsLast(g)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	if in := g.Inputs[0]; !in.Shape.Equal(before.Inputs[0].Shape) || in.Name != "x" || in.ChannelsLast {
		t.Errorf("input %q %v", in.Name, in.Shape)
	}
	sameResults(t, g, before)
}

// sameResults compares a network with the one that it was, on inputs that come channels last.
func sameResults(t *testing.T, g, before *graph.Graph) {
	t.Helper()
	x := randomInput(before, 7)
	y := x
	if g.Inputs[0].ChannelsLast {
		y = tensor.New(append(tensor.Shape{x.Shape[0]}, g.Inputs[0].Shape[1:]...)...)
		op.Transpose{Perm: toChannelsFirst}.Forward(&graph.Scratch{}, []*tensor.Tensor{y}, []*tensor.Tensor{x})
	}
	expectClose(t, run(t, g, y), run(t, before, x), foldTol)
}
