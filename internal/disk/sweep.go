package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The names of temporary files begin and end so.
const (
	tempPrefix = ".edgec-"
	tempSuffix = ".tmp"
)

// abandoned is the age from which on a temporary file is nobody's, where no lock can
// tell: files are written in seconds.
const abandoned = time.Hour

// mostSwept bounds the names of a folder that Sweep looks at.
const mostSwept = 100_000

// Sweep removes the temporary files that killed processes have left in a folder: those
// with the names of Write's that nobody has locked. Nothing that a running process writes
// is touched, nor anything of another name. What cannot be removed stays.
func Sweep(folder string) {
	for _, name := range entries(folder) {
		if !strings.HasPrefix(name, tempPrefix) || !strings.HasSuffix(name, tempSuffix) {
			continue
		}
		path := filepath.Join(folder, name)
		info, err := os.Lstat(path)
		switch {
		case err != nil || !info.Mode().IsRegular():
		case lockableTemps:
			if l, err := tryLock(path, os.O_RDONLY); err == nil {
				l.Remove()
			}
		case old(info):
			os.Remove(path)
		}
	}
}

// folderLock is the file whose lock says that a temporary folder is in use.
const folderLock = ".lock"

// Folder makes a temporary folder in the folder of the system (os.TempDir) whose name
// begins with prefix, after removing those that killed processes have left there. done
// removes it.
func Folder(prefix string) (path string, done func(), err error) {
	sweepFolders(os.TempDir(), prefix)
	if path, err = os.MkdirTemp("", prefix); err != nil {
		return "", nil, explained(os.TempDir(), err)
	}
	l, err := Acquire(filepath.Join(path, folderLock))
	if err != nil {
		os.RemoveAll(path)
		return "", nil, explained(path, err)
	}
	return path, func() {
		l.Remove()
		os.RemoveAll(path)
	}, nil
}

// sweepFolders removes the folders whose names begin with prefix and that nobody has
// locked. One without a lock may be about to get it, and goes after an hour.
func sweepFolders(in, prefix string) {
	for _, name := range entries(in) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		path := filepath.Join(in, name)
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		lock, err := os.Lstat(filepath.Join(path, folderLock))
		switch {
		case errors.Is(err, fs.ErrNotExist) && old(info):
			os.RemoveAll(path)
		case err == nil && lock.Mode().IsRegular():
			if l, err := tryLock(filepath.Join(path, folderLock), os.O_RDWR); err == nil {
				l.Remove()
				os.RemoveAll(path)
			}
		}
	}
}

// entries returns the names in a folder, none if it cannot be read.
func entries(folder string) []string {
	d, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(mostSwept) // what cannot be listed stays
	return names
}

func old(info fs.FileInfo) bool { return time.Since(info.ModTime()) > abandoned }
