package format

// Which weights are nonzero: blocks of columns that hold any, then the
// columns of these.

// block is the number of live columns of a row that one bit declares empty.
const block = 8

// blockSum is what is known of a block of columns.
type blockSum struct {
	n  int32 // nonzero weights in the rows so far
	up int32 // in the row before
}

// codeBlock codes some columns of a row: whether any is nonzero, and
// if so each.
func (t *tensorCoder) codeBlock(w *row, cols []column, of *blockSum) {
	some, above := 0, int32(0)
	if !t.dec {
		for i := range cols {
			some |= int(nonzero(w.v[cols[i].i]))
		}
	}
	if t.kind != kindPlain {
		for i := range cols {
			above += int32(t.near[cols[i].at] / nearAbove & 1)
		}
	}
	n, all := int32(len(cols)), w.block
	if n < block {
		all = expected(int(w.r*n), w.density)
	}
	own, column := t.kind*144+ratio(w.n, expected(int(w.seen), w.density))*12, ratio(of.n, all)
	some = t.bit3(some, setBlock,
		ctxBlock+own+column,
		ctxBlock+432+t.kind*64+min(w.before, 3)*16+min(of.up, 3)*4+min(above, 3),
		ctxBlock+624+log2ish(int(w.n))*16+column)
	t.spent(partMasks)
	before := w.n
	w.seen += n
	if some == 1 {
		t.codeMasks(w, cols, own)
	}
	w.before = w.n - before
	of.n, of.up = of.n+w.before, w.before
}

// codeMasks codes of each column of a block that is not empty whether the weight
// is nonzero, and if so its value. The last must be when all others are
// not. own is the context of the row.
func (t *tensorCoder) codeMasks(w *row, cols []column, own int32) {
	before := w.n
	for j := range cols {
		at := &cols[j]
		left := 0 // while all are zero: those that are left
		if w.n == before {
			left = len(cols) - j
		}
		if left != 1 {
			bit := 0
			if !t.dec {
				bit = int(nonzero(w.v[at.i]))
			}
			bit = t.maskBit(bit, w, at, own, left)
			t.spent(partMasks)
			if bit == 0 {
				continue
			}
		}
		t.codeValue(w, at)
	}
}

// What is near a weight: flags, but for the number of weights diagonally above,
// up to two. What is not coded yet counts as zero.
const (
	nearSide  = 1  // the one to the left
	nearFar   = 2  // the one to the left of that
	nearAbove = 4  // the one above
	nearDiag  = 8  // for each of the two diagonally above
	nearPrev  = 32 // in the row before
	nears     = 64
)

// crowd[near] is how many of four kinds of neighbours there are, three at most.
var crowd = func() (n [nears]uint8) {
	for near := range n {
		side, far, above, diag := near/nearSide&1, near/nearFar&1, near/nearAbove&1, near/nearDiag&3
		n[near] = uint8(min(side+far+above+min(diag, 1), 3))
	}
	return n
}()

// mark tells the neighbours of a weight that it is nonzero.
func (t *tensorCoder) mark(at *column) {
	i, c := int(at.at), t.g.c
	t.next[i] = nearPrev
	if t.kind == kindPlain {
		return
	}
	t.near[i+c] |= nearSide
	t.near[i+2*c] |= nearFar
	i += t.line
	t.near[i] |= nearAbove
	t.near[i-c] += nearDiag
	t.near[i+c] += nearDiag
	if t.kind == kindKernel {
		t.channel[at.c]++
		t.pos[at.p]++
		t.plane[at.c]++
	}
}

// maskBit codes whether a weight is nonzero. own is the context of the
// row, left how many weights of the block are left when those before are zero,
// otherwise 0.
func (t *tensorCoder) maskBit(bit int, w *row, at *column, own int32, left int) int {
	near := t.near[at.at] & (nears - 1)
	set := setMask + int(crowd[near])
	if left > 0 {
		set += 4
	}
	column := ratioOf(at.log, w.col)
	k0, k1 := ctxMask+column*9+int32(left), ctxMask+128+own+column
	if t.kind == kindPlain {
		return t.bit3(bit, set, k0, k1, ctxMask+688+log2ish(int(w.n)))
	}
	k2 := ctxMask + 560 + t.kind*nears + int32(near)
	if t.kind == kindImage {
		return t.bit3(bit, set, k0, k1, k2)
	}
	r, g := int(w.r), t.g
	position := ratio(t.pos[at.p], expected(r*g.c+int(at.c), w.density))
	channel := ratio(t.channel[at.c], expected(r*g.kh*g.kw+int(at.p), w.density))
	return t.bit(bit, set, k0, k1, k2, ctxMask+704+min(t.plane[at.c], 7)*16+log2ish(int(w.n)), ctxMask+832+position*12+channel)
}
