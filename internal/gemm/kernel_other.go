//go:build !amd64 || noasm

package gemm

const haveKernel = false

// kernel in plain Go, for machines without an assembly one; used by tests.
func kernel(k int, a, b, c *float32, ldc int, add bool) { genericKernel(k, a, b, c, ldc, add) }
