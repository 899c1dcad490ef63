package export

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/tensor"
	"edgec/runtime"
	"edgec/runtime/format"
)

// compressed are networks of the repository: with codebooks and masks, dense and convolutional.
var compressed = []string{"lenet-5", "lenet-5-1200", "lenet-300-100"}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", name+".edgec"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The ONNX model computes what the file does, but for few steps of its roundings.
func TestONNX(t *testing.T) {
	const samples, tolerance = 20, 0.02 // of the largest output
	for _, name := range compressed {
		file := readFile(t, name)
		model, err := ONNX(file, name)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ONNX(slices.Clone(file), name); err != nil || !bytes.Equal(again, model) {
			t.Errorf("%s: another model from the same file, %v", name, err)
		}
		g, err := onnx.Decode(model, name)
		if err != nil {
			t.Fatal(err)
		}
		if g.Name != name {
			t.Errorf("%s: the graph is named %q", name, g.Name)
		}
		tape, err := graph.NewTape(g, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, file)
		for seed := range uint32(samples) {
			format.SelfTestInput(seed, s.Input(0))
			x := real(t, file, s.Input(0), g.Inputs[0].Shape)
			s.Run()
			got, want := tape.Forward(x)[0].Data, s.Output(0)
			most := slices.Max(want) - slices.Min(want)
			for k := range want {
				if d := got[k] - want[k]; d > tolerance*most || d < -tolerance*most {
					t.Errorf("%s, input %d: output %d is %v in ONNX, %v in the runtime", name, seed, k, got[k], want[k])
				}
			}
		}
	}
}

// real returns the real values of an input of one channel, or of a flat one.
func real(t *testing.T, file []byte, q []int8, shape tensor.Shape) *tensor.Tensor {
	t.Helper()
	f, err := format.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(shape...)
	for i, v := range q {
		x.Data[i] = f.Tensors[0].Scale * float32(int(v)-f.Tensors[0].Zero)
	}
	return x
}

func session(t *testing.T, file []byte) *runtime.Session {
	t.Helper()
	m, err := runtime.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Without a name the model is called as the file is.
func TestONNXName(t *testing.T) {
	for _, c := range []struct{ given, own, want string }{{"a", "b", "a"}, {"", "b", "b"}, {"", "", "edgec"}} {
		f := small()
		f.Meta.Name = c.own
		file, _, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		model, err := ONNX(file, c.given)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := onnx.Decode(model, ""); err != nil || g.Name != c.want {
			t.Errorf("%+v: graph %q, %v", c, g.Name, err)
		}
	}
}

func TestONNXRefuses(t *testing.T) {
	file := readFile(t, compressed[0])
	broken := slices.Clone(file)
	broken[len(broken)/2] ^= 1
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("hello"), "cut": file[:len(file)-1], "one bit": broken} {
		_, err := ONNX(data, "x")
		if err == nil || !strings.HasPrefix(err.Error(), "export: format: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// small is a network of two layers; its tensors and weights are numbered from the last.
func small() *format.File {
	dense := func(in, out, weight int) format.Instr {
		return format.Instr{Op: format.OpDense, In: []int{in}, Out: out, Weight: weight, LUT: -1, ClampMin: -128, ClampMax: 127}
	}
	return &format.File{
		Tensors: []format.Tensor{
			{DType: format.Float32, Shape: []int{2}},
			{Shape: []int{3}, Scale: 1.0 / 32, Zero: 5},
			{Shape: []int{4}, Scale: 1.0 / 64, Zero: -7},
		},
		Weights: []format.Weight{
			{OutC: 2, KH: 1, KW: 1, InC: 3, Scale: []float32{1.0 / 64}, Values: []int8{1, 2, 3, 4, 5, 6}},
			{OutC: 3, KH: 1, KW: 1, InC: 4, Scale: []float32{1.0 / 128}, Values: []int8{1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12}},
		},
		Instrs: []format.Instr{dense(2, 1, 1), dense(1, 0, 0)},
		Inputs: []int{2}, Outputs: []int{0},
	}
}

// Encode numbers, plans and tests a copy of the network.
func TestEncode(t *testing.T) {
	f := small()
	file, sizes, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if f.Arena != 0 || f.Test != nil || f.Inputs[0] != 2 || f.Instrs[0].Out != 1 || f.Tensors[2].Zero != -7 {
		t.Errorf("the network was changed: %+v", f)
	}
	if sizes.Total() != len(file) {
		t.Errorf("sizes of %d bytes, the file has %d", sizes.Total(), len(file))
	}
	m, err := runtime.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SelfTest(); err != nil {
		t.Error(err)
	}
	format.Finish(f)
	if f.Test, err = runtime.MakeSelfTest(f); err != nil {
		t.Fatal(err)
	}
	if want, _, err := format.Encode(f); err != nil || !bytes.Equal(file, want) {
		t.Errorf("%x, want %x, %v", file, want, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		spoil      func(f *format.File)
	}{
		{"no inputs", "instruction 0 (Dense): tensor 2 is read", func(f *format.File) { f.Inputs = nil }},
		{"no outputs", "needs outputs", func(f *format.File) { f.Outputs = nil }},
		{"unknown input", "input 0: tensor 3", func(f *format.File) { f.Inputs[0] = 3 }},
		{"input twice", "input 1: tensor 2", func(f *format.File) { f.Inputs = []int{2, 2} }},
		{"order", "instruction 0 (Dense): tensor 1 is read", func(f *format.File) { slices.Reverse(f.Instrs) }},
		{"negative", "instruction 1 (Dense): tensor -1 is read", func(f *format.File) { f.Instrs[1].In[0] = -1 }},
		{"written twice", "instruction 1 (Dense): tensor 1 does not exist or is written twice", func(f *format.File) { f.Instrs[1].Out = 1 }},
		{"nothing read", "instruction 1 (Dense) has no input", func(f *format.File) { f.Instrs[1].In = nil }},
		{"output never written", "outputs: tensor 3", func(f *format.File) { f.Outputs[0] = 3 }},
		{"no weights", "format: ", func(f *format.File) { f.Weights = nil }},
		{"unknown opcode", "unknown", func(f *format.File) { f.Instrs[0].Op = 200 }},
		{"shape", "format: ", func(f *format.File) { f.Tensors[2].Shape = []int{5} }},
		{"negative shape", "format: ", func(f *format.File) { f.Tensors[2].Shape = []int{-4} }},
		{"no shape", "format: ", func(f *format.File) { f.Tensors[1].Shape = nil }},
		{"scale", "format: ", func(f *format.File) { f.Tensors[1].Scale = 0 }},
		{"values", "format: ", func(f *format.File) { f.Weights[0].Values = f.Weights[0].Values[:5] }},
		{"sum", "runtime: ", func(f *format.File) { f.Weights[1].Bias = []int32{1<<31 - 1, 0, 0} }},
	} {
		f := small()
		c.spoil(f)
		_, _, err := Encode(f)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "export: ") {
			t.Errorf("%s: %v, want one about %q", c.name, err, c.want)
		}
	}
}

// A failed Write leaves the folder as it was.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.onnx")
	for _, data := range []string{"first", "second"} {
		if err := Write(path, []byte(data)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != data {
			t.Errorf("%q, %v", got, err)
		}
	}
	missing := filepath.Join(dir, "missing", "a.onnx")
	if err := Write(missing, nil); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "export: ") || !strings.Contains(err.Error(), "missing") {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}
