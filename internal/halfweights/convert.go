package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
	pb "google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto.
const (
	modelGraph   = 7
	graphNode    = 1
	graphInit    = 5
	tensorDims   = 1
	tensorType   = 2
	tensorFloats = 4
	tensorName   = 8
	tensorRaw    = 9
)

// Values of TensorProto.DataType.
const (
	typeFloat   = 1
	typeFloat16 = 10
)

// convert returns the model with float16 weights.
func convert(model []byte) ([]byte, error) {
	converted := 0
	out, err := edit(model, func(num pb.Number, value []byte) ([]byte, error) {
		if num != modelGraph {
			return value, nil
		}
		graph, n, err := convertGraph(value)
		converted += n
		return graph, err
	})
	if err == nil && converted == 0 {
		err = fmt.Errorf("has no float32 weights; give an ONNX model")
	}
	return out, err
}

// convertGraph returns the graph with float16 weights and a Cast for each,
// before the first node, and the number of weights.
func convertGraph(graph []byte) (out []byte, converted int, err error) {
	var casts []byte
	out, err = edit(graph, func(num pb.Number, value []byte) ([]byte, error) {
		if num != graphInit {
			return value, nil
		}
		t, err := parseTensor(value)
		if err != nil || t.typ != typeFloat || len(t.dims) < 2 {
			return value, err
		}
		converted++
		casts = appendMessage(casts, graphNode, castNode(t.name))
		return t.half()
	})
	return append(casts, out...), converted, err // fields may come in any order, and nodes stay in theirs
}

// edit copies a message and replaces the value of each length-delimited field.
func edit(message []byte, replace func(num pb.Number, value []byte) ([]byte, error)) (out []byte, err error) {
	for len(message) > 0 {
		num, typ, n := pb.ConsumeField(message)
		if n < 0 {
			return nil, pb.ParseError(n)
		}
		tag := pb.SizeTag(num)
		if typ != pb.BytesType {
			out, message = append(out, message[:n]...), message[n:]
			continue
		}
		value, _ := pb.ConsumeBytes(message[tag:])
		if value, err = replace(num, value); err != nil {
			return nil, err
		}
		out, message = appendMessage(out, num, value), message[n:]
	}
	return out, nil
}

func appendMessage(b []byte, num pb.Number, value []byte) []byte {
	return pb.AppendBytes(pb.AppendTag(b, num, pb.BytesType), value)
}

// tensor is an initializer.
type tensor struct {
	name string
	dims []uint64
	typ  uint64
	raw  []byte // little endian, 4 bytes an element
}

// parseTensor reads the fields that matter here.
func parseTensor(b []byte) (t tensor, err error) {
	for len(b) > 0 {
		num, typ, n := pb.ConsumeTag(b)
		if n < 0 {
			return t, pb.ParseError(n)
		}
		size := pb.ConsumeFieldValue(num, typ, b[n:])
		if size < 0 {
			return t, pb.ParseError(size)
		}
		t.field(num, typ, b[n:n+size])
		b = b[n+size:]
	}
	return t, nil
}

// field stores one field; value is its encoding after the tag.
func (t *tensor) field(num pb.Number, typ pb.Type, value []byte) {
	content := value
	if typ == pb.BytesType {
		content, _ = pb.ConsumeBytes(value)
	}
	switch num {
	case tensorDims: // packed or not
		for len(content) > 0 {
			d, n := pb.ConsumeVarint(content)
			if n < 0 {
				return
			}
			t.dims, content = append(t.dims, d), content[n:]
		}
	case tensorType:
		t.typ, _ = pb.ConsumeVarint(content)
	case tensorName:
		t.name = string(content)
	case tensorRaw, tensorFloats: // fixed32 values have the layout of raw data
		t.raw = append(t.raw, content...)
	}
}

// half encodes the tensor as float16, rounded to nearest, ties to even, under
// the name that the Cast reads.
func (t tensor) half() ([]byte, error) {
	elems := uint64(1)
	var out []byte
	for _, d := range t.dims {
		elems *= d
		out = pb.AppendVarint(pb.AppendTag(out, tensorDims, pb.VarintType), d)
	}
	if uint64(len(t.raw)) != 4*elems {
		return nil, fmt.Errorf("initializer %q: %d bytes for %d elements; tensors in other files are not read", t.name, len(t.raw), elems)
	}
	data := make([]byte, 0, 2*elems)
	for i := 0; i < len(t.raw); i += 4 {
		x := math.Float32frombits(binary.LittleEndian.Uint32(t.raw[i:]))
		h := float16.Fromfloat32(x)
		if !h.IsFinite() {
			return nil, fmt.Errorf("initializer %q: element %d is %v, which float16 cannot hold", t.name, i/4, x)
		}
		data = binary.LittleEndian.AppendUint16(data, h.Bits())
	}
	out = pb.AppendVarint(pb.AppendTag(out, tensorType, pb.VarintType), typeFloat16)
	out = appendMessage(out, tensorName, []byte(t.name+".float16"))
	return appendMessage(out, tensorRaw, data), nil
}

// castNode encodes Cast(to=float32) from the float16 initializer of a weight to
// its old name.
func castNode(name string) []byte {
	var to []byte // AttributeProto: name 1, i 3, type 20 (2: INT)
	to = appendMessage(to, 1, []byte("to"))
	to = pb.AppendVarint(pb.AppendTag(to, 3, pb.VarintType), typeFloat)
	to = pb.AppendVarint(pb.AppendTag(to, 20, pb.VarintType), 2)
	var node []byte // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5
	node = appendMessage(node, 1, []byte(name+".float16"))
	node = appendMessage(node, 2, []byte(name))
	node = appendMessage(node, 3, []byte(name+".cast"))
	node = appendMessage(node, 4, []byte("Cast"))
	return appendMessage(node, 5, to)
}
