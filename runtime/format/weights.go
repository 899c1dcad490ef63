package format

// The contexts of the weights. A tensor is coded as [outC, kH, kW, inC]; a
// dense layer that reads an image [H, W, C] is seen as [outC, H, W, C], so that
// neighbouring pixels predict each other.

// Where each kind of bit keeps its counters, and its mixer sets.
const (
	ctxLive  = 0              // is a column in use
	ctxBlock = ctxLive + 64   // does a block hold a weight
	ctxMask  = ctxBlock + 896 // is a weight nonzero
	ctxValue = ctxMask + 1024 // which value
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
type grid struct {
	rows, kh, kw, c int
	kind            int32 // kindKernel, ...
}

func (g grid) cols() int { return g.kh * g.kw * g.c }

// back returns how many columns lie between a weight and the one to its left.
func (g grid) back() int {
	if g.kind == kindPlain {
		return 1
	}
	return g.c
}

// grids returns the shape under which each weight tensor is coded: that of the first
// instruction that uses it.
func (f *File) grids() []grid {
	grids := make([]grid, len(f.Weights))
	for i := range f.Instrs {
		in := &f.Instrs[i]
		if !in.weighted() || grids[in.Weight].rows > 0 {
			continue
		}
		w := &f.Weights[in.Weight]
		g := grid{w.OutC, w.KH, w.KW, w.InC, kindPlain}
		switch in.Op.row().weights {
		case kernel:
			if w.KH*w.KW > 1 {
				g.kind = kindKernel
			}
		case matrix:
			if s := f.Tensors[in.In[0]].Shape; len(s) == 3 && s[0]*s[1] > 1 {
				g = grid{w.OutC, s[0], s[1], s[2], kindImage}
			}
		}
		grids[in.Weight] = g
	}
	return grids
}

// scratch is what tensors are coded in, one after the other.
type scratch struct {
	live   []bool
	rows   []int8
	nears  []uint8
	cols   []column
	blocks []blockSum
	counts []int32

	// Of all tensors together, the most columns and elements of a frame; 0: not known yet.
	columns, frame int
}

// fit learns what tensors of these shapes need, so that all of them find room in what the
// first allocates.
func (c *coder) fit(grids []grid) {
	s := &c.scratch
	for _, g := range grids {
		line, rows := g.frame()
		s.columns, s.frame = max(s.columns, g.cols()), max(s.frame, line*rows)
		if d := c.dense; d != nil {
			d.most = max(d.most, g.back()+g.cols())
		}
	}
}

// frame returns the elements of a row of positions of a frame, and its rows; see
// tensorCoder.frame.
func (g grid) frame() (line, rows int) {
	if g.kind == kindPlain {
		return g.kw * g.c, g.kh
	}
	return (2 + g.kw + 1) * g.c, 1 + g.kh
}

// grown returns the first n elements of s, cleared. When it has fewer, it is made anew, with
// most elements.
func grown[T any](s *[]T, n, most int) []T {
	if cap(*s) < n {
		*s = make([]T, max(n, most))
		return (*s)[:n]
	}
	t := (*s)[:n]
	clear(t)
	return t
}

// tensorCoder codes the values of one weight tensor.
type tensorCoder struct {
	*coder
	g       grid
	kind    int32 // kindKernel, ...
	live    []bool
	v       []int8     // values, row-major
	book    []int8     // nonzero, ascending; nil: any int8
	cols    []column   // the live ones
	blocks  []blockSum // of them
	own, up []int8     // the row that is being coded, as far as it is known, and the one before, in a frame of zeros; see frame
	near    []uint8    // what is near each weight of the row, in a frame; see nearSide
	next    []uint8    // what is near those of the next row
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
	log  int32  // lg(2n+1)
	sum  uint32 // of their magnitudes
	sign int8   // positive less negative ones, held within -2..2
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
				b := t.bit(bit01(t.live[i]), setLive, ctxLive+int32(up*4+left*2+diag), ctxLive+8+int32(prev), ctxLive+12+t.kind, ctxLive+16+int32(up*2+left)+4*t.kind)
				t.live[i] = b == 1
				prev = prev<<1&3 | b
				if i++; t.stopped() {
					return
				}
			}
		}
	}
}

// frame lists the live columns and makes room for two rows, [kh, kw, c], with zeros
// around them where a weight has neighbours: a row of positions above, and in each row
// two before the first and one after the last. What is near has a row below too,
// which is written and never read.
func (t *tensorCoder) frame() {
	g := t.g
	before, above := 2, 1
	if t.kind == kindPlain {
		before, above = 0, 0
	}
	line, n := g.frame()
	t.line = line
	size, s := n*line, &t.scratch
	rows, nears := grown(&s.rows, 2*size, 2*s.frame), grown(&s.nears, 2*(size+line), 4*s.frame)
	t.own, t.up = rows[:size], rows[size:]
	t.near, t.next = nears[:size+t.line], nears[size+t.line:]
	n = 0
	for _, live := range t.live {
		n += bit01(live)
	}
	t.cols = grown(&s.cols, n, s.columns)[:0]
	t.blocks = grown(&s.blocks, (n+block-1)/block, s.columns/block+1)
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
	block   int32 // and a whole block
	last    int8  // latest nonzero value
	before  int32 // nonzero weights of the block before
}

// code codes every weight of the live columns, row by row, in blocks.
func (t *tensorCoder) code() {
	g := t.g
	n := g.cols()
	t.frame()
	if t.kind == kindKernel {
		counts := grown(&t.scratch.counts, 2*g.c+g.kh*g.kw, 3*t.scratch.columns)
		t.channel, t.plane, t.pos = counts[:g.c], counts[g.c:2*g.c], counts[2*g.c:]
	}
	for r := 0; r < g.rows; r++ {
		if t.n > t.nonzero {
			return
		}
		w := row{v: t.v[r*n : (r+1)*n], r: int32(r)}
		w.density = (t.n + 1) << 16 / int64(r*len(t.cols)+2)
		w.col, w.block = expected(r, w.density), expected(r*block, w.density)
		w.mean = lg(max(t.sum, 1)) - lg(max(t.n, 1))
		clear(t.plane)
		for k := 0; k < len(t.cols); k += block {
			if t.codeBlock(&w, t.cols[k:min(k+block, len(t.cols))], &t.blocks[k/block]); t.stopped() {
				return
			}
		}
		t.own, t.up = t.up, t.own
		clear(t.own)
		t.near, t.next = t.next, t.near
		clear(t.next)
	}
}

// codeValue codes a nonzero weight, and keeps count of it.
func (t *tensorCoder) codeValue(w *row, at *column) {
	i := int(at.at)
	v, up, side := w.v[at.i], t.up[i], int8(0)
	if t.kind != kindPlain {
		side = t.own[i-t.g.c]
	}
	if t.book != nil {
		v = t.codeIndex(v, w, at, sign(up)*3+sign(side))
	} else {
		v = t.codeByte(v, w.last, up, side)
	}
	t.spent(partIndexes)
	w.v[at.i], t.own[i], w.last = v, v, v
	t.mark(at)
	m := abs8(v)
	at.n++
	at.log = lg(2*int64(at.n) + 1)
	at.sum += uint32(m)
	at.sign = min(max(at.sign+int8(plus(v)), -2), 2)
	w.n++
	t.n++
	t.sum += int64(m)
}
