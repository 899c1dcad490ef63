// Package disk writes files whole or not at all, locks what one process at a time may
// use, and removes what killed processes have left.
package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
)

// Write puts data into the file at path, with the permissions mode, or leaves what was
// there: it writes a temporary file beside it, syncs it to the disk, renames it and syncs
// the folder. The error names path and wraps the operating system's.
func Write(path string, data []byte, mode fs.FileMode) error {
	s, err := Stage(path)
	if err != nil {
		return err
	}
	defer s.Discard()
	if _, err := s.Write(data); err != nil {
		return err
	}
	return s.Commit(mode)
}

// Staged is the content of a file that takes its place by Commit, and not before. Errors
// name the file and wrap the operating system's.
type Staged struct {
	path string
	f    *os.File // nil: committed or discarded
	done func()   // ends the lock of the temporary file
}

// Stage makes a temporary file beside path. Commit or Discard must follow.
func Stage(path string) (*Staged, error) {
	f, done, err := temporary(filepath.Dir(path))
	if err != nil {
		return nil, explained(path, err)
	}
	return &Staged{path, f, done}, nil
}

// Write appends data to the content.
func (s *Staged) Write(data []byte) (int, error) {
	n, err := s.f.Write(data)
	if err != nil {
		err = explained(s.path, err)
	}
	return n, err
}

// ReadAt reads what has been written.
func (s *Staged) ReadAt(p []byte, at int64) (int, error) { return s.f.ReadAt(p, at) }

// Sync writes the content to the disk, which Commit does too. Of several files, all can be synced
// before the first is committed: what may fail then is the renaming alone.
func (s *Staged) Sync() error {
	if err := s.f.Sync(); err != nil {
		return explained(s.path, err)
	}
	return nil
}

// Commit gives the file its content, with the permissions mode, after syncing it to the
// disk. What was at path is replaced.
func (s *Staged) Commit(mode fs.FileMode) error {
	f := s.f
	s.f = nil
	defer s.done()
	err := f.Chmod(mode)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return explained(s.path, err)
	}
	syncFolder(filepath.Dir(s.path))
	return nil
}

// Discard removes the temporary file, unless Commit has been called.
func (s *Staged) Discard() {
	if s.f == nil {
		return
	}
	s.f.Close()
	os.Remove(s.f.Name())
	s.f = nil
	s.done()
}

// Probe returns an error if no file can be written into a folder.
func Probe(folder string) error {
	f, done, err := temporary(folder)
	if err != nil {
		return err
	}
	defer done()
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(f.Name())
}

// temporary makes a file in a folder, which Sweep removes should this process be killed.
// done ends the lock that keeps other processes from removing it until then.
func temporary(folder string) (f *os.File, done func(), err error) {
	for {
		if f, err = os.CreateTemp(folder, tempPrefix+"*"+tempSuffix); err != nil {
			return nil, nil, err
		}
		if !lockableTemps {
			return f, func() {}, nil
		}
		switch l, err := tryLock(f.Name(), os.O_RDONLY); {
		case err == nil:
			return f, func() { l.close() }, nil
		case err != errHeld && err != fs.ErrNotExist:
			return f, func() {}, nil // the file system has no locks: Sweep leaves its files alone
		}
		f.Close() // another process has just taken it for a dead one's
	}
}

// syncFolder makes a rename survive a power cut where the system can do that.
func syncFolder(path string) {
	if goruntime.GOOS == "windows" {
		return
	}
	if d, err := os.Open(path); err == nil {
		d.Sync() // some file systems cannot; the file itself is synced
		d.Close()
	}
}
