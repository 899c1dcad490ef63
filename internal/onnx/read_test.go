package onnx

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// modelBuilder makes ONNX files for tests, also ones that no exporter makes.
type modelBuilder struct {
	opset int64
	graph message
}

func newModel(opset int64) *modelBuilder { return &modelBuilder{opset: opset} }

// input adds a graph input; 0 stands for the free batch.
func (b *modelBuilder) input(name string, elem int64, dims ...int) *modelBuilder {
	b.graph.bytes(11, valueInfo(name, elem, dims))
	return b
}

func valueInfo(name string, elem int64, dims []int) []byte {
	var shape, tensorType, typ, v message
	for i, d := range dims {
		var dim message
		if d == 0 {
			dim.str(2, fmt.Sprint("n", i))
		} else {
			dim.int(1, int64(d))
		}
		shape.bytes(1, dim)
	}
	tensorType.int(1, elem)
	tensorType.bytes(2, shape)
	typ.bytes(1, tensorType)
	v.str(1, name)
	v.bytes(2, typ)
	return v
}

func (b *modelBuilder) output(name string) *modelBuilder {
	b.graph.bytes(12, valueInfo(name, typeFloat, []int{0}))
	return b
}

func (b *modelBuilder) floats(name string, dims []int, v ...float32) *modelBuilder {
	b.graph.bytes(5, encodeTensor(name, typeFloat, dims, rawFloats(v)))
	return b
}

func (b *modelBuilder) int64s(name string, v ...int) *modelBuilder {
	b.graph.bytes(5, encodeTensor(name, typeInt64, []int{len(v)}, rawInt64s(v)))
	return b
}

// node adds a node named after its outputs; in and out are comma-separated.
func (b *modelBuilder) node(opType, in, out string, attrs ...attribute) *modelBuilder {
	var m message
	for _, s := range strings.Split(in, ",") {
		m.str(1, s)
	}
	for _, s := range strings.Split(out, ",") {
		m.str(2, s)
	}
	m.str(3, "node_"+out)
	m.str(4, opType)
	for _, a := range attrs {
		m.bytes(5, a.encode())
	}
	b.graph.bytes(1, m)
	return b
}

// domainNode is node for another domain.
func (b *modelBuilder) domainNode(domain, opType, in, out string, attrs ...attribute) *modelBuilder {
	var m message
	for _, s := range strings.Split(in, ",") {
		m.str(1, s)
	}
	for _, s := range strings.Split(out, ",") {
		m.str(2, s)
	}
	m.str(3, "node_"+out)
	m.str(4, opType)
	for _, a := range attrs {
		m.bytes(5, a.encode())
	}
	m.str(7, domain)
	b.graph.bytes(1, m)
	return b
}

// external adds a float initializer whose data is in another file; entry holds
// keys and values.
func (b *modelBuilder) external(name string, dims []int, entry ...string) *modelBuilder {
	var m message
	for _, d := range dims {
		m.int(1, int64(d))
	}
	m.int(2, typeFloat)
	m.str(8, name)
	for i := 0; i < len(entry); i += 2 {
		var e message
		e.str(1, entry[i])
		e.str(2, entry[i+1])
		m.bytes(13, e)
	}
	m.int(14, 1)
	b.graph.bytes(5, m)
	return b
}

func (b *modelBuilder) bytes() []byte {
	var opset, m, name message
	name.str(2, "test")
	opset.int(2, b.opset)
	m.int(1, 8)
	m.bytes(7, append(name, b.graph...))
	m.bytes(8, opset)
	return m
}

func TestRefusals(t *testing.T) {
	good := func() *modelBuilder { return newModel(13).input("x", typeFloat, 0, 4).output("y") }
	nan := float32(math.NaN())
	tests := []struct {
		name string
		data []byte
		want []string // parts of the one line
	}{
		{"empty file", nil, []string{"m.onnx", "empty"}},
		{"text file", []byte("hello, this is a text\nfile of two lines\n"), []string{"m.onnx", "text file"}},
		{"git lfs pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), []string{"git lfs pull"}},
		{"tflite file", []byte("\x1c\x00\x00\x00TFL3\x00\x00\x00\x00\x00\x00"), []string{"TensorFlow Lite"}},
		{"random bytes", []byte{0xff, 0x13, 0x80, 0x07, 0xff, 0xff}, []string{"m.onnx", "truncated or not an ONNX model", "at byte"}},
		{"no graph", []byte{8, 8}, []string{"no graph"}},
		{"old opset", newModel(6).input("x", typeFloat, 1).node("Relu", "x", "y").output("y").bytes(), []string{"opset 6", "7 to"}},
		{"new opset", newModel(99).input("x", typeFloat, 1).node("Relu", "x", "y").output("y").bytes(), []string{"opset 99"}},
		{"words", newModel(13).input("words", typeString, 0, 4).node("Relu", "words", "y").output("y").bytes(), []string{`input "words"`, "type string", "float32 input"}},
		{"free image size", newModel(13).input("x", typeFloat, 0, 3, 0).node("Relu", "x", "y").output("y").bytes(), []string{`input "x"`, "dimension 2", "fixed"}},
		{"unknown operator", good().node("FancyOp", "x", "y").bytes(), []string{`node "node_y" (FancyOp)`, "not supported; export the network without it"}},
		{"constant index beyond the end", good().floats("w", []int{2, 3}, 1, 2, 3, 4, 5, 6).int64s("i", 0, 2).node("Gather", "w,i", "k").node("Add", "x,k", "y").bytes(),
			[]string{`(Gather)`, "index 2 is outside dimension 0 of [2 3]"}},
		{"control flow", good().node("If", "x", "y").bytes(), []string{"(If)", "control flow that depends on data", "fixed sizes"}},
		{"recurrent without weights", good().node("GRU", "x", "y").bytes(), []string{"(GRU)", "1 inputs, the operator needs 3"}},
		{"custom domain", good().domainNode("my.own", "Gelu", "x", "y").bytes(), []string{`node "node_y" (Gelu)`, `"my.own"`, "standard ONNX"}},
		{"optimized by ONNX Runtime", good().domainNode("com.microsoft", "FusedConv", "x", "y").bytes(), []string{`node "node_y" (FusedConv): operators of ONNX Runtime (domain "com.microsoft") are not supported; give the network as it was before ONNX Runtime optimized or quantized it`}},
		{"scikit-learn's trees", good().domainNode("ai.onnx.ml", "TreeEnsembleClassifier", "x", "y").bytes(), []string{"of scikit-learn's models edgec takes MLPClassifier, MLPRegressor and linear ones, behind StandardScaler or MinMaxScaler, trees and other models cannot be compressed"}},
		{"cycle", good().node("Add", "x,b", "a").node("Relu", "a", "b").node("Relu", "b", "y").bytes(), []string{`node "node_a" (Add)`, `input "b"`, "not sorted"}},
		{"own output read", good().node("Add", "x,y", "y").bytes(), []string{`node "node_y" (Add)`, `input "y"`}},
		{"two initializers of a name", good().floats("w", []int{1}, 1).floats("w", []int{1}, 2).node("Relu", "x", "y").bytes(), []string{`initializer "w"`, "two of this name"}},
		{"two inputs of a name", good().input("x", typeFloat, 0, 4).node("Relu", "x", "y").bytes(), []string{`input "x"`, "two of this name"}},
		{"two nodes for a name", good().node("Relu", "x", "y").node("Tanh", "x", "y").bytes(), []string{`node "node_y" (Tanh)`, `output "y"`, "another node"}},
		{"input computed again", good().node("Relu", "x", "x").bytes(), []string{`node "node_x" (Relu)`, `output "x"`}},
		{"missing initializer", good().node("Gemm", "x,w", "y").bytes(), []string{`node "node_y" (Gemm)`, `input "w"`, "no earlier node"}},
		{"negative dimension", good().floats("w", []int{-4, 1}).node("Gemm", "x,w", "y").bytes(), []string{`initializer "w"`, "dimension 0 is -4", "damaged"}},
		{"huge initializer", good().floats("w", []int{1 << 30, 1 << 30}, 1).node("Gemm", "x,w", "y").bytes(), []string{`initializer "w"`, "too large"}},
		{"huge input", newModel(13).input("x", typeFloat, 0, 1<<20, 1<<20).node("Relu", "x", "y").output("y").bytes(), []string{`input "x"`, "too large"}},
		{"negative input", newModel(13).input("x", typeFloat, 0, -3).node("Relu", "x", "y").output("y").bytes(), []string{`input "x"`, "dimension 1 is -3"}},
		{"huge padding", newModel(13).input("x", typeFloat, 0, 1, 4, 4).int64s("p", 0, 0, 1<<20, 1<<20, 0, 0, 1<<20, 1<<20).node("Pad", "x,p", "y").output("y").bytes(), []string{"(Pad)", "too large"}},
		{"wrong convolution", newModel(13).input("x", typeFloat, 0, 3, 4, 4).floats("w", []int{1, 2, 1, 1}, 1, 2).node("Conv", "x,w", "y").output("y").bytes(), []string{"(Conv)", "3 channels"}},
		{"kernel beyond the image", newModel(13).input("x", typeFloat, 0, 1, 2, 2).floats("w", []int{1, 1, 3, 3}, make([]float32, 9)...).node("Conv", "x,w", "y").output("y").bytes(), []string{"(Conv)"}},
		{"stride 0", newModel(13).input("x", typeFloat, 0, 1, 4, 4).node("MaxPool", "x", "y", attribute{"kernel_shape", []int{2, 2}}, attribute{"strides", []int{0, 1}}).output("y").bytes(), []string{"(MaxPool)", "strides", "value 0"}},
		{"data elsewhere", good().external("w", []int{4, 1}, "location", "w.bin").node("Gemm", "x,w", "y").bytes(), []string{`initializer "w"`, `"w.bin"`, "save it with all tensors inside"}},
		{"undefined input", good().node("Relu", "z", "y").bytes(), []string{`input "z"`, "no earlier node"}},
		{"undefined output", newModel(13).input("x", typeFloat, 0, 4).node("Relu", "x", "z").output("y").bytes(), []string{`output "y"`, "no node computes it"}},
		{"nan weights", good().floats("w", []int{1, 4}, 1, 2, nan, 4).node("Gemm", "x,w", "y", attribute{"transB", 1}).bytes(), []string{`node "node_y" (Gemm)`, `initializer "w"`, "value 2 is NaN"}},
		{"infinite bias", good().floats("w", []int{1, 4}, 1, 2, 3, 4).floats("b", []int{1}, float32(math.Inf(1))).node("Gemm", "x,w,b", "y", attribute{"transB", 1}).bytes(), []string{`initializer "b"`, "+Inf"}},
		{"short initializer", good().floats("w", []int{2, 4}, 1, 2).node("Gemm", "x,w", "y").bytes(), []string{`initializer "w"`, "8 bytes", "damaged"}},
		{"wrong gemm", good().floats("w", []int{3, 2}, 1, 2, 3, 4, 5, 6).node("Gemm", "x,w", "y").bytes(), []string{"(Gemm)"}},
		{"transposed gemm", good().floats("w", []int{4, 1}, 1, 2, 3, 4).node("Gemm", "x,w", "y", attribute{"transA", 1}).bytes(), []string{"transA", "transpose the weights"}},
		{"product over the batch", good().node("Transpose", "x", "t").floats("w", []int{4, 1}, 1, 2, 3, 4).node("MatMul", "t,w", "y").bytes(), []string{"(MatMul)", `input "w"`, "weights of shape"}},
		{"sum over the batch", good().node("ReduceMean", "x", "y", attribute{"axes", []int{0}}).bytes(), []string{"(ReduceMean)", "the batch"}},
		{"attention", good().node("MatMul", "x,x", "y").bytes(), []string{"(MatMul)", "mix the samples"}},
		{"batch split", good().int64s("s", 2, -1).node("Reshape", "x,s", "y").bytes(), []string{"(Reshape)", "batch"}},
		{"convolution of a moved batch", newModel(13).input("x", typeFloat, 0, 2, 4, 4).node("Transpose", "x", "t", attribute{"perm", []int{1, 0, 2, 3}}).
			floats("w", []int{1, 2, 1, 1}, 1, 2).node("Conv", "t,w", "y").output("y").bytes(), []string{"(Conv)", `input "t"`, "the batch is dimension 1", "transpose"}},
		{"samples of a merged batch", newModel(16).input("x", typeFloat, 0, 2, 4, 4).int64s("s", -1, 1, 4, 4).node("Reshape", "x,s", "r").
			node("GridSample", "r,x", "y").output("y").bytes(), []string{"(GridSample)", "mix the samples"}},
		{"batch concatenated", good().node("Concat", "x,x", "y", attribute{"axis", 0}).bytes(), []string{"(Concat)", "batch"}},
		{"sum that begins with constants", good().floats("a", nil, 1).floats("b", nil, 2).node("Sum", "a,b,x", "y").bytes(), []string{"(Sum)", "inputs 0 and 1 are constants"}},
		{"normalization of another shape", newModel(13).input("x", typeFloat, 0, 2, 1, 1).floats("s", []int{2}, 1, 2).floats("t", []int{1, 2}, 1, 2).
			node("BatchNormalization", "x,t,s,s,s", "y").output("y").bytes(), []string{"(BatchNormalization)", "shape [1,2]", "need [2]"}},
		{"batch constant", good().floats("c", []int{2, 1}, 1, 2).node("Add", "x,c", "y").bytes(), []string{`input "c"`, "batch"}},
		{"wrong broadcast", good().floats("c", []int{3}, 1, 2, 3).node("Add", "x,c", "y").bytes(), []string{"(Add)"}},
		{"pad of no mode", newModel(10).input("x", typeFloat, 0, 1, 4, 4).node("Pad", "x", "y", attribute{"pads", []int{0, 0, 1, 1, 0, 0, 1, 1}}, attribute{"mode", "mirror"}).output("y").bytes(), []string{"(Pad)", `"mirror"`}},
		{"huge constant", good().int64s("s", 1<<20, 1<<20).node("ConstantOfShape", "s", "c").node("Add", "x,c", "y").bytes(), []string{"(ConstantOfShape)", "too large"}},
		{"quantized input of Relu", good().floats("s", nil, 1).node("QuantizeLinear", "x,s", "q").node("Relu", "q", "y").bytes(), []string{"(Relu)", "quantized integers"}},
		{"constant output", good().floats("y", []int{1}, 1).bytes(), []string{`output "y"`, "does not depend"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(tt.data, "m.onnx")
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v is not an *Error", err)
			}
			var several *Errors
			if e.File != "m.onnx" || strings.ContainsAny(err.Error(), "\n\r") && !errors.As(err, &several) {
				t.Errorf("error does not name the file in one line: %q", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
		})
	}
}

// TestAllCauses: one reading finds all that is wrong with a file, and nothing that only
// follows from something else.
func TestAllCauses(t *testing.T) {
	b := newModel(13).input("x", typeFloat, 0, 4).input("ids", typeString, 0, 4).node("Gather", "x,ids", "e").node("Relu", "e", "r").
		node("RandomNormalLike", "x", "s").node("Add", "s,r", "a").node("RandomNormalLike", "a", "s2").node("Softmax", "x", "p", attribute{"axis", 0}).node("Det", "r", "l").
		node("Tanh", "x", "good").output("s2").output("good").output("p").output("none")
	_, err := Decode(b.bytes(), "m.onnx")
	var all *Errors
	if !errors.As(err, &all) {
		t.Fatalf("error %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{"onnx: m.onnx: 5 causes", `input "ids": inputs of type string`, `node "node_s" (RandomNormalLike) and 1 more: the operator is not supported; export`,
		`node "node_p" (Softmax): axis: `, `node "node_l" (Det): `, `output "none": no node computes it`, `without the other outputs "good" could be read`}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%v", len(lines), len(want), err)
	}
	for i, w := range want {
		if !strings.HasPrefix(lines[i], w) {
			t.Errorf("line %d is %q, want %q", i, lines[i], w)
		}
	}
	many := newModel(13).input("x", typeFloat, 0, 4)
	for i := range 30 {
		many.node(fmt.Sprint("Op", i), "x", fmt.Sprint("y", i))
	}
	if _, err := Decode(many.output("y0").bytes(), "m.onnx"); strings.Count(err.Error(), "\n") != mostCauses+1 || !strings.HasSuffix(err.Error(), "and 10 more causes") {
		t.Errorf("30 causes: %v", err)
	}
}

func TestReadMissingFile(t *testing.T) {
	if _, _, err := Read(filepath.Join(t.TempDir(), "none.onnx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestTruncated cuts a model at every byte: each prefix is refused in one line.
func TestTruncated(t *testing.T) {
	data := newModel(13).input("x", typeFloat, 0, 4).floats("w", []int{2, 4}, 1, 2, 3, 4, 5, 6, 7, 8).
		node("Gemm", "x,w", "y", attribute{"transB", 1}).output("y").bytes()
	if _, err := Decode(data, "m"); err != nil {
		t.Fatal(err)
	}
	for n := range data {
		_, err := Decode(data[:n], "m")
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%d bytes of %d: error %v", n, len(data), err)
		}
	}
}

// TestShapeArithmetic folds what PyTorch exports for x.view(x.size(0), -1).
func TestShapeArithmetic(t *testing.T) {
	b := newModel(13).input("x", typeFloat, 0, 2, 3).int64s("zero", 0).int64s("minus", -1).
		node("Shape", "x", "shape").node("Gather", "shape,zero", "n").node("Concat", "n,minus", "target", attribute{"axis", 0}).
		node("Reshape", "x,target", "y").output("y")
	g, err := Decode(b.bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 1 || !g.Outputs[0].Shape.Equal(tensor.Shape{1, 6}) {
		t.Errorf("graph:\n%v", g)
	}
	if o, ok := g.Nodes[0].Op.(op.Reshape); !ok || len(o.Shape) != 1 || o.Shape[0] != 6 {
		t.Errorf("operator %#v", g.Nodes[0].Op)
	}
}

// TestFixedBatch reads a model of batch 1 as one of free batch.
func TestFixedBatch(t *testing.T) {
	b := newModel(13).input("x", typeFloat, 1, 2, 3).int64s("target", 1, -1).node("Reshape", "x,target", "y").output("y")
	g, err := Decode(b.bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 2, 3)
	y, err := forward(g, x)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "y", y[0], tensor.Of(x.Data, 2, 6), 0)
}

func TestHalfPrecisionWeights(t *testing.T) {
	half := encodeTensor("w", typeFloat16, []int{1, 4}, []byte{0x00, 0x3c, 0x00, 0xc0, 0x00, 0x38, 0x01, 0x00}) // 1, -2, 0.5, 2^-24
	b := newModel(13).input("x", typeFloat16, 0, 4)
	b.graph.bytes(5, half)
	g, err := Decode(b.node("Gemm", "x,w", "y", attribute{"transB", 1}).output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1, -2, 0.5, 1.0 / (1 << 24)}
	for i, v := range g.Params()[0].Value.Data {
		if v != want[i] {
			t.Errorf("weight %d is %v, want %v", i, v, want[i])
		}
	}
}

// TestSharedInitializer: two layers with one initializer share the parameter.
func TestSharedInitializer(t *testing.T) {
	b := newModel(13).input("x", typeFloat, 0, 2).floats("w", []int{2, 2}, 1, 2, 3, 4).
		node("Gemm", "x,w", "h").node("Gemm", "h,w", "y").output("y")
	g, err := Decode(b.bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Params()) != 1 || g.Params()[0].Role != graph.Weight {
		t.Errorf("%d parameters", len(g.Params()))
	}
	if w := g.Params()[0].Value.Data; w[1] != 3 {
		t.Errorf("weights %v are not [out, in]", w)
	}
}
