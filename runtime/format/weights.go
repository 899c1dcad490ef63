package format

// The contexts of the weights. A tensor is coded as [outC, kH, kW, inC]; a
// dense layer that reads an image [H, W, C] is seen as [outC, H, W, C], so that
// neighbouring pixels predict each other.

// Where each kind of bit keeps its counters, and its mixer sets.
const (
	ctxLive  = 0              // is a column in use
	ctxMask  = ctxLive + 64   // is a weight other than zero
	ctxValue = ctxMask + 8192 // which value
	ctxInt   = ctxValue + 4096
	counters = ctxInt + 2048

	setLive  = 0
	setMask  = 1  // 4: by how many neighbours are set
	setValue = 8  // 8: by depth in the tree
	setInt   = 16 // 8: by part of the number
	mixers   = 24
)

// grid is the shape under which a tensor's weights are coded.
type grid struct{ rows, kh, kw, c int }

func (g grid) cols() int { return g.kh * g.kw * g.c }

// log2ish is a coarse logarithm for contexts: 0, 1, 2, 3, 4 for 4-5, 5 for 6-8,
// 6 for 9-12, and so on, two steps an octave from there, up to 15.
func log2ish(n int) int32 {
	switch {
	case n < 4:
		return int32(n)
	case n < 6:
		return 4
	case n < 9:
		return 5
	}
	k := int32(6)
	for a, b := 12, 17; ; a, b = a*2, b*2 {
		if n <= a {
			return k
		}
		if n <= b {
			return min(k+1, 15)
		}
		if k += 2; k >= 15 {
			return 15
		}
	}
}

// ratio compares a count with what is expected, n*d/q, in 12 steps of half an
// octave; 6 is as expected.
func ratio(count, n, d, q int) int32 {
	// (count + 0.5) / (expected + 0.5), as quotients of integers
	a, b := int64(2*count+1)*int64(q), int64(2)*int64(n)*int64(d)+int64(q)
	k := int32(6)
	for a*5 > b*7 && k < 11 {
		b = b * 3 / 2
		k++
	}
	for a*7 < b*5 && k > 0 {
		a = a*3/2 + 1
		k--
	}
	return k
}

// tensorCoder codes the values of one weight tensor.
type tensorCoder struct {
	*coder
	g       grid
	kind    int32 // 0: kernels of several positions, 1: dense over an image, 2: other
	live    []bool
	liveN   int
	v       []int8 // values, row-major
	book    []int8 // other than zero, ascending; nil: any int8
	mask    part
	value   part
	col     []int32 // nonzero weights of each column in the rows so far
	channel []int32 // of each input channel
	pos     []int32 // of each position
	near    []int32 // of the columns of the same channel at the eight positions around
}

// part names what bits are spent on, for the account of every byte.
type part uint8

const (
	partMasks part = iota
	partIndexes
	partBiases
	partScales
	partCodebooks
	partLUTs
	parts
)

// codeLive codes which columns hold a weight at all.
func (t *tensorCoder) codeLive() {
	n := t.g.cols()
	prev := 0
	for i := 0; i < n && !t.short; i++ {
		x := i / t.g.c % t.g.kw
		y := i / t.g.c / t.g.kw
		up, left, diag := 0, 0, 0
		if y > 0 {
			up = bit01(t.live[i-t.g.kw*t.g.c])
			if x+1 < t.g.kw {
				diag = bit01(t.live[i-t.g.kw*t.g.c+t.g.c])
			}
		}
		if x > 0 {
			left = bit01(t.live[i-t.g.c])
		}
		t.context(setLive, ctxLive+int32(up*4+left*2+diag), ctxLive+8+int32(prev), ctxLive+12+t.kind, ctxLive+16+int32(up*2+left)+4*t.kind)
		b := t.bit(bit01(t.live[i]))
		t.live[i] = b == 1
		t.liveN += b
		prev = prev<<1&3 | b
	}
}

func bit01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// code codes every weight of the live columns, row by row.
func (t *tensorCoder) code(account func(part)) {
	g := t.g
	n := g.cols()
	t.col, t.near, t.channel, t.pos = make([]int32, n), make([]int32, n), make([]int32, g.c), make([]int32, g.kh*g.kw)
	plane := make([]int32, g.c) // of each input channel, in this row
	total, seen := 0, 0         // nonzero weights and weights so far
	k := t.kind
	for r := 0; r < g.rows; r++ {
		row := t.v[r*n : (r+1)*n]
		var up []int8
		if r > 0 {
			up = t.v[(r-1)*n : r*n]
		}
		inRow, seenRow := 0, 0
		last := int8(0) // latest nonzero value of the row
		clear(plane)
		c, x, y, p := -1, 0, 0, 0
		for i := range row {
			if c++; c == g.c {
				c, x, p = 0, x+1, p+1
				if x == g.kw {
					x, y = 0, y+1
				}
			}
			if !t.live[i] {
				continue
			}
			if t.short {
				return
			}
			left, above, diag, aboveRow, far := 0, 0, 0, 0, 0
			if x > 0 {
				left = bit01(row[i-g.c] != 0)
			}
			if x > 1 {
				far = bit01(row[i-2*g.c] != 0)
			}
			if y > 0 {
				above = bit01(row[i-g.kw*g.c] != 0)
				if x+1 < g.kw {
					diag = bit01(row[i-g.kw*g.c+g.c] != 0)
				}
				if x > 0 {
					diag += bit01(row[i-g.kw*g.c-g.c] != 0)
				}
			}
			if up != nil {
				aboveRow = bit01(up[i] != 0)
			}
			// expected numbers by density so far
			rowRatio := ratio(inRow, seenRow, total+1, seen+2)
			colRatio := ratio(int(t.col[i]), r, total+1, seen+2)
			posRatio := ratio(int(t.pos[p]), r*g.c+c, total+1, seen+2)
			chRatio := ratio(int(t.channel[c]), r*g.kh*g.kw+p, total+1, seen+2)
			nearRatio := ratio(int(t.near[i]), r*8, total+1, seen+2)
			t.context(setMask+min(left+above+min(diag, 1)+far, 3),
				ctxMask+k,
				ctxMask+8+k*1024+rowRatio*12+colRatio,
				ctxMask+3*1024+8+k*1024+(log2ish(int(t.col[i]))*16+log2ish(r))*4+int32(aboveRow),
				ctxMask+6*1024+8+int32(((left*2+above)*3+diag)*4+far*2+aboveRow)+48*k,
				ctxMask+6*1024+160+k*144+nearRatio*12+colRatio,
				ctxMask+6*1024+600+k*144+posRatio*12+chRatio,
				ctxMask+6*1024+1040+k*128+int32(min(int(plane[c]), 7))*16+log2ish(inRow))
			b := t.bit(bit01(row[i] != 0))
			account(partMasks)
			seen, seenRow = seen+1, seenRow+1
			if b == 0 {
				row[i] = 0
				continue
			}
			total, inRow = total+1, inRow+1
			t.col[i]++
			t.around(i, x, y)
			t.channel[c]++
			t.pos[p]++
			plane[c]++
			colLast := int8(0)
			if up != nil {
				colLast = up[i]
			}
			leftV := int8(0)
			if x > 0 {
				leftV = row[i-g.c]
			}
			if t.book != nil {
				row[i] = t.codeIndex(row[i], last, colLast, leftV)
			} else {
				row[i] = t.codeByte(row[i], last, colLast, leftV)
			}
			last = row[i]
			account(partIndexes)
		}
	}
}

// around counts the weight of column i, at x, y, for the columns around it.
func (t *tensorCoder) around(i, x, y int) {
	g := t.g
	for dy := max(-1, -y); dy <= min(1, g.kh-1-y); dy++ {
		for dx := max(-1, -x); dx <= min(1, g.kw-1-x); dx++ {
			if dx != 0 || dy != 0 {
				t.near[i+(dy*g.kw+dx)*g.c]++
			}
		}
	}
}

func sign(v int8) int32 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return 2
	}
	return 0
}

// codeIndex codes v as a place in the sorted book by a binary tree of halves.
func (t *tensorCoder) codeIndex(v, last, up, left int8) int8 {
	lo, hi := 0, len(t.book)
	node := int32(1)
	for depth := 0; hi-lo > 1; depth++ {
		mid := (lo + hi) / 2
		t.context(setValue+min(depth, 7),
			ctxValue+node,
			ctxValue+256+(node&63)*3+sign(last),
			ctxValue+512+(node&63)*9+sign(up)*3+sign(left),
			ctxValue+1152+(node&63)*16+int32(t.place(last)))
		b := t.bit(bit01(!t.dec && v >= t.book[mid]))
		if b == 1 {
			lo = mid
		} else {
			hi = mid
		}
		node = node<<1 | int32(b)
		if node > 255 {
			node = node&127 | 128
		}
	}
	return t.book[lo]
}

// place is the rough place of v in the book, 0 for zero.
func (t *tensorCoder) place(v int8) int {
	if v == 0 {
		return 0
	}
	for i, b := range t.book {
		if b >= v {
			return 1 + i*14/len(t.book)
		}
	}
	return 15
}

// codeByte codes a value other than zero: sign, then the magnitude less one.
func (t *tensorCoder) codeByte(v, last, up, left int8) int8 {
	t.context(setValue, ctxValue+3000+sign(last), ctxValue+3004+sign(up)*3+sign(left), ctxValue+3000+16)
	neg := t.bit(bit01(v < 0))
	mag := int(v)
	if neg == 1 {
		mag = -mag
	}
	m := t.number(uint32(max(mag, 1)-1), 8+min(log2ish(abs8(last)), 7), 8+min(log2ish((abs8(up)+abs8(left))/2), 7)+8)
	if m > 126+uint32(neg) {
		t.broken = true
		m = 126
	}
	mag = int(m) + 1
	if neg == 1 {
		mag = -mag
	}
	return int8(mag)
}

func abs8(v int8) int {
	if v < 0 {
		return -int(v)
	}
	return int(v)
}

// number codes n by the length of its binary form, then its digits from the
// top; the first three have contexts. a and b (0..31) choose contexts.
func (c *coder) number(n uint32, a, b int32) uint32 {
	length := int32(0)
	for n>>length != 0 {
		length++
	}
	k := int32(0)
	for k < 32 {
		c.context(setInt+min(int(k), 5), ctxInt+k, ctxInt+64+a*16+min(k, 15), ctxInt+64+512+b*16+min(k, 15))
		if c.bit(bit01(k < length)) == 0 {
			break
		}
		k++
	}
	if k < 2 {
		return uint32(k)
	}
	v := uint32(1)
	for i := k - 2; i >= 0; i-- {
		top := min(v, 7)
		if k-2-i > 2 {
			top = 8 + uint32(min(i, 7))
		}
		c.context(setInt+6, ctxInt+1100+min(k, 15)*16+int32(top), ctxInt+1400+int32(top))
		v = v<<1 | uint32(c.bit(int(n>>i&1)))
	}
	return v
}

// signed codes an int32 as zero, sign and magnitude.
func (c *coder) signed(n int32, a, b int32) int32 {
	c.context(setInt+7, ctxInt+1500+a, ctxInt+1540+b)
	if c.bit(bit01(n != 0)) == 0 {
		return 0
	}
	c.context(setInt+7, ctxInt+1600+a, ctxInt+1640+b)
	neg := c.bit(bit01(n < 0))
	mag := uint32(n)
	if n < 0 {
		mag = -mag
	}
	v := c.number(mag-1, a, b) + 1
	if neg == 1 {
		return int32(-v)
	}
	return int32(v)
}
