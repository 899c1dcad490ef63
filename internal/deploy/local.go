package deploy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"edgec/internal/remote"
)

// Local is a folder of this machine, such as that of a mounted card. Emulator is put before
// every program of the folder; nil: this machine runs them.
type Local struct {
	folder   string
	Emulator []string
}

// NewLocal returns the device with this folder. Nothing is made.
func NewLocal(folder string) (*Local, error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	return &Local{folder: path}, nil
}

func (l *Local) String() string          { return "this machine" }
func (l *Local) Folder() string          { return l.folder }
func (l *Local) path(name string) string { return filepath.Join(l.folder, filepath.FromSlash(name)) }

// Mkdir is of FS.
func (l *Local) Mkdir(name string) error { return mkdirAll(l.path(name)) }

// mkdirAll makes a folder and those above it, each of which is synced.
func mkdirAll(full string) error {
	above := filepath.Dir(full)
	if info, err := os.Stat(full); err == nil && info.IsDir() || above == full {
		return nil
	}
	if err := mkdirAll(above); err != nil {
		return err
	}
	if err := os.Mkdir(full, 0o755); err != nil {
		return err
	}
	return syncPath(above)
}

func syncPath(full string) error {
	f, err := os.Open(full)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Write is of FS.
func (l *Local) Write(name string, r io.Reader, mode fs.FileMode, exclusive bool) error {
	flag := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if exclusive {
		flag |= os.O_EXCL
	}
	f, err := os.OpenFile(l.path(name), flag, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(mode)
	}
	return errors.Join(err, f.Close())
}

// Read is of FS.
func (l *Local) Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(l.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, name, limit)
}

// readLimited reads all of r, which may have limit bytes.
func readLimited(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, err
}

// Rename is of FS.
func (l *Local) Rename(from, to string) error { return os.Rename(l.path(from), l.path(to)) }

// Symlink is of FS.
func (l *Local) Symlink(target, name string) error { return os.Symlink(target, l.path(name)) }

// Readlink is of FS.
func (l *Local) Readlink(name string) (string, error) { return os.Readlink(l.path(name)) }

// Remove is of FS.
func (l *Local) Remove(name string) error { return os.Remove(l.path(name)) }

// List is of FS.
func (l *Local) List(name string) (names []string, err error) {
	entries, err := os.ReadDir(l.path(name))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Sync is of FS.
func (l *Local) Sync(name string) error { return syncPath(l.path(name)) }

// Free is of FS.
func (l *Local) Free() (int64, error) { return freeBytes(l.folder) }

// Sum is of Device.
func (l *Local) Sum(_ context.Context, name string) (string, error) {
	f, err := os.Open(l.path(name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return sum(f)
}

func sum(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Run is of Device.
func (l *Local) Run(ctx context.Context, command string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", emulated(l.Emulator, command))
	cmd.Dir, cmd.WaitDelay = l.folder, 200*time.Millisecond
	killGroup(cmd)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{w: &stdout}, &limited{w: &stderr}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrWaitDelay): // a process that it has left holds the output open
	case errors.As(err, &exit):
		return stdout.Bytes(), &ExitError{Code: exitCode(exit), Output: said(stderr.Bytes(), stdout.Bytes())}
	case err != nil:
		return nil, err
	}
	return stdout.Bytes(), nil
}

// emulated puts the words of an emulator before a command that begins with a program of the
// folder.
func emulated(words []string, command string) string {
	if len(words) == 0 || !strings.HasPrefix(command, "./") {
		return command
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = remote.Quote(w)
	}
	return strings.Join(quoted, " ") + " " + command
}

// mostPrinted bounds what is kept of the output of a command, in bytes.
const mostPrinted = 1 << 20

// limited passes the first mostPrinted bytes on and drops the rest.
type limited struct {
	w io.Writer
	n int
}

func (l *limited) Write(b []byte) (int, error) {
	if left := mostPrinted - l.n; left > 0 {
		l.n += min(left, len(b))
		if _, err := l.w.Write(b[:min(left, len(b))]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// said is the last line that a command has printed, of standard error first.
func said(outputs ...[]byte) string {
	for _, out := range outputs {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
			return last[:min(len(last), 500)]
		}
	}
	return ""
}
