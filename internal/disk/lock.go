package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	goruntime "runtime"

	"github.com/gofrs/flock"
)

// ErrLocked means that another process, or another part of this one, holds a lock.
var ErrLocked = errors.New("another process has locked it")

// Lock is an advisory lock on a file of its own. The operating system releases it when
// the process ends, in whatever way.
type Lock struct{ held *flock.Flock }

// Acquire makes the file at path, if it is not there, and locks it. The error is
// ErrLocked where another holds the lock; others come from the operating system.
func Acquire(path string) (*Lock, error) {
	for {
		l, err := tryLock(path, os.O_CREATE|os.O_RDWR)
		switch {
		case err == nil:
			return l, nil
		case err == errHeld:
			return nil, ErrLocked
		case err != fs.ErrNotExist: // else the one before removed the file meanwhile
			return nil, fmt.Errorf("lock: %w", err)
		}
	}
}

// Release ends the lock. The file stays.
func (l *Lock) Release() error { return l.close() }

// Remove ends the lock and removes the file.
func (l *Lock) Remove() error {
	path := l.held.Path()
	err := os.Remove(path) // while it is locked, so that nobody locks a file that goes
	if e := l.close(); err == nil {
		return e
	}
	return os.Remove(path) // Windows removes no open file
}

func (l *Lock) close() error { return l.held.Close() }

// errHeld is tryLock's error for a lock that another holds.
var errHeld = errors.New("held")

// tryLock locks the file at path. It returns errHeld, or fs.ErrNotExist for a file that
// was removed before it was locked.
func tryLock(path string, flag int) (*Lock, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() { // of a stranger: nothing behind a link is made or locked
		return nil, fmt.Errorf("%s is no regular file; remove it", path)
	}
	f := flock.New(path, flock.SetFlag(flag), flock.SetPermissions(0o644))
	switch ok, err := f.TryLock(); {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	case !ok:
		f.Close()
		return nil, errHeld
	}
	locked, err := f.Stat()
	if err == nil {
		var now fs.FileInfo
		if now, err = os.Lstat(path); err == nil && os.SameFile(locked, now) {
			return &Lock{f}, nil
		}
	}
	f.Close()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	return nil, err
}

// lockableTemps: Windows lets nobody write to a locked file, so that temporary files are
// not locked there.
const lockableTemps = goruntime.GOOS != "windows"
