//go:build amd64 && !noasm

package gemm

import "golang.org/x/sys/cpu"

var vectors = cpu.X86.HasAVX2 && cpu.X86.HasFMA

//go:noescape
func kernelAVX2(rows, k int, a *float32, ars, acs int, b *float32, bs int, c *float32, ldc int, add bool)

// transposeAVX2 sets dst[p*16+x] = src[x*ld+p] for x < 8 and p < k, a multiple of 8.
//
//go:noescape
func transposeAVX2(k int, src *float32, ld int, dst *float32)

// copyAVX2 sets dst[p*16+x] = src[p*ld+x] for x < 16 and p < k, not 0.
//
//go:noescape
func copyAVX2(k int, src *float32, ld int, dst *float32)

func kernel(rows, k int, a *float32, ars, acs int, b *float32, bs int, c *float32, ldc int, add bool) {
	if vectors {
		kernelAVX2(rows, k, a, ars, acs, b, bs, c, ldc, add)
		return
	}
	plainKernel(rows, k, a, ars, acs, b, bs, c, ldc, add)
}

// transpose lays the 8 rows at src, ld apart, out as columns of a panel of B and
// returns how much of their length k it has done.
func transpose(dst, src []float32, ld, k int) int {
	k &^= 7
	if !vectors || k == 0 {
		return 0
	}
	_ = src[7*ld+k-1]
	transposeAVX2(k, &src[0], ld, &dst[0])
	return k
}

// copyRows lays k rows of 16 at src, ld apart, out as a panel of B and returns
// how many it has done.
func copyRows(dst, src []float32, ld, k int) int {
	if !vectors || k == 0 {
		return 0
	}
	_ = src[(k-1)*ld+15]
	copyAVX2(k, &src[0], ld, &dst[0])
	return k
}
