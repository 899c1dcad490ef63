package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	goruntime "runtime"
	"syscall"
)

// Full reports whether an error means that a disk, a quota or a limit of file sizes
// (ulimit -f) has no room for a file.
func Full(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, e) {
			return true
		}
	}
	const handleDiskFull, diskFull = syscall.Errno(39), syscall.Errno(112) // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
	return goruntime.GOOS == "windows" && (errors.Is(err, handleDiskFull) || errors.Is(err, diskFull))
}

// explained returns err as one about path, and not about a temporary file beside it. A
// limit of file sizes has its remedy.
func explained(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	if errors.Is(err, syscall.EFBIG) {
		err = fmt.Errorf("%w; raise the limit of file sizes (ulimit -f)", err)
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}
