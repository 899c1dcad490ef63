package tflite

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edgec/runtime"
	"edgec/runtime/format"
)

//go:embed reference.py
var script string

var update = flag.Bool("update", false, "write testdata/reference.json from EDGEC_LITERT_PYTHON")

// integers returns the network up to its last int8 tensor, the input of a
// softmax or of a dequantization at the end.
func integers(t testing.TB, f *format.File) *format.File {
	t.Helper()
	out := f.Outputs[0]
	for n := len(f.Instrs) - 1; n >= 0 && f.Instrs[n].Out == out && (f.Instrs[n].Op == format.OpSoftmax || f.Instrs[n].Op == format.OpDequantize); n-- {
		out = f.Instrs[n].In[0]
		f.Instrs = f.Instrs[:n]
	}
	f.Outputs = []int{out}
	format.Finish(f)
	return f
}

// outputs runs f on samples of int8 inputs.
func outputs(t testing.TB, f *format.File, x []int8) []byte {
	t.Helper()
	m, err := runtime.FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var y []byte
	for in := s.Input(0); len(x) > 0; x = x[len(in):] {
		copy(in, x)
		s.Run()
		y = append(y, s.OutputBytes(0)...)
	}
	return y
}

func random(n int) []int8 {
	r := rand.New(rand.NewPCG(9, 9))
	x := make([]int8, n)
	for i := range x {
		x[i] = int8(r.IntN(256) - 128)
	}
	return x
}

// reference runs TFLite on the inputs of networks, or skips the test.
func reference(t *testing.T, nets map[string][]byte, in map[string][]int8) map[string][]byte {
	t.Helper()
	python := os.Getenv("EDGEC_LITERT_PYTHON")
	if python == "" {
		t.Skip("EDGEC_LITERT_PYTHON is not set: it names a python that has the package ai-edge-litert")
	}
	dir := t.TempDir()
	for name, data := range nets {
		raw := make([]byte, len(in[name]))
		for i, v := range in[name] {
			raw[i] = byte(v)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".tflite"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".in"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := exec.Command(python, "-c", script, dir).CombinedOutput(); err != nil {
		t.Fatalf("TFLite: %v\n%s", err, text)
	}
	out := map[string][]byte{}
	for name := range nets {
		data, err := os.ReadFile(filepath.Join(dir, name+".ref"))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = data
	}
	return out
}

const samples = 100

// computed reads the networks and runs them on random inputs.
func computed(t *testing.T, nets map[string][]byte) (in map[string][]int8, out map[string][]byte) {
	t.Helper()
	in, out = map[string][]int8{}, map[string][]byte{}
	for name, data := range nets {
		f, err := Read(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f = integers(t, f)
		in[name] = random(samples * f.Tensors[f.Inputs[0]].Elems())
		out[name] = outputs(t, f, in[name])
	}
	return in, out
}

func compare(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	for name := range want {
		if len(got[name]) != len(want[name]) {
			t.Errorf("%s: %d numbers, want %d", name, len(got[name]), len(want[name]))
			continue
		}
		n := 0
		for i, v := range want[name] {
			if got[name][i] != v {
				n++
			}
		}
		if n > 0 {
			t.Errorf("%s: %d of %d numbers differ from TFLite's", name, n, len(want[name]))
		}
	}
}

// Every operator computes what TFLite's reference kernels do, to the bit:
// checksums of their results are kept in testdata.
func TestOperators(t *testing.T) {
	_, got := computed(t, networks())
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint32{}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(got) {
		t.Errorf("%d networks, checksums of %d", len(got), len(want))
	}
	for name, y := range got {
		varied := map[byte]bool{}
		for _, v := range y {
			varied[v] = true
		}
		if sum := crc32.ChecksumIEEE(y); sum != want[name] || len(varied) < 8 {
			t.Errorf("%s: checksum %08x of %d different numbers, TFLite has %08x", name, sum, len(varied), want[name])
		}
	}
}

// The same against TFLite itself; -update keeps the checksums.
func TestOperatorsInTFLite(t *testing.T) {
	nets := networks()
	in, got := computed(t, nets)
	want := reference(t, nets, in)
	compare(t, got, want)
	if *update && !t.Failed() {
		sums := map[string]uint32{}
		for name, y := range want {
			sums[name] = crc32.ChecksumIEEE(y)
		}
		data, err := json.MarshalIndent(sums, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/reference.json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// MLPerf Tiny's int8 networks compute what TFLite computes.
func TestNetworksInTFLite(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MLPerf Tiny's networks; set EDGEC_DATA to the data folder")
	}
	nets := map[string][]byte{}
	for _, name := range []string{"ad-autoencoder", "kws-dscnn", "resnet8", "vww-mobilenet"} {
		data, err := os.ReadFile(filepath.Join(dir, "models/mlperf-tiny", name+"-int8.tflite"))
		if err != nil {
			t.Fatal(err)
		}
		nets[name] = data
	}
	in, got := computed(t, nets)
	want := reference(t, nets, in)
	for name, y := range want {
		t.Logf("%s: %d numbers", name, len(y))
	}
	compare(t, got, want)
}

// Whatever is wrong with a file is an error that names the place.
func TestRefuses(t *testing.T) {
	good := networks()["conv"]
	for n := range good {
		if f, err := Read(good[:n]); err == nil && n < len(good)-8 { // the last bytes may be padding
			t.Errorf("%d of %d bytes: accepted as %d instructions", n, len(good), len(f.Instrs))
		}
	}
	build := func(make func(b *builder) (in, out int)) []byte {
		b := newBuilder(1)
		in, out := make(b)
		return b.file([]int{in}, []int{out})
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"text":    {[]byte("not a network"), "TFL3 is missing"},
		"nothing": {nil, "TFL3 is missing"},
		"float": {build(func(b *builder) (int, int) {
			x := b.tensor(typeFloat32, []int{1, 4}, nil, 0, 0, nil)
			y := b.tensor(typeFloat32, []int{1, 4}, nil, 0, 0, nil)
			b.op(opRelu, []int{x}, []int{y})
			return x, y
		}), "float32, and pack takes networks that are int8 throughout"},
		"operator": {build(func(b *builder) (int, int) {
			x, y := b.act(1, 4), b.act(1, 4)
			b.op(93, []int{x}, []int{y})
			return x, y
		}), "operator 0: ZEROS_LIKE is not supported"},
		"batch": {build(func(b *builder) (int, int) {
			x, y := b.act(2, 4), b.act(2, 4)
			b.op(opRelu, []int{x}, []int{y})
			return x, y
		}), "batch 1"},
		"activation": {build(func(b *builder) (int, int) {
			x := b.act(1, 4)
			w, bias := b.weights(x, 0, 3, 4)
			y := b.act(1, 3)
			b.op(opDense, []int{x, w, bias}, []int{y}, option{0, 1, 4})
			return x, y
		}), "operator 0 (FULLY_CONNECTED): fused activation 4"},
		"shape": {build(func(b *builder) (int, int) {
			x := b.act(1, 5)
			w, bias := b.weights(x, 0, 3, 4)
			y := b.act(1, 3)
			b.op(opDense, []int{x, w, bias}, []int{y})
			return x, y
		}), "weights for 4 elements on an input of 5"},
		"order": {build(func(b *builder) (int, int) {
			x, y, z := b.act(1, 4), b.act(1, 4), b.act(1, 4)
			b.op(opAdd, []int{x, y}, []int{z})
			return x, z
		}), "is not computed before"},
		"grids": {build(func(b *builder) (int, int) {
			x, y := b.act(1, 4), b.act(1, 2, 2)
			b.op(opReshape, []int{x}, []int{y})
			return x, y
		}), "operator 0 (RESHAPE): scales"},
	} {
		if _, err := Read(c.data); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// FuzzRead: no file makes Read panic, and what it accepts can be encoded.
func FuzzRead(f *testing.F) {
	for _, data := range networks() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Read(bytes.Clone(data))
		if err != nil {
			return
		}
		if data, _, err := format.Encode(n); err == nil {
			if _, err := format.Decode(data); err != nil {
				t.Error(err)
			}
		}
	})
}
