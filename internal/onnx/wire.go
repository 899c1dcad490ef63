package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of onnx.proto, as far as the reader needs them.
type (
	modelProto struct {
		irVersion int64
		producer  string
		opsets    []opsetProto
		graph     *graphProto
		functions []*functionProto
	}
	opsetProto struct {
		domain  string
		version int64
	}
	graphProto struct {
		given              []string // see settle
		name               string
		nodes              []*nodeProto
		initializers       []*tensorProto
		sparseInitializers int
		inputs, outputs    []*valueProto
	}
	nodeProto struct {
		name, opType, domain string
		inputs, outputs      []string
		attrs                []*attrProto
		overload             string
		scope                *scope // of a node in a subgraph or function
	}
	attrProto struct {
		name    string
		typ     int64
		f       float32
		i       int64
		s       []byte
		t       *tensorProto
		g       []byte // a graph, which lies at byte at of the file
		at      int
		floats  []float32
		ints    []int64
		strings [][]byte
		refName string
	}
	tensorProto struct {
		name     string
		dims     []int64
		dataType int64
		float32s []float32
		float64s []float64
		int32s   []int64 // int32_data, also int8, uint8, float16, bool
		int64s   []int64
		uint64s  []uint64
		raw      []byte
		hasRaw   bool
		outside  bool              // the data is in another file
		external map[string]string // which one: location, offset, length
	}
	valueProto struct {
		name     string
		elemType int64 // 0: not a tensor
		hasShape bool
		dims     []dimProto
	}
	dimProto struct {
		value int64 // 0: named or unknown
		param string
	}
)

// field is one decoded protobuf field; at is its offset in the file.
type field struct {
	num protowire.Number
	typ protowire.Type
	u   uint64
	b   []byte
	at  int
}

// wireError is a message that breaks off or contradicts the protobuf encoding.
type wireError struct {
	at   int
	what string
}

func (e *wireError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// fields calls f for every field of the message b, which begins at byte base
// of the file.
func fields(b []byte, base int, f func(field) error) error {
	for pos := 0; pos < len(b); {
		num, typ, n := protowire.ConsumeTag(b[pos:])
		if n < 0 {
			return &wireError{base + pos, "broken protobuf tag"}
		}
		pos += n
		fd := field{num: num, typ: typ, at: base + pos}
		switch typ {
		case protowire.VarintType:
			fd.u, n = protowire.ConsumeVarint(b[pos:])
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b[pos:])
			fd.u = uint64(v)
		case protowire.Fixed64Type:
			fd.u, n = protowire.ConsumeFixed64(b[pos:])
		case protowire.BytesType:
			fd.b, n = protowire.ConsumeBytes(b[pos:])
			fd.at = base + pos + max(n, 0) - len(fd.b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b[pos:])
		}
		if n < 0 {
			return &wireError{base + pos, "the data breaks off or is not protobuf"}
		}
		pos += n
		if err := f(fd); err != nil {
			return err
		}
	}
	return nil
}

// want checks the wire type of a field that is about to be read.
func (f field) want(t protowire.Type) error {
	if f.typ != t {
		return &wireError{f.at, fmt.Sprintf("field %d has wire type %d instead of %d", f.num, f.typ, t)}
	}
	return nil
}

func (f field) str(dst *string) error {
	*dst = string(f.b)
	return f.want(protowire.BytesType)
}

func (f field) bytes(dst *[]byte) error {
	*dst = f.b
	return f.want(protowire.BytesType)
}

func (f field) int(dst *int64) error {
	*dst = int64(f.u)
	return f.want(protowire.VarintType)
}

// ints appends a packed or a single varint.
func (f field) ints(dst *[]int64) error {
	if f.typ == protowire.VarintType {
		*dst = append(*dst, int64(f.u))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.b; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return &wireError{f.at + len(f.b) - len(b), "broken integer"}
		}
		*dst = append(*dst, int64(v))
		b = b[n:]
	}
	return nil
}

// float32s appends packed or single fixed32 numbers.
func (f field) float32s(dst *[]float32) error {
	if f.typ == protowire.Fixed32Type {
		*dst = append(*dst, math.Float32frombits(uint32(f.u)))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	if len(f.b)%4 != 0 {
		return &wireError{f.at, "list of floats is not a multiple of 4 bytes"}
	}
	for b := f.b; len(b) > 0; b = b[4:] {
		v, _ := protowire.ConsumeFixed32(b)
		*dst = append(*dst, math.Float32frombits(v))
	}
	return nil
}

// float64s appends packed or single fixed64 numbers.
func (f field) float64s(dst *[]float64) error {
	if f.typ == protowire.Fixed64Type {
		*dst = append(*dst, math.Float64frombits(f.u))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	if len(f.b)%8 != 0 {
		return &wireError{f.at, "list of doubles is not a multiple of 8 bytes"}
	}
	for b := f.b; len(b) > 0; b = b[8:] {
		v, _ := protowire.ConsumeFixed64(b)
		*dst = append(*dst, math.Float64frombits(v))
	}
	return nil
}
