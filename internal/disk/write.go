// Package disk writes files whole or not at all.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts data into the file at path, with the permissions mode, or leaves what was
// there: it writes a temporary file beside it, syncs it to the disk and renames it. The
// error is an *fs.PathError with that path.
func Write(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return named(path, err)
	}
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
	}
	return named(path, err)
}

// named is an error of the system with path in place of the temporary file's.
func named(path string, err error) error {
	var of *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &of):
		return &fs.PathError{Op: "write", Path: path, Err: of.Err}
	case errors.As(err, &link):
		return &fs.PathError{Op: "write", Path: path, Err: link.Err}
	}
	return err
}
