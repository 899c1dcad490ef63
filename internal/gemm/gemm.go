// Package gemm is the float32 matrix product of the host: single-threaded,
// deterministic, safe for concurrent use.
//
// The product is computed in tiles of 6 x 16 by a micro-kernel, over operands
// that are packed into panels where that pays (Goto, van de Geijn 2008): in
// assembly on amd64 with AVX2 and FMA, elsewhere and with the build tag noasm in
// plain Go.
//
// The products of one element are added in the order of k: those of each 256
// consecutive k to a sum that starts at 0, and the sums one after the other to
// C. So its bits depend on its row of A, its column of B and, with accumulate,
// its old value, but not on m, n, the strides or where the memory lies: a
// product cut into rows or columns is the same product. The assembly fuses
// multiplication and addition, plain Go rounds in between; each of the two is
// the same on every CPU that it runs on.
//
// For measurements only, the environment variable EDGEC_GEMM=gonum makes Mul
// call gonum's Sgemm, for which all this does not hold.
package gemm

import (
	"os"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Mul computes C[m,n] = op(A)[m,k] op(B)[k,n], or C += with accumulate, in
// row-major order. op transposes if its flag says so: A is stored as [m,k], or
// [k,m] with transA; B as [k,n], or [n,k] with transB. lda, ldb and ldc are the
// distances between rows as stored. Without accumulate the old content of C,
// NaN included, does not matter. It panics when a slice is too short.
func Mul(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, accumulate bool, c []float32, ldc int) {
	if m <= 0 || n <= 0 {
		return
	}
	check(false, m, n, c, ldc)
	if k <= 0 {
		if !accumulate {
			zero(m, n, c, ldc)
		}
		return
	}
	check(transA, m, k, a, lda)
	check(transB, k, n, b, ldb)
	if useGonum {
		viaGonum(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
		return
	}
	blocked(asOperand(transA, a, lda), asOperand(transB, b, ldb), m, n, k, accumulate, c, ldc)
}

var useGonum = os.Getenv("EDGEC_GEMM") == "gonum"

// UseGonum makes Mul use gonum's product, as EDGEC_GEMM=gonum does, until
// restore is called. It is for measurements, and not safe while products run.
func UseGonum() (restore func()) {
	old := useGonum
	useGonum = true
	return func() { useGonum = old }
}

// check panics unless x holds a matrix of the given rows and columns.
func check(trans bool, rows, cols int, x []float32, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	if ld < cols || len(x) < (rows-1)*ld+cols {
		panic("gemm: a matrix is larger than its slice")
	}
}

func zero(m, n int, c []float32, ldc int) {
	for i := 0; i < m; i++ {
		clear(c[i*ldc : i*ldc+n])
	}
}

// viaGonum is Mul by gonum, from k = 1 on.
func viaGonum(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, accumulate bool, c []float32, ldc int) {
	if !accumulate {
		zero(m, n, c, ldc)
	}
	t := func(on bool) blas.Transpose {
		if on {
			return blas.Trans
		}
		return blas.NoTrans
	}
	gonum.Implementation{}.Sgemm(t(transA), t(transB), m, n, k, 1, a, lda, b, ldb, 1, c, ldc)
}
