package sys

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes of %d: %v", len(got), len(want), err)
	}
	if _, err := ReadFile(path + "x"); err != syscall.ENOENT {
		t.Errorf("of a file that is not there: %v", err)
	}
	if _, err := ReadFile(filepath.Dir(path)); err == nil {
		t.Error("a folder was read")
	}
}

// A test's own arguments are what package os says, empty ones too.
func TestArgs(t *testing.T) {
	if got, err := Args(); err != nil || !slices.Equal(got, os.Args) {
		t.Errorf("%q, %v; want %q", got, err, os.Args)
	}
	t.Setenv("EDGEC_SYS_TEST", "set")
	if got := Getenv("EDGEC_SYS_TEST"); got != "set" || Getenv("EDGEC_SYS_TEST_2") != "" {
		t.Errorf("the variable is %q", got)
	}
}

// All is written to a pipe that holds less, also where it is set not to wait.
func TestPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := bytes.Repeat([]byte("edge"), 1<<16)
	got := make(chan []byte)
	go func() {
		data, _ := io.ReadAll(r)
		got <- data
	}()
	n, err := streamOf(w).Write(want)
	w.Close()
	if data := <-got; err != nil || n != len(want) || !bytes.Equal(data, want) {
		t.Errorf("wrote %d of %d bytes, %d arrived: %v", n, len(want), len(data), err)
	}
}
