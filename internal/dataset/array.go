package dataset

import (
	"fmt"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// layout matches the shape of an array, whose dimension 0 counts samples, with
// the network's. last reports that the elements of pictures lie channels last, and
// those of a Set channels first.
func layout(shape []int, o Options, source string) (sample, image tensor.Shape, last bool, err error) {
	if len(shape) < 2 {
		return nil, nil, false, fmt.Errorf("dataset: %s: array of shape %v; dimension 0 must count samples, which have elements; save it as [samples, ...]", source, tensor.Shape(shape))
	}
	data := tensor.Shape(shape[1:])
	if w := o.Shape; len(w) == 3 {
		turned := tensor.Shape{w[1], w[2], w[0]}
		switch {
		case o.hwc() && (data.Equal(turned) || len(data) == 1 && data[0] == w.Size()):
			data, last = w, true
			o.source.layout("channels last, as the network takes them")
		case o.hwc():
			return nil, nil, false, fmt.Errorf("dataset: %s: samples have shape %v, the network takes %v, channels last; give data of that shape", source, data, turned)
		case !data.Equal(w) && data.Equal(turned):
			data, last = w, true
			if w[0] > 1 {
				o.source.layout("channels last, brought to the front")
			}
		}
	}
	sample, image, err = fit(data, o, source)
	return sample, image, last, err
}

// channelsFirst returns the array of pictures of shape [C,H,W] that a holds channels last.
func channelsFirst(a *preprocess.Array, picture tensor.Shape) *preprocess.Array {
	b := *a
	b.Shape = []int{a.Shape[0], picture[1], picture[2], picture[0]}
	return b.Transpose(0, 3, 1, 2)
}

// floatPlanes returns pictures of c channels and area pixels whose channels come first,
// from ones whose channels come last.
func floatPlanes(x []float32, c, area int) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		at := i % (c * area)
		out[i-at+at%c*area+at/c] = v
	}
	return out
}

// samples makes samples of dimension 0; bytes are pixels.
func samples(a *preprocess.Array, o Options, source string) (*Set, error) {
	if len(o.Inputs) == 1 && o.Sequences {
		if b, steps := o.unrolled(a, o.Inputs[0]); steps > 0 {
			s, err := samples(b, o, source)
			if err == nil {
				s.sequence = steps
			}
			return s, err
		}
	}
	if len(o.Inputs) == 1 && o.Inputs[0].Integer {
		return tokens(a, o, source)
	}
	if !a.IsBytes() {
		return floatSamples(a, o, source)
	}
	sample, image, last, err := layout(a.Shape, o, source)
	if err != nil {
		return nil, err
	}
	if last {
		a = channelsFirst(a, o.Shape)
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
		a = channelsFirst(a, o.Shape)
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
