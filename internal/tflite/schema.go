package tflite

import (
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// The parts of TFLite's schema (tensorflow/lite/schema/schema.fbs, version 3)
// that are read: numbers of fields in their tables, types and operators. A table
// keeps its fields' numbers for ever.

// table is a flatbuffer table. Offsets beyond the buffer panic; Read turns
// that into an error.
type table struct{ flatbuffers.Table }

// field returns where field k lies, 0 if it is absent.
func (t table) field(k int) flatbuffers.UOffsetT {
	return flatbuffers.UOffsetT(t.Offset(flatbuffers.VOffsetT(4 + 2*k)))
}

func (t table) int8(k int, absent int8) int8 {
	if o := t.field(k); o != 0 {
		return t.GetInt8(o + t.Pos)
	}
	return absent
}

func (t table) int32(k int, absent int32) int32 {
	if o := t.field(k); o != 0 {
		return t.GetInt32(o + t.Pos)
	}
	return absent
}

func (t table) float32(k int) float32 {
	if o := t.field(k); o != 0 {
		return t.GetFloat32(o + t.Pos)
	}
	return 0
}

func (t table) string(k int) string {
	if o := t.field(k); o != 0 {
		return string(t.ByteVector(o + t.Pos))
	}
	return ""
}

func (t table) bytes(k int) []byte {
	if o := t.field(k); o != 0 {
		return t.ByteVector(o + t.Pos)
	}
	return nil
}

// sub returns the table in field k.
func (t table) sub(k int) (table, bool) {
	o := t.field(k)
	if o == 0 {
		return table{}, false
	}
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(o + t.Pos)}}, true
}

// list returns the tables in field k.
func (t table) list(k int) []table {
	o := t.field(k)
	if o == 0 {
		return nil
	}
	n, at := t.length(o, 4), t.Vector(o)
	list := make([]table, n)
	for i := range list {
		list[i] = table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at + flatbuffers.UOffsetT(4*i))}}
	}
	return list
}

// length returns the elements of the vector at o, which must lie in the buffer.
func (t table) length(o flatbuffers.UOffsetT, size int) int {
	n := t.VectorLen(o)
	if n < 0 || n > len(t.Bytes)/size {
		panic(fmt.Sprintf("a list of %d entries", n))
	}
	return n
}

func (t table) ints(k int) []int {
	o := t.field(k)
	if o == 0 {
		return nil
	}
	list := make([]int, t.length(o, 4))
	for i := range list {
		list[i] = int(t.GetInt32(t.Vector(o) + flatbuffers.UOffsetT(4*i)))
	}
	return list
}

// operands is ints for the operands of an operator, which are not many.
func (t table) operands(k int) []int {
	if o := t.field(k); o != 0 && t.length(o, 4) > maxOperands {
		panic(fmt.Sprintf("an operator of %d operands", t.length(o, 4)))
	}
	return t.ints(k)
}

// maxOperands bounds the inputs and the outputs of an operator.
const maxOperands = 1 << 10

func (t table) longs(k int) []int64 {
	o := t.field(k)
	if o == 0 {
		return nil
	}
	list := make([]int64, t.length(o, 8))
	for i := range list {
		list[i] = t.GetInt64(t.Vector(o) + flatbuffers.UOffsetT(8*i))
	}
	return list
}

func (t table) floats(k int) []float32 {
	o := t.field(k)
	if o == 0 {
		return nil
	}
	list := make([]float32, t.length(o, 4))
	for i := range list {
		list[i] = t.GetFloat32(t.Vector(o) + flatbuffers.UOffsetT(4*i))
	}
	return list
}

// Fields.
const (
	modelVersion, modelCodes, modelGraphs, modelBuffers           = 0, 1, 2, 4
	codeOld, codeCustom, codeNew                                  = 0, 1, 3
	graphTensors, graphInputs, graphOutputs, graphOps             = 0, 1, 2, 3
	tensorShape, tensorType, tensorBuffer, tensorName, tensorQuan = 0, 1, 2, 3, 4
	tensorVariable, tensorSparsity                                = 5, 6
	quanScale, quanZero, quanAxis                                 = 2, 3, 6
	opCode, opInputs, opOutputs, opOptions, opCustom              = 0, 1, 2, 4, 5
	sparseOrder, sparseBlocks, sparseLevels                       = 0, 1, 2
	levelFormat, levelSize, levelSegments, levelIndices           = 0, 1, 3, 5
	bufferData                                                    = 0
)

// Types of tensors.
const (
	typeFloat32 = 0
	typeFloat16 = 1
	typeInt32   = 2
	typeUint8   = 3
	typeInt64   = 4
	typeBool    = 6
	typeInt16   = 7
	typeInt8    = 9
)

var typeNames = []string{"float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8"}

func typeName(t int8) string {
	if t >= 0 && int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", t)
}

// Fused activations.
const (
	actNone   = 0
	actRelu   = 1
	actReluN1 = 2
	actRelu6  = 3
	actTanh   = 4
)
