package format

// codeIndex codes v, a value of the sorted book, as a place in it: a binary
// tree of halves. around is the context of the signs in the row before and to the left.
func (t *tensorCoder) codeIndex(v int8, w *row, at *column, around int32) int8 {
	lo, hi := 0, len(t.book)
	node := int32(1)
	signs, size := t.signs(at), at.size(w)
	for depth := 0; hi-lo > 1; depth++ {
		mid := (lo + hi) / 2
		n := node & 63
		bit := 0
		if !t.dec && v >= t.book[mid] {
			bit = 1
		}
		bit = t.bit3(bit, setValue+min(depth, 7), ctxValue+around+n*9, ctxValue+576+signs+n*25, ctxValue+2176+size+n*8)
		lo += bit * (mid - lo) // without a branch
		hi = mid + bit*(hi-mid)
		if node = node<<1 | int32(bit); node > 255 {
			node = node&127 | 128
		}
	}
	return t.book[lo]
}

// signs is the context of the signs in the column so far and around the weight, 0..24.
func (t *tensorCoder) signs(at *column) int32 {
	if t.kind == kindPlain {
		return int32(at.sign+2)*5 + 2
	}
	c, i, own := t.g.c, int(at.at), t.own
	s := 2*plus(own[i-c]) + plus(own[i-2*c])
	i -= t.line
	s += 2*plus(own[i]) + plus(own[i-c]) + plus(own[i+c])
	return int32(at.sign+2)*5 + min(max((s+5)/2, 0), 4)
}

// size compares the mean magnitude of the column so far with the tensor's, in
// steps of a quarter of an octave: 1..7, 4 is alike; 0: nothing to compare.
func (at *column) size(w *row) int32 {
	if at.n == 0 {
		return 0
	}
	s := (lg(int64(at.sum)) - lg(int64(at.n)) - w.mean + 2) >> 2
	return 4 + min(max(s, -3), 3)
}

// codeByte codes a nonzero value: sign, then the magnitude less one.
func (t *tensorCoder) codeByte(v, last, up, left int8) int8 {
	neg := t.bit(bit01(v < 0), setValue, ctxValue+2688+sign(last), ctxValue+2692+sign(up)*3+sign(left), ctxValue+2704)
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

// The three below have no branches: weights are too random to be guessed.

// nonzero is 1 for nonzero values.
func nonzero(v int8) int32 { return negative(int32(v)) | negative(-int32(v)) }

// sign is 1 for positive values, 2 for negative ones, 0 for zero.
func sign(v int8) int32 { return negative(-int32(v)) + 2*negative(int32(v)) }

// plus is 1 for positive values, -1 for negative ones, 0 for zero.
func plus(v int8) int32 { return negative(-int32(v)) - negative(int32(v)) }

func negative(n int32) int32 { return int32(uint32(n) >> 31) }

func abs8(v int8) int {
	if v < 0 {
		return -int(v)
	}
	return int(v)
}
