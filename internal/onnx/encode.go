package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"edgec/internal/graph"
)

// message builds one protobuf message, field by field.
type message []byte

func (m *message) int(num protowire.Number, v int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, num, protowire.VarintType), uint64(v))
}

func (m *message) str(num protowire.Number, s string) {
	*m = protowire.AppendString(protowire.AppendTag(*m, num, protowire.BytesType), s)
}

func (m *message) bytes(num protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, num, protowire.BytesType), b)
}

func (m *message) float(num protowire.Number, v float32) {
	*m = protowire.AppendFixed32(protowire.AppendTag(*m, num, protowire.Fixed32Type), math.Float32bits(v))
}

// attribute is one attribute of a node to be written.
type attribute struct {
	name  string
	value any // int, float32, string, []int, []float32 or []string
}

// AttributeProto.AttributeType
const (
	attrFloatType   = 1
	attrIntType     = 2
	attrStringType  = 3
	attrFloatsType  = 6
	attrIntsType    = 7
	attrStringsType = 8
)

func (a attribute) encode() []byte {
	var m message
	m.str(1, a.name)
	switch v := a.value.(type) {
	case int:
		m.int(3, int64(v))
		m.int(20, attrIntType)
	case float32:
		m.float(2, v)
		m.int(20, attrFloatType)
	case string:
		m.bytes(4, []byte(v))
		m.int(20, attrStringType)
	case []int:
		for _, x := range v {
			m.int(8, int64(x))
		}
		m.int(20, attrIntsType)
	case []float32:
		for _, x := range v {
			m.float(7, x)
		}
		m.int(20, attrFloatsType)
	case []string:
		for _, x := range v {
			m.bytes(9, []byte(x))
		}
		m.int(20, attrStringsType)
	}
	return m
}

// encodeTensor builds a TensorProto with raw data.
func encodeTensor(name string, dataType int64, dims []int, raw []byte) []byte {
	var m message
	for _, d := range dims {
		m.int(1, int64(d))
	}
	m.int(2, dataType)
	m.str(8, name)
	m.bytes(9, raw)
	return m
}

func rawFloats(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func rawInt64s(x []int) []byte {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func rawInt32s(x []int32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

func rawInt8s(x []int32) []byte {
	b := make([]byte, len(x))
	for i, v := range x {
		b[i] = byte(int8(v))
	}
	return b
}

// encodeValue builds the ValueInfoProto of an input or output whose
// dimension 0 is the free dimension "batch".
func encodeValue(name string, elem graph.Elem, dims []int) []byte {
	var shape message
	for i, d := range dims {
		var dim message
		if i == 0 {
			dim.str(2, "batch")
		} else {
			dim.int(1, int64(d))
		}
		shape.bytes(1, dim)
	}
	var tensorType, typ, v message
	tensorType.int(1, onnxTypes[elem])
	tensorType.bytes(2, shape)
	typ.bytes(1, tensorType)
	v.str(1, name)
	v.bytes(2, typ)
	return v
}

// onnxTypes are the element types of values in files that are written.
var onnxTypes = map[graph.Elem]int64{graph.Float: typeFloat, graph.Integer: typeInt64, graph.Boolean: typeBool}
