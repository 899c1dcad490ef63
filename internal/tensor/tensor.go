// Package tensor holds the shapes and the float32 storage of the host side.
//
// Tensors are dense and row-major. The host works in NCHW (images) and NC
// (features) order; dimension 0 of every activation is the batch.
package tensor

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Shape lists the dimensions of a tensor, outermost first. Dimensions are
// positive; a scalar has an empty shape.
type Shape []int

// Size returns the number of elements: the product of the dimensions, 1 for a
// scalar. It returns -1 when a dimension is negative or the product overflows.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		if d < 0 || (d > 0 && n > math.MaxInt/d) {
			return -1
		}
		n *= d
	}
	return n
}

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// Clone returns an independent copy.
func (s Shape) Clone() Shape { return slices.Clone(s) }

// WithBatch returns a copy whose dimension 0 is n. It panics on a scalar.
func (s Shape) WithBatch(n int) Shape {
	c := s.Clone()
	c[0] = n
	return c
}

// Sample returns the shape without its batch dimension. It aliases s.
func (s Shape) Sample() Shape { return s[1:] }

// String formats the shape as [d0,d1,...].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// Tensor is a dense row-major float32 array; len(Data) == Shape.Size().
type Tensor struct {
	Shape Shape
	Data  []float32
}

// New returns a zeroed tensor of the given shape.
func New(shape ...int) *Tensor {
	s := Shape(shape).Clone()
	n := s.Size()
	if n < 0 {
		panic(fmt.Sprintf("tensor: invalid shape %v", s))
	}
	return &Tensor{Shape: s, Data: make([]float32, n)}
}

// Of wraps data, which must have shape.Size() elements, without copying it.
func Of(data []float32, shape ...int) *Tensor {
	s := Shape(shape).Clone()
	if s.Size() != len(data) {
		panic(fmt.Sprintf("tensor: %d elements for shape %v", len(data), s))
	}
	return &Tensor{Shape: s, Data: data}
}

// Clone returns an independent copy.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{Shape: t.Shape.Clone(), Data: slices.Clone(t.Data)}
}

// Rows returns samples lo..hi-1 of a batch as a tensor that aliases t.
func (t *Tensor) Rows(lo, hi int) *Tensor {
	n := t.Shape.Sample().Size()
	return &Tensor{Shape: t.Shape.WithBatch(hi - lo), Data: t.Data[lo*n : hi*n]}
}

// FirstNonFinite returns the index of the first NaN or infinity, or -1.
func (t *Tensor) FirstNonFinite() int {
	for i, v := range t.Data {
		if v-v != 0 {
			return i
		}
	}
	return -1
}
