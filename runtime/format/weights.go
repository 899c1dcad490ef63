package format

import "math/bits"

// The contexts of the weights. A tensor is coded as [outC, kH, kW, inC]; a
// dense layer that reads an image [H, W, C] is seen as [outC, H, W, C], so that
// neighbouring pixels predict each other.

// Where each kind of bit keeps its counters, and its mixer sets.
const (
	ctxLive  = 0              // is a column in use
	ctxBlock = ctxLive + 64   // does a block hold a weight
	ctxMask  = ctxBlock + 896 // is a weight other than zero
	ctxValue = ctxMask + 4096 // which value
	ctxInt   = ctxValue + 2048
	counters = ctxInt + 2048

	setLive  = 0
	setBlock = 1
	setMask  = 2  // 8: by how many neighbours are set, and whether the block is known to hold a weight
	setValue = 10 // 8: by depth in the tree
	setInt   = 18 // 8: by part of the number
	mixers   = 26
)

// The kinds of tensors, by what neighbours there are.
const (
	kindKernel = 0 // kernels of several positions
	kindImage  = 1 // dense over an image
	kindPlain  = 2 // neither
)

// grid is the shape under which a tensor's weights are coded.
type grid struct{ rows, kh, kw, c int }

func (g grid) cols() int { return g.kh * g.kw * g.c }

// log2ish is a coarse logarithm for contexts: 0, 1, 2, 3, 4 for 4-5, 5 for 6-8,
// 6 for 9-12, and so on, two steps an octave from there, up to 15.
func log2ish(n int) int32 {
	if n < len(smallLogs) {
		return int32(smallLogs[n])
	}
	return logSteps(n)
}

// smallLogs[n] is log2ish(n).
var smallLogs = func() (t [128]uint8) {
	for n := range t {
		t[n] = uint8(logSteps(n))
	}
	return t
}()

// logSteps computes log2ish step by step.
func logSteps(n int) int32 {
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

// logs is round(16 log2(1 + j/32)) for j = 0..31.
var logs = [32]int8{
	0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9,
	9, 10, 10, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 15, 16,
}

// lg is 16 log2(n), n from 1, by the six leading digits.
func lg(n int64) int32 {
	k := bits.Len64(uint64(n)) - 1
	return int32(k)<<4 + int32(logs[uint64(n)<<5>>k&31])
}

// expected is lg of twice the number of weights other than zero that n have at
// a density of d/65536, plus one.
func expected(n int, d int64) int32 { return lg((2*int64(n)*d+65536)>>12) - 64 }

// ratio compares a count with lg of what is expected, in 12 steps of half an
// octave; 6 is as expected.
func ratio(count int32, expected int32) int32 {
	return min(max((lg(2*int64(count)+1)-expected+52)>>3, 0), 11)
}

// tensorCoder codes the values of one weight tensor.
type tensorCoder struct {
	*coder
	g       grid
	kind    int32 // kindKernel, ...
	live    []bool
	liveN   int
	v       []int8     // values, row-major
	book    []int8     // other than zero, ascending; nil: any int8
	places  [256]uint8 // the rough place of a value in the book, 1..14; 0 for zero
	col     []int32    // nonzero weights of each column in the rows so far
	channel []int32    // of each input channel
	pos     []int32    // of each position
	plane   []int32    // of each input channel in this row
}

// column is a column of a row: its number, channel and position.
type column struct{ i, c, x, y, p int }

// step goes on to the next column.
func (at *column) step(g grid) {
	at.i++
	if at.c++; at.c < g.c {
		return
	}
	at.c = 0
	at.p++
	if at.x++; at.x == g.kw {
		at.x = 0
		at.y++
	}
}

// block is the number of live columns of a row that one bit declares empty.
const block = 8

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

// row is what is known of the row that is being coded.
type row struct {
	v, up   []int8 // its values, and those of the row before, nil in the first
	r       int32
	n, seen int32 // nonzero weights and weights so far
	density int64 // of the rows before, 1/65536
	col     int32 // lg of what a column is expected to have
	log     int32 // log2ish(r)
	last    int8  // latest nonzero value
	before  int32 // nonzero weights of the block before
	ratio   int32 // of n to what seen weights are expected to have, when the block began
}

// code codes every weight of the live columns, row by row.
func (t *tensorCoder) code(account func(part)) {
	g := t.g
	n := g.cols()
	counts := make([]int32, n+2*g.c+g.kh*g.kw)
	t.col, counts = counts[:n], counts[n:]
	t.channel, counts = counts[:g.c], counts[g.c:]
	t.plane, t.pos = counts[:g.c], counts[g.c:]
	for i, v := range t.book {
		t.places[uint8(v)] = uint8(1 + i*14/len(t.book))
	}
	var cols [block]column
	total := 0 // nonzero weights
	for r := 0; r < g.rows; r++ {
		w := row{v: t.v[r*n : (r+1)*n], r: int32(r), log: log2ish(r)}
		if r > 0 {
			w.up = t.v[(r-1)*n : r*n]
		}
		w.density = int64(total+1) << 16 / int64(r*t.liveN+2)
		w.col = expected(r, w.density)
		clear(t.plane)
		for at := (column{}); at.i < n; {
			k := 0
			for ; at.i < n && k < block; at.step(g) {
				if t.live[at.i] {
					cols[k] = at
					k++
				}
			}
			if t.short || t.broken {
				return
			}
			if k > 0 {
				t.codeBlock(&w, cols[:k], account)
			}
		}
		total += int(w.n)
	}
}

// codeBlock codes some columns of a row: whether any is other than zero, and
// if so each.
func (t *tensorCoder) codeBlock(w *row, cols []column, account func(part)) {
	m := t.model
	var col, above, up int32
	some := 0
	for _, c := range cols {
		col += t.col[c.i]
		if j := c.i - t.g.kw*t.g.c; j >= 0 && j < cols[0].i {
			above += nonzero(w.v[j])
		}
		if w.up != nil {
			up += nonzero(w.up[c.i])
		}
		some |= int(nonzero(w.v[c.i]))
	}
	n := len(cols)
	w.ratio = ratio(w.n, expected(int(w.seen), w.density))
	colRatio := ratio(col, expected(int(w.r)*n, w.density))
	m.begin(setBlock)
	m.add(ctxBlock + t.kind*144 + w.ratio*12 + colRatio)
	m.add(ctxBlock + 432 + t.kind*64 + min(w.before, 3)*16 + min(up, 3)*4 + min(above, 3))
	m.add(ctxBlock + 624 + log2ish(int(w.n))*16 + colRatio)
	some = t.bit(some)
	account(partMasks)
	before := w.n
	if some != 0 {
		for j, c := range cols {
			t.codeElement(w, c, w.n == before, n-1-j, account)
		}
	} else {
		w.seen += int32(n)
	}
	w.before = w.n - before
}

// neighbours are the weights around one that are known: nonzero or not, and
// the values of two.
type neighbours struct {
	side, far, above, diag, prev int32 // left, left of that, above, diagonally above (two), in the row before
	sideV, upV                   int8
}

func (t *tensorCoder) neighbours(w *row, at column) (b neighbours) {
	c, line, i := t.g.c, t.g.kw*t.g.c, at.i
	if at.x > 0 {
		b.sideV = w.v[i-c]
		b.side = nonzero(b.sideV)
	}
	if at.x > 1 {
		b.far = nonzero(w.v[i-2*c])
	}
	if at.y > 0 {
		b.above = nonzero(w.v[i-line])
		if at.x+1 < t.g.kw {
			b.diag = nonzero(w.v[i-line+c])
		}
		if at.x > 0 {
			b.diag += nonzero(w.v[i-line-c])
		}
	}
	if w.up != nil {
		b.upV = w.up[i]
		b.prev = nonzero(b.upV)
	}
	return b
}

// codeElement codes a weight of a block that is not empty; none: all before it
// in the block are zero, left: how many come after. The last must be other than
// zero when all others are zero.
func (t *tensorCoder) codeElement(w *row, at column, none bool, left int, account func(part)) {
	b := t.neighbours(w, at)
	bit := 1
	if !none || left > 0 {
		t.maskContexts(w, at, b, none, left)
		bit = t.bit(int(nonzero(w.v[at.i])))
		account(partMasks)
	}
	w.seen++
	if bit == 0 {
		return
	}
	w.n++
	t.col[at.i]++
	t.channel[at.c]++
	t.pos[at.p]++
	t.plane[at.c]++
	v := w.v[at.i]
	if t.book != nil {
		v = t.codeIndex(v, w.last, b.upV, b.sideV)
	} else {
		v = t.codeByte(v, w.last, b.upV, b.sideV)
	}
	w.v[at.i], w.last = v, v
	account(partIndexes)
}

// maskContexts chooses the contexts of whether a weight is other than zero.
func (t *tensorCoder) maskContexts(w *row, at column, b neighbours, none bool, left int) {
	m := t.model
	g, k := t.g, t.kind
	set, first := setMask+int(min(b.side+b.above+min(b.diag, 1)+b.far, 3)), int32(0)
	if none {
		set, first = set+4, int32(1+left)
	}
	colRatio := ratio(t.col[at.i], w.col)
	m.begin(set)
	m.add(ctxMask + colRatio*9 + first)
	m.add(ctxMask + 128 + k*144 + w.ratio*12 + colRatio)
	m.add(ctxMask + 560 + k*1024 + (log2ish(int(t.col[at.i]))*16+w.log)*4 + b.prev)
	if k == kindPlain {
		m.add(ctxMask + 3632 + log2ish(int(w.n)))
		return
	}
	m.add(ctxMask + 3648 + k*48 + ((b.side*2+b.above)*3+b.diag)*4 + b.far*2 + b.prev)
	if k == kindImage {
		return
	}
	m.add(ctxMask + 3744 + min(t.plane[at.c], 7)*16 + log2ish(int(w.n)))
	posRatio := ratio(t.pos[at.p], expected(int(w.r)*g.c+at.c, w.density))
	chRatio := ratio(t.channel[at.c], expected(int(w.r)*g.kh*g.kw+at.p, w.density))
	m.add(ctxMask + 3872 + posRatio*12 + chRatio)
}

func nonzero(v int8) int32 {
	if v != 0 {
		return 1
	}
	return 0
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
	m := t.model
	lo, hi := 0, len(t.book)
	node := int32(1)
	sides := sign(up)*3 + sign(left)
	near := int32(t.places[uint8(last)])
	for depth := 0; hi-lo > 1; depth++ {
		mid := (lo + hi) / 2
		m.begin(setValue + min(depth, 7))
		m.add(ctxValue + node)
		m.add(ctxValue + 256 + (node&63)*9 + sides)
		m.add(ctxValue + 832 + (node&63)*16 + near)
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

// codeByte codes a value other than zero: sign, then the magnitude less one.
func (t *tensorCoder) codeByte(v, last, up, left int8) int8 {
	t.context(setValue, ctxValue+1856+sign(last), ctxValue+1860+sign(up)*3+sign(left), ctxValue+1872)
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
