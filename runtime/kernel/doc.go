// Package kernel is the arithmetic of the device: int8 tensors, int32
// accumulators, fixed-point requantization. Every function gives the same
// bytes on every CPU.
//
// Images lie as [H,W,C], channels last. A real number is scale * (q - zero).
package kernel
