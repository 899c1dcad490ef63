//go:build !linux

package sys

import "os"

// File is an open file or a stream.
type File struct{ f *os.File }

// The standard streams of the process.
var (
	Stdin  = &File{os.Stdin}
	Stdout = &File{os.Stdout}
	Stderr = &File{os.Stderr}
)

// Open opens a file to read.
func Open(name string) (*File, error) {
	f, err := os.Open(name)
	return &File{f}, cause(err)
}

// Read reads up to len(b) bytes; it waits for the first.
func (f *File) Read(b []byte) (int, error) {
	n, err := f.f.Read(b)
	return n, cause(err)
}

// Write writes all of b.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.f.Write(b)
	return n, cause(err)
}

// Close closes the file.
func (f *File) Close() error { return cause(f.f.Close()) }

// cause returns an error without the name of the file.
func cause(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}

// Args returns the program's name and its arguments.
func Args() ([]string, error) { return os.Args, nil }

// Exit ends the process.
func Exit(code int) { os.Exit(code) }
