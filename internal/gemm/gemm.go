// Package gemm is the float32 matrix product of the host: single-threaded,
// deterministic, safe for concurrent use.
//
// On amd64 with AVX2 and FMA the product is computed in tiles of 6 x 16 by a
// micro-kernel in assembly over packed panels (Goto, van de Geijn 2008);
// elsewhere, and with the build tag noasm, by gonum. The environment variable
// EDGEC_GEMM=gonum chooses gonum's product everywhere, for measurements.
//
// With the micro-kernel an element's products are added in the order of k, in
// blocks of 256, whatever m and n are: cutting a product into rows or columns
// does not change a bit of it, and neither do interspersed zeros within a block.
package gemm

import (
	"os"
	"sync"

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
	if k <= 0 {
		if !accumulate {
			zero(m, n, c, ldc)
		}
		return
	}
	check(transA, m, k, a, lda)
	check(transB, k, n, b, ldb)
	check(false, m, n, c, ldc)
	if useKernel {
		blocked(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
		return
	}
	viaGonum(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
}

var useKernel = haveKernel && os.Getenv("EDGEC_GEMM") != "gonum"

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

// The tile of the micro-kernel, and the blocks whose packed panels stay in the
// caches: A's in the second level, a panel of B's in the first.
const (
	mr, nr = 6, 16
	mc     = 96
	kc     = 256
	nc     = 2048
)

// panels is the packed form of one block of A and of B.
type panels struct {
	a    [mc * kc]float32
	b    [kc * nc]float32
	tile [mr * nr]float32
}

var pool = sync.Pool{New: func() any { return new(panels) }}

func blocked(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, accumulate bool, c []float32, ldc int) {
	p := pool.Get().(*panels)
	defer pool.Put(p)
	for j := 0; j < n; j += nc {
		nb := min(nc, n-j)
		for l := 0; l < k; l += kc {
			kb := min(kc, k-l)
			add := accumulate || l > 0
			packB(p.b[:], transB, b, ldb, l, j, kb, nb)
			for i := 0; i < m; i += mc {
				mb := min(mc, m-i)
				packA(p.a[:], transA, a, lda, i, l, mb, kb)
				p.block(mb, nb, kb, add, c[i*ldc+j:], ldc)
			}
		}
	}
}

// block multiplies the packed panels into C.
func (p *panels) block(mb, nb, kb int, add bool, c []float32, ldc int) {
	for j := 0; j < nb; j += nr {
		bp := p.b[j*kb:]
		for i := 0; i < mb; i += mr {
			ap := p.a[i*kb:]
			if i+mr <= mb && j+nr <= nb {
				kernel(kb, &ap[0], &bp[0], &c[i*ldc+j], ldc, add)
				continue
			}
			kernel(kb, &ap[0], &bp[0], &p.tile[0], nr, false)
			for r := 0; r < min(mr, mb-i); r++ {
				w := min(nr, nb-j)
				dst, src := c[(i+r)*ldc+j:(i+r)*ldc+j+w], p.tile[r*nr:r*nr+w]
				if !add {
					copy(dst, src)
					continue
				}
				for x, v := range src {
					dst[x] += v
				}
			}
		}
	}
}

// packA lays rows i..i+mb-1, columns l..l+kb-1 of op(A) out in panels of mr
// rows, each column's mr values together; missing rows are zero.
func packA(dst []float32, trans bool, a []float32, lda, i, l, mb, kb int) {
	for r := 0; r < mb; r += mr {
		panel := dst[r*kb : r*kb+mr*kb]
		rows := min(mr, mb-r)
		if rows < mr {
			clear(panel)
		}
		if trans {
			for p := 0; p < kb; p++ {
				copy(panel[p*mr:p*mr+rows], a[(l+p)*lda+i+r:])
			}
			continue
		}
		if rows == mr {
			at := (i+r)*lda + l
			r0, r1, r2 := a[at:at+kb], a[at+lda:at+lda+kb], a[at+2*lda:at+2*lda+kb]
			at += 3 * lda
			r3, r4, r5 := a[at:at+kb], a[at+lda:at+lda+kb], a[at+2*lda:at+2*lda+kb]
			for p := range r0 {
				d := panel[p*mr : p*mr+mr : p*mr+mr]
				d[0], d[1], d[2], d[3], d[4], d[5] = r0[p], r1[p], r2[p], r3[p], r4[p], r5[p]
			}
			continue
		}
		for y := 0; y < rows; y++ {
			row := a[(i+r+y)*lda+l:]
			for p := 0; p < kb; p++ {
				panel[p*mr+y] = row[p]
			}
		}
	}
}

// packB lays rows l..l+kb-1, columns j..j+nb-1 of op(B) out in panels of nr
// columns, each row's nr values together; missing columns are zero.
func packB(dst []float32, trans bool, b []float32, ldb, l, j, kb, nb int) {
	for c := 0; c < nb; c += nr {
		panel := dst[c*kb : c*kb+nr*kb]
		cols := min(nr, nb-c)
		if cols < nr {
			clear(panel)
		}
		if !trans {
			if cols == nr {
				for p := 0; p < kb; p++ {
					at := (l+p)*ldb + j + c
					*(*[nr]float32)(panel[p*nr:]) = [nr]float32(b[at : at+nr])
				}
				continue
			}
			for p := 0; p < kb; p++ {
				copy(panel[p*nr:p*nr+cols], b[(l+p)*ldb+j+c:])
			}
			continue
		}
		x := 0
		for ; x+4 <= cols; x += 4 {
			at := (j+c+x)*ldb + l
			r0, r1 := b[at:at+kb], b[at+ldb:at+ldb+kb]
			r2, r3 := b[at+2*ldb:at+2*ldb+kb], b[at+3*ldb:at+3*ldb+kb]
			for p := range r0 {
				d := panel[p*nr+x : p*nr+x+4 : p*nr+x+4]
				d[0], d[1], d[2], d[3] = r0[p], r1[p], r2[p], r3[p]
			}
		}
		for ; x < cols; x++ {
			row := b[(j+c+x)*ldb+l:]
			for p := 0; p < kb; p++ {
				panel[p*nr+x] = row[p]
			}
		}
	}
}
