package remote_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"
)

// gone waits until a file is not there.
func gone(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is still there", path)
		}
	}
}

// A temporary folder goes with Remove, and with the connection.
func TestTempFolder(t *testing.T) {
	s := sshtest.Start(t)
	c := dial(t, s, s.Options)
	for _, end := range []func(*remote.Folder){func(f *remote.Folder) {
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
	}, func(*remote.Folder) { s.Cut() }} {
		f, err := c.TempFolder(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(f.Path, s.Temp) || len(f.Notes) > 0 {
			t.Errorf("%+v, want it in %s", f, s.Temp)
		}
		if err := os.WriteFile(filepath.Join(f.Path, "program"), []byte("x"), 0o700); err != nil {
			t.Fatal(err)
		}
		end(f)
		gone(t, f.Path)
	}
}

// Folders without room and those mounted noexec are passed over, and told.
func TestTempFolderRefused(t *testing.T) {
	s := sshtest.Start(t)
	c := dial(t, s, s.Options)
	if _, err := c.TempFolder(t.Context(), 1<<50); err == nil || !strings.Contains(err.Error(), "KB left") || !strings.Contains(err.Error(), s.Host) {
		t.Errorf("%v", err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Temp, "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := syscall.Mount("tmpfs", s.Temp, "tmpfs", syscall.MS_NOEXEC, "size=64k"); err != nil {
		t.Skipf("mounting takes privileges: %v", err)
	}
	defer syscall.Unmount(s.Temp, syscall.MNT_DETACH)
	for size, want := range map[int64]string{100: "noexec", 1 << 20: "KB left"} {
		f, err := c.TempFolder(t.Context(), size)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], s.Temp) || !strings.Contains(f.Notes[0], want) {
			t.Errorf("%d bytes: %+v", size, f)
		}
		f.Remove()
		gone(t, f.Path)
	}
}
