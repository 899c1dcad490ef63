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
		opsets    []opsetProto
		graph     *graphProto
		functions int
	}
	opsetProto struct {
		domain  string
		version int64
	}
	graphProto struct {
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
	}
	attrProto struct {
		name    string
		typ     int64
		f       float32
		i       int64
		s       []byte
		t       *tensorProto
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

// child decodes a nested message with decode and hands it to add.
func child[T any](f field, decode func([]byte, int) (*T, error), add func(*T)) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	m, err := decode(f.b, f.at)
	if err == nil {
		add(m)
	}
	return err
}

func decodeModel(b []byte, base int) (*modelProto, error) {
	m := &modelProto{}
	return m, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.int(&m.irVersion)
		case 7:
			return child(f, decodeGraph, func(g *graphProto) { m.graph = g })
		case 8:
			return child(f, decodeOpset, func(o *opsetProto) { m.opsets = append(m.opsets, *o) })
		case 25:
			m.functions++
		}
		return nil
	})
}

func decodeOpset(b []byte, base int) (*opsetProto, error) {
	o := &opsetProto{}
	return o, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&o.domain)
		case 2:
			return f.int(&o.version)
		}
		return nil
	})
}

func decodeGraph(b []byte, base int) (*graphProto, error) {
	g := &graphProto{}
	return g, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return child(f, decodeNode, func(n *nodeProto) { g.nodes = append(g.nodes, n) })
		case 2:
			return f.str(&g.name)
		case 5:
			return child(f, decodeTensor, func(t *tensorProto) { g.initializers = append(g.initializers, t) })
		case 11:
			return child(f, decodeValue, func(v *valueProto) { g.inputs = append(g.inputs, v) })
		case 12:
			return child(f, decodeValue, func(v *valueProto) { g.outputs = append(g.outputs, v) })
		case 15:
			g.sparseInitializers++
		}
		return nil
	})
}

func decodeNode(b []byte, base int) (*nodeProto, error) {
	n := &nodeProto{}
	return n, fields(b, base, func(f field) error {
		var s string
		switch f.num {
		case 1:
			err := f.str(&s)
			n.inputs = append(n.inputs, s)
			return err
		case 2:
			err := f.str(&s)
			n.outputs = append(n.outputs, s)
			return err
		case 3:
			return f.str(&n.name)
		case 4:
			return f.str(&n.opType)
		case 5:
			return child(f, decodeAttr, func(a *attrProto) { n.attrs = append(n.attrs, a) })
		case 7:
			return f.str(&n.domain)
		}
		return nil
	})
}

func decodeAttr(b []byte, base int) (*attrProto, error) {
	a := &attrProto{}
	return a, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&a.name)
		case 2:
			a.f = math.Float32frombits(uint32(f.u))
			return f.want(protowire.Fixed32Type)
		case 3:
			return f.int(&a.i)
		case 4:
			return f.bytes(&a.s)
		case 5:
			return child(f, decodeTensor, func(t *tensorProto) { a.t = t })
		case 7:
			return f.float32s(&a.floats)
		case 8:
			return f.ints(&a.ints)
		case 9:
			var s []byte
			err := f.bytes(&s)
			a.strings = append(a.strings, s)
			return err
		case 20:
			return f.int(&a.typ)
		case 21:
			return f.str(&a.refName)
		}
		return nil
	})
}

func decodeTensor(b []byte, base int) (*tensorProto, error) {
	t := &tensorProto{}
	return t, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.ints(&t.dims)
		case 2:
			return f.int(&t.dataType)
		case 4:
			return f.float32s(&t.float32s)
		case 5:
			return f.ints(&t.int32s)
		case 7:
			return f.ints(&t.int64s)
		case 8:
			return f.str(&t.name)
		case 9:
			t.hasRaw = true
			return f.bytes(&t.raw)
		case 10:
			return f.float64s(&t.float64s)
		case 11:
			var u []int64
			err := f.ints(&u)
			for _, v := range u {
				t.uint64s = append(t.uint64s, uint64(v))
			}
			return err
		case 13:
			return t.entry(f)
		case 14:
			t.outside = f.u == 1
		}
		return nil
	})
}

// entry reads one StringStringEntryProto of external_data.
func (t *tensorProto) entry(f field) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	var key, value string
	err := fields(f.b, f.at, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&key)
		case 2:
			return f.str(&value)
		}
		return nil
	})
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}

func decodeValue(b []byte, base int) (*valueProto, error) {
	v := &valueProto{}
	return v, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&v.name)
		case 2:
			return fields(f.b, f.at, func(f field) error {
				if f.num != 1 { // sequences, maps, optionals and sparse tensors are not tensors
					return nil
				}
				return decodeTensorType(v, f)
			})
		}
		return nil
	})
}

// decodeTensorType reads TypeProto.Tensor: element type and shape.
func decodeTensorType(v *valueProto, f field) error {
	return fields(f.b, f.at, func(f field) error {
		switch f.num {
		case 1:
			return f.int(&v.elemType)
		case 2:
			v.hasShape = true
			return fields(f.b, f.at, func(f field) error {
				if f.num != 1 {
					return nil
				}
				var d dimProto
				err := fields(f.b, f.at, func(f field) error {
					switch f.num {
					case 1:
						return f.int(&d.value)
					case 2:
						return f.str(&d.param)
					}
					return nil
				})
				v.dims = append(v.dims, d)
				return err
			})
		}
		return nil
	})
}
