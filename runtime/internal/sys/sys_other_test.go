//go:build !linux

package sys

import "os"

func streamOf(f *os.File) *File { return &File{f} }
