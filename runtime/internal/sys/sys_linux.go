package sys

import (
	"io"
	"strings"
	"syscall"
)

// File is an open file or a stream.
type File struct{ fd int }

// The standard streams of the process.
var (
	Stdin  = &File{0}
	Stdout = &File{1}
	Stderr = &File{2}
)

// Open opens a file to read.
func Open(name string) (*File, error) {
	for {
		fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != syscall.EINTR {
			return &File{fd}, err
		}
	}
}

// Read reads up to len(b) bytes; it waits for the first.
func (f *File) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(f.fd, b)
		switch {
		case f.again(err):
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write writes all of b. Where nobody reads a standard stream any more it ends the process, with the
// code that shells give one that SIGPIPE has ended.
func (f *File) Write(b []byte) (n int, err error) {
	for n < len(b) {
		k, err := syscall.Write(f.fd, b[n:])
		switch {
		case err == syscall.EPIPE && (f == Stdout || f == Stderr):
			Exit(128 + int(syscall.SIGPIPE))
		case err != nil && !f.again(err):
			return n, err
		}
		n += max(k, 0)
	}
	return n, nil
}

// again reports whether a call is to be made again after err. A stream that another process
// has set not to wait is set to wait.
func (f *File) again(err error) bool {
	return err == syscall.EINTR || err == syscall.EAGAIN && syscall.SetNonblock(f.fd, false) == nil
}

// Close closes the file.
func (f *File) Close() error { return syscall.Close(f.fd) }

// Args returns the program's name and its arguments, as /proc has them; the error says that it
// is not mounted.
func Args() ([]string, error) {
	line, err := ReadFile("/proc/self/cmdline")
	if err != nil {
		return nil, procError{err}
	}
	var args []string
	for rest := string(line); rest != ""; {
		var arg string
		arg, rest, _ = strings.Cut(rest, "\x00")
		args = append(args, arg)
	}
	return args, nil
}

type procError struct{ error }

func (e procError) Error() string {
	return "the arguments cannot be read from /proc/self/cmdline: " + e.error.Error() + "; mount /proc"
}

// Exit ends the process.
func Exit(code int) { syscall.Exit(code) }
