package program

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"edgec/runtime"
	"edgec/runtime/format"
)

// sums is a network of an image [h,w,c] whose outputs are weighted sums of its
// elements: output k counts element i with weight w[k][i]; labels may be nil.
func sums(t testing.TB, shape []int, w [][]int8, labels []string, real bool) []byte {
	t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	f := &format.File{
		Tensors: []format.Tensor{{Shape: shape, Scale: 1.0 / 256, Zero: -128}, {Shape: []int{len(w)}, Scale: 0.5, Zero: 0}},
		Instrs:  []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, ClampMin: -128, ClampMax: 127}},
		Weights: []format.Weight{{OutC: len(w), KH: 1, KW: 1, InC: n, Scale: []float32{1}}},
		Inputs:  []int{0}, Outputs: []int{1}, Meta: format.Meta{Name: "sums", Labels: labels},
	}
	if real {
		f.Tensors[1] = format.Tensor{DType: format.Float32, Shape: []int{len(w)}}
	}
	for _, row := range w {
		f.Weights[0].Values = append(f.Weights[0].Values, row...)
	}
	return tested(t, f)
}

// tested completes f with its self-test and returns the file.
func tested(t testing.TB, f *format.File) []byte {
	t.Helper()
	format.Finish(f)
	test, err := runtime.MakeSelfTest(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Test = test
	return encoded(t, f)
}

// encoded completes f and returns the file.
func encoded(t testing.TB, f *format.File) []byte {
	t.Helper()
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// corners says which quarter of a 4x4 picture is light, in real numbers.
func corners(t testing.TB) []byte {
	w := make([][]int8, 4)
	for k := range w {
		w[k] = make([]int8, 16)
		for y := range 2 {
			for x := range 2 {
				w[k][(k/2*2+y)*4+k%2*2+x] = 1
			}
		}
	}
	return sums(t, []int{4, 4, 1}, w, []string{"top left", "top right", "bottom left", "bottom \"right\""}, true)
}

// execute is the program with a model.
func execute(model []byte, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return Program{Model: model}.Main(args, stdin, stdout, stderr)
}

// call runs the program and returns what it printed and its exit code.
func call(model []byte, stdin string, args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code = execute(model, append([]string{"/usr/bin/app"}, args...), strings.NewReader(stdin), &o, &e)
	return o.String(), e.String(), code
}

// must returns the output of a call that succeeds.
func must(t *testing.T, model []byte, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := call(model, stdin, args...)
	if code != 0 || errs != "" {
		t.Fatalf("%q: code %d, %q", args, code, errs)
	}
	return out
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// quarter is a picture of side x side whose quarter k is light.
func quarter(side, k int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side / 2 {
		for x := range side / 2 {
			img.SetGray(k%2*side/2+x, k/2*side/2+y, color.Gray{Y: 255})
		}
	}
	return img
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// npy is an array of version 1 of NumPy's format.
func npy(descr, shape string, fortran bool, body []byte) []byte {
	order := "False"
	if fortran {
		order = "True"
	}
	head := "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }"
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	return append(append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8)), append([]byte(head), body...)...)
}

func float32s(x ...float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Every kind of input leads to the same label and score.
func TestInputs(t *testing.T) {
	model := corners(t)
	gray := quarter(4, 2).Pix
	var reals, doubles, halves, ints, columns []byte
	for i, p := range gray {
		ints = append(ints, 0, 0, 0, p&1)
		columns = append(columns, gray[i%4*4+i/4])
		v := float32(p) / 255
		reals = append(reals, float32s(v)...)
		doubles = binary.LittleEndian.AppendUint64(doubles, math.Float64bits(float64(v)))
		halves = binary.LittleEndian.AppendUint16(halves, uint16(p&1)*0x3c00)
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, quarter(64, 2), &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	rgb := image.NewRGBA(image.Rect(5, 7, 21, 23)) // bounds that do not start at 0
	for y := range 16 {
		for x := range 16 {
			v := quarter(16, 2).GrayAt(x, y).Y
			rgb.SetRGBA(5+x, 7+y, color.RGBA{v, v, v, 255})
		}
	}
	const exact = "bottom left 3.984375 (94.71 %)\n"    // 4 pixels of 255/256
	const resized = "bottom left 3.5117188 (90.43 %)\n" // the filter reaches over the edge
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"4x4 png", encodePNG(t, quarter(4, 2)), exact}, {"16x16 png", encodePNG(t, quarter(16, 2)), resized}, {"rgb png", encodePNG(t, rgb), resized}, {"jpeg", jpg.Bytes(), resized},
		{"raw bytes", gray, exact}, {"raw float32", reals, exact},
		{"npy bytes", npy("|u1", "(4, 4)", false, gray), exact}, {"npy batch", npy("|u1", "(1, 4, 4, 1)", false, gray), exact}, {"npy channels first", npy("|u1", "(1, 4, 4)", false, gray), exact},
		{"npy float32", npy("<f4", "(1, 1, 4, 4)", false, reals), exact}, {"npy float64", npy("<f8", "(16,)", false, doubles), exact}, {"npy float16", npy("<f2", "(4, 4, 1)", false, halves), exact},
		{"npy int32, big endian", npy(">i4", "(1, 4, 4)", false, ints), exact}, {"npy in Fortran order", npy("|u1", "(4, 4)", true, columns), exact},
	} {
		path := write(t, "x", c.data)
		if got := must(t, model, "", path); got != path+": "+c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for _, args := range [][]string{nil, {"-"}} {
			if got := must(t, model, string(c.data), args...); got != "standard input: "+c.want {
				t.Errorf("%s from standard input: %q", c.name, got)
			}
		}
	}
}

// Channels: pictures and bytes come last, float arrays of ONNX first.
func TestChannels(t *testing.T) {
	w := make([][]int8, 3)
	for c := range w {
		w[c] = make([]int8, 12)
		for p := range 4 {
			w[c][3*p+c] = 1
		}
	}
	model := sums(t, []int{2, 2, 3}, w, []string{"red", "green", "blue"}, true)
	img := image.NewRGBA(image.Rect(0, 0, 2, 2))
	hwc, chw, reals := make([]byte, 12), make([]byte, 12), make([]float32, 12)
	for p := range 4 {
		img.SetRGBA(p%2, p/2, color.RGBA{0, 255, 0, 255})
		hwc[3*p+1], chw[4+p], reals[4+p] = 255, 255, 1
	}
	for name, data := range map[string][]byte{
		"png": encodePNG(t, img), "bytes": hwc, "npy last": npy("|u1", "(2, 2, 3)", false, hwc), "npy first": npy("|u1", "(3, 2, 2)", false, chw),
		"floats": float32s(reals...), "npy floats first": npy("<f4", "(1, 3, 2, 2)", false, float32s(reals...)), "npy flat": npy("<f4", "(12,)", false, float32s(reals...)),
	} {
		if got := must(t, model, string(data)); got != "standard input: green 3.984375 (96.41 %)\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Numbers that are not finite are refused, with the file and the element, counted row by row.
func TestNotFinite(t *testing.T) {
	model := corners(t)
	reals := make([]float32, 16)
	reals[4] = float32(math.NaN())
	inf := float32s(reals...)
	copy(inf[16:], float32s(float32(math.Inf(-1))))
	large := binary.LittleEndian.AppendUint64(make([]byte, 15*8), math.Float64bits(1e300))
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"npy":            {npy("<f4", "(4, 4)", false, float32s(reals...)), "element 4 is NaN; remove or repair it"},
		"npy by columns": {npy("<f4", "(4, 4)", true, float32s(reals...)), "element 1 is NaN; remove or repair it"},
		"half":           {npy("<f2", "(16,)", false, append(make([]byte, 30), 0, 0x7c)), "element 15 is +Inf; remove or repair it"},
		"double":         {npy("<f8", "(1, 4, 4)", false, large), "element 15 is 1e+300, too large for float32; remove or repair it"},
		"raw":            {inf, "element 4 is -Inf; remove or repair it"},
	} {
		path := write(t, "bad.npy", c.data)
		if out, errs, code := call(model, "", path); out != "" || code != 1 || !strings.Contains(errs, path+": "+c.says) {
			t.Errorf("%s: code %d, %q, %q; want %q", name, code, out, errs, c.says)
		}
	}
	line := sums(t, []int{2}, [][]int8{{1, 0}, {0, 1}}, nil, true)
	if out, errs, code := call(line, string(npy("<f4", "(1, 2)", false, float32s(0, float32(math.NaN())))), "--stream"); code != 1 || !strings.Contains(errs, "element 1 is NaN") {
		t.Errorf("a stream: code %d, %q, %q", code, out, errs)
	}
}

func TestTopRawInvert(t *testing.T) {
	model := corners(t)
	path := write(t, "q.png", encodePNG(t, quarter(4, 1)))
	want := path + ": top right 3.984375 (94.71 %)\n" + path + ": top left 0 (1.76 %)\n" + path + ": bottom left 0 (1.76 %)\n"
	if got := must(t, model, "", "--top", "3", path); got != want {
		t.Errorf("--top 3: %q, want %q", got, want)
	}
	if got := must(t, model, "", "-top=9", path); strings.Count(got, "\n") != 4 {
		t.Errorf("-top=9: %q", got)
	}
	if got := must(t, model, "", "--raw", path); got != string(float32s(0, 3.984375, 0, 0)) {
		t.Errorf("--raw: %x", got)
	}
	if got := must(t, model, "", "--invert", path); got != path+": top left 3.984375 (33.13 %)\n" {
		t.Errorf("--invert: %q", got)
	}
	two := must(t, model, "", path, path)
	if two != strings.Repeat(path+": top right 3.984375 (94.71 %)\n", 2) {
		t.Errorf("two files: %q", two)
	}
	plain := sums(t, []int{4, 4, 1}, [][]int8{make([]int8, 16), append([]int8{1}, make([]int8, 15)...)}, nil, false)
	if got := must(t, plain, string(make([]byte, 16)), "--raw"); got != "\x00\x00" {
		t.Errorf("--raw of int8: %q", got)
	}
	if got := must(t, plain, "\xff"+string(make([]byte, 15))); got != "standard input: 1 1 (73.11 % if a classifier)\n" {
		t.Errorf("without labels: %q", got)
	}
}

func TestJSON(t *testing.T) {
	path := write(t, "a \"b\"\n.png", encodePNG(t, quarter(4, 3)))
	out := must(t, corners(t), "", "--json", "--top", "2", path, path)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || lines[0] != lines[1] {
		t.Fatalf("not one value a line: %q", out)
	}
	var got struct {
		File string
		Top  []struct {
			Index int
			Label string
			Score float64
		}
		Outputs []float64
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if got.File != path || len(got.Top) != 2 || got.Top[0].Index != 3 || got.Top[0].Label != "bottom \"right\"" || got.Top[0].Score != 3.984375 || len(got.Outputs) != 4 || got.Outputs[3] != 3.984375 {
		t.Errorf("%+v", got)
	}
}

// JSON strings agree with encoding/json on any text.
func TestJSONString(t *testing.T) {
	for _, s := range []string{"", "a\"b\\c", "\x00\x1f\n\t", "äß€😀", "\xff\xfe", "<&>\u2028"} {
		var got string
		if err := json.Unmarshal(jsonString(s), &got); err != nil || got != string([]rune(s)) {
			t.Errorf("%q became %s: %q, %v", s, jsonString(s), got, err)
		}
	}
}

// idxOf is an idx file of bytes.
func idxOf(dims []int, data []byte) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

func TestIdx(t *testing.T) {
	model := corners(t)
	var pixels, labels, raw []byte
	for i := range 12 {
		k := i * i % 4
		pixels = append(pixels, quarter(4, k).Pix...)
		labels = append(labels, byte(k))
		raw = append(raw, must(t, model, string(quarter(4, k).Pix), "--raw")...)
	}
	labels[0], labels[1] = 3, 3 // two errors
	pictures := idxOf([]int{12, 4, 4}, pixels)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(pictures)
	z.Close()
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(raw))|1<<32, 16)[1:]
	for _, data := range [][]byte{pictures, zipped.Bytes()} {
		p, l := write(t, "p", data), write(t, "l", idxOf([]int{12}, labels))
		want := "pictures     12\npredictions  6 6 0 0\ncrc32        " + sum + "\n"
		if got := must(t, model, "", "--idx", p); got != want {
			t.Errorf("--idx: %q, want %q", got, want)
		}
		if got := must(t, model, "", "--idx", p, "--labels", l); got != want+"accuracy     83.33 % (2 errors)\n" {
			t.Errorf("--labels: %q", got)
		}
		var got struct {
			Samples, Errors int
			CRC32           string
			Predictions     []int
			Accuracy        float64
		}
		if err := json.Unmarshal([]byte(must(t, model, "", "--json", "--idx="+p, "--labels="+l)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Samples != 12 || got.Errors != 2 || got.CRC32 != sum || len(got.Predictions) != 4 || got.Accuracy != 83.33 {
			t.Errorf("%+v", got)
		}
	}
	// pictures of another size are resized as a PNG of them would be
	var large []byte
	for i := range 3 {
		large = append(large, quarter(16, i).Pix...)
	}
	if got := must(t, model, "", "--idx", write(t, "p", idxOf([]int{3, 16, 16}, large))); !strings.Contains(got, "predictions  1 1 1 0\n") {
		t.Errorf("16x16 pictures: %q", got)
	}
}

func TestSelfTest(t *testing.T) {
	model := corners(t)
	if got := must(t, model, "", "--selftest"); !strings.Contains(got, "self-test passed") {
		t.Errorf("%q", got)
	}
	if got := must(t, model, "", "--selftest", "--json"); got != Schema+"\"selftest\":\"passed\"}\n" {
		t.Errorf("%q", got)
	}
	f, err := format.Decode(model)
	if err != nil {
		t.Fatal(err)
	}
	f.Weights[0].Values[5]++
	if _, errs, code := call(encoded(t, f), "", "--selftest"); code != 1 || !strings.Contains(errs, "self-test failed") {
		t.Errorf("with another weight: code %d, %q", code, errs)
	}
}

func TestBenchInfo(t *testing.T) {
	model := corners(t)
	out := must(t, model, "", "--bench", "20")
	for _, key := range []string{"median", "p99", "MMAC/s", "runs                  20\n", "allocations           0 per run\n", "load", "system", "file                  " + strconv.Itoa(len(model)) + " bytes"} {
		if !strings.Contains(out, key) {
			t.Errorf("--bench does not print %q: %s", key, out)
		}
	}
	var bench map[string]any
	if err := json.Unmarshal([]byte(must(t, model, "", "--bench=5", "--json")), &bench); err != nil {
		t.Fatal(err)
	}
	if bench["runs"] != 5.0 || bench["macs"] != 64.0 || bench["kept_macs"] != 16.0 || bench["bytes"] != float64(len(model)) || bench["median_us"] == nil {
		t.Errorf("%v", bench)
	}
	var info map[string]any
	if err := json.Unmarshal([]byte(must(t, model, "", "--info", "--json")), &info); err != nil {
		t.Fatal(err)
	}
	if info["model"] != "sums" || info["weights"] != 64.0 || info["kept"] != 16.0 || fmt.Sprint(info["inputs"], info["outputs"], info["labels"]) != `[map[name:input0 shape:[4 4 1]]] [map[name:output0 shape:[4]]] [top left top right bottom left bottom "right"]` {
		t.Errorf("%v", info)
	}
}

// With --json an error is an object on standard output as well.
func TestJSONError(t *testing.T) {
	out, errs, code := call(corners(t), "", "--json", "no\x1b such.png")
	want := `{"schema":1,"error":{"message":"no\u001b such.png: no such file or directory","exit_code":1}}` + "\n"
	if code != 1 || out != want || !strings.HasPrefix(errs, "app: ") {
		t.Errorf("code %d, %q, %q; want %q", code, out, errs, want)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--json", "--help", "x"}} {
		if got := must(t, corners(t), "", args...); !strings.HasPrefix(got, "usage: app [options]") || !strings.Contains(got, "FILE (PNG, JPEG, .npy, raw) or") || !strings.Contains(got, "--idx") || !strings.Contains(got, "--selftest") {
			t.Errorf("%q: %q", args, got)
		}
	}
	if got := must(t, nil, ""); !strings.HasPrefix(got, "usage: app") {
		t.Errorf("without a model: %q", got)
	}
	if got := must(t, nil, string(quarter(4, 0).Pix), "--model", write(t, "m", corners(t))); got != "standard input: top left 3.984375 (94.71 %)\n" {
		t.Errorf("--model: %q", got)
	}
}

// Errors take one line, which names the file and says what would do, and code 1.
func TestErrors(t *testing.T) {
	model := corners(t)
	one := idxOf([]int{1, 4, 4}, make([]byte, 16))
	pixels := make([]byte, 16)
	cut := encodePNG(t, quarter(16, 0))
	for _, c := range []struct {
		name  string
		stdin []byte
		args  []string
		want  string
	}{
		{"no such file", nil, []string{"missing.png"}, "missing.png: no such file"},
		{"unknown option", nil, []string{"--fast"}, "unknown option --fast; see --help"},
		{"a missing value", nil, []string{"--top"}, "--top needs a value"},
		{"top 0", nil, []string{"--top", "0"}, "a number from 1"},
		{"top of words", nil, []string{"--top=many"}, "a number from 1"},
		{"bench of words", nil, []string{"--bench=x"}, "a number from 1"},
		{"too many runs", nil, []string{"--bench=99999999"}, "a number from 1"},
		{"a missing model", nil, []string{"--model", "missing.edgec"}, "missing.edgec"},
		{"a model that is none", nil, []string{"--model", write(t, "m", []byte("text"))}, "not an edgec file"},
		{"a cut model", nil, []string{"--model", write(t, "m", model[:len(model)-3])}, "damaged"},
		{"nothing", nil, nil, "standard input: it is empty"},
		{"text", []byte("hello"), nil, "5 bytes are not a raw input of shape 4x4x1"},
		{"a cut png", cut[:len(cut)/2], nil, "not a readable picture"},
		{"only a png's head", cut[:8], nil, "not a readable picture"},
		{"a cut npy", npy("|u1", "(4, 4)", false, pixels)[:70], nil, "header ends beyond the file"},
		{"npy without pixels", npy("|u1", "(4, 4)", false, pixels[:9]), nil, "9 bytes of elements, shape 4x4 needs 16"},
		{"npy of another shape", npy("|u1", "(3, 5)", false, pixels[:15]), nil, "the network takes 4x4x1"},
		{"npy with a channel too many", npy("|u1", "(2, 4, 2)", false, pixels), nil, "shape 2x4x2, the network takes 4x4x1"},
		{"npy of complex numbers", npy("<c8", "(4, 4)", false, make([]byte, 128)), nil, "type c8 is not supported; save uint8, integers or floats"},
		{"npy of negative size", npy("|u1", "(-4, -4)", false, pixels), nil, "shape (-4, -4) is not understood"},
		{"npy of overflowing size", npy("|u1", "(65536, 65536, 65536, 65536)", false, pixels), nil, "too large"},
		{"no idx file", nil, []string{"--idx"}, "needs a value"},
		{"two idx files", nil, []string{"--idx", "a", "b"}, "one idx file"},
		{"a missing idx file", nil, []string{"--idx", "missing"}, "missing"},
		{"an idx file that is none", nil, []string{"--idx", write(t, "i", model)}, "not an idx file"},
		{"labels as pictures", nil, []string{"--idx", write(t, "i", idxOf([]int{1}, []byte{1}))}, "not an idx file of bytes in 3"},
		{"an idx file of no pictures", nil, []string{"--idx", write(t, "i", idxOf([]int{0, 4, 4}, nil))}, "dimension of 0"},
		{"an idx file of huge pictures", nil, []string{"--idx", write(t, "i", idxOf([]int{1, 1 << 30, 1 << 30}, nil))}, "dimension"},
		{"a cut idx file", nil, []string{"--idx", write(t, "i", one[:20])}, "cut short"},
		{"a cut gzip file", nil, []string{"--idx", write(t, "i", []byte{0x1f, 0x8b, 8})}, "i: "},
		{"labels of other pictures", nil, []string{"--idx", write(t, "i", one), "--labels", write(t, "l", idxOf([]int{2}, []byte{0, 0}))}, "2 labels for 1 pictures"},
		{"a self-test that is not there", nil, []string{"--selftest", "--model", write(t, "m", untested(t, model))}, "no self-test"},
	} {
		out, errs, code := call(model, string(c.stdin), c.args...)
		if code != 1 || out != "" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "app: ") || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d, out %q, error %q, want %q", c.name, code, out, errs, c.want)
		}
	}
	flat := sums(t, []int{3}, [][]int8{{1, 1, 1}}, nil, false)
	for name, args := range map[string][]string{"a picture": {write(t, "p.png", cut)}, "an idx file": {"--idx", write(t, "i", one)}} {
		if _, errs, code := call(flat, "", args...); code != 1 || !strings.Contains(errs, "takes 3 values, no picture") {
			t.Errorf("%s for three values: code %d, %q", name, code, errs)
		}
	}
}

func untested(t *testing.T, model []byte) []byte {
	f, err := format.Decode(model)
	if err != nil {
		t.Fatal(err)
	}
	f.Test = nil
	return encoded(t, f)
}

// A pipe that closes is an error, not a panic.
func TestClosedPipe(t *testing.T) {
	var errs bytes.Buffer
	if code := execute(corners(t), []string{"app", "--info"}, nil, broken{}, &errs); code != 1 || errs.String() != "app: closed\n" {
		t.Errorf("code %d, %q", code, errs.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }
