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
	v       []int8     // values, row-major
	book    []int8     // other than zero, ascending; nil: any int8
	cols    []column   // the live ones
	own, up []int8     // the row that is being coded, as far as it is known, and the one before, in a frame of zeros; see frame
	line    int        // from a position of a frame to the one below it
	channel []int32    // nonzero weights of each input channel so far
	pos     []int32    // of each position
	plane   []int32    // of each input channel in this row
	n, sum  int64      // nonzero weights in all, and the sum of their magnitudes
	account func(part) // told what the bits since the last call were for, may be nil
}

func (t *tensorCoder) spent(p part) {
	if t.account != nil {
		t.account(p)
	}
}

// column is a live column, and what is known of it from the rows so far.
type column struct {
	i    int32  // its number
	at   int32  // its place in a frame
	c, p int32  // its channel and position
	n    int32  // nonzero weights
	sum  uint32 // of their magnitudes
	sign int8   // positive less negative ones, held within -2..2
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
				prev = prev<<1&3 | b
				if i++; t.short {
					return
				}
			}
		}
	}
}

// frame lists the live columns and makes room for two rows, [kh, kw, c], with zeros
// around them where a weight has neighbours: a row of positions above, and in each row
// two before the first and one after the last.
func (t *tensorCoder) frame() {
	g := t.g
	before, after, above := 2, 1, 1
	if t.kind == kindPlain {
		before, after, above = 0, 0, 0
	}
	t.line = (before + g.kw + after) * g.c
	size := (above + g.kh) * t.line
	rows := make([]int8, 2*size)
	t.own, t.up = rows[:size], rows[size:]
	n := 0
	for _, live := range t.live {
		n += bit01(live)
	}
	t.cols = make([]column, 0, n)
	i := 0
	for y := range g.kh {
		for x := range g.kw {
			at := (above+y)*t.line + (before+x)*g.c
			for c := range g.c {
				if t.live[i] {
					t.cols = append(t.cols, column{i: int32(i), at: int32(at + c), c: int32(c), p: int32(y*g.kw + x)})
				}
				i++
			}
		}
	}
}

// row is what is known of the row that is being coded.
type row struct {
	v       []int8 // its values
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

// code codes every weight of the live columns, row by row, in blocks.
func (t *tensorCoder) code() {
	g := t.g
	n := g.cols()
	t.frame()
	if t.kind == kindKernel {
		t.channel, t.plane, t.pos = make([]int32, g.c), make([]int32, g.c), make([]int32, g.kh*g.kw)
	}
	for r := 0; r < g.rows; r++ {
		w := row{v: t.v[r*n : (r+1)*n], r: int32(r), log: log2ish(r)}
		w.density = (t.n + 1) << 16 / int64(r*len(t.cols)+2)
		w.col = expected(r, w.density)
		w.mean = lg(max(t.sum, 1)) - lg(max(t.n, 1))
		clear(t.plane)
		for k := 0; k < len(t.cols); k += block {
			if t.codeBlock(&w, t.cols[k:min(k+block, len(t.cols))]); t.short || t.broken {
				return
			}
		}
		t.own, t.up = t.up, t.own
		clear(t.own)
	}
}

// codeBlock codes some columns of a row: whether any is other than zero, and
// if so each.
func (t *tensorCoder) codeBlock(w *row, cols []column) {
	var col, above, up int32
	some := 0
	for i := range cols {
		c := &cols[i]
		col += c.n
		if t.kind != kindPlain {
			above += nonzero(t.own[int(c.at)-t.line])
		}
		up += nonzero(t.up[c.at])
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

// neighbours are the weights around one, zero where they are not known: values,
// and which are other than zero.
type neighbours struct {
	side, far, above, diag, prev            int32 // left, left of that, above, diagonally above (two), in the row before
	sideV, farV, aboveV, leftV, rightV, upV int8
}

// look fills in the neighbours of a column.
func (b *neighbours) look(t *tensorCoder, at *column) {
	i := int(at.at)
	b.upV = t.up[i]
	b.prev = nonzero(b.upV)
	if t.kind == kindPlain {
		return
	}
	c, own := t.g.c, t.own
	b.sideV, b.farV = own[i-c], own[i-2*c]
	b.side, b.far = nonzero(b.sideV), nonzero(b.farV)
	i -= t.line
	b.aboveV, b.rightV, b.leftV = own[i], own[i+c], own[i-c]
	b.above, b.diag = nonzero(b.aboveV), nonzero(b.rightV)+nonzero(b.leftV)
}

// codeElement codes a weight of a block that is not empty; none: all before it
// in the block are zero, left: how many come after. The last must be other than
// zero when all others are zero.
func (t *tensorCoder) codeElement(w *row, at *column, none bool, left int) {
	var b neighbours
	b.look(t, at)
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
	w.v[at.i], t.own[at.at], w.last = v, v, v
	w.n++
	if t.kind == kindKernel {
		t.channel[at.c]++
		t.pos[at.p]++
		t.plane[at.c]++
	}
	m := abs8(v)
	at.n++
	at.sum += uint32(m)
	at.sign = min(max(at.sign+int8(plus(v)), -2), 2)
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
	col := at.n
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
	posRatio := ratio(t.pos[at.p], expected(int(w.r)*g.c+int(at.c), w.density))
	chRatio := ratio(t.channel[at.c], expected(int(w.r)*g.kh*g.kw+int(at.p), w.density))
	return t.bit(bit, set, k0, k1, k2, k3, ctxMask+3744+min(t.plane[at.c], 7)*16+log2ish(int(w.n)), ctxMask+3872+posRatio*12+chRatio)
}
