package cli

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// oneError fails the test unless the command failed with one line of error
// that contains every text, and printed no result.
func oneError(t *testing.T, r result, texts ...string) {
	t.Helper()
	if r.code != exitFailed {
		t.Errorf("exit code %d, want %d", r.code, exitFailed)
	}
	if r.stdout != "" {
		t.Errorf("standard output %q", r.stdout)
	}
	line, rest, _ := strings.Cut(r.stderr, "\n")
	if !strings.HasPrefix(line, "edgec: error: ") || rest != "" && (!strings.HasPrefix(rest, "edgec: hint: ") || strings.Count(rest, "\n") != 1) {
		t.Errorf("want one line of error, and at most one hint, got:\n%s", r.stderr)
	}
	for _, s := range texts {
		if !strings.Contains(line, s) {
			t.Errorf("the error lacks %q: %s", s, line)
		}
	}
}

// unwritable is a folder that nobody can write into, root included.
func unwritable(t *testing.T) string {
	t.Helper()
	if os.Geteuid() == 0 {
		if goruntime.GOOS != "linux" {
			t.Skip("root can write everywhere")
		}
		return "/proc"
	}
	if err := os.Mkdir("closed", 0o555); err != nil {
		t.Fatal(err)
	}
	return "closed"
}

func TestBadInput(t *testing.T) {
	nan := cornerNet()
	weights := nan.Nodes[2].Inputs[1].Param
	weights.Shadow.Data[5] = float32(math.NaN())
	weights.Refresh()
	for _, c := range []struct {
		name string
		make func(t *testing.T)
		args string
		want []string
	}{
		{"missing model", nil, "compress none.onnx --data data", []string{"none.onnx", "no such file"}},
		{"second test part", nil, "compress corner.onnx --data data --test-last 9", []string{"data", "test part of 200 samples already"}},
		{"folder as model", nil, "compress data --data data", []string{"data", "is a folder"}},
		{"truncated onnx", func(t *testing.T) { m := read(t, "corner.onnx"); write(t, "bad.onnx", m[:len(m)*2/3]) }, "compress bad.onnx --data data", []string{"bad.onnx"}},
		{"empty onnx", func(t *testing.T) { write(t, "bad.onnx", nil) }, "compress bad.onnx --data data", []string{"bad.onnx"}},
		{"text as onnx", func(t *testing.T) { write(t, "bad.onnx", []byte("hello, this is not a network\n")) }, "compress bad.onnx --data data", []string{"bad.onnx"}},
		{"text as onnx, inspected", func(t *testing.T) { write(t, "bad.onnx", []byte("hello, this is not a network\n")) }, "inspect bad.onnx", []string{"bad.onnx"}},
		{"unsupported operator", func(t *testing.T) {
			write(t, "bad.onnx", bytes.Replace(read(t, "corner.onnx"), []byte("Gemm"), []byte("Hemm"), 1))
		}, "compress bad.onnx --data data", []string{"bad.onnx", "quarters", "Hemm", "not supported"}},
		{"NaN weights", func(t *testing.T) { write(t, "bad.onnx", encode(t, nan)) }, "compress bad.onnx --data data", []string{"bad.onnx", "dense.w", "NaN"}},
		{"edgec as onnx", nil, "compress corner.edgec --data data -o out.edgec", []string{"corner.edgec", "is an .edgec file"}},
		{"missing data", nil, "compress corner.onnx --data none", []string{"none", "no such file"}},
		{"empty folder", func(t *testing.T) { os.Mkdir("empty", 0o755) }, "compress corner.onnx --data empty", []string{"empty", "folder is empty"}},
		{"text as data", func(t *testing.T) { write(t, "data.txt", []byte("hello\n")) }, "compress corner.onnx --data data.txt", []string{"data.txt"}},
		{"wrong shapes", func(t *testing.T) { writeIdx(t, "large", 9, 100, 0, 0) }, "compress corner.onnx --data large", []string{"large", "[9,9]", "[1,8,8]"}},
		{"labels out of range", func(t *testing.T) { writeIdx(t, "odd", 8, 100, 0, 1) }, "compress corner.onnx --data odd", []string{"odd", "label 4", "4 classes"}},
		{"truncated data", func(t *testing.T) {
			d := read(t, "data/train-images-idx3-ubyte")
			write(t, "data/train-images-idx3-ubyte", d[:len(d)/2])
		}, "compress corner.onnx --data data", []string{"train-images-idx3-ubyte", "truncated"}},
		{"channels of mean", nil, "compress corner.onnx --data data --mean 0.1,0.2,0.3", []string{"--mean", "3 numbers"}},
		{"too few samples", func(t *testing.T) { writeIdx(t, "few", 8, 8, 0, 0) }, "compress corner.onnx --data few -q", []string{"8 training samples"}},
		{"too few labels", nil, "compress corner.onnx --data data --labels a,b -q", []string{"2 names, the network 4 outputs"}},
		{"labels of no file", nil, "compress corner.onnx --data data --labels names.txt", []string{"names.txt"}},
		{"missing folder", nil, "compress corner.onnx --data data -o none/out.edgec", []string{"none/out.edgec", "no such file"}},
		{"folder that is a file", nil, "compress corner.onnx --data data -o corner.onnx/out.edgec", []string{"corner.onnx/out.edgec"}},
		{"output is a folder", nil, "compress corner.onnx --data data -o data", []string{"data: is a folder"}},
		{"output is the model", nil, "compress corner.onnx --data data -o ./corner.onnx", []string{"corner.onnx", "overwrite the input"}},
		{"output is the teacher", func(t *testing.T) { write(t, "teacher.onnx", read(t, "corner.onnx")) }, "compress corner.onnx --data data --teacher teacher.onnx -o teacher.onnx", []string{"teacher.onnx", "overwrite the input"}},
		{"missing teacher", nil, "compress corner.onnx --data data --teacher none.onnx", []string{"none.onnx", "no such file"}},
		{"teacher without labels", nil, "compress corner.onnx --data data --teacher corner.onnx --no-labels -q", []string{"corner", "leave the teacher out"}},
		{"output is a link to the model", func(t *testing.T) { os.Link("corner.onnx", "same.edgec") }, "compress corner.onnx --data data -o same.edgec", []string{"same.edgec", "overwrite the input"}},
		{"output is no file", nil, "compress corner.onnx --data data -o /dev/null", []string{"/dev/null"}},
		{"report in missing folder", nil, "compress corner.onnx --data data --report none/r.json", []string{"none/r.json"}},
		{"front in missing folder", nil, "compress corner.onnx --data data --front none/f", []string{"none/f", "make it first"}},
		{"front is a file", nil, "compress corner.onnx --data data --front corner.onnx", []string{"corner.onnx: is a file"}},
		{"front is the output", nil, "compress corner.onnx --data data -o x --front ./x", []string{"another output"}},
		{"report is the output", nil, "compress corner.onnx --data data -o x --report ./x", []string{"overwrite the output"}},
		{"missing edgec", nil, "eval none.edgec --data data", []string{"none.edgec", "no such file"}},
		{"onnx as edgec, run", nil, "run corner.onnx light.png", []string{"corner.onnx", "not an edgec file"}},
		{"onnx as edgec, build", nil, "build corner.onnx --target rpi-4", []string{"corner.onnx", "not an edgec file"}},
		{"other data than the file's", func(t *testing.T) { writeIdx(t, "large", 9, 100, 0, 0) }, "eval corner.edgec --data large", []string{"large", "[9,9]"}},
		{"labels that the file has not", func(t *testing.T) { writeIdx(t, "odd", 8, 100, 0, 1) }, "eval corner.edgec --data odd", []string{"odd", "label 4"}},
		{"no labels", func(t *testing.T) { os.Remove("data/t10k-labels-idx1-ubyte") }, "eval corner.edgec --data data", []string{"data", "no labels"}},
		{"no labels for a float network", func(t *testing.T) { os.Remove("data/t10k-labels-idx1-ubyte") }, "eval corner.onnx --data data", []string{"data", "no labels"}},
		{"no test part", func(t *testing.T) { writeIdx(t, "one", 8, 100, 0, 0) }, "eval corner.edgec --data one --split test", []string{"one", "no test part"}},
		{"missing picture", nil, "run corner.edgec none.png", []string{"corner.edgec", "none.png", "no such file"}},
		{"text as picture", func(t *testing.T) { write(t, "bad.png", []byte("hello")) }, "run corner.edgec bad.png", []string{"bad.png", "5 bytes"}},
		{"export over the input", nil, "export corner.edgec -o corner.edgec", []string{"overwrite the input"}},
		{"pack of a float network", nil, "pack corner.onnx -o out.edgec", []string{"corner.onnx: ", "is float"}},
		{"patch with a model", nil, "patch corner.edgec corner.edgec -o out.edgec", []string{"corner.edgec: ", "not a delta"}},
		{"patch without a delta", nil, "patch corner.edgec none.edd -o out.edgec", []string{"none.edd: ", "give a delta"}},
		{"diff over the input", nil, "diff corner.edgec corner.edgec -o corner.edgec", []string{"overwrite the input"}},
		{"export to missing folder", nil, "export corner.edgec -o none/out.onnx", []string{"none/out.onnx"}},
		{"build over the input", nil, "build corner.edgec --target rpi-4 -o corner.edgec", []string{"overwrite the input"}},
		{"build to missing folder", nil, "build corner.edgec --target rpi-4 -o none/app", []string{"none/app"}},
		{"no toolchain", nil, "build corner.edgec --target rpi-4 --go go-that-is-not-there", []string{"go-that-is-not-there", "install"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFile(t)
			if c.make != nil {
				c.make(t)
			}
			before := names(t)
			oneError(t, command(t, strings.Fields(c.args)...), c.want...)
			if after := names(t); after != before {
				t.Errorf("files %s, before %s", after, before)
			}
		})
	}
}

func TestUnwritable(t *testing.T) {
	withFile(t)
	dir := unwritable(t)
	for _, args := range []string{"compress corner.onnx --data data -o ", "export corner.edgec -o ", "build corner.edgec --target rpi-4 -o "} {
		out := filepath.Join(dir, "edgec-test-output")
		oneError(t, command(t, strings.Fields(args+out)...), out, "cannot write into "+dir)
	}
}

// A truncated file is refused by every command that reads one, wherever it ends.
func TestTruncatedEdgec(t *testing.T) {
	withFile(t)
	whole := read(t, "corner.edgec")
	for _, n := range []int{0, 3, 4, 6, len(whole) / 2, len(whole) - 1} {
		write(t, "bad.edgec", whole[:n])
		before := names(t)
		for _, args := range []string{"inspect bad.edgec", "eval bad.edgec --data data", "run bad.edgec light.png", "bench bad.edgec", "build bad.edgec --target rpi-4", "export bad.edgec -o out.onnx", "diff bad.edgec corner.edgec -o out.edd", "diff corner.edgec bad.edgec -o out.edd"} {
			oneError(t, command(t, strings.Fields(args)...), "bad.edgec")
		}
		if after := names(t); after != before {
			t.Errorf("%d bytes: files %s, before %s", n, after, before)
		}
	}
}
