package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// packed reports whether several elements share a byte.
func packed(typ int64) bool { return bitsOf(typ) < 8 }

// unpack takes n elements of fewer than 8 bits out of bytes, of which there are enough. The
// first element is in the low bits.
func (a *array) unpack(n int, at func(k int) byte) {
	bits := bitsOf(a.typ)
	a.make(n)
	for k := range n {
		per := 8 / bits
		a.setCode(k, at(k/per)>>(bits*(k%per))&(1<<bits-1))
	}
}

// make allocates n elements.
func (a *array) make(n int) {
	if a.isFloat() {
		a.f = make([]float32, n)
	} else {
		a.i = make([]int64, n)
	}
}

// setCode sets element k of a type of at most 8 bits.
func (a *array) setCode(k int, code byte) {
	if f := smallFloats[a.typ]; f != nil {
		a.f[k] = f.decode(code)
		return
	}
	a.i[k] = narrow(int64(code), a.typ)
}

// fromRaw takes n elements out of raw_data.
func (a *array) fromRaw(raw []byte, n int) error {
	if bitsOf(a.typ) == 0 {
		return unsupportedType(a.typ)
	}
	if size := rawSize(a.typ, n); len(raw) != size {
		return fmt.Errorf("%d bytes of data for shape %v of %s, which needs %d; the file is damaged", len(raw), a.dims, typeName(a.typ), size)
	}
	if packed(a.typ) {
		a.unpack(n, func(k int) byte { return raw[k] })
		return nil
	}
	a.make(n)
	w := bitsOf(a.typ) / 8
	for k := range n {
		a.fromBytes(k, raw[k*w:])
	}
	return nil
}

// unsupportedType says that elements of a type are not read.
func unsupportedType(typ int64) error {
	if typ == typeString {
		return fmt.Errorf("it holds strings, which no network computes with, and which are not supported; export the network without them")
	}
	return fmt.Errorf("element type %s is not supported; convert it to float32", typeName(typ))
}

// fromBytes sets element k from little-endian bytes.
func (a *array) fromBytes(k int, b []byte) {
	le := binary.LittleEndian
	switch a.typ {
	case typeFloat:
		a.f[k] = math.Float32frombits(le.Uint32(b))
	case typeFloat16:
		a.f[k] = float16.Frombits(le.Uint16(b)).Float32()
	case typeBfloat16:
		a.f[k] = math.Float32frombits(uint32(le.Uint16(b)) << 16)
	case typeDouble:
		a.f[k] = float32(math.Float64frombits(le.Uint64(b)))
	case typeInt16, typeUint16:
		a.i[k] = narrow(int64(le.Uint16(b)), a.typ)
	case typeInt32, typeUint32:
		a.i[k] = narrow(int64(le.Uint32(b)), a.typ)
	case typeInt64, typeUint64:
		a.i[k] = int64(le.Uint64(b))
	default:
		a.setCode(k, b[0])
	}
}

// fromTyped takes n elements out of the list that belongs to the type.
func (a *array) fromTyped(t *tensorProto, n int) error {
	have := len(t.int32s)
	switch a.typ {
	case typeFloat:
		a.f, have = t.float32s, len(t.float32s)
	case typeDouble:
		have = len(t.float64s)
		for _, v := range t.float64s {
			a.f = append(a.f, float32(v))
		}
	case typeInt64:
		a.i, have = t.int64s, len(t.int64s)
	case typeUint32, typeUint64:
		have = len(t.uint64s)
		for _, v := range t.uint64s {
			a.i = append(a.i, int64(v))
		}
	default:
		if bitsOf(a.typ) == 0 {
			return unsupportedType(a.typ)
		}
		if packed(a.typ) && have == rawSize(a.typ, n) {
			a.unpack(n, func(k int) byte { return byte(t.int32s[k]) })
			return nil
		}
		a.fromInt32s(t.int32s)
	}
	if have != n {
		return fmt.Errorf("%d values for shape %v, which needs %d; the file is damaged", have, a.dims, n)
	}
	return nil
}

// fromInt32s takes elements out of int32_data, where floats lie as their bits.
func (a *array) fromInt32s(x []int64) {
	a.make(len(x))
	for k, v := range x {
		var b [8]byte
		switch {
		case !a.isFloat():
			a.i[k] = narrow(v, a.typ)
		default:
			binary.LittleEndian.PutUint64(b[:], uint64(v))
			a.fromBytes(k, b[:])
		}
	}
}
