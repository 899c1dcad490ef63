package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// externalModel is a dense layer whose weights are in another file.
func externalModel(entry ...string) []byte {
	return newModel(13).input("x", typeFloat, 0, 2).external("w", []int{2, 1}, entry...).node("Gemm", "x,w", "y").output("y").bytes()
}

// TestExternalData reads a tensor from a file beside the model, from the middle
// of it and up to its end.
func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	weights := rawFloats([]float32{7, 8, 2, -3})
	for name, data := range map[string][]byte{
		"net.data":     weights,
		"sub/net.data": weights[:8],
		"middle.onnx":  externalModel("location", "./net.data", "offset", "4", "length", "8"),
		"end.onnx":     externalModel("location", "net.data", "offset", "8"),
		"folder.onnx":  externalModel("location", "sub/net.data"),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]float32{"middle": {8, 2}, "end": {2, -3}, "folder": {7, 8}} {
		path := filepath.Join(dir, name+".onnx")
		g, size, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Params()[0].Value.Data; !slices.Equal(got, want) {
			t.Errorf("%s: weights %v, want %v", name, got, want)
		}
		if info, err := os.Stat(path); err != nil || size != info.Size()+8 {
			t.Errorf("%s: size %d, the model has %d bytes and its tensor 8", name, size, info.Size())
		}
	}
}

// TestExternalRefusals: nothing outside of the model's folder is opened, and a
// file that does not fit is named.
func TestExternalRefusals(t *testing.T) {
	dir := t.TempDir()
	models := filepath.Join(dir, "models")
	for path, data := range map[string][]byte{
		filepath.Join(dir, "secret"):      make([]byte, 8),
		filepath.Join(models, "w.bin"):    make([]byte, 8),
		filepath.Join(models, "sub", "x"): nil,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	linked := os.Symlink(filepath.Join("..", "secret"), filepath.Join(models, "link")) == nil
	path := filepath.Join(models, "m.onnx")
	for _, tt := range []struct {
		name  string
		entry []string
		want  string
	}{
		{"parent folder", []string{"location", "../secret"}, "not a file beside the model"},
		{"parent by way of a folder", []string{"location", "sub/../../secret"}, "not a file beside the model"},
		{"absolute", []string{"location", filepath.Join(dir, "secret")}, "not a file beside the model"},
		{"symbolic link", []string{"location", "link"}, "cannot be read"},
		{"folder", []string{"location", "sub"}, "not a regular file"},
		{"itself", []string{"location", "."}, "not a file beside the model"},
		{"no location", []string{"offset", "0"}, "not a file beside the model"},
		{"missing", []string{"location", "none.bin"}, "none.bin"},
		{"short", []string{"location", "w.bin", "offset", "4"}, "truncated"},
		{"offset beyond the end", []string{"location", "w.bin", "offset", "1000000000000000"}, "truncated"},
		{"offset of many digits", []string{"location", "w.bin", "offset", "99999999999999999999"}, "not an offset"},
		{"negative offset", []string{"location", "w.bin", "offset", "-4"}, "not an offset"},
		{"other length", []string{"location", "w.bin", "length", "4"}, "4 bytes of data"},
	} {
		if tt.name == "symbolic link" && !linked {
			continue
		}
		if err := os.WriteFile(path, externalModel(tt.entry...), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := Read(path)
		var e *Error
		if !errors.As(err, &e) || e.File != path || !strings.Contains(err.Error(), `initializer "w"`) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one of initializer w about %q", tt.name, err, tt.want)
		}
	}
}

// TestExternalTotal: many tensors on one large file are refused before they
// fill the memory.
func TestExternalTotal(t *testing.T) {
	x := &externals{folder: os.DirFS(t.TempDir()), size: maxExternal - 4}
	_, err := x.read(&tensorProto{external: map[string]string{"location": "w.bin"}}, 8)
	if err == nil || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("error %v", err)
	}
}
