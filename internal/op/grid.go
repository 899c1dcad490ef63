package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// GridRelation says how the int8 grid of an operator's output follows from those of its
// inputs.
type GridRelation uint8

const (
	// OwnGrid is a grid of its own: the operator computes new values.
	OwnGrid GridRelation = iota
	// InputGrid is the grid of the input: the operator selects, moves or averages elements.
	InputGrid
	// JoinedGrid is one grid for all inputs and the output; on the device inputs on others
	// pass a table.
	JoinedGrid
)

// GridRelater is an operator whose output has no grid of its own.
type GridRelater interface {
	graph.Op
	Grids() GridRelation
}

// GridsOf returns the relation of o, OwnGrid if it names none.
func GridsOf(o graph.Op) GridRelation {
	if r, ok := o.(GridRelater); ok {
		return r.Grids()
	}
	return OwnGrid
}

// SharesGrid reports whether o only selects, moves or averages elements, so that its
// activations share one int8 grid.
func SharesGrid(o graph.Op) bool { return GridsOf(o) != OwnGrid }

// Selector is a GridRelater all of whose results are elements of its inputs, or a constant: to
// round them to a grid is to round the inputs to it.
type Selector interface {
	GridRelater
	Selects()
}

// Averager is an operator whose results are means of the pixels under a window, channel by
// channel: a depthwise convolution whose weights are all 1/(height width).
type Averager interface {
	GridRelater
	// Averages returns that convolution of an image of shape [N,C,H,W], and its window; ok is
	// false where windows have different numbers of pixels.
	Averages(image tensor.Shape) (o Layer, height, width int, ok bool)
}

// Bounded is an operator whose results have known limits.
type Bounded interface {
	graph.Op
	// NaturalGrid is the grid that holds all results; its scale is 0 where there is none.
	NaturalGrid() graph.Affine
}

// Natural grids of 0..1 and of -1..1. They are TensorFlow Lite's, so that imported
// networks keep theirs.
var (
	unitGrid = graph.Affine{Scale: 1.0 / 256, Zero: -128}
	signGrid = graph.Affine{Scale: 1.0 / 128, Zero: 0}
)

// Rounder is an operator whose results lie on a grid already.
type Rounder interface {
	graph.Op
	Rounds() graph.Affine
}

// FloatOperator is an operator that the device computes in float32: it can read float
// values, and need not round its own.
type FloatOperator interface {
	graph.Op
	InFloat()
}

// InFloat reports whether o is a FloatOperator.
func InFloat(o graph.Op) bool {
	_, ok := o.(FloatOperator)
	return ok
}

// IsProbability reports whether all results of o lie in 0..1 by its definition, as
// those of a sigmoid.
func IsProbability(o graph.Op) bool {
	b, ok := o.(Bounded)
	return ok && b.NaturalGrid() == unitGrid
}
