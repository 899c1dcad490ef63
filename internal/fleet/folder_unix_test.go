//go:build unix

package fleet

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A pipe in the place of the reports ends with an error: opening it would wait for a writer.
func TestFolderPipe(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(folder, reportsName), 0o644); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _, err := NewFolder(folder).Reports(t.Context())
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(5 * time.Second):
		t.Error("it hangs")
	}
}
