//go:build unix

package disk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A link, a pipe or a folder in the place of a lock, in a folder of a stranger, is an error, and
// nothing is made or touched behind it.
func TestForeignLocks(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(path string) error{
		"link":     func(path string) error { return os.Symlink(target, path) },
		"dangling": func(path string) error { return os.Symlink(filepath.Join(dir, "none"), path) },
		"pipe":     func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"folder":   func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		path := filepath.Join(dir, name)
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		ended := later(func() error { _, err := Acquire(path); return err })
		select {
		case err := <-ended:
			if err == nil || errors.Is(err, ErrLocked) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(3 * time.Second):
			t.Errorf("%s: it hangs", name)
			os.Remove(path)
		}
		if _, err := os.Lstat(filepath.Join(dir, "none")); err == nil {
			t.Errorf("%s: a file was made behind it", name)
			os.Remove(filepath.Join(dir, "none"))
		}
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

func later(f func() error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	return ended
}
