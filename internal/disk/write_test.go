package disk

import (
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
	if Write(folder, []byte("x"), 0o644) == nil {
		t.Error("wrote over a folder")
	}
	if Write(filepath.Join(dir, "missing", "m.edgec"), []byte("x"), 0o644) == nil {
		t.Error("wrote into a missing folder")
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("%d entries left behind, want the file and the folder", len(names))
	}
}
