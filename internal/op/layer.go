package op

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Weighted is an operator that multiplies vectors by weights, whose dimension 0 is the
// output channel, and adds a bias of one number for each output channel, or none: see
// WeightInput and BiasInput. Weights are pruned, quantized and shared alike in all of them.
type Weighted interface {
	graph.Differentiable
	// MetGrid returns the int8 grid of what meets the weights of n on the device; nil: it
	// has none yet.
	MetGrid(n *graph.Node) *graph.Affine
	// Uses returns how often an inference of one sample multiplies by each weight of n.
	Uses(n *graph.Node) int
}

// Inner is a Weighted whose weights meet what it has computed itself in an earlier step,
// not its first input.
type Inner interface {
	Weighted
	// Products returns, for each group of rows, all as large, the vectors [m, K] that its
	// weights [rows, K] meet on the inputs in, and the gradient dy [m, rows of all groups]
	// in the products for that of the output, dout; nil without dout. Both are valid until
	// the next use of s. Cost: a forward pass, and a backward pass with dout.
	Products(s *graph.Scratch, in, dout []*tensor.Tensor) (x [][]float32, dy []float32)
}

// Meeting is what the weights of a Weighted meet: vectors of an image over which they move, or
// vectors that lie one after another.
type Meeting struct {
	X      [][]float32 // of each group of rows that meets vectors of its own, [m, K]; of an image, all of it
	Kernel Kernel      // how weights move over the image, where Moves
	Moves  bool
	// Gradient is that in the products [m, rows of all groups], of an Inner whose output's
	// gradient is given; nil for a Layer, which has it in its output, before its clamp.
	Gradient []float32
}

// Groups returns how many groups of rows meet different values.
func (m Meeting) Groups() int { return max(len(m.X), m.Kernel.Groups) }

// Met returns what the weights of l meet on the inputs in, for the gradients dout of its
// outputs, or without them. It is valid until the next use of s. Cost: none for a Layer, that
// of Inner.Products for an Inner.
func Met(s *graph.Scratch, l Weighted, in, dout []*tensor.Tensor) (m Meeting) {
	switch l := l.(type) {
	case Inner:
		m.X, m.Gradient = l.Products(s, in, dout)
	case Layer:
		m.Kernel, m.Moves = l.Kernel()
		m.X = [][]float32{in[0].Data}
	}
	return m
}

// Layer is a Weighted that is a linear map of its first input x, y = clamp(W x + b).
type Layer interface {
	Weighted
	Clamper
	// ChannelAxis returns the dimension of the channels, in input and output, for an
	// output of the given rank.
	ChannelAxis(rank int) int
	// Kernel returns how the weights [outC, inC/groups, kH, kW] move over an image; moves
	// is false for a layer whose weights [out, in] meet each vector of features once.
	Kernel() (k Kernel, moves bool)
}

// The inputs of a Layer that hold its weights and its bias.
const (
	WeightInput = 1
	BiasInput   = 2
)

// Kernel is how weights move over an image. Strides, dilations and groups are at least 1.
// For the output at (i, j), the weight at row p and column q of the kernel meets the input
// at (i StrideH - PadT + p DilH, j StrideW - PadL + q DilW).
type Kernel struct {
	StrideH, StrideW       int
	DilH, DilW             int
	PadT, PadL, PadB, PadR int
	Groups                 int
}

// Padded reports whether the kernel meets zeros around the image.
func (k Kernel) Padded() bool { return k.PadT != 0 || k.PadL != 0 || k.PadB != 0 || k.PadR != 0 }

// PadAbsorber is an operator that can pad its image by zeros itself.
type PadAbsorber interface {
	graph.Op
	// WithPadding returns the operator with additional rows and columns of zeros.
	WithPadding(top, left, bottom, right int) graph.Op
}

// IsLayer reports whether n is a Layer.
func IsLayer(n *graph.Node) bool {
	_, ok := n.Op.(Layer)
	return ok
}

// MACs returns the multiplications of one sample that node n does with its weights, each as
// often as it is used. It is 0 for other nodes.
func MACs(n *graph.Node) int64 {
	w, ok := n.Op.(Weighted)
	if !ok {
		return 0
	}
	return int64(w.Uses(n)) * int64(n.Inputs[WeightInput].Shape.Size())
}

// Refiner is a Weighted that can meet 16 bits of what it computes itself.
type Refiner interface {
	Weighted
	Refined() graph.Op
}

// metGrid is MetGrid of a Layer: the grid of its first input.
func metGrid(n *graph.Node) *graph.Affine { return withBias(n.Inputs[0].Grid) }

// withBias returns a grid on which values meet weights as biases see it: both sums of a fine one
// have the bias.
func withBias(g *graph.Affine) *graph.Affine {
	if g == nil || !g.Fine {
		return g
	}
	both := *g
	both.Scale *= 1 + 1.0/graph.Parts
	return &both
}

// uses is Uses of a Layer: once for each place of its output.
func uses(n *graph.Node) int {
	return n.Outputs[0].Shape.Size() / max(n.Inputs[WeightInput].Shape[0], 1)
}

// traceRows makes ids the channels of a layer's output, and those that its weights and
// bias compute.
func traceRows(c Channels, n *graph.Node, ids []int, axis int) {
	c.Own(n, n.Inputs[WeightInput].Param, 0, ids)
	if b := optional(n, BiasInput); b != nil {
		if b.Param != nil {
			c.Own(n, b.Param, 0, ids)
		} else {
			c.Fix(ids)
		}
	}
	c.SetLayout(n.Outputs[0], Layout{axis, ids})
}

// rowConstants sets outputs whose weights are all zero to their bias.
func rowConstants(n *graph.Node, clamp Clamp, k []float32) {
	w := n.Inputs[WeightInput].Param
	if w == nil || len(k) != w.Channels() {
		return
	}
	row := len(w.Value.Data) / w.Channels()
	for o := range k {
		if !slices.ContainsFunc(w.Value.Data[o*row:(o+1)*row], func(v float32) bool { return v != 0 }) {
			k[o] = clamp.Of(biasOf(n, o))
		}
	}
}

// biasOf returns the bias of output channel o, NaN when it is no constant.
func biasOf(n *graph.Node, o int) float32 {
	b := optional(n, BiasInput)
	switch {
	case b == nil:
		return 0
	case b.Param == nil:
		return float32(math.NaN())
	}
	return b.Param.Value.Data[o]
}
