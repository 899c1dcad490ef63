// Package gemm is the float32 matrix product of the host.
package gemm

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Mul computes C[m,n] (+)= op(A)[m,k] op(B)[k,n] in row-major order, where
// op transposes if its flag says so and lda, ldb, ldc are row strides of the
// matrices as they are stored.
func Mul(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, accumulate bool, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	if !accumulate {
		for i := 0; i < m; i++ {
			clear(c[i*ldc : i*ldc+n])
		}
	}
	if k == 0 {
		return
	}
	t := func(b bool) blas.Transpose {
		if b {
			return blas.Trans
		}
		return blas.NoTrans
	}
	gonum.Implementation{}.Sgemm(t(transA), t(transB), m, n, k, 1, a, lda, b, ldb, 1, c, ldc)
}
