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

// Staged content appears by Commit only, and leaves nothing where it does not.
func TestStage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.edgec")
	if err := Write(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		s, err := Stage(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"af", "ter"} {
			if _, err := s.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		Sweep(dir) // another process may do so
		back := make([]byte, 5)
		if _, err := s.ReadAt(back, 0); err != nil || string(back) != "after" {
			t.Errorf("staged %q, %v", back, err)
		}
		want := "before"
		if commit {
			want = "after"
			if err := s.Commit(0o755); err != nil {
				t.Fatal(err)
			}
		}
		s.Discard()
		got, err := os.ReadFile(path)
		names, _ := os.ReadDir(dir)
		if err != nil || string(got) != want || len(names) != 1 {
			t.Errorf("committed %v: %q, %v, %d files; want %q alone", commit, got, err, len(names), want)
		}
	}
}
