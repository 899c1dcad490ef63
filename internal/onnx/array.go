package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"
)

// ONNX element types (TensorProto.DataType).
const (
	typeFloat    = 1
	typeUint8    = 2
	typeInt8     = 3
	typeUint16   = 4
	typeInt16    = 5
	typeInt32    = 6
	typeInt64    = 7
	typeString   = 8
	typeBool     = 9
	typeFloat16  = 10
	typeDouble   = 11
	typeUint32   = 12
	typeUint64   = 13
	typeBfloat16 = 16
	typeUint4    = 21 // two in a byte, the first in the low bits
	typeInt4     = 22
)

var typeNames = map[int64]string{
	0: "undefined", 1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
	10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
	17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
	24: "float8e8m0", 25: "uint2", 26: "int2",
}

func typeName(t int64) string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("type %d", t)
}

func isFloat(t int64) bool {
	return t == typeFloat || t == typeFloat16 || t == typeDouble || t == typeBfloat16
}

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

// rawSize is the number of bytes of n elements in raw_data, 0 for types without support.
func rawSize(typ int64, n int) int {
	if halfByte(typ) {
		return (n + 1) / 2
	}
	return n * width(typ)
}

func halfByte(typ int64) bool { return typ == typeUint4 || typ == typeInt4 }

// unpack takes n elements of 4 bits out of bytes, of which there are enough.
func (a *array) unpack(n int, at func(k int) byte) {
	a.i = make([]int64, n)
	for k := range a.i {
		q := at(k/2) >> (4 * (k % 2)) & 15
		a.i[k] = int64(q)
		if a.typ == typeInt4 {
			a.i[k] = int64(int8(q<<4) >> 4)
		}
	}
}

// width is the size of one element in raw_data, 0 for types without support.
func width(typ int64) int {
	switch typ {
	case typeUint8, typeInt8, typeBool:
		return 1
	case typeUint16, typeInt16, typeFloat16, typeBfloat16:
		return 2
	case typeFloat, typeInt32, typeUint32:
		return 4
	case typeInt64, typeUint64, typeDouble:
		return 8
	}
	return 0
}

func (a *array) fromRaw(raw []byte, n int) error {
	w := width(a.typ)
	if w == 0 && !halfByte(a.typ) {
		return fmt.Errorf("element type %s is not supported; convert it to float32", typeName(a.typ))
	}
	if size := rawSize(a.typ, n); len(raw) != size {
		return fmt.Errorf("%d bytes of data for shape %v of %s, which needs %d; the file is damaged", len(raw), a.dims, typeName(a.typ), size)
	}
	if halfByte(a.typ) {
		a.unpack(n, func(k int) byte { return raw[k] })
		return nil
	}
	if a.isFloat() {
		a.f = make([]float32, n)
	} else {
		a.i = make([]int64, n)
	}
	le := binary.LittleEndian
	for k := 0; k < n; k++ {
		b := raw[k*w:]
		switch a.typ {
		case typeFloat:
			a.f[k] = math.Float32frombits(le.Uint32(b))
		case typeFloat16:
			a.f[k] = float16.Frombits(le.Uint16(b)).Float32()
		case typeBfloat16:
			a.f[k] = math.Float32frombits(uint32(le.Uint16(b)) << 16)
		case typeDouble:
			a.f[k] = float32(math.Float64frombits(le.Uint64(b)))
		case typeInt8:
			a.i[k] = int64(int8(b[0]))
		case typeUint8, typeBool:
			a.i[k] = int64(b[0])
		case typeInt16:
			a.i[k] = int64(int16(le.Uint16(b)))
		case typeUint16:
			a.i[k] = int64(le.Uint16(b))
		case typeInt32:
			a.i[k] = int64(int32(le.Uint32(b)))
		case typeUint32:
			a.i[k] = int64(le.Uint32(b))
		case typeInt64, typeUint64:
			a.i[k] = int64(le.Uint64(b))
		}
	}
	return nil
}

func (a *array) fromTyped(t *tensorProto, n int) error {
	var have int
	switch a.typ {
	case typeFloat:
		a.f, have = t.float32s, len(t.float32s)
	case typeDouble:
		have = len(t.float64s)
		for _, v := range t.float64s {
			a.f = append(a.f, float32(v))
		}
	case typeFloat16, typeBfloat16:
		have = len(t.int32s)
		for _, v := range t.int32s {
			if a.typ == typeFloat16 {
				a.f = append(a.f, float16.Frombits(uint16(v)).Float32())
			} else {
				a.f = append(a.f, math.Float32frombits(uint32(uint16(v))<<16))
			}
		}
	case typeInt64:
		a.i, have = t.int64s, len(t.int64s)
	case typeUint32, typeUint64:
		have = len(t.uint64s)
		for _, v := range t.uint64s {
			a.i = append(a.i, int64(v))
		}
	case typeInt32:
		have = len(t.int32s)
		for _, v := range t.int32s {
			a.i = append(a.i, int64(int32(v)))
		}
	case typeInt8, typeUint8, typeInt16, typeUint16, typeBool:
		a.i, have = t.int32s, len(t.int32s)
	case typeInt4, typeUint4:
		if have = len(t.int32s); have == (n+1)/2 {
			have = n
			a.unpack(n, func(k int) byte { return byte(t.int32s[k]) })
		}
	default:
		return fmt.Errorf("element type %s is not supported; convert it to float32", typeName(a.typ))
	}
	if have != n {
		return fmt.Errorf("%d values for shape %v, which needs %d; the file is damaged", have, a.dims, n)
	}
	return nil
}
