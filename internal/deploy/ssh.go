package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/pkg/sftp"

	"edgec/internal/remote"
)

// extensions of SFTP that the switch needs, all of OpenSSH's server.
var extensions = []string{"posix-rename@openssh.com", "fsync@openssh.com", "statvfs@openssh.com"}

// host is a folder of a machine that is reached over SSH.
type host struct {
	conn   *remote.Conn
	files  *sftp.Client
	folder string
}

// NewHost returns the device with a folder of a host; a relative one, or one behind ~/, lies in the
// user's home.
// Nothing is made there. The connection stays the caller's.
func NewHost(conn *remote.Conn, folder string) (Device, error) {
	files, err := conn.Files(context.Background()) // a deployment that is stopped still cleans up
	if err != nil {
		return nil, err
	}
	for _, e := range extensions {
		if _, ok := files.HasExtension(e); !ok {
			files.Close()
			return nil, fmt.Errorf("%s: its SFTP server does not know %s, without which a cut of power could do harm; install OpenSSH's (apt install openssh-sftp-server)", conn.Name(), e)
		}
	}
	home, err := files.RealPath(".")
	if err != nil {
		files.Close()
		return nil, conn.Explain(err)
	}
	if folder == "~" || strings.HasPrefix(folder, "~/") {
		folder = path.Join(".", folder[1:])
	}
	if !path.IsAbs(folder) {
		folder = path.Join(home, folder)
	}
	return &host{conn: conn, files: files, folder: path.Clean(folder)}, nil
}

func (h *host) String() string          { return h.conn.Name() }
func (h *host) Folder() string          { return h.folder }
func (h *host) path(name string) string { return path.Join(h.folder, name) }

// because is err as what caused it: a lost connection closes the SFTP client too.
func (h *host) because(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	return h.conn.Explain(err)
}

// Mkdir is of FS.
func (h *host) Mkdir(name string) error {
	full := h.path(name)
	if info, err := h.files.Stat(full); err == nil && info.IsDir() {
		return nil
	}
	if name == "." && path.Dir(full) != full {
		if err := h.mkdirAll(path.Dir(full)); err != nil {
			return err
		}
	}
	return h.because(h.files.Mkdir(full))
}

// mkdirAll makes a folder and those above it, each of which is synced.
func (h *host) mkdirAll(full string) error {
	if info, err := h.files.Stat(full); err == nil && info.IsDir() || path.Dir(full) == full {
		return nil
	}
	if err := h.mkdirAll(path.Dir(full)); err != nil {
		return err
	}
	if err := h.files.Mkdir(full); err != nil {
		return h.because(err)
	}
	return h.sync(path.Dir(full))
}

// Write is of FS.
func (h *host) Write(name string, r io.Reader, mode fs.FileMode, exclusive bool) error {
	flag := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if exclusive {
		flag |= os.O_EXCL
	}
	f, err := h.files.OpenFile(h.path(name), flag)
	if err != nil {
		if _, e := h.files.Lstat(h.path(name)); e == nil && exclusive { // SFTP has no error of its own for it
			err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
		}
		return h.because(err)
	}
	_, err = f.ReadFrom(r)
	if err == nil {
		err = f.Chmod(mode)
	}
	return h.because(errors.Join(err, f.Close()))
}

// Read is of FS.
func (h *host) Read(name string, limit int64) ([]byte, error) {
	f, err := h.files.Open(h.path(name))
	if err != nil {
		return nil, h.because(err)
	}
	defer f.Close()
	data, err := readLimited(f, name, limit)
	return data, h.because(err)
}

// Rename is of FS.
func (h *host) Rename(from, to string) error {
	return h.because(h.files.PosixRename(h.path(from), h.path(to)))
}

// Symlink is of FS.
func (h *host) Symlink(target, name string) error {
	return h.because(h.files.Symlink(target, h.path(name)))
}

// Readlink is of FS.
func (h *host) Readlink(name string) (string, error) {
	target, err := h.files.ReadLink(h.path(name))
	return target, h.because(err)
}

// Remove is of FS.
func (h *host) Remove(name string) error { return h.because(h.files.Remove(h.path(name))) }

// List is of FS.
func (h *host) List(name string) (names []string, err error) {
	infos, err := h.files.ReadDir(h.path(name))
	for _, info := range infos {
		names = append(names, info.Name())
	}
	return names, h.because(err)
}

// Sync is of FS.
func (h *host) Sync(name string) error { return h.sync(h.path(name)) }

func (h *host) sync(full string) error {
	f, err := h.files.Open(full)
	if err != nil {
		return h.because(err)
	}
	return h.because(errors.Join(f.Sync(), f.Close()))
}

// Free is of FS.
func (h *host) Free() (int64, error) {
	s, err := h.files.StatVFS(h.folder)
	if err != nil {
		return 0, h.because(err)
	}
	return int64(s.Bavail * s.Frsize), nil
}

// Sum is of Device. Hosts without the command sha256sum send the file back.
func (h *host) Sum(ctx context.Context, name string) (string, error) {
	f, err := h.files.Open(h.path(name))
	if err != nil {
		return "", h.because(err)
	}
	defer f.Close()
	out, err := h.Run(ctx, "sha256sum < "+remote.Quote(name))
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 0 && isSum.MatchString(fields[0]) {
		return fields[0], nil
	}
	var exit *ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", err
	}
	s, err := sum(f)
	return s, h.because(err)
}

// Run is of Device.
func (h *host) Run(ctx context.Context, command string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	err := h.conn.Run(ctx, "cd "+remote.Quote(h.folder)+" || exit 1\n"+command, nil, &limited{w: &stdout}, &limited{w: &stderr})
	var exit *remote.ExitError
	if errors.As(err, &exit) {
		code := exit.Code
		if exit.Signal != "" {
			code = 128 + signals[exit.Signal]
		}
		return stdout.Bytes(), &ExitError{Code: code, Output: said(stderr.Bytes(), stdout.Bytes())}
	}
	return stdout.Bytes(), err
}

// signals are numbers of those that end programs, the same on every Linux that edgec builds
// for.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "SEGV": 11, "PIPE": 13, "ALRM": 14, "TERM": 15}
