package runtime

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"edgec/runtime/format"
)

var update = flag.Bool("update", false, "write the golden files that are missing; those that exist are released and stay")

// released is the folder of a version's golden files: networks as .edgec, and
// as .out the bytes of all outputs for the inputs of seeds 1, 2 and 3.
const released = "format/testdata/v1"

// goldens are the networks of this version. New ones are added at the end under
// new names.
var goldens = []struct {
	name string
	make func() *format.File
}{
	{"lenet", func() *format.File { return lenet(11, 0.03) }},
	{"lenet-small-dense", func() *format.File {
		b := newBuilder(12)
		x := b.input(12, 12, 3)
		x = b.pool(b.conv(b.conv(x)))
		return b.finish(b.dense(x, 20))
	}},
	{"elementwise", func() *format.File {
		b := newBuilder(13)
		x := b.input(4, 5, 3)
		for range 8 {
			x = b.binary(x)
		}
		return b.finish(x)
	}},
	{"mixed-1", func() *format.File { return randomNet(101) }},
	{"mixed-2", func() *format.File { return randomNet(102) }},
	{"mixed-3", func() *format.File { return randomNet(103) }},
	{"mixed-4", func() *format.File { return randomNet(104) }},
	{"mixed-5", func() *format.File { return randomNet(105) }},
	{"mixed-6", func() *format.File { return randomNet(106) }},
	{"mixed-7", func() *format.File { return randomNet(107) }},
	{"mixed-8", func() *format.File { return randomNet(108) }},
	{"dense", func() *format.File { return lenetOf(14, 0.8, []int{8, 16}, []int{32, 10}) }}, // version 1.1
	{"slice", func() *format.File { // version 1.2
		b := newBuilder(15)
		x := b.conv(b.input(9, 11, 3))
		for range 3 {
			x = b.slice(x)
		}
		return b.finish(x)
	}},
	{"resize", func() *format.File { // version 1.3
		b := newBuilder(17)
		x := b.conv(b.input(7, 5, 3))
		for range 4 {
			x = b.resize(b.stretch(x))
		}
		return b.finish(x)
	}},
	{"scaled", func() *format.File { // version 1.2
		b := newBuilder(16)
		f := b.finish(b.dense(b.input(4), 3))
		f.Scaling = []format.Scaling{{Scale: []float32{12, 0.125, 1.0 / 256, 1.0 / 65536}, Zero: []int{-8444, -160, -128, -32}}}
		return f
	}},
	{"floats-1", func() *format.File { return floatNet(5) }}, // version 1.3
	{"floats-2", func() *format.File { return floatNet(6) }},
	{"floats-3", func() *format.File { return floatNet(7) }},
	{"recurrent", func() *format.File { return recurrentNet(8, 0, format.RecurrentFine) }},
	{"functions", func() *format.File { return functionsNet(9) }},
	{"recurrent-fine", func() *format.File { return recurrentNet(10, format.RecurrentFine, format.RecurrentFunctions) }},
}

// outputs returns the bytes of all outputs for three inputs.
func outputs(t testing.TB, f *format.File, s *Session) []byte {
	var all []byte
	for seed := uint32(1); seed <= 3; seed++ {
		fill(f, s, seed)
		s.Run()
		for k := range f.Outputs {
			all = append(all, s.OutputBytes(k)...)
		}
	}
	return all
}

// With -update this writes the golden files of new networks. A file that exists
// is never written again: what it holds has been released.
func TestUpdateReleased(t *testing.T) {
	for _, g := range goldens {
		path := filepath.Join(released, g.name+".edgec")
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if !*update {
			t.Errorf("%s is missing; run the test with -update", path)
			continue
		}
		f := g.make()
		test, err := MakeSelfTest(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Test = test
		data := encoded(t, f)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		out := outputs(t, f, session(t, loaded(t, f)))
		if err := os.WriteFile(strings.TrimSuffix(path, ".edgec")+".out", out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Every released file loads, computes the very bytes that it computed when it
// was released, and passes its self-test.
func TestReadReleased(t *testing.T) {
	files, err := filepath.Glob("format/testdata/v*/*.edgec")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < len(goldens) {
		t.Fatalf("%d released files, at least %d were released", len(files), len(goldens))
	}
	type function struct {
		op     format.Opcode
		number int
	}
	used, functions, minors, states := map[format.Opcode]bool{}, map[function]bool{}, map[byte]bool{}, 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(path, ".edgec") + ".out")
		if err != nil {
			t.Fatal(err)
		}
		f, err := format.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, in := range f.Instrs {
			used[in.Op], functions[function{in.Op, in.Function}] = true, true
		}
		states += len(f.State)
		minors[data[4]&15] = true
		m, err := FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := outputs(t, f, session(t, m)); !bytes.Equal(got, want) {
			t.Errorf("%s computes\n%v, when it was released\n%v", path, got, want)
		}
		if err := m.SelfTest(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		ref := newReference(f)
		ref.run(fill(f, session(t, m), 1)...)
		if got := ref.bytes(0); !bytes.Equal(got, want[:len(got)]) {
			t.Errorf("%s: the reference computes %v, want %v", path, got, want[:len(got)])
		}
	}
	if _, minor := format.Version(); !minors[byte(minor)] || !minors[0] {
		t.Errorf("released files are of versions 1.x with x of %v; each needs one", minors)
	}
	for _, op := range format.Opcodes() {
		if !used[op] {
			t.Errorf("no released file has %v", op)
		}
	}
	for op, n := range map[format.Opcode]int{format.OpUnary: format.UnaryFunctions, format.OpBinary: format.BinaryFunctions, format.OpReduce: format.ReduceFunctions,
		format.OpNormalize: format.NormalizeFunctions, format.OpRecurrent: format.RecurrentFunctions, format.OpResize: format.ResizeLinear + 1} {
		for k := range n {
			if !functions[function{op, k}] {
				t.Errorf("no released file has function %d of %v", k, op)
			}
		}
	}
	if states == 0 {
		t.Error("no released file has a state")
	}
}

func loadedBytes(t testing.TB, data []byte) *Model {
	t.Helper()
	m, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The worked example of SPEC.md loads and passes its self-test.
func TestSpecExample(t *testing.T) {
	text, err := os.ReadFile("format/SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "## Worked example")
	var data []byte
	for _, m := range regexp.MustCompile(`(?m)^    ([0-9a-f]{2}(?: [0-9a-f]{2})*)(?:  |$)`).FindAllStringSubmatch(block, -1) {
		b, err := hex.DecodeString(strings.ReplaceAll(m[1], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b...)
	}
	if err := loadedBytes(t, data).SelfTest(); err != nil {
		t.Error(err)
	}
}
