package format

// The contexts of the weights. A tensor is coded as [outC, kH, kW, inC]; a
// dense layer that reads an image [H, W, C] is seen as [outC, H, W, C], so that
// neighbouring pixels predict each other.

// Where each kind of bit keeps its counters, and its mixer sets.
const (
	ctxLive  = 0              // is a column in use
	ctxBlock = ctxLive + 64   // does a block hold a weight
	ctxMask  = ctxBlock + 896 // is a weight other than zero
	ctxValue = ctxMask + 4096 // which value
	ctxInt   = ctxValue + 2720
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

// tensorCoder codes the values of one weight tensor.
type tensorCoder struct {
	*coder
	g       grid
	kind    int32 // kindKernel, ...
	live    []bool
	liveN   int
	v       []int8 // values, row-major
	book    []int8 // other than zero, ascending; nil: any int8
	cols    []columnSoFar
	channel []int32    // nonzero weights of each input channel so far
	pos     []int32    // of each position
	plane   []int32    // of each input channel in this row
	n, sum  int64      // nonzero weights in all, and the sum of their magnitudes
	account func(part) // told what the bits since the last call were for, may be nil
}

// columnSoFar is what is known of a column from the rows so far.
type columnSoFar struct {
	n    int32  // nonzero weights
	sum  uint32 // of their magnitudes
	sign int8   // positive less negative ones, held within -2..2
}

func (t *tensorCoder) spent(p part) {
	if t.account != nil {
		t.account(p)
	}
}

// column is a column of a row: its number, channel and position.
type column struct{ i, c, x, y, p int }

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
	line, prev, i := t.g.kw*t.g.c, 0, 0
	for y := 0; y < t.g.kh; y++ {
		for x := 0; x < t.g.kw; x++ {
			for range t.g.c {
				up, left, diag := 0, 0, 0
				if y > 0 {
					up = bit01(t.live[i-line])
					if x+1 < t.g.kw {
						diag = bit01(t.live[i-line+t.g.c])
					}
				}
				if x > 0 {
					left = bit01(t.live[i-t.g.c])
				}
				b := t.bit4(bit01(t.live[i]), setLive, ctxLive+int32(up*4+left*2+diag), ctxLive+8+int32(prev), ctxLive+12+t.kind, ctxLive+16+int32(up*2+left)+4*t.kind)
				t.live[i] = b == 1
				t.liveN += b
				prev = prev<<1&3 | b
				if i++; t.short {
					return
				}
			}
		}
	}
}

// row is what is known of the row that is being coded.
type row struct {
	v, up   []int8 // its values, and those of the row before, nil in the first
	r       int32
	n, seen int32 // nonzero weights and weights so far
	density int64 // of the rows before, 1/65536
	mean    int32 // lg of the mean magnitude of the weights in the rows before
	col     int32 // lg of what a column is expected to have
	log     int32 // log2ish(r)
	last    int8  // latest nonzero value
	before  int32 // nonzero weights of the block before
	ratio   int32 // of n to what seen weights are expected to have, when the block began
}

// code codes every weight of the live columns, row by row.
func (t *tensorCoder) code() {
	g := t.g
	n := g.cols()
	t.cols = make([]columnSoFar, n)
	if t.kind == kindKernel {
		t.channel, t.plane, t.pos = make([]int32, g.c), make([]int32, g.c), make([]int32, g.kh*g.kw)
	}
	for r := 0; r < g.rows; r++ {
		w := row{v: t.v[r*n : (r+1)*n], r: int32(r), log: log2ish(r)}
		if r > 0 {
			w.up = t.v[(r-1)*n : r*n]
		}
		w.density = (t.n + 1) << 16 / int64(r*t.liveN+2)
		w.col = expected(r, w.density)
		w.mean = lg(max(t.sum, 1)) - lg(max(t.n, 1))
		clear(t.plane)
		if t.codeRow(&w); t.short || t.broken {
			return
		}
	}
}

// codeRow codes the live columns of a row in blocks.
func (t *tensorCoder) codeRow(w *row) {
	var cols [block]column
	k := 0
	var x, y, p int
	end := t.g.c // of position p
	for i, live := range t.live {
		if !live {
			continue
		}
		for ; i >= end; end += t.g.c {
			p++
			if x++; x == t.g.kw {
				x = 0
				y++
			}
		}
		at := &cols[k] // field by field: copies of what was just stored are slow
		at.i, at.c, at.x, at.y, at.p = i, i+t.g.c-end, x, y, p
		if k++; k < block {
			continue
		}
		if t.codeBlock(w, cols[:]); t.short || t.broken {
			return
		}
		k = 0
	}
	if k > 0 {
		t.codeBlock(w, cols[:k])
	}
}

// codeBlock codes some columns of a row: whether any is other than zero, and
// if so each.
func (t *tensorCoder) codeBlock(w *row, cols []column) {
	var col, above, up int32
	some := 0
	for i := range cols {
		c := &cols[i]
		col += t.cols[c.i].n
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
	some = t.bit3(some, setBlock,
		ctxBlock+t.kind*144+w.ratio*12+colRatio,
		ctxBlock+432+t.kind*64+min(w.before, 3)*16+min(up, 3)*4+min(above, 3),
		ctxBlock+624+log2ish(int(w.n))*16+colRatio)
	t.spent(partMasks)
	before := w.n
	if some != 0 {
		for j := range cols {
			t.codeElement(w, &cols[j], w.n == before, n-1-j)
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

// look fills in the neighbours of a column.
func (b *neighbours) look(t *tensorCoder, w *row, at *column) {
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
}

// codeElement codes a weight of a block that is not empty; none: all before it
// in the block are zero, left: how many come after. The last must be other than
// zero when all others are zero.
func (t *tensorCoder) codeElement(w *row, at *column, none bool, left int) {
	var b neighbours
	b.look(t, w, at)
	bit := 1
	if !none || left > 0 {
		bit = t.maskBit(int(nonzero(w.v[at.i])), w, at, &b, none, left)
		t.spent(partMasks)
	}
	w.seen++
	if bit == 0 {
		return
	}
	v := w.v[at.i]
	if t.book != nil {
		v = t.codeIndex(v, w, at, &b)
	} else {
		v = t.codeByte(v, w.last, b.upV, b.sideV)
	}
	t.spent(partIndexes)
	w.v[at.i], w.last = v, v
	w.n++
	if t.kind == kindKernel {
		t.channel[at.c]++
		t.pos[at.p]++
		t.plane[at.c]++
	}
	c, m := &t.cols[at.i], abs8(v)
	c.n++
	c.sum += uint32(m)
	c.sign = min(max(c.sign+int8(plus(v)), -2), 2)
	t.n++
	t.sum += int64(m)
}

// maskBit codes whether a weight is other than zero.
func (t *tensorCoder) maskBit(bit int, w *row, at *column, b *neighbours, none bool, left int) int {
	g, k := t.g, t.kind
	set, first := setMask+int(min(b.side+b.above+min(b.diag, 1)+b.far, 3)), int32(0)
	if none {
		set, first = set+4, int32(1+left)
	}
	col := t.cols[at.i].n
	colRatio := ratio(col, w.col)
	k0 := ctxMask + colRatio*9 + first
	k1 := ctxMask + 128 + k*144 + w.ratio*12 + colRatio
	k2 := ctxMask + 560 + k*1024 + (log2ish(int(col))*16+w.log)*4 + b.prev
	if k == kindPlain {
		return t.bit4(bit, set, k0, k1, k2, ctxMask+3632+log2ish(int(w.n)))
	}
	k3 := ctxMask + 3648 + k*48 + ((b.side*2+b.above)*3+b.diag)*4 + b.far*2 + b.prev
	if k == kindImage {
		return t.bit4(bit, set, k0, k1, k2, k3)
	}
	posRatio := ratio(t.pos[at.p], expected(int(w.r)*g.c+at.c, w.density))
	chRatio := ratio(t.channel[at.c], expected(int(w.r)*g.kh*g.kw+at.p, w.density))
	return t.bit(bit, set, k0, k1, k2, k3, ctxMask+3744+min(t.plane[at.c], 7)*16+log2ish(int(w.n)), ctxMask+3872+posRatio*12+chRatio)
}
