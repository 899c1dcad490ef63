package onnx

import (
	"fmt"
	"math"

	"github.com/x448/float16"

	"edgec/internal/graph"
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
	typeE4M3FN   = 17 // float8: sign, 4 bits of exponent, 3 of mantissa, no infinity
	typeE4M3FNUZ = 18 // neither infinity nor a negative zero
	typeE5M2     = 19
	typeE5M2FNUZ = 20
	typeUint4    = 21 // two in a byte, the first in the low bits
	typeInt4     = 22
	typeE2M1     = 23 // float4, two in a byte
	typeE8M0     = 24 // powers of two
	typeUint2    = 25 // four in a byte
	typeInt2     = 26
)

var typeNames = map[int64]string{
	0: "undefined", 1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
	10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
	17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
	24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3", 28: "float6e3m2",
}

func typeName(t int64) string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("type %d", t)
}

// isFloat reports whether elements of a type are held as float32.
func isFloat(t int64) bool {
	return t == typeFloat || t == typeFloat16 || t == typeDouble || t == typeBfloat16 || smallFloats[t] != nil
}

// elemOf returns what elements of an ONNX type are in the graph: Float for what it has no
// integers for.
func elemOf(typ int64) graph.Elem {
	switch {
	case typ == typeBool:
		return graph.Boolean
	case intBits[typ] != 0:
		return graph.Integer
	}
	return graph.Float
}

// intBits are the sizes of the integer types, negative for signed ones.
var intBits = map[int64]int{typeUint8: 8, typeInt8: -8, typeUint16: 16, typeInt16: -16, typeUint32: 32, typeInt32: -32, typeUint64: 64, typeInt64: -64,
	typeUint4: 4, typeInt4: -4, typeUint2: 2, typeInt2: -2}

// bitsOf is the size of one element in raw_data, 0 for types without support.
func bitsOf(typ int64) int {
	switch typ {
	case typeBool:
		return 8
	case typeFloat16, typeBfloat16:
		return 16
	case typeFloat:
		return 32
	case typeDouble:
		return 64
	}
	if f := smallFloats[typ]; f != nil {
		return f.bits
	}
	return max(intBits[typ], -intBits[typ])
}

// rawSize is the number of bytes of n elements in raw_data, 0 for types without support.
func rawSize(typ int64, n int) int { return (n*bitsOf(typ) + 7) / 8 }

// narrow wraps v to the range of an integer type.
func narrow(v, typ int64) int64 {
	b := intBits[typ]
	switch {
	case typ == typeBool && v != 0:
		return 1
	case b > 0 && b < 64:
		return v & (1<<b - 1)
	case b < 0:
		return v << (64 + b) >> (64 + b)
	}
	return v
}

// truncated is the integer that a float becomes in a Cast to typ: its fraction is dropped.
func truncated(v float32, typ int64) int64 {
	if typ == typeBool {
		if v != 0 {
			return 1
		}
		return 0
	}
	return narrow(int64(v), typ)
}

// rounded returns v as an element of a float type holds it, halves to even.
func rounded(v float32, typ int64) float32 {
	switch typ {
	case typeFloat16:
		return float16.Fromfloat32(v).Float32()
	case typeBfloat16:
		if v != v {
			return v
		}
		b := math.Float32bits(v)
		return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
	}
	if f := smallFloats[typ]; f != nil {
		return f.decode(f.encode(v, true))
	}
	return v
}
