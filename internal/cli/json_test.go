package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"maps"
	"math"
	"os"
	"os/exec"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime/format"
	"edgec/runtime/program"
)

// jsonField is a row of docs/JSON.md.
type jsonField struct {
	kind   string
	always bool
	varies bool // it depends on the machine or on how the tool was built
	seen   bool
}

// jsonPage is docs/JSON.md: the fields of each section.
type jsonPage map[string]map[string]*jsonField

// readJSONPage reads the tables of docs/JSON.md.
func readJSONPage(t *testing.T) jsonPage {
	t.Helper()
	text, err := os.ReadFile("../../docs/JSON.md")
	if err != nil {
		t.Fatal(err)
	}
	page, section := jsonPage{}, ""
	name := regexp.MustCompile("`([a-z0-9_]+)`")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "### "); ok {
			section = title
			page[section] = map[string]*jsonField{}
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		if len(cells) != 4 {
			t.Fatalf("%q has %d cells, want field, kind, when and meaning", line, len(cells))
		}
		when := strings.TrimSpace(cells[2])
		for _, m := range name.FindAllStringSubmatch(cells[0], -1) {
			page[section][m[1]] = &jsonField{kind: strings.TrimSpace(cells[1]), always: when == "always",
				varies: slices.Contains([]string{"if the system tells it", "with `--on`", "if a program prints it", "if this machine needs it", "if this machine cannot", "if it was built from a repository"}, when)}
		}
	}
	if len(page) < 20 {
		t.Fatalf("docs/JSON.md has %d sections; the test does not see them", len(page))
	}
	return page
}

// check compares a value with what the page says of kind.
func (p jsonPage) check(t *testing.T, where, kind string, v any) {
	t.Helper()
	is := ""
	switch v := v.(type) {
	case bool:
		is = "boolean"
	case float64:
		is = "number"
	case string:
		is = "string"
	case []any:
		element, ok := strings.CutPrefix(kind, "list of ")
		if !ok {
			break
		}
		for i, e := range v {
			p.check(t, fmt.Sprintf("%s[%d]", where, i), element, e)
		}
		return
	case map[string]any:
		if kind == "counts" { // by names that the user's files give
			for name, n := range v {
				p.check(t, where+"."+name, "number", n)
			}
			return
		}
		if fields, ok := p[kind]; ok {
			p.checkObject(t, where, fields, v)
			return
		}
	}
	if is != kind {
		t.Errorf("%s: %v is a %T; docs/JSON.md says %s", where, v, v, kind)
	}
}

// checkObject compares the fields of an object with those of a section.
func (p jsonPage) checkObject(t *testing.T, where string, fields map[string]*jsonField, v map[string]any) {
	t.Helper()
	for name, value := range v {
		f, ok := fields[name]
		if !ok {
			t.Errorf("%s: docs/JSON.md does not have the field %q", where, name)
			continue
		}
		f.seen = true
		p.check(t, where+"."+name, f.kind, value)
	}
	for name, f := range fields {
		if _, ok := v[name]; f.always && !ok {
			t.Errorf("%s: has no field %q, which docs/JSON.md has always", where, name)
		}
	}
}

// checkOutput compares what a command printed with a section: one object, or one a line.
func (p jsonPage) checkOutput(t *testing.T, section, stdout string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(stdout))
	objects := 0
	for d.More() {
		var v map[string]any
		if err := d.Decode(&v); err != nil {
			t.Errorf("%s: %v in %q", section, err, stdout)
			return
		}
		objects++
		if v["schema"] != 1.0 {
			t.Errorf("%s: schema %v", section, v["schema"])
		}
		p.check(t, section, section, v)
	}
	if objects == 0 {
		t.Errorf("%s: no object in %q", section, stdout)
	}
}

// oneOutput is a network of one output for samples of two numbers.
func oneOutput(t *testing.T) []byte {
	w := tensor.New(1, 2)
	copy(w.Data, []float32{1, -1})
	x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2}}, &graph.Value{Name: "y"}
	return encode(t, &graph.Graph{Name: "one", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{x, {Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}, nil}, Outputs: []*graph.Value{y}},
	}})
}

// decided is the network of oneOutput with a second output that only decides on the first.
func decided(t *testing.T) []byte {
	w := tensor.New(1, 2)
	copy(w.Data, []float32{1, -1})
	x, y, z := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2}}, &graph.Value{Name: "y"}, &graph.Value{Name: "z"}
	g := &graph.Graph{Name: "decided", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y, z}, Nodes: []*graph.Node{
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{x, {Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}, nil}, Outputs: []*graph.Value{y}},
		{Name: "decide", Op: op.Relu{}, Inputs: []*graph.Value{y}, Outputs: []*graph.Value{z}},
	}}
	return bytes.ReplaceAll(encode(t, g), []byte("Relu"), []byte("TopK"))
}

// jsonWorkplace is withFile with the networks and data that make each field appear.
func jsonWorkplace(t *testing.T) {
	t.Helper()
	withFile(t)
	write(t, "detector.onnx", detector(t, true))
	write(t, "d.npz", npzOf(t, 80, map[string][]int{"image": {1, 8, 8}, "hint": {4}}))
	write(t, "image.npy", zerosNpy(t, "d.npz", "image.npy"))
	write(t, "hint.npy", zerosNpy(t, "d.npz", "hint.npy"))
	write(t, "one.onnx", oneOutput(t))
	var labels, targets bytes.Buffer
	fmt.Fprintln(&labels, "a,b,label")
	fmt.Fprintln(&targets, "a,b,label")
	for i := range 40 {
		fmt.Fprintf(&labels, "%d,%d,%d\n", i%5, i%3, i%2)
		fmt.Fprintf(&targets, "%d,%d,%v\n", i%5, i%3, float64(i%7)/4)
	}
	write(t, "labels.csv", labels.Bytes())
	write(t, "targets.csv", targets.Bytes())
	addNamed(t)
	write(t, "scaled.edgec", scaledFile(t))
	write(t, "decided.onnx", decided(t))
	jsonSources(t)
}

// addNamed writes named.edgec, which is corner.edgec with a name and preprocessing.
func addNamed(t *testing.T) {
	t.Helper()
	f, err := format.Decode(read(t, "corner.edgec"))
	if err != nil {
		t.Fatal(err)
	}
	f.Meta.Name, f.Meta.Input = "corner", format.Preprocess{Mean: []float32{0.5}, Std: []float32{0.5}}
	named, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "named.edgec", named)
}

// jsonSources writes a network of channels last, whose output is the largest channel, and
// pictures in folders with names that are numbers, in the order of numbers.
func jsonSources(t *testing.T) {
	t.Helper()
	write(t, "means.onnx", encode(t, meanNet()))
	for i := range 30 {
		img := image.NewRGBA(image.Rect(0, 0, 9, 8))
		for p := range 72 {
			v := [3]uint8{uint8(i), uint8(2 * p % 50), 30}
			v[i%3] += 120
			img.SetRGBA(p%9, p/9, color.RGBA{v[0], v[1], v[2], 255})
		}
		write(t, fmt.Sprintf("pics/%s/%d.png", []string{"1", "2", "10"}[i%3], i), pngOf(t, img))
	}
	write(t, "pics/1/old.bmp", []byte("BM"))
	var body []byte
	for i := range 48 {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(float32(i*i%17)))
	}
	array := npyOf("<f4", "24, 2", body)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range map[string][]byte{"x": array, "spare": array} {
		w, err := z.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(data) // to memory
	}
	_ = z.Close()
	write(t, "spare.npz", b.Bytes())
	addSpoken(t)
	write(t, "twice.edgec", twice(t))
	benchmark(t, "corner.edgec", "bench.json")
	write(t, "last.npy", npyOf("<f4", "24, 8, 8, 3", bytes.Repeat(body, 24*192/48)))
	write(t, "semicolons.csv", []byte(strings.ReplaceAll(string(read(t, "labels.csv")), ",", ";")))
}

// benchmark writes what edgec bench --layers --json prints of a file, as if it had run on NEON.
func benchmark(t *testing.T, file, to string) {
	t.Helper()
	text := command(t, "bench", file, "--runs", "50", "--layers", "--json").must(t).stdout
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all["processes"].([]any) {
		p.(map[string]any)["kernels"], p.(map[string]any)["system"] = "neon", "linux/arm64"
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, data)
}

// zerosNpy is the first sample of an array of an .npz file.
func zerosNpy(t *testing.T, npz, name string) []byte {
	t.Helper()
	shape := map[string][]int{"image.npy": {1, 8, 8}, "hint.npy": {4}}[name]
	return npyOf("<f4", strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ","), "[]")+",", make([]byte, 4*product(shape)))
}

// docs/JSON.md has each field that a command prints, with its kind, and no other.
func TestJSON(t *testing.T) {
	page := readJSONPage(t)
	jsonWorkplace(t)
	t.Setenv(asProgram, "1") // for bench with --processes
	for _, c := range []struct{ section, args string }{
		{"compress", "compress corner.onnx --data data --no-training --max-size 1KB --max-drop 1 --max-latency 1s --labels a,b,c,d --no-augment --trained-on no -o a.edgec"},
		{"compress", "compress corner.onnx --data data --no-training --no-labels -o b.edgec"},
		{"compress", "compress corner.onnx --data data --teacher corner.onnx --effort 100 -j 1 --budget 1s -o c.edgec"},
		{"compress", "compress detector.onnx --data d.npz --no-training --max-drop 5 -o detector.edgec"},
		{"compress", "compress means.onnx --data pics --no-training --max-drop 5 -o means.edgec"},
		{"check", "check corner.onnx"},
		{"check", "check corner.onnx --target rpi-4"},
		{"compress", "compress corner.onnx --data data --no-training --max-latency 1s --max-memory 1MB --any-loss --target rpi-zero-2w -o t.edgec"},
		{"check", "check decided.onnx"},
		{"inspect", "inspect corner.edgec"},
		{"inspect", "inspect named.edgec"},
		{"inspect", "inspect twice.edgec"},
		{"inspect of an ONNX file", "inspect corner.onnx"},
		{"eval", "eval corner.edgec --data data --against corner.onnx --confusion"},
		{"eval", "eval detector.edgec --data d.npz --against detector.onnx"},
		{"eval", "eval one.onnx --data labels.csv"},
		{"eval", "eval one.onnx --data targets.csv"},
		{"eval", "eval means.onnx --data pics"},
		{"eval", "eval one.onnx --data semicolons.csv"},
		{"eval", "eval means.edgec --data last.npy --against means.onnx"},
		{"inspect of an ONNX file", "inspect means.onnx"},
		{"eval", "eval bigram.onnx --data text.npz"},
		{"inspect of an ONNX file", "inspect bigram.onnx"},
		{"inspect of an ONNX file", "inspect adder.onnx"},
		{"compress", "compress bigram.onnx --data text.npz --no-training --max-drop 1 --labels tokens.json -o bigram.edgec"},
		{"run with --generate", "run bigram.edgec --generate 3 --prompt-ids 1"},
		{"inspect of an ONNX file", "inspect decided.onnx"},
		{"eval", "eval decided.onnx --data labels.csv"},
		{"inspect", "inspect scaled.edgec"},
		{"compress", "compress one.onnx --data spare.npz --no-training --max-drop 5 -o one.edgec"},
		{"inspect", "inspect means.edgec"},
		{"run", "run corner.edgec light.png light.png"},
		{"run", "run detector.edgec image.npy hint.npy"},
		{"run with --idx", "run corner.edgec --idx data/t10k-images-idx3-ubyte --idx-labels data/t10k-labels-idx1-ubyte"},
		{"run with --selftest", "run corner.edgec --selftest"},
		{"bench", "bench named.edgec --runs 1000 --layers --save one.json"},
		{"bench", "bench named.edgec --runs 50 --processes 6 --save six.json"},
		{"bench with --compare", "bench --compare six.json six.json"},
		{"bench with --compare", "bench --compare one.json six.json"},
		{"build", "build corner.edgec --target linux-amd64 -o app --selftest"},
		{"build with --package", "build corner.edgec --package cornernet"},
		{"build with --c-archive", "build corner.edgec --target linux-amd64 --c-archive -o libcorner.a"},
		{"targets", "targets"},
		{"targets calibrate", "targets calibrate bench.json --target rpi-zero-2w -o mine.toml"},
		{"targets", "targets rpi-zero-2w-calibrated --boards mine.toml"},
		{"export", "export corner.edgec -o int8.onnx"},
		{"check", "check int8.onnx"},
		{"pack", "pack int8.onnx -o packed.edgec"},
		{"pack of an .edgec file", "pack corner.edgec -o ordered.edgec"},
		{"diff, patch", "diff corner.edgec named.edgec -o d.edd"},
		{"diff, patch", "patch corner.edgec d.edd -o new.edgec"},
		{"keygen", "keygen --no-password"},
		{"sign, verify", "sign d.edd --base corner.edgec --version 7 --target rpi-4"},
		{"sign, verify", "verify d.edd"},
		{"diff, patch", "diff labels.csv targets.csv -o any.edd"},
		{"push, pull, copy", "push d.edd any.edd app corner.edgec oci:stick:1"},
		{"push, pull, copy", "push any.edd app oci:stick:1 --name corner"},
		{"push, pull, copy", "copy oci:stick:1 oci:stick:2"},
		{"push, pull, copy", "push d.edd labels.csv oci:stick:3"},
		{"push, pull, copy", "pull oci:stick:3 -o signed --pub edgec.pub"},
		{"push, pull, copy", "pull oci:stick:1 -o pulled"},
		{"push, pull, copy", "pull oci:stick:1 -o pulled"},
		{"version", "version"},
		{"errors", "compress none.onnx --data data"},
		{"errors", "compress corner.onnx --data data --max-drop x --budget y"},
		{"errors", "eval corner.edgec"},
		{"errors", "inspect bad.onnx"},
		{"errors", "inspect worse.onnx"},
	} {
		if slow(c.section) {
			continue
		}
		write(t, "bad.onnx", bytes.Replace(read(t, "corner.onnx"), []byte("Gemm"), []byte("Hemm"), 1))
		write(t, "worse.onnx", bytes.Replace(read(t, "bad.onnx"), []byte("Conv"), []byte("Konv"), 1))
		r := command(t, append(strings.Fields(c.args), "--json", "-q")...)
		if (r.code == exitDone) != (c.section != "errors") {
			t.Errorf("edgec %s: exit code %d, %s", c.args, r.code, r.stderr)
			continue
		}
		page.checkOutput(t, c.section, r.stdout)
	}
	for _, file := range []string{"named.edgec", "corner.edgec"} {
		var info bytes.Buffer
		p := program.Program{Model: read(t, file), Edgec: "v1.0.0", Hash: "ab12", Sources: "cd34", Target: "rpi-4"}
		if code := p.Main([]string{"app", "--info", "--json"}, nil, &info, &info); code != 0 {
			t.Error(info.String())
		}
		page.checkOutput(t, "programs with --info", info.String())
	}
	for section := range page {
		if !slices.Contains(slices.Concat(demoSections, deviceSections), section) && !slow(section) {
			page.checkSeen(t, section)
		}
	}
}

// slow reports whether a section needs a compiler that is not there, or takes long: Go's, or Go's and
// that of C.
func slow(section string) bool {
	if section == "build with --c-archive" {
		_, err := exec.LookPath("gcc")
		return !deep.On() || goruntime.GOARCH != "amd64" || err != nil
	}
	return section == "build" && testing.Short()
}

// demoSections are those that TestDemo checks.
var demoSections = []string{"demo", "program", "execution", "idx", "picture"}

// deviceSections are those that TestDeploy and TestUnit check.
var deviceSections = []string{"fleet roll, status, stop", "fleet device", "agent", "deploy, rollback, status", "installed", "failed program", "unit of systemd", "unit"}

// checkSeen fails the test for fields of a section that no command printed.
func (p jsonPage) checkSeen(t *testing.T, section string) {
	t.Helper()
	for name, f := range p[section] {
		if !f.seen && !f.varies {
			t.Errorf("docs/JSON.md has %q of %s, which no command printed", name, section)
		}
	}
}

// A report has the fields of compress's JSON, whether or not a file met the limits.
func TestJSONOfReport(t *testing.T) {
	page := readJSONPage(t)
	withFile(t)
	for _, size := range []string{"1KB", "60"} {
		command(t, "compress", "corner.onnx", "--data", "data", "--no-training", "--max-size", size, "--max-drop", "1", "--report", "r.json", "-q")
		page.checkOutput(t, "compress", string(read(t, "r.json")))
	}
}

// A name has one kind on the whole page; in sizes and bits it is a part of the file, and
// an error is an object at the top and a percentage in metrics.
func TestJSONVocabulary(t *testing.T) {
	page := readJSONPage(t)
	kinds := map[string]string{}
	for _, section := range slices.Sorted(maps.Keys(page)) {
		if section == "sizes" || section == "bits" {
			continue
		}
		for name, f := range page[section] {
			kind, _, list := strings.Cut(f.kind, " of ") // outputs are described, or their elements
			if !list && page[kind] != nil {
				kind = "object"
			}
			if was := kinds[name]; was != "" && was != kind && name != "error" {
				t.Errorf("%s: %q is a %s, elsewhere a %s", section, name, kind, was)
			}
			kinds[name] = kind
		}
	}
}
