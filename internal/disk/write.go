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
	f, done, err := temporary(filepath.Dir(path))
	if err != nil {
		return explained(path, err)
	}
	defer done()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return explained(path, err)
	}
	syncFolder(filepath.Dir(path))
	return nil
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
