package format

// sinceScaling is the first version with inputs whose channels have grids of their own.
const sinceScaling = 0x12

// Bits of an input's first byte, above the number of dimensions.
const (
	inWide    = 1 << 3 // the scale is an f32
	inScaled  = 1 << 4 // the channels have grids of their own
	inWideOwn = 1 << 5 // whose scales are f32
	inFloat   = 1 << 6 // the elements are float32; without bits 3 to 5, and without a grid
	inWhole   = 1 << 7 // with inFloat: they are whole numbers
)

// Scaling gives each channel of an input a grid of its own: the features of a sample may be
// pascals and percent. A real number x of channel c is set as
//
//	q = Zero[c] + round(x / Scale[c]),  halves away from zero, saturated to -128..127
//
// and the network reads q on the grid of the input's tensor.
type Scaling struct {
	Input int       `json:"input"` // of File.Inputs
	Axis  int       `json:"axis"`  // the dimension of the tensor's shape along which channels lie
	Scale []float32 `json:"scale"` // of each channel, 2^-40..2^30
	Zero  []int     `json:"zero"`  // of each channel, of 32 bits
}

// Of returns the grid of element i of a tensor of the given shape, row-major.
func (s *Scaling) Of(shape []int, i int) (scale float32, zero int) {
	inner := 1
	for _, d := range shape[s.Axis+1:] {
		inner *= d
	}
	c := i / inner % len(s.Scale)
	return s.Scale[c], s.Zero[c]
}

// ScalingOf returns the grids of the channels of input k; nil: all are on the tensor's.
func (f *File) ScalingOf(k int) *Scaling {
	for i := range f.Scaling {
		if f.Scaling[i].Input == k {
			return &f.Scaling[i]
		}
	}
	return nil
}

// wide reports whether the scales need f32.
func (s *Scaling) wide() bool {
	for _, v := range s.Scale {
		if _, ok := half(v); !ok {
			return true
		}
	}
	return false
}

// encodeScaling writes what follows the grid of a scaled input.
func encodeScaling(w *writer, s *Scaling) {
	w.uvarint(s.Axis)
	wide := s.wide()
	for c, v := range s.Scale {
		if h, ok := half(v); ok && !wide {
			w.u16(h)
		} else {
			w.f32(v)
		}
		w.varint(s.Zero[c])
	}
}

// decodeScaling reads the grids of input k of that shape; its length is that of the shape,
// which the bytes that are left must be able to hold.
func decodeScaling(f *File, k int, shape []int, wide bool, r *reader) {
	s := Scaling{Input: k, Axis: r.uvarint()}
	if s.Axis >= len(shape) || shape[s.Axis] > len(r.b)/3 {
		r.fail = true
		return
	}
	for range shape[s.Axis] {
		if wide {
			s.Scale = append(s.Scale, r.f32())
		} else {
			s.Scale = append(s.Scale, float(r.u16()))
		}
		s.Zero = append(s.Zero, r.varint())
	}
	f.Scaling = append(f.Scaling, s)
}

// checkScaling verifies axes, lengths, scales and zero points.
func (f *File) checkScaling() error {
	before := -1
	for i := range f.Scaling {
		s := &f.Scaling[i]
		if s.Input <= before || s.Input >= len(f.Inputs) {
			return Error("the scaling of input " + itoa(s.Input) + " occurs twice, or there is no such input")
		}
		before = s.Input
		shape := f.Tensors[f.Inputs[s.Input]].Shape
		if f.Tensors[f.Inputs[s.Input]].DType != Int8 {
			return Error("the scaling of input " + itoa(s.Input) + " is of real numbers, which have no grid")
		}
		if s.Axis < 0 || s.Axis >= len(shape) || len(s.Scale) != shape[s.Axis] || len(s.Zero) != len(s.Scale) {
			return Error("the scaling of input " + itoa(s.Input) + " does not fit its shape " + shapeString(shape))
		}
		for c, v := range s.Scale {
			if !usable(v) || s.Zero[c] != int(int32(s.Zero[c])) {
				return Error("the scaling of input " + itoa(s.Input) + " has an impossible grid for channel " + itoa(c))
			}
		}
	}
	return nil
}
