package dataset

import (
	"fmt"

	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// FromBytes makes a set of pictures of the given shape, [C,H,W] with one or
// three channels, from their bytes: one picture after the other, channels
// first. names are the classes' names, one for each class; label k is
// names[k]. bytes and labels are not copied.
func FromBytes(shape tensor.Shape, bytes []uint8, labels []int, names []string) (*Set, error) {
	if len(shape) != 3 || shape[0] != 1 && shape[0] != 3 || shape.Size() <= 0 {
		return nil, fmt.Errorf("dataset: shape %v is no picture; give [1,H,W] or [3,H,W]", shape)
	}
	if size := shape.Size(); len(bytes) != len(labels)*size {
		return nil, fmt.Errorf("dataset: %d bytes for %d pictures of %d", len(bytes), len(labels), size)
	}
	s := newSet(shape, shape, bytes, nil, len(labels), format.Preprocess{})
	s.ClassNames = names
	return s, s.setLabels(labels, len(names), "pictures in memory", Options{})
}
