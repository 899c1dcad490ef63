package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "google.golang.org/protobuf/encoding/protowire"

	"edgec/internal/onnx"
)

// linear is an ONNX model y = x w + b with two inputs and two outputs.
func linear(w []float32) []byte {
	str := func(b []byte, num pb.Number, s string) []byte { return appendMessage(b, num, []byte(s)) }
	num := func(b []byte, num pb.Number, v uint64) []byte {
		return pb.AppendVarint(pb.AppendTag(b, num, pb.VarintType), v)
	}
	tensor := func(name string, dims []uint64, values []float32) []byte {
		var t, raw []byte
		for _, d := range dims {
			t = num(t, tensorDims, d)
		}
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		t = str(num(t, tensorType, typeFloat), tensorName, name)
		return appendMessage(t, tensorRaw, raw)
	}
	value := func(name string) []byte { // ValueInfoProto of float[1, 2]
		var shape []byte
		for _, d := range []uint64{1, 2} {
			shape = appendMessage(shape, 1, num(nil, 1, d))
		}
		typ := appendMessage(nil, 1, appendMessage(num(nil, 1, typeFloat), 2, shape))
		return appendMessage(str(nil, 1, name), 2, typ)
	}
	var node []byte
	for _, in := range []string{"x", "w", "b"} {
		node = str(node, 1, in)
	}
	node = str(str(node, 2, "y"), 4, "Gemm")
	graph := str(appendMessage(nil, graphNode, node), 2, "g")
	graph = appendMessage(graph, graphInit, tensor("w", []uint64{2, 2}, w))
	graph = appendMessage(graph, graphInit, tensor("b", []uint64{2}, []float32{1.0 / 3, 0.1}))
	graph = appendMessage(appendMessage(graph, 11, value("x")), 12, value("y"))
	model := appendMessage(num(nil, 1, 8), modelGraph, graph)
	return appendMessage(model, 8, num(nil, 2, 13))
}

// The converted network has weights rounded to 11 significant bits, and biases
// as they were.
func TestConvert(t *testing.T) {
	third := float32(1) / 3
	half, err := convert(linear([]float32{1, -2, third, 1 + 1.0/2048}))
	if err != nil {
		t.Fatal(err)
	}
	g, err := onnx.Decode(half, "half")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float32{
		// 1/3 is 1365/4096 in 11 bits; 1 + 2^-11 is halfway and goes to the even 1. Rows are outputs.
		"w": {1, 1365.0 / 4096, -2, 1},
		"b": {third, 0.1},
	}
	for _, p := range g.Params() {
		w, ok := want[p.Name]
		if !ok {
			t.Errorf("a parameter %q", p.Name)
			continue
		}
		delete(want, p.Name)
		for i, v := range p.Shadow.Data {
			if v != w[i] {
				t.Errorf("%s[%d] = %v, want %v", p.Name, i, v, w[i])
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no parameters %v", want)
	}
}

func TestConvertRefuses(t *testing.T) {
	whole := linear([]float32{1, 2, 3, 4})
	for _, c := range []struct {
		name, want string
		model      []byte
	}{
		{"too large for float16", "cannot hold", linear([]float32{1, 2, 65520, 4})},
		{"truncated", "unexpected EOF", whole[:len(whole)-3]},
		{"no weights", "no float32 weights", nil},
	} {
		if _, err := convert(c.model); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// examples/lenet-5/lenet-5.onnx is what this command makes of the trained network.
func TestExample(t *testing.T) {
	data := os.Getenv("EDGEC_DATA")
	if data == "" {
		t.Skip("EDGEC_DATA names no folder with networks")
	}
	out := filepath.Join(t.TempDir(), "lenet-5.onnx")
	if err := run([]string{filepath.Join(data, "models", "lenet", "lenet-5.onnx"), out}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../examples/lenet-5/lenet-5.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, the example has %d others", len(got), len(want))
	}
}
