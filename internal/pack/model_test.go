package pack

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// model builds an ONNX file of opset 13 whose input "x" and output "y" are float32.
type model struct{ nodes, tensors, shape []byte }

// field appends a message or a string.
func field[T []byte | string](b []byte, n protowire.Number, v T) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), []byte(v))
}

func varint(b []byte, n protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
}

// newModel begins a model for samples of the given shape.
func newModel(sample ...int) *model {
	m := &model{shape: field(nil, 1, field(nil, 2, "N"))}
	for _, d := range sample {
		m.shape = field(m.shape, 1, varint(nil, 1, d))
	}
	return m
}

// initial adds an initializer of float32, int8, uint8 or int32.
func initial[T float32 | int8 | uint8 | int32](m *model, name string, dims []int, v ...T) {
	var t, raw []byte
	for _, d := range dims {
		t = varint(t, 1, d)
	}
	kind := 0
	for _, x := range v {
		switch x := any(x).(type) {
		case float32:
			kind, raw = 1, binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		case uint8:
			kind, raw = 2, append(raw, x)
		case int8:
			kind, raw = 3, append(raw, uint8(x))
		case int32:
			kind, raw = 6, binary.LittleEndian.AppendUint32(raw, uint32(x))
		}
	}
	m.tensors = field(m.tensors, 5, field(field(varint(t, 2, kind), 8, name), 9, raw))
}

// attr is an attribute: an int, a float32 or a list of ints.
type attr struct {
	name  string
	value any
}

// node adds a node that is named after its output; in is comma-separated.
func (m *model) node(op, in, out string, attrs ...attr) {
	var n []byte
	for _, s := range strings.Split(in, ",") {
		n = field(n, 1, s)
	}
	n = field(field(field(n, 2, out), 3, "node_"+out), 4, op)
	for _, a := range attrs {
		b := field(nil, 1, a.name)
		switch v := a.value.(type) {
		case int:
			b = varint(varint(b, 3, v), 20, 2)
		case float32:
			b = varint(protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(v)), 20, 1)
		case []int:
			for _, k := range v {
				b = varint(b, 8, k)
			}
			b = varint(b, 20, 7)
		}
		n = field(n, 5, b)
	}
	m.nodes = field(m.nodes, 1, n)
}

// pair adds QuantizeLinear and DequantizeLinear to int8 of a scale and a zero point.
func (m *model) pair(in, out string, scale float32, zero int8) {
	initial(m, out+"_s", nil, scale)
	initial(m, out+"_z", nil, zero)
	m.node("QuantizeLinear", in+","+out+"_s,"+out+"_z", out+"_q")
	m.node("DequantizeLinear", out+"_q,"+out+"_s,"+out+"_z", out)
}

func (m *model) bytes() []byte {
	value := func(name string, shape []byte) []byte {
		return field(field(nil, 1, name), 2, field(nil, 1, field(varint(nil, 1, 1), 2, shape)))
	}
	out := field(field(nil, 1, field(nil, 2, "N")), 1, field(nil, 2, "K"))
	g := append(field(append([]byte{}, m.nodes...), 2, "g"), m.tensors...)
	g = field(field(g, 11, value("x", m.shape)), 12, value("y", out))
	return field(field(varint(nil, 1, 8), 7, g), 8, varint(nil, 2, 13))
}

// write stores the model and returns its path.
func (m *model) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, m.bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// chain is a QDQ network of layers of c channels, 5 nodes each and 4 besides.
func chain(layers, c int) *model {
	m := newModel(c)
	m.pair("x", "a0", 0.05, 3)
	initial[float32](m, "ws", nil, 0.01)
	initial(m, "bs", nil, float32(0.05)*0.01)
	for i := range layers {
		w, b := make([]int8, c*c), make([]int32, c)
		for k := range w {
			w[k] = int8((i*31+k*k*17)%255 - 127)
		}
		for k := range b {
			b[k] = int32((i*7919 + k*104729) % 4001)
		}
		w1, b1, d, out := fmt.Sprint("w", i), fmt.Sprint("b", i), fmt.Sprint("c", i), fmt.Sprint("a", i+1)
		initial(m, w1, []int{c, c}, w...)
		initial(m, b1, []int{c}, b...)
		m.node("DequantizeLinear", w1+",ws", w1+"d")
		m.node("DequantizeLinear", b1+",bs", b1+"d")
		m.node("Gemm", fmt.Sprint("a", i)+","+w1+"d,"+b1+"d", d)
		m.node("QuantizeLinear", d+",a0_s,a0_z", out+"q")
		m.node("DequantizeLinear", out+"q,a0_s,a0_z", out)
	}
	m.pair(fmt.Sprint("a", layers), "y", 0.05, 3)
	return m
}
