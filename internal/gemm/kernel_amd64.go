//go:build amd64 && !noasm

package gemm

import "golang.org/x/sys/cpu"

var haveKernel = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// kernel computes the mr x nr tile of products of packed panels of k columns
// and stores it in c, or adds it with add.
//
//go:noescape
func kernel(k int, a, b, c *float32, ldc int, add bool)
