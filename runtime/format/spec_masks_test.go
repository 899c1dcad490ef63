package format

import "math/bits"

// The masks and values of section 2, by the text of SPEC.md alone.

func (d *specDecoder) live(kh, kw, c, kind int) []bool {
	live := make([]bool, kh*kw*c)
	at := func(y, x, ch int) int {
		if y < 0 || x < 0 || x >= kw {
			return 0
		}
		return bit01(live[(y*kw+x)*c+ch])
	}
	h := 0
	for i := range live {
		y, x, ch := i/c/kw, i/c%kw, i%c
		u, l, diag := at(y-1, x, ch), at(y, x-1, ch), at(y-1, x+1, ch)
		b := d.bit(0, 4*u+2*l+diag, 8+h, 12+kind, 16+2*u+l+4*kind)
		live[i], h = b == 1, h<<1&3|b
	}
	return live
}

// specLg is 16 log2(n) by its leading digits.
func specLg(n int) int {
	k := bits.Len(uint(n)) - 1
	logs := [32]int{0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 15, 16}
	return 16*k + logs[n*32>>k-32]
}

// specTensor is a tensor of which values reads the weights, block by block.
type specTensor struct {
	*specDecoder
	rows, kh, kw, c, kind int
	columns               []int // those with a weight that is not zero
	book                  []int8
	shared                bool
	v                     []int8

	total, sum              int   // nonzero weights so far, and their magnitudes
	inCol, inPos, inChannel []int // nonzero weights
	sumCol, signCol         []int // magnitudes; positive less negative weights, within -2..2

	r                int
	row              []int8
	density, mean    int // as the row starts
	inRow, seenRow   int // nonzero and all weights of the row
	plane            []int
	last             int8 // nonzero weight of the row
	before, rowRatio int  // nonzero weights of the block before; the block's ratio of the row
}

func (d *specDecoder) values(rows, kh, kw, c, kind int, live []bool, book []int8, shared bool) []int8 {
	n := kh * kw * c
	t := &specTensor{
		specDecoder: d, rows: rows, kh: kh, kw: kw, c: c, kind: kind, book: book, shared: shared,
		v: make([]int8, rows*n), inCol: make([]int, n), inPos: make([]int, kh*kw), inChannel: make([]int, c),
		sumCol: make([]int, n), signCol: make([]int, n),
	}
	for i := range live {
		if live[i] {
			t.columns = append(t.columns, i)
		}
	}
	for t.r = range rows {
		t.row = t.v[t.r*n : (t.r+1)*n]
		t.density = (t.total + 1) << 16 / (t.r*len(t.columns) + 2)
		t.mean = specLg(max(t.sum, 1)) - specLg(max(t.total, 1))
		t.inRow, t.seenRow, t.plane, t.last, t.before = 0, 0, make([]int, c), 0, 0
		for at := 0; at < len(t.columns); at += 8 {
			t.block(t.columns[at:min(at+8, len(t.columns))])
		}
	}
	return t.v
}

// at is a weight of this row, zero outside the image.
func (t *specTensor) at(y, x, ch int) int8 {
	if y < 0 || x < 0 || x >= t.kw {
		return 0
	}
	return t.row[(y*t.kw+x)*t.c+ch]
}

func (t *specTensor) nz(y, x, ch int) int { return bit01(t.at(y, x, ch) != 0) }

func (t *specTensor) signAt(y, x, ch int) int {
	v := t.at(y, x, ch)
	return bit01(v > 0) - bit01(v < 0)
}

// above is the weight of this column in the row before.
func (t *specTensor) above(i int) int8 {
	if t.r == 0 {
		return 0
	}
	return t.v[(t.r-1)*len(t.row)+i]
}

func (t *specTensor) ratio(count, m int) int {
	return min(max((specLg(2*count+1)-specLg((2*m*t.density+65536)>>12)+116)>>3, 0), 11)
}

func (t *specTensor) block(block []int) {
	var K, above, prev int
	for _, i := range block {
		K += t.inCol[i]
		if k := i - t.kw*t.c; k >= 0 && k < block[0] {
			above += bit01(t.row[k] != 0)
		}
		prev += bit01(t.above(i) != 0)
	}
	m, start := len(block), t.inRow
	colRatio := t.ratio(K, t.r*m)
	t.rowRatio = t.ratio(t.inRow, t.seenRow)
	if t.bit(1,
		specBlock+144*t.kind+12*t.rowRatio+colRatio,
		specBlock+432+64*t.kind+16*min(t.before, 3)+4*min(prev, 3)+min(above, 3),
		specBlock+624+16*specLog(t.inRow)+colRatio) == 0 {
		t.seenRow += m
		t.before = 0
		return
	}
	for j, i := range block {
		nonzero := t.nonzero(i, m-j, t.inRow == start)
		t.seenRow++
		if nonzero {
			t.row[i] = t.value(i)
			t.count(i)
		}
	}
	t.before = t.inRow - start
}

// nonzero reads the mask of column i; left weights of the block are to come, and
// none says that all before were zero.
func (t *specTensor) nonzero(i, left int, none bool) bool {
	y, x, ch := i/t.c/t.kw, i/t.c%t.kw, i%t.c
	side, far, above := t.nz(y, x-1, ch), t.nz(y, x-2, ch), t.nz(y-1, x, ch)
	diag := t.nz(y-1, x-1, ch) + t.nz(y-1, x+1, ch)
	p := i / t.c
	set, first := 2+min(side+above+min(diag, 1)+far, 3), 0
	if none {
		set, first = set+4, left
	}
	colRatio := t.ratio(t.inCol[i], t.r)
	contexts := []int{
		specMask + 9*colRatio + first,
		specMask + 128 + 144*t.kind + 12*t.rowRatio + colRatio,
	}
	switch t.kind {
	case 0, 1:
		contexts = append(contexts, specMask+560+64*t.kind+32*bit01(t.above(i) != 0)+8*diag+4*above+2*far+side)
	case 2:
		contexts = append(contexts, specMask+688+specLog(t.inRow))
	}
	if t.kind == 0 {
		contexts = append(contexts, specMask+704+16*min(t.plane[ch], 7)+specLog(t.inRow),
			specMask+832+12*t.ratio(t.inPos[p], t.r*t.c+ch)+t.ratio(t.inChannel[ch], t.r*t.kh*t.kw+p))
	}
	return none && left == 1 || t.bit(set, contexts...) == 1
}

// value reads the weight of column i, which is not zero.
func (t *specTensor) value(i int) int8 {
	y, x, ch := i/t.c/t.kw, i/t.c%t.kw, i%t.c
	up, side := t.above(i), t.at(y, x-1, ch)
	if !t.shared {
		return t.direct(t.last, up, side)
	}
	around := 2*(t.signAt(y, x-1, ch)+t.signAt(y-1, x, ch)) + t.signAt(y, x-2, ch) + t.signAt(y-1, x-1, ch) + t.signAt(y-1, x+1, ch)
	signs := 5*(t.signCol[i]+2) + min(max((around+5)>>1, 0), 4)
	size := 0
	if K := t.inCol[i]; K > 0 {
		size = 4 + min(max((specLg(t.sumCol[i])-specLg(K)-t.mean+2)>>2, -3), 3)
	}
	return t.index(t.book, up, side, signs, size)
}

// count adds the weight of column i to all that later contexts depend on.
func (t *specTensor) count(i int) {
	ch := i % t.c
	m := max(int(t.row[i]), -int(t.row[i]))
	t.total, t.inRow, t.sum = t.total+1, t.inRow+1, t.sum+m
	t.inCol[i]++
	t.inPos[i/t.c]++
	t.inChannel[ch]++
	t.plane[ch]++
	t.sumCol[i] += m
	t.signCol[i] = min(max(t.signCol[i]+t.signAt(i/t.c/t.kw, i/t.c%t.kw, ch), -2), 2)
	t.last = t.row[i]
}

func (d *specDecoder) index(book []int8, up, side int8, signs, size int) int8 {
	lo, hi, node := 0, len(book), 1
	for depth := 0; hi-lo > 1; depth++ {
		m := (lo + hi) / 2
		low := node & 63
		b := d.bit(10+min(depth, 7), specValue+9*low+3*specSign(up)+specSign(side), specValue+576+25*low+signs, specValue+2176+8*low+size)
		if b == 1 {
			lo = m
		} else {
			hi = m
		}
		if node = 2*node + b; node > 255 {
			node = node&127 | 128
		}
	}
	return book[lo]
}

func (d *specDecoder) direct(last, up, side int8) int8 {
	abs := func(v int8) int { return max(int(v), -int(v)) }
	negative := d.bit(10, specValue+2688+specSign(last), specValue+2692+3*specSign(up)+specSign(side), specValue+2704)
	m := int(d.number(8+min(specLog(abs(last)), 7), 16+min(specLog((abs(up)+abs(side))/2), 7))) + 1
	if negative == 1 {
		return int8(-m)
	}
	return int8(m)
}
