package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.edgec")
	for _, data := range []string{"first", "second, longer", ""} {
		if err := Write(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != data {
			t.Errorf("read back %q, %v; want %q", got, err, data)
		}
	}
	// A failed write leaves what was there and no temporary file.
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, what := range map[string]string{folder: "wrote over a folder", filepath.Join(dir, "missing", "m.edgec"): "wrote into a missing folder"} {
		var of *fs.PathError
		if err := Write(path, []byte("x"), 0o644); err == nil {
			t.Error(what)
		} else if !errors.As(err, &of) || of.Path != path {
			t.Errorf("%v: does not name %s", err, path)
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("%d entries left behind, want the file and the folder", len(names))
	}
}
