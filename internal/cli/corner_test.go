package cli

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/corner anew")

// testdata/corner, which examples and testdata/module use, is the network and
// the kind of data of these tests. The int8 network is one of its compressed
// forms and was made once: what a search finds depends on the CPU.
func TestCornerFiles(t *testing.T) {
	folder, err := filepath.Abs("../../testdata/corner")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write(t, "corner.onnx", encode(t, cornerNet()))
	writeIdx(t, "data", 8, 240, 80, 0)
	if *update {
		writeCorner(t, folder)
	}
	if !bytes.Equal(read(t, "corner.onnx"), read(t, filepath.Join(folder, "corner.onnx"))) {
		t.Error("corner.onnx is another network; run go test ./internal/cli -run CornerFiles -update")
	}
	for _, name := range cornerData {
		f, err := os.Open(filepath.Join(folder, name+".gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := io.ReadAll(z); err != nil || !bytes.Equal(kept, read(t, name)) {
			t.Errorf("%s has other bytes: %v; run go test ./internal/cli -run CornerFiles -update", name, err)
		}
	}
}

var cornerData = []string{"data/train-images-idx3-ubyte", "data/train-labels-idx1-ubyte", "data/t10k-images-idx3-ubyte", "data/t10k-labels-idx1-ubyte"}

// writeCorner writes the folder's files from those in the current folder.
func writeCorner(t *testing.T, folder string) {
	t.Helper()
	write(t, filepath.Join(folder, "corner.onnx"), read(t, "corner.onnx"))
	for _, name := range cornerData {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		z.Write(read(t, name)) // into memory
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, name+".gz"), b.Bytes())
	}
	command(t, "compress", "corner.onnx", "--data", "data", "--no-training", "--quiet").must(t)
	command(t, "export", "corner.edgec", "-o", filepath.Join(folder, "corner-int8.onnx")).must(t)
}
