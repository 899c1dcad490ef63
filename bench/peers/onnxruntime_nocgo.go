//go:build !cgo

package main

import "errors"

// loadONNXRuntime needs cgo: without it the column of ONNX Runtime stays empty.
func loadONNXRuntime(string) func(files []string) (string, []inference, error) {
	return func([]string) (string, []inference, error) {
		return "", nil, errors.New("this program was built without cgo, which ONNX Runtime needs; install a C compiler and set CGO_ENABLED=1")
	}
}
