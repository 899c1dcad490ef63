// Package sys gives device programs their arguments, files and standard streams.
// On Linux it makes the system calls itself: package os, which it uses elsewhere, adds
// 260 KB to a program for arm64 that needs nothing else of it.
//
// Errors are the system's own, such as syscall.ENOENT, without the name of the file.
package sys

import (
	"io"
	"syscall"
)

// ReadFile returns the contents of a file. Memory: at most twice its size.
func ReadFile(name string) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Getenv returns the value of an environment variable, "" if it is not set.
func Getenv(name string) string {
	value, _ := syscall.Getenv(name)
	return value
}
