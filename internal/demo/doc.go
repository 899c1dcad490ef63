// Package demo holds a small network that the project trained itself, and the
// data that it was trained on, which is drawn whenever it is needed: the
// sixteen hexadecimal digits in the Go fonts, distorted and noisy.
//
// glyphs.onnx is written by
//
//	go generate ./internal/demo
package demo

//go:generate go run edgec/internal/demo/train -o glyphs.onnx
