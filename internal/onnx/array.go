package onnx

import (
	"fmt"
	"math"
	"slices"
)

// array is a tensor whose content is known while reading: float types are held
// in f (as float32), all others in i. Arrays are never changed once made.
type array struct {
	name string // the initializer it came from, for messages
	typ  int64
	dims []int
	f    []float32
	i    []int64
	grid *gridInfo // the result of a DequantizeLinear of constants
}

func (a *array) isFloat() bool { return isFloat(a.typ) }

func (a *array) size() int {
	if a.isFloat() {
		return len(a.f)
	}
	return len(a.i)
}

// like returns an array of a's type with other dimensions, sized but empty.
func (a *array) like(dims []int) *array {
	r := &array{name: a.name, typ: a.typ, dims: dims}
	n := volume(dims)
	if a.isFloat() {
		r.f = make([]float32, n)
	} else {
		r.i = make([]int64, n)
	}
	return r
}

// reshaped shares a's content under other dimensions of the same volume.
func (a *array) reshaped(dims []int) *array {
	return &array{name: a.name, typ: a.typ, dims: dims, f: a.f, i: a.i, grid: a.grid.reshaped(a.dims, dims)}
}

// set copies element j of src (of the same type) to element k.
func (a *array) set(k int, src *array, j int) {
	if a.isFloat() {
		a.f[k] = src.f[j]
	} else {
		a.i[k] = src.i[j]
	}
}

func ints(v ...int64) *array { return &array{typ: typeInt64, dims: []int{len(v)}, i: v} }

// same reports whether two trial values are identical.
func (a *array) same(b *array) bool {
	return a == b || a.typ == b.typ && slices.Equal(a.dims, b.dims) && slices.Equal(a.i, b.i) &&
		slices.EqualFunc(a.f, b.f, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// maxElements bounds one array, so that its bytes can be counted in 32 bits.
const maxElements = 1 << 28

// volume is the number of elements, or -1 when there are too many or a
// dimension is negative.
func volume(dims []int) int {
	n := 1
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxElements/d {
			return -1
		}
		n *= d
	}
	return n
}

// toArray converts a TensorProto, whose data may lie in files of x; err tells
// what is wrong with it.
func (t *tensorProto) toArray(x *externals) (*array, error) {
	a := &array{name: t.name, typ: t.dataType, dims: make([]int, len(t.dims))}
	for i, d := range t.dims {
		if d < 0 || d > math.MaxInt32 {
			return nil, fmt.Errorf("dimension %d is %d; the file is damaged", i, d)
		}
		a.dims[i] = int(d)
	}
	n := volume(a.dims)
	if n < 0 {
		return nil, fmt.Errorf("shape %v is too large", a.dims)
	}
	if t.outside {
		raw, err := x.read(t, rawSize(a.typ, n))
		if err != nil {
			return nil, err
		}
		return a, a.fromRaw(raw, n)
	}
	if t.hasRaw {
		return a, a.fromRaw(t.raw, n)
	}
	return a, a.fromTyped(t, n)
}
