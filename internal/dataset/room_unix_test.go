//go:build unix

package dataset

import (
	"path/filepath"
	"syscall"
	"testing"
)

// What has no end, or no beginning, is refused and not waited for.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(pipe, Options{})
	refused(t, err, pipe, "is not a regular file; save the data in a file")
	_, err = Open("/dev/zero", Options{})
	refused(t, err, "/dev/zero: is not a regular file")
	loop := filepath.Join(dir, "loop")
	link(t, loop, loop)
	_, err = Open(loop, Options{})
	refused(t, err, loop)
}
