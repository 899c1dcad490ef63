package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// View is an operator that gives its input's elements another shape or order, and changes
// none.
type View interface {
	graph.Op
	IsView()
}

// IsView reports whether o is a View.
func IsView(o graph.Op) bool {
	_, ok := o.(View)
	return ok
}

// Reshaper is a View that keeps the order of the elements.
type Reshaper interface {
	View
	// SampleShape returns the shape of the output without the batch.
	SampleShape() []int
}

// IsReshape reports whether o is a Reshaper.
func IsReshape(o graph.Op) bool {
	_, ok := o.(Reshaper)
	return ok
}

// Permuter is a View that exchanges dimensions.
type Permuter interface {
	View
	// Permutation returns, for each dimension of the output, that of the input.
	Permutation() []int
}

// Padder is an operator that surrounds its input by one value.
type Padder interface {
	graph.Op
	// Padding returns how many elements come before and after the input's, in each
	// dimension, and their value.
	Padding() (before, after []int, value float32)
}

// Identity is an operator that changes nothing with some attributes or shapes.
type Identity interface {
	graph.Op
	IsIdentity(n *graph.Node) bool
}

// Merger is an operator that joins with one before it.
type Merger interface {
	graph.Op
	// Merge returns the operator equal to first, then this one; false if there is none.
	Merge(first graph.Op) (graph.Op, bool)
}

// Simplifier is an operator that a simpler one can replace on some inputs.
type Simplifier interface {
	graph.Op
	Simpler(n *graph.Node) (graph.Op, bool)
}

// ChannelAffine is an operator that is mul[c] x + add[c] for channel c (dimension 1) of its
// first input, when all others are parameters.
type ChannelAffine interface {
	graph.Op
	ChannelAffine(n *graph.Node) (mul, add *tensor.Tensor)
}

// Homogeneous is an operator f that keeps channels apart and has f(s x) = s f(x) for s > 0.
type Homogeneous interface {
	graph.Op
	Homogeneous(n *graph.Node) bool
}

// IsHomogeneous reports whether n's operator is Homogeneous at n.
func IsHomogeneous(n *graph.Node) bool {
	h, ok := n.Op.(Homogeneous)
	return ok && h.Homogeneous(n)
}

// BlockMean is an operator that can be the mean over blocks of n x n pixels.
type BlockMean interface {
	graph.Op
	// Block returns n; ok is false when it is another function.
	Block() (n int, ok bool)
}

// Normalizer is an operator that makes scores probabilities and keeps their order: a loss
// takes the scores before it, and which is largest can be said without it.
type Normalizer interface {
	graph.Op
	Probabilities()
}

// IsNormalizer reports whether o is a Normalizer.
func IsNormalizer(o graph.Op) bool {
	_, ok := o.(Normalizer)
	return ok
}
