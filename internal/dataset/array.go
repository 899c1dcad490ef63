package dataset

import (
	"fmt"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// layout matches the shape of an array, whose dimension 0 counts samples, with
// the network's. last reports that pictures have their channels last, and the
// network has them first.
func layout(shape []int, o Options, source string) (sample, image tensor.Shape, last bool, err error) {
	if len(shape) < 2 {
		return nil, nil, false, fmt.Errorf("dataset: %s: array of shape %v; dimension 0 must count samples, which have elements", source, tensor.Shape(shape))
	}
	data := tensor.Shape(shape[1:])
	if w := o.Shape; len(data) == 3 && len(w) == 3 && !data.Equal(w) && data[2] == w[0] && data[0] == w[1] && data[1] == w[2] {
		data, last = w, true
	}
	sample, image, err = fit(data, o, source)
	return sample, image, last, err
}

// samples makes samples of dimension 0; bytes are pixels.
func samples(a *preprocess.Array, o Options, source string) (*Set, error) {
	if !a.IsBytes() {
		return floatSamples(a, o, source)
	}
	sample, image, last, err := layout(a.Shape, o, source)
	if err != nil {
		return nil, err
	}
	if last {
		a = a.Transpose(0, 3, 1, 2)
	}
	return newSet(sample, image, a.Bytes(), nil, a.Shape[0], o.pre()), nil
}

// floatSamples makes samples of dimension 0 whose elements are numbers as they are.
func floatSamples(a *preprocess.Array, o Options, source string) (*Set, error) {
	sample, image, last, err := layout(a.Shape, o, source)
	if err != nil {
		return nil, err
	}
	if last {
		a = a.Transpose(0, 3, 1, 2)
	}
	floats, err := o.room.float32s(a)
	if err != nil {
		return nil, err
	}
	if err := finite(floats, sample.Size(), source); err != nil {
		return nil, err
	}
	return newSet(sample, image, nil, floats, a.Shape[0], o.pre()), nil
}

// setArray attaches labels that an array of any type holds.
func (s *Set) setArray(a *preprocess.Array, o Options, source string) error {
	return s.annotate(a.Float64s(), max(1, a.Len()/max(s.Len(), 1)), o, source)
}

// finite returns an error for the first NaN or infinity.
func finite(x []float32, size int, source string) error {
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("dataset: %s: sample %d, element %d is %v; remove or repair the sample", source, i/max(size, 1), i%max(size, 1), v)
		}
	}
	return nil
}
