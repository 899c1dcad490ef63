package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"

	"edgec/runtime/format"
)

// array is a constant as real numbers, in the file's order.
type array struct {
	name  string
	shape []int
	f     []float32
	mask  []float32 // 0 where a sparse constant has no element; nil: everywhere it has one
	whole bool      // its numbers are integers
}

// kinds says how the elements of a type are stored; sizes in bytes.
var kinds = map[int8]struct {
	size  int
	whole bool
	value func(b []byte) float64
}{
	typeFloat32: {4, false, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	typeFloat16: {2, false, func(b []byte) float64 { return float64(float16.Frombits(binary.LittleEndian.Uint16(b)).Float32()) }},
	typeInt32:   {4, true, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	typeInt64:   {8, true, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	typeUint8:   {1, true, func(b []byte) float64 { return float64(b[0]) }},
	typeInt8:    {1, true, func(b []byte) float64 { return float64(int8(b[0])) }},
	typeInt16:   {2, true, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }},
	typeBool:    {1, true, func(b []byte) float64 { return float64(b[0]) }},
}

// A sparse constant may have this many elements for each byte that it holds, and some more.
const mostElements, leastElements = 256, 1 << 12

// array returns the constant x: stored numbers, or scale (q - zero) of quantized ones.
func (x *entry) array() (*array, error) {
	kind, ok := kinds[x.kind]
	if !ok {
		return nil, fmt.Errorf("constant %q is %s, which is not supported", x.name, typeName(x.kind))
	}
	n := volume(x.shape)
	if n < 1 || n > format.MaxWeights {
		return nil, fmt.Errorf("constant %q of shape %v: 1 to %d elements are supported", x.name, x.shape, format.MaxWeights)
	}
	if x.sparsity.Pos != 0 && n > leastElements+mostElements*len(x.data) {
		return nil, fmt.Errorf("constant %q of shape %v has %d bytes, of more than %d elements each: prune it less, or leave the layer out", x.name, x.shape, len(x.data), mostElements)
	}
	places, err := x.places(n)
	if err != nil {
		return nil, err
	}
	stored := n
	if places != nil {
		stored = len(places)
	}
	if len(x.data) != stored*kind.size {
		return nil, fmt.Errorf("constant %q of shape %v has %d bytes, %d are needed: the file is damaged", x.name, x.shape, len(x.data), stored*kind.size)
	}
	a := &array{name: x.name, shape: slices.Clone(x.shape), f: make([]float32, n)}
	if places != nil {
		a.mask = make([]float32, n)
	}
	real, err := x.scaling(n)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		at := i
		if places != nil {
			at = places[i]
			a.mask[at] = 1
		}
		a.f[at] = real(kind.value(x.data[i*kind.size:]), at)
	}
	a.whole = kind.whole && len(x.scale) == 0
	return a, nil
}

// scaling returns what turns the stored number of one of n elements into its value.
func (x *entry) scaling(n int) (func(q float64, at int) float32, error) {
	scales := len(x.scale)
	if scales == 0 || x.kind == typeFloat32 || x.kind == typeFloat16 {
		return func(q float64, _ int) float32 { return float32(q) }, nil
	}
	inner, axis := n, 0
	if scales > 1 {
		if axis = x.axis; axis < 0 || axis >= len(x.shape) || x.shape[axis] != scales {
			return nil, fmt.Errorf("constant %q of shape %v has %d scales along dimension %d: the file is damaged", x.name, x.shape, scales, x.axis)
		}
		inner = volume(x.shape[axis+1:])
	}
	if len(x.zero) > 1 && len(x.zero) != scales {
		return nil, fmt.Errorf("constant %q has %d scales and %d zero points: the file is damaged", x.name, scales, len(x.zero))
	}
	return func(q float64, at int) float32 {
		c := at / inner % scales
		if len(x.zero) > 0 {
			q -= float64(x.zero[c%len(x.zero)])
		}
		return float32(q * float64(x.scale[c]))
	}, nil
}

// mostVolume is 2^40, or less where an int has 32 bits.
const mostVolume = min(1<<40, math.MaxInt)

// volume returns the number of elements of a shape; 0 when it is more than mostVolume.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		if d > 0 && n > mostVolume/d {
			return 0
		}
		n *= d
	}
	return n
}

// ints returns the array as integers.
func (a *array) ints() ([]int, error) {
	if !a.whole {
		return nil, fmt.Errorf("constant %q holds no integers", a.name)
	}
	out := make([]int, len(a.f))
	for i, v := range a.f {
		out[i] = int(v)
	}
	return out, nil
}

// permuted returns a with dimension perm[i] as its dimension i.
func (a *array) permuted(perm ...int) *array {
	r := &array{name: a.name, shape: make([]int, len(perm)), whole: a.whole}
	strides, step := make([]int, len(perm)), 1
	for d := len(perm) - 1; d >= 0; d-- {
		strides[d] = step
		step *= a.shape[d]
	}
	for i, p := range perm {
		r.shape[i] = a.shape[p]
	}
	from := []int{0}
	for i, p := range perm {
		next := make([]int, 0, len(from)*r.shape[i])
		for _, base := range from {
			for k := range r.shape[i] {
				next = append(next, base+k*strides[p])
			}
		}
		from = next
	}
	pick := func(x []float32) []float32 {
		y := make([]float32, len(from))
		for i, k := range from {
			y[i] = x[k]
		}
		return y
	}
	if r.f = pick(a.f); a.mask != nil {
		r.mask = pick(a.mask)
	}
	return r
}

// reshaped returns a under another shape.
func (a *array) reshaped(shape ...int) *array {
	r := *a
	r.shape = shape
	return &r
}
