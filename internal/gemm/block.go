package gemm

import "sync"

// The blocks whose operands stay in the caches while they are used: a panel of
// B (kc x nr) in the first level, a block of A (mc x kc) and of B (kc x nc) in
// the second.
const (
	mc = 96
	kc = 256
	nc = 1024
)

// When packing pays: B from so many rows of C that use it, and always when it
// is transposed; A when its columns lie a page or more apart and so many columns
// of C use it. Measured, see BenchmarkMul.
const (
	packBRows   = 48
	packAStride = 1024
	packAUses   = 256
)

// panels is the packed form of one block of A and of B: of A one panel of mr
// rows for each tile, its columns one after the other; of B panels of nr
// columns, its rows one after the other.
type panels struct {
	a [(mc + mr) * kc]float32
	b [kc * nc]float32
	c [mr * nr]float32 // a tile that is not whole in C
}

var pool = sync.Pool{New: func() any { return new(panels) }}

// operand is a matrix of which element [i,j] is x[i*rs+j*cs].
type operand struct {
	x      []float32
	rs, cs int
}

func asOperand(trans bool, x []float32, ld int) operand {
	if trans {
		return operand{x, 1, ld}
	}
	return operand{x, ld, 1}
}

func blocked(a, b operand, m, n, k int, accumulate bool, c []float32, ldc int) {
	p := pool.Get().(*panels)
	packA := a.cs >= packAStride && n >= packAUses
	packB := b.cs != 1 || m >= packBRows
	for j := 0; j < n; j += nc {
		nb := min(nc, n-j)
		for l := 0; l < k; l += kc {
			kb := min(kc, k-l)
			add := accumulate || l > 0
			rows := operand{b.x[l*b.rs+j*b.cs:], b.rs, b.cs}
			if packB {
				for x := 0; x < nb; x += nr {
					packPanel(p.b[x*kb:(x+nr)*kb], rows, x, min(nr, nb-x), kb)
				}
			}
			for i := 0; i < m; i += mc {
				mb := min(mc, m-i)
				cols := operand{a.x[i*a.rs+l*a.cs:], a.rs, a.cs}
				p.block(cols, rows, packA, packB, mb, nb, kb, add, c[i*ldc+j:], ldc)
			}
		}
	}
	pool.Put(p)
}

// block multiplies mb rows of A by nb columns of B into C. B is packed already,
// if it is to be.
func (p *panels) block(a, b operand, packA, packB bool, mb, nb, kb int, add bool, c []float32, ldc int) {
	tiles := (mb + mr - 1) / mr
	small, more := mb/tiles, mb%tiles // the tiles have small rows, the first ones one more
	if packA {
		at := 0
		for t := range tiles {
			rows := small + less(t, more)
			packRows(p.a[t*mr*kb:(t+1)*mr*kb], a, at, rows, kb)
			at += rows
		}
	}
	for j := 0; j < nb; j += nr {
		cols := min(nr, nb-j)
		pb, bs := &p.b[0], nr
		switch {
		case packB:
			pb = &p.b[j*kb]
		case cols == nr:
			pb, bs = &b.x[j], b.rs
		default:
			packPanel(p.b[:nr*kb], b, j, cols, kb)
		}
		at := 0
		for t := range tiles {
			rows := small + less(t, more)
			pa, ars, acs := &a.x[at*a.rs], a.rs, a.cs
			if packA {
				pa, ars, acs = &p.a[t*mr*kb], 1, mr
			}
			if cols == nr {
				kernel(rows, kb, pa, ars, acs, pb, bs, &c[at*ldc+j], ldc, add)
			} else {
				kernel(rows, kb, pa, ars, acs, pb, bs, &p.c[0], nr, false)
				put(c[at*ldc+j:], ldc, &p.c, rows, cols, add)
			}
			at += rows
		}
	}
}

func less(a, b int) int {
	if a < b {
		return 1
	}
	return 0
}

// put moves the leading columns of a tile to C, or adds them.
func put(c []float32, ldc int, tile *[mr * nr]float32, rows, cols int, add bool) {
	for r := range rows {
		dst, src := c[r*ldc:r*ldc+cols], tile[r*nr:r*nr+cols]
		if !add {
			copy(dst, src)
			continue
		}
		for x, v := range src {
			dst[x] += v
		}
	}
}

// packRows lays the rows i..i+rows-1 of A's leading kb columns out as a panel.
// A's rows are adjacent; what the panel has beyond them is not used.
func packRows(dst []float32, a operand, i, rows, kb int) {
	for p := range kb {
		copy(dst[p*mr:p*mr+rows], a.x[i+p*a.cs:])
	}
}

// packPanel lays the columns j..j+cols-1 of B's leading kb rows out as a panel;
// missing columns are zero.
func packPanel(dst []float32, b operand, j, cols, kb int) {
	x := b.x[j*b.cs:]
	if cols < nr {
		clear(dst)
	}
	if b.cs == 1 {
		p := 0
		if cols == nr {
			p = copyRows(dst, x, b.rs, kb)
		}
		for ; p < kb; p++ {
			copy(dst[p*nr:p*nr+cols], x[p*b.rs:])
		}
		return
	}
	for c := 0; c < cols; {
		p, w := 0, 1
		if cols-c >= 8 {
			p, w = transpose(dst[c:], x[c*b.cs:], b.cs, kb), 8
		}
		for ; w > 0; w-- {
			for q, v := range x[c*b.cs+p : c*b.cs+kb] {
				dst[(p+q)*nr+c] = v
			}
			c++
		}
	}
}
