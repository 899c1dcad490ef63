//go:build !noasm

package vec

import "golang.org/x/sys/cpu"

var useAVX2 = cpu.X86.HasAVX2

// blocks returns the largest multiple of 8 (of unit) up to n, or 0 without AVX2.
func blocks(n, unit int) int {
	if !useAVX2 {
		return 0
	}
	return n - n%unit
}

// The assembly functions compute the formulas of vec.go for n elements; n is a
// multiple of 8, of 32 for dot and sum, of 4 for the maxPairs, and not 0.

//go:noescape
func addAVX2(n int, dst, src *float32)

//go:noescape
func axpyAVX2(n int, dst *float32, alpha float32, src *float32)

//go:noescape
func scaleAVX2(n int, dst *float32, alpha float32, src *float32)

//go:noescape
func mulAVX2(n int, dst, a, b *float32)

//go:noescape
func reluAVX2(n int, dst, src *float32)

//go:noescape
func reluBackAVX2(n int, din, y, dout *float32)

//go:noescape
func clampAVX2(n int, dst, src *float32, lo, hi float32)

//go:noescape
func clampBackAVX2(n int, dst, y, dy *float32, lo, hi float32)

//go:noescape
func fillAVX2(n int, dst *float32, v float32)

//go:noescape
func maxPairsAVX2(n int, dst, a, b *float32)

//go:noescape
func maxPairsBackAVX2(n int, da, db, a, b, y, dy *float32)

// copyRowsAVX2 and addRowsAVX2 take at least 8 columns and one row; strides are
// in elements.
//
//go:noescape
func copyRowsAVX2(dst *float32, dstLD int, src *float32, srcLD, rows, cols int)

//go:noescape
func addRowsAVX2(dst *float32, dstLD int, src *float32, srcLD, rows, cols int)

//go:noescape
func dotAVX2(n int, s, a, b *float32)

//go:noescape
func sumAVX2(n int, s, x *float32)

//go:noescape
func averageAVX2(n int, a, w *float32, rate float32)

//go:noescape
func fadeAVX2(n int, w, m *float32, keep, rest float32)

//go:noescape
func adamAVX2(n int, w, grad, m, v, k *float32)

//go:noescape
func quantizeAVX2(n int, dst, src *float32, scale float32, unit, step, lo, hi float64)

func addBlocks(dst, src []float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		addAVX2(n, &dst[0], &src[0])
	}
	return n
}

func axpyBlocks(dst []float32, alpha float32, src []float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		axpyAVX2(n, &dst[0], alpha, &src[0])
	}
	return n
}

func scaleBlocks(dst []float32, alpha float32, src []float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		scaleAVX2(n, &dst[0], alpha, &src[0])
	}
	return n
}

func mulBlocks(dst, a, b []float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		mulAVX2(n, &dst[0], &a[0], &b[0])
	}
	return n
}

func reluBlocks(dst, src []float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		reluAVX2(n, &dst[0], &src[0])
	}
	return n
}

func reluBackBlocks(din, y, dout []float32) int {
	n := blocks(len(din), 8)
	if n > 0 {
		reluBackAVX2(n, &din[0], &y[0], &dout[0])
	}
	return n
}

func clampBlocks(dst, src []float32, lo, hi float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		clampAVX2(n, &dst[0], &src[0], lo, hi)
	}
	return n
}

func clampBackBlocks(dst, y, dy []float32, lo, hi float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		clampBackAVX2(n, &dst[0], &y[0], &dy[0], lo, hi)
	}
	return n
}

func fillBlocks(dst []float32, v float32) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		fillAVX2(n, &dst[0], v)
	}
	return n
}

func maxPairsBlocks(dst, a, b []float32) int {
	n := blocks(len(dst), 4)
	if n > 0 {
		maxPairsAVX2(n, &dst[0], &a[0], &b[0])
	}
	return n
}

func maxPairsBackBlocks(da, db, a, b, y, dy []float32) int {
	n := blocks(len(y), 4)
	if n > 0 {
		maxPairsBackAVX2(n, &da[0], &db[0], &a[0], &b[0], &y[0], &dy[0])
	}
	return n
}

// rowsFit reports whether a matrix is worth the vectors, and panics if it does
// not lie within x.
func rowsFit(x []float32, ld, rows, cols int) bool {
	if !useAVX2 || rows < 1 || cols < 8 {
		return false
	}
	_ = x[(rows-1)*ld+cols-1]
	return true
}

func copyRows(dst []float32, dstLD int, src []float32, srcLD, rows, cols int) bool {
	if !rowsFit(dst, dstLD, rows, cols) || !rowsFit(src, srcLD, rows, cols) {
		return false
	}
	copyRowsAVX2(&dst[0], dstLD, &src[0], srcLD, rows, cols)
	return true
}

func addRows(dst []float32, dstLD int, src []float32, srcLD, rows, cols int) bool {
	if !rowsFit(dst, dstLD, rows, cols) || !rowsFit(src, srcLD, rows, cols) {
		return false
	}
	addRowsAVX2(&dst[0], dstLD, &src[0], srcLD, rows, cols)
	return true
}

func dotBlocks(s *[lanes]float32, a, b []float32) int {
	n := blocks(len(a), lanes)
	if n > 0 {
		dotAVX2(n, &s[0], &a[0], &b[0])
	}
	return n
}

func sumBlocks(s *[lanes]float32, x []float32) int {
	n := blocks(len(x), lanes)
	if n > 0 {
		sumAVX2(n, &s[0], &x[0])
	}
	return n
}

func averageBlocks(a, w []float32, rate float32) int {
	n := blocks(len(a), 8)
	if n > 0 {
		averageAVX2(n, &a[0], &w[0], rate)
	}
	return n
}

func fadeBlocks(w, m []float32, keep, rest float32) int {
	n := blocks(len(w), 8)
	if n > 0 {
		fadeAVX2(n, &w[0], &m[0], keep, rest)
	}
	return n
}

func adamBlocks(w, g, m, v []float32, k *[7]float32) int {
	n := blocks(len(w), 8)
	if n > 0 {
		adamAVX2(n, &w[0], &g[0], &m[0], &v[0], &k[0])
	}
	return n
}

func quantizeBlocks(dst, src []float32, scale float32, unit, step, lo, hi float64) int {
	n := blocks(len(dst), 8)
	if n > 0 {
		quantizeAVX2(n, &dst[0], &src[0], scale, unit, step, lo, hi)
	}
	return n
}
