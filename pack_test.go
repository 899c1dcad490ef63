package edgec_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec"
	"edgec/export"
	"edgec/internal/deep"
	"edgec/internal/demo"
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime"
	"edgec/runtime/format"
)

// A network that left edgec as QDQ ONNX comes back with its integers, as the
// same bytes but for what ONNX does not hold.
func TestPack(t *testing.T) {
	for _, name := range []string{"lenet-5", "lenet-300-100"} {
		file, err := os.ReadFile(filepath.Join("testdata", name+".edgec"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := format.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		model, err := export.ONNX(file, name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name+"-int8.onnx")
		if err := os.WriteFile(path, model, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := edgec.Pack(path)
		if err != nil {
			t.Fatal(err)
		}
		if p.From != len(model) || p.Size != len(p.Bytes) || p.Size > len(file)+len(file)/50 || p.Name != name+"-int8" {
			t.Errorf("%s: %d bytes of ONNX packed to %d, the file had %d; %+v", name, p.From, p.Size, len(file), p)
		}
		was, err := runtime.FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		now, err := runtime.Load(p.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if err := now.SelfTest(); err != nil {
			t.Error(err)
		}
		a, err := was.NewSession(runtime.Config{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := now.NewSession(runtime.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint32(50) {
			format.SelfTestInput(seed, a.Input(0))
			copy(b.Input(0), a.Input(0))
			a.Run()
			b.Run()
			if !bytes.Equal(a.OutputBytes(0), b.OutputBytes(0)) {
				t.Fatalf("%s: outputs of input %d differ", name, seed)
			}
		}
	}
}

// A network that is quantized already is none to compress.
// A committed file gets shorter, and its outputs stay the same to the bit.
func TestOrder(t *testing.T) {
	deep.Only(t)
	for name, most := range map[string]int{"lenet-5-1200": 1145, "lenet-300-100-1900": 1785} {
		file, err := os.ReadFile("testdata/" + name + ".edgec")
		if err != nil {
			t.Fatal(err)
		}
		short, err := edgec.Order(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d to %d bytes", name, len(file), len(short))
		if len(short) > most {
			t.Errorf("%s: %d bytes, at most %d were reached before", name, len(short), most)
		}
		was, err := runtime.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		now, err := runtime.Load(short)
		if err != nil {
			t.Fatal(err)
		}
		if err := eval.SameOutputs(was, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompressRefusesQuantized(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "lenet-5.edgec"))
	if err != nil {
		t.Fatal(err)
	}
	model, err := export.ONNX(file, "lenet-5")
	if err != nil {
		t.Fatal(err)
	}
	m, err := edgec.OpenBytes(model, "lenet-5.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := edgec.Compress(context.Background(), m, nil, edgec.Options{MaxSize: 1000}); !m.Quantized() || err == nil || !strings.Contains(err.Error(), "lenet-5 is quantized already; Pack keeps its integers") {
		t.Errorf("%v, %v", m.Quantized(), err)
	}
	if m, err := edgec.OpenBytes(demo.ONNX, "demo"); err != nil || m.Quantized() {
		t.Errorf("a float network is quantized: %v", err)
	}
}

// What pictures are follows from the range of the input.
func TestPackPictures(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MLPerf Tiny's networks and CIFAR-10; set EDGEC_DATA to the data folder")
	}
	p, err := edgec.Pack(filepath.Join(dir, "models/mlperf-tiny/resnet8-int8.tflite"))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Input.Bytes255 {
		t.Error("an input of 0 to 255 is not told from one of 0 to 1")
	}
	n, err := edgec.Input(p.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	data, err := edgec.OpenData(filepath.Join(dir, "cifar10-1k"), n, edgec.DataOptions{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := edgec.Evaluate(p.Bytes, data, edgec.EvaluateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := got.Labels
	t.Logf("accuracy %.1f %% on %d pictures", m.Accuracy, m.N)
	if m.Accuracy < 87.5 { // TFLite's int8 network has 88.2
		t.Errorf("accuracy %.1f %%", m.Accuracy)
	}
}

// MLPerf Tiny's int8 networks; internal/tflite compares them with TFLite.
func TestPackTFLite(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MLPerf Tiny's networks; set EDGEC_DATA to the data folder")
	}
	for name, most := range map[string]int{"vww-mobilenet": 36_000, "kws-dscnn": 25_000, "resnet8": 74_000, "ad-autoencoder": 165_000} {
		if name != "kws-dscnn" && !deep.On() {
			continue
		}
		p, err := edgec.Pack(filepath.Join(dir, "models/mlperf-tiny", name+"-int8.tflite"))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d to %d bytes, %d to %d multiplications, %d channels removed", name, p.From, p.Size, p.MACsFrom, p.MACs, p.Channels)
		if p.Size > most {
			t.Errorf("%s: %d bytes, at most %d", name, p.Size, most)
		}
		if name == "vww-mobilenet" && 2*p.MACs > p.MACsFrom {
			t.Errorf("%s: %d multiplications of %d are left; most channels are dead", name, p.MACs, p.MACsFrom)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"float.onnx":  {demo.ONNX, "is float: pack takes quantized networks"},
		"text.onnx":   {[]byte("a text"), "text.onnx"},
		"cut.tflite":  {[]byte("\x20\x00\x00\x00TFL3"), "cut.tflite: tflite: the file is damaged"},
		"nothing.onn": {nil, "nothing.onn"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := edgec.Pack(path); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// A quantized network that takes channels last, as those of Keras do, needs no transposition
// on the device; one of TFLite with several channels says the order of its numbers.
func TestPackChannelsLast(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "lenet-5.edgec"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := format.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	g, err := lower.Lift(f, "lenet-5")
	if err != nil {
		t.Fatal(err)
	}
	first := g.Inputs[0]
	last := &graph.Value{Name: "nhwc", Shape: tensor.Shape{1, 28, 28, 1}, Grid: first.Grid}
	turn := &graph.Node{Name: "turn", Op: op.Transpose{Perm: []int{0, 3, 1, 2}}, Inputs: []*graph.Value{last}, Outputs: []*graph.Value{first}}
	g.Inputs[0], g.Nodes = last, append([]*graph.Node{turn}, g.Nodes...)
	model, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "nhwc.onnx")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := edgec.Pack(path)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := format.Decode(p.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range packed.Instrs {
		if in.Op == format.OpTranspose {
			t.Error("the file transposes")
		}
	}
	if shape := packed.Tensors[packed.Inputs[0]].Shape; !slices.Equal(shape, []int{28, 28, 1}) || p.Input.ChannelsLast {
		t.Errorf("input %v, %+v", shape, p.Input)
	}
	sameOutputs(t, f, packed)
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA does not name the folder of the data")
	}
	if p, err = edgec.Pack(filepath.Join(dir, "models/mlperf-tiny/resnet8-int8.tflite")); err != nil || !p.Input.ChannelsLast {
		t.Errorf("TFLite: %+v, %v", p, err)
	}
}

// sameOutputs compares two files on a generated input.
func sameOutputs(t *testing.T, a, b *format.File) {
	t.Helper()
	var out [2][]byte
	for k, f := range []*format.File{a, b} {
		m, err := runtime.FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession(runtime.Config{})
		if err != nil {
			t.Fatal(err)
		}
		format.SelfTestInput(7, s.Input(0))
		s.Run()
		out[k] = slices.Clone(s.OutputBytes(0))
	}
	if !bytes.Equal(out[0], out[1]) {
		t.Errorf("outputs %v, were %v", out[1], out[0])
	}
}
