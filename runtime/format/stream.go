package format

import (
	"math"
	"math/bits"
	"slices"
)

// codeLUT codes a table as differences from the value before.
func codeLUT(c *coder, t *[256]int8) {
	prev := int32(-128)
	var last int32
	for i := range t {
		a := min(max(last, -3), 3) + 3
		d := c.signed(int32(t[i])-prev, a, 16)
		prev += d
		last = d
		c.broken = c.broken || prev < -128 || prev > 127
		if c.stopped() {
			return
		}
		t[i] = int8(prev)
	}
}

// codeWeight codes scales, book, weights and biases of w, whose shape is known
// to both sides; as one that is seldom zero if dense, which the decoder finds out. account,
// if any, is told what the bits since its last call were for.
func codeWeight(c *coder, w *Weight, g grid, dense bool, account func(part)) {
	t := &tensorCoder{coder: c, g: g, kind: g.kind, account: account}
	codeScales(c, w)
	t.spent(partScales)
	t.book = codeBook(c, w)
	t.spent(partCodebooks)
	if c.stopped() {
		return
	}
	if c.dec {
		w.Values = make([]int8, w.Elems())
	}
	t.v = w.Values
	if c.dense != nil && c.flag(5, dense) {
		t.codeDense()
	} else {
		t.codeSparse()
	}
	if c.nonzero -= t.n; c.stopped() || c.spent() {
		return
	}
	if c.dec && !t.fromBook(w.Book) {
		c.broken = true
		return
	}
	codeBias(c, w)
	t.spent(partBiases)
}

// codeSparse codes the values by masks.
func (t *tensorCoder) codeSparse() {
	t.live = grown(&t.scratch.live, t.g.cols(), t.scratch.columns)
	if !t.dec {
		for i, v := range t.v {
			if v != 0 {
				t.live[i%len(t.live)] = true
			}
		}
	}
	t.codeLive()
	t.spent(partMasks)
	if !t.stopped() {
		t.code()
	}
}

// fromBook reports whether the values that were decoded are in the codebook: the
// nonzero ones are, if it has any.
func (t *tensorCoder) fromBook(book []int8) bool {
	if book == nil {
		return true
	}
	_, zero := slices.BinarySearch(book, 0)
	allZero, noZero := t.n == 0, int(t.n) == len(t.v)
	return (zero || noZero) && (len(book) > bit01(zero) || allZero)
}

// codeScales codes float16 scales as differences between their bit patterns,
// or the bits of float32 ones.
func codeScales(c *coder, w *Weight) {
	per, wide := len(w.Scale) > 1, false
	for _, s := range w.Scale {
		if _, ok := half(s); !ok {
			wide = true
		}
	}
	per = c.flag(0, per)
	wide = c.flag(1, wide)
	if c.dec {
		n := 1
		if per {
			n = w.OutC
		}
		w.Scale = make([]float32, n)
	}
	if c.dense != nil {
		c.dense.scales(w.Scale, wide)
		return
	}
	prev := int32(0x2000)
	for i := range w.Scale {
		if c.stopped() {
			return
		}
		if wide {
			b := math.Float32bits(w.Scale[i])
			hi := c.signed(int32(b>>16), 20, 20)
			lo := c.signed(int32(b&0xffff), 21, 21)
			w.Scale[i] = math.Float32frombits(uint32(hi)<<16 | uint32(lo)&0xffff)
			continue
		}
		h, _ := half(w.Scale[i])
		prev += c.signed(int32(h)-prev, 22+int32(bit01(i > 0)), 22)
		w.Scale[i] = float(uint16(prev))
	}
}

// codeBook codes the sorted values of the book; it returns those other than
// zero, nil without a book.
func codeBook(c *coder, w *Weight) []int8 {
	if !c.flag(2, w.Book != nil) {
		return nil
	}
	values := withoutZero(w.Book)
	zero := c.flag(3, len(values) < len(w.Book))
	n := c.number(uint32(len(values)), 24, 24)
	if c.dec {
		if c.broken = c.broken || n > 255; c.stopped() {
			return nil
		}
		values = make([]int8, n)
	}
	prev := int32(-129)
	for i := range values {
		step := c.number(uint32(int32(values[i])-prev-1), 25, 25)
		if v := prev + 1 + int32(step); step > 255 || v > 127 || v == 0 { // zero is not listed
			c.broken = true
			return nil
		}
		prev += int32(step) + 1
		values[i] = int8(prev)
	}
	if c.dec {
		w.Book = slices.Clone(values)
		if zero {
			w.Book = withZero(w.Book)
		}
	}
	return some(values)
}

// withZero returns the rising values of a codebook with zero in its place.
func withZero(book []int8) []int8 {
	book = append(book, 0)
	for i := len(book) - 1; i > 0 && book[i-1] > 0; i-- {
		book[i-1], book[i] = 0, book[i-1]
	}
	return book
}

// withoutZero returns the nonzero values of a codebook.
func withoutZero(book []int8) []int8 {
	return slices.DeleteFunc(slices.Clone(book), func(v int8) bool { return v == 0 })
}

// some returns values to code by when every weight is zero and the codebook has no others.
func some(values []int8) []int8 {
	if len(values) == 0 {
		return []int8{1}
	}
	return values
}

// codeBias codes biases without the low bits that are zero in all of them.
func codeBias(c *coder, w *Weight) {
	if !c.flag(4, w.Bias != nil) {
		w.Bias = nil
		return
	}
	shift := c.number(lowZeros(w.Bias), 26, 26) & 31
	if c.stopped() {
		return
	}
	if c.dec {
		w.Bias = make([]int32, w.OutC)
	}
	if c.dense != nil {
		c.dense.biases(w.Bias, shift)
		return
	}
	prev := 0
	for i := range w.Bias {
		if c.stopped() {
			return
		}
		b := c.signed(w.Bias[i]>>shift, 27+int32(prev), 27)
		w.Bias[i] = b << shift
		prev = bit01(b != 0)
	}
}

// lowZeros returns the number of low bits that are zero in all of b, 0 if all
// bits are.
func lowZeros(b []int32) uint32 {
	all := uint32(0)
	for _, v := range b {
		all |= uint32(v)
	}
	if all == 0 {
		return 0
	}
	return uint32(bits.TrailingZeros32(all))
}
