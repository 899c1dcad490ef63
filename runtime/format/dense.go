package format

import "slices"

// Weights that are seldom zero. Their bits are mostly noise, of which no mixing of
// predictions saves much; what there is to know is how large a weight will be, from its
// row, its column and its neighbours. So the expected magnitude chooses one of a few
// histograms, of which a magnitude is one symbol; its lower digits are not modelled, nor,
// in most tensors, is the sign.

// leastDense is how many weights the tensors that are seldom zero have together in a
// file that codes them as such: fewer are decoded in no time either way.
const leastDense = 4096

// denseTensors returns which tensors are coded as seldom zero, nil if none. They are a quarter
// nonzero at least, and take a twenty-fifth more bytes than by masks at most, when all
// these tensors are coded one way or the other: so much the time to load is worth.
func (f *File) denseTensors() []bool {
	dense, n := make([]bool, len(f.Weights)), 0
	masks, d := newEncoder(newModel()), newEncoder(newModel())
	d.dense = newDenseCoder(rans{priced: true})
	bits := func() (byMasks, byPlaces int) { return 8 * len(masks.out), 8*len(d.out) + d.dense.cost/16 }
	grids := f.grids()
	masks.fit(grids)
	d.fit(grids)
	for i, g := range grids {
		w := &f.Weights[i]
		some := 0
		for _, v := range w.Values {
			some += int(nonzero(v))
		}
		if 4*some < len(w.Values) {
			continue
		}
		t := tensorCoder{g: g, kind: g.kind, v: slices.Clone(w.Values), book: withoutZero(w.Book)}
		m, p := bits()
		t.coder = masks
		t.codeSparse()
		t.coder = d
		t.codeDense()
		m1, p1 := bits()
		if dense[i] = 25*(p1-p) <= 26*(m1-m); dense[i] {
			n += len(w.Values)
		}
	}
	if n < leastDense {
		return nil
	}
	return dense
}

// meanPrior is how many weights the mean of the tensor stands for in those of rows and columns.
const meanPrior = 8

// outlook is how much row, column and neighbours say of the expected magnitude, in sixteenths of
// its logarithm, and how often the neighbours count, above and to the left.
type outlook struct{ row, col, near, above, left int32 }

// Mostly neighbours say little; in some tensors much, but the one above alone.
var outlooks = [2]outlook{{12, 12, 4, 1, 1}, {8, 8, 8, 2, 0}}

// denseTensor is what both sides know of a tensor. A value is coded as its place: itself, or
// its number among the positive or negative ones of the codebook.
type denseTensor struct {
	g     grid
	back  int           // from a weight to the one to its left
	mean  uint32        // magnitude of places, in sixteenths, at least 1
	above bool          // rows are alike: the second outlook
	signs bool          // are modelled
	place [256]int16    // of each value, by its bits
	value [2 * 256]int8 // of each place + 256
	least int32         // places go from
	most  int32         // up to

	nonzero int // decoder: it gives up after a row with which there are more such weights
}

// newDenseTensor numbers the values; book are the nonzero ones, ascending, or nil for any
// int8.
func newDenseTensor(g grid, book []int8) *denseTensor {
	t := &denseTensor{g: g, back: g.back(), nonzero: MaxWeights}
	if book == nil {
		for v := int32(-128); v < 128; v++ {
			t.place[uint8(v)], t.value[v+256] = int16(v), int8(v)
		}
		t.least, t.most = -128, 127
		return t
	}
	for _, v := range book {
		t.least -= int32(bit01(v < 0))
	}
	p := t.least
	for _, v := range book {
		p += int32(bit01(p == 0)) // is zero's
		t.place[uint8(v)], t.value[p+256] = int16(p), v
		p++
	}
	t.most = max(p-1, 0) // zero has a place where all values are negative, too
	return t
}

// codeDense codes the values of a tensor that is seldom zero: what is to be known of all
// of them, then each.
func (t *tensorCoder) codeDense() {
	x := newDenseTensor(t.g, t.book)
	x.nonzero = int(min(t.nonzero, MaxWeights))
	d := t.dense
	if !t.dec {
		sum := 0
		for _, v := range t.v {
			sum += int(abs16(x.place[uint8(v)]))
		}
		x.mean = max(uint32(16*sum/len(t.v)), 1)
		x.above, x.signs = d.cheapest(x, t.v)
	}
	x.signs = t.flag(6, x.signs)
	x.above = t.flag(7, x.above)
	if x.mean = t.number(x.mean, 29, 29); x.mean == 0 || x.mean > 16*255 {
		t.broken = true
		return
	}
	n, ok := d.code(x, t.v)
	t.n, t.short, t.broken = int64(n), t.short || d.short, t.broken || !ok && !d.short
	t.spent(partIndexes)
}

// cheapest chooses the outlook with signs that are not modelled, then whether they are.
func (d *denseCoder) cheapest(t *denseTensor, values []int8) (above, signs bool) {
	plain, like := d.price(t, values, false, false), d.price(t, values, true, false)
	above = like < plain
	return above, d.price(t, values, above, true) < min(plain, like)
}

// price is what coding the values that way would cost.
func (d *denseCoder) price(t *denseTensor, values []int8, above, signs bool) int {
	try, with := *d, *t
	try.priced, try.cost, try.spend, with.above, with.signs = true, 0, nil, above, signs
	try.code(&with, values)
	return try.cost
}

// denseColumn is what is known of a column.
type denseColumn struct {
	sum     uint32 // of magnitudes
	log     int16  // lg of their mean in sixteenths, brought up to date after some of the rows
	place   int16  // of the weight in this row, or while that is not known, in the row above
	balance int8   // positive less negative ones, held within -2..2
}

// code codes the values of a tensor, row by row. It returns how many are not zero, and
// whether the decoder found only places of the tensor.
func (d *denseCoder) code(t *denseTensor, values []int8) (n int, ok bool) {
	cols := t.g.cols()
	known := grown(&d.known, t.back+cols, d.most) // the first are left of the row
	mean, prior := lg(int64(t.mean)), int64(meanPrior*t.mean)
	for i := range known {
		known[i].log = int16(mean)
	}
	of := outlooks[bit01(t.above)]
	rest := mean*(16-of.row-of.col-of.near) - of.near*lg(3) + 64
	for r := range t.g.rows {
		if n > t.nonzero {
			return n, true
		}
		sum, ofThisRow := int64(0), int32(0)
		line := values[r*cols : (r+1)*cols]
		before := known[:cols] // of each weight the one to its left
		row := known[t.back:][:cols]
		for i := range line {
			if i&7 == 0 {
				ofThisRow = rest + of.row*(lg(16*sum+prior)-lg(int64(i+meanPrior)))
			}
			c, left := &row[i], before[i].place
			near := lg(16*int64(of.above*abs16(c.place)+of.left*abs16(left)) + int64(t.mean))
			h := &d.of[min(max((ofThisRow+of.col*int32(c.log)+of.near*near)>>7, 0), scales-1)]
			var p int32
			if t.signs {
				k := int32(c.balance+2)*9 + side(c.place)*3 + side(left)
				p = d.signed(h, t.places(line[i]), &d.signs[k])
				c.balance = min(max(c.balance+int8(negative(-p)-negative(p)), -2), 2)
			} else {
				p = d.plain(h, t.places(line[i]))
			}
			if d.end(); d.dec {
				if p < t.least || p > t.most || d.short {
					return n, false
				}
				line[i] = t.value[p+256]
			}
			m := max(p, -p)
			n += int(negative(-m))
			sum += int64(m)
			c.sum += uint32(m)
			c.place = int16(p)
		}
		if r < 8 || r&7 == 7 {
			seen := lg(int64(r + 1 + meanPrior))
			for i := range known[t.back:] {
				c := &known[t.back+i]
				c.log = int16(lg(16*int64(c.sum)+prior) - seen)
			}
		}
	}
	return n, true
}

func (t *denseTensor) places(v int8) int32 { return int32(t.place[uint8(v)]) }

// plain codes the place p by a histogram.
func (d *denseCoder) plain(h *histogram, p int32) int32 {
	m, neg := uint32(max(p, -p)), uint32(p)>>31
	class := d.class(h, uint32(magClass[m&255]))
	if class == 0 {
		return 0
	}
	n, least := digits(class)
	m = d.open(m-least|neg<<n, n+1)
	neg = m >> n
	return int32((least+m&(1<<n-1))^-neg) + int32(neg)
}

// signed codes the place p by a histogram and a counter for its sign.
func (d *denseCoder) signed(h *histogram, p int32, sign *counter) int32 {
	m, neg := uint32(max(p, -p)), uint32(p)>>31
	class := d.class(h, uint32(magClass[m&255]))
	if class == 0 {
		return 0
	}
	n, least := digits(class)
	neg = d.bit(neg, sign)
	m = least + d.open(m-least, n)
	return int32(m^-neg) + int32(neg)
}

func abs16(n int16) int32 { return max(int32(n), -int32(n)) }

// side is 1 for positive places, 2 for negative ones, 0 for zero.
func side(p int16) int32 { return negative(-int32(p)) + 2*negative(int32(p)) }
