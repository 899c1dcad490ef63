package sys

import (
	"os"
	"syscall"
)

// streamOf returns a stream on the descriptor of f, which does not wait.
func streamOf(f *os.File) *File {
	fd := int(f.Fd())
	syscall.SetNonblock(fd, true)
	return &File{fd}
}
