package op

import (
	"math"
	"slices"

	"edgec/internal/graph"
)

// Layer is a linear map with weights, y = clamp(W x + b). Its operands are x, the weights,
// whose dimension 0 is the output channel, and a bias of one number for each output
// channel, or none: see WeightInput and BiasInput.
type Layer interface {
	graph.Differentiable
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

// Kernel is how weights move over an image; nothing is left out, so strides, dilations
// and groups are 1 at least. The weight at row p and column q of the kernel meets, for
// the output at (i, j), the input at (i StrideH - PadT + p DilH, j StrideW - PadL + q DilW).
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
	// WithPadding returns the operator with so many rows and columns of zeros more.
	WithPadding(top, left, bottom, right int) graph.Op
}

// IsLayer reports whether n is a Layer.
func IsLayer(n *graph.Node) bool {
	_, ok := n.Op.(Layer)
	return ok
}

// MACs returns the multiplications of one sample that node n does with its weights:
// output elements times the weights behind each of them. It is 0 for nodes that are no
// Layer.
func MACs(n *graph.Node) int64 {
	if !IsLayer(n) {
		return 0
	}
	w := n.Inputs[WeightInput].Shape
	return int64(n.Outputs[0].Shape.Size()) * int64(w.Size()/max(w[0], 1))
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
