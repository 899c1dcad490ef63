package format

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
)

// specDecoder reads the weights sections by the text of SPEC.md alone: it shares
// no code with the package.
type specDecoder struct {
	symbols   *specSymbols // of section 6; nil: section 2
	in        []byte
	lo, hi, x uint32
	p, n      [6752]int
	w         [26][5]int32
	bias      [26]int32
	stretch   [2048]int
}

func newSpecDecoder(in []byte) *specDecoder {
	d := &specDecoder{in: in, hi: math.MaxUint32}
	for range 4 {
		d.x = d.x<<8 | uint32(d.byte())
	}
	for i := range d.p {
		d.p[i] = 32768
	}
	for s := range d.w {
		for k := range d.w[s] {
			d.w[s][k] = 16384
		}
	}
	x := -2047
	for k := range d.stretch {
		for ; x < 2047 && specSquash(x) < 32*k+16; x++ {
		}
		d.stretch[k] = x
	}
	return d
}

func (d *specDecoder) byte() byte {
	if len(d.in) == 0 {
		return 0
	}
	b := d.in[0]
	d.in = d.in[1:]
	return b
}

var specLogistic = sync.OnceValue(func() (l [65]int) {
	for i := range l {
		l[i] = int(math.Round(65536 / (1 + math.Exp(-float64(i-32)/4))))
	}
	return l
})

func specSquash(x int) int {
	l := specLogistic()
	j, f := (x+2048)>>6, (x+2048)&63
	return l[j] + ((l[j+1]-l[j])*f+32)>>6
}

func (d *specDecoder) bit(set int, contexts ...int) int {
	w, bias := &d.w[set], &d.bias[set]
	var st [5]int
	sum := int64(*bias) * 256
	for i, c := range contexts {
		st[i] = d.stretch[d.p[c]>>5]
		sum += int64(w[i]) * int64(st[i])
	}
	x := int(min(max(sum>>18, -512), 511))
	p := min(max(specSquash(4*x+2), 24), 65512)
	mid := d.lo + uint32(uint64(d.hi-d.lo)*uint64(p)>>16)
	b := 0
	if d.x <= mid {
		b, d.hi = 1, mid
	} else {
		d.lo = mid + 1
	}
	for d.lo>>24 == d.hi>>24 {
		d.lo, d.hi, d.x = d.lo<<8, d.hi<<8|255, d.x<<8|uint32(d.byte())
	}
	e := int64(65536*b - p)
	for i, c := range contexts {
		w[i] += int32((int64(st[i])*e + 1<<13) >> 14)
		d.p[c] += int(int64(65535*b-d.p[c]) * int64(65536/(d.n[c]+2)) >> 16)
		d.n[c] = min(d.n[c]+1, 60)
	}
	*bias += int32((e + 1<<7) >> 8)
	return b
}

const specBlock, specMask, specValue, specInt = 64, 960, 1984, 4704

func (d *specDecoder) number(a, b int) uint32 {
	l := 0
	for l < 32 && d.bit(18+min(l, 5), specInt+l, specInt+64+16*a+min(l, 15), specInt+576+16*b+min(l, 15)) == 1 {
		l++
	}
	if l == 0 {
		return 0
	}
	v := uint32(1)
	for i := l - 2; i >= 0; i-- {
		t := int(min(v, 7))
		if l-2-i >= 3 {
			t = 8 + min(i, 7)
		}
		v = v<<1 | uint32(d.bit(24, specInt+1100+16*min(l, 15)+t, specInt+1400+t))
	}
	return v
}

func (d *specDecoder) signed(a, b int) int32 {
	if d.bit(25, specInt+1500+a, specInt+1540+b) == 0 {
		return 0
	}
	if d.bit(25, specInt+1600+a, specInt+1640+b) == 1 {
		return -int32(d.number(a, b) + 1)
	}
	return int32(d.number(a, b) + 1)
}

func (d *specDecoder) flag(k int) bool { return d.bit(25, specInt+1700+k) == 1 }

func specLog(n int) int {
	if n < 4 {
		return n
	}
	for k, bound := range []int{5, 8, 12, 17, 24, 34, 48, 68, 96, 136, 192} {
		if n <= bound {
			return 4 + k
		}
	}
	return 15
}

func specSign(v int8) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return 2
	}
	return 0
}

// tensor reads one weight tensor of rows x (kh, kw, c).
func (d *specDecoder) tensor(rows, kh, kw, c, kind int) *Weight {
	w := &Weight{Scale: make([]float32, 1)}
	if d.flag(0) {
		w.Scale = make([]float32, rows)
	}
	wide, pattern := d.flag(1), int32(0x2000)
	for i := range w.Scale {
		if d.symbols != nil {
			if pattern += d.symbols.integer(0); wide {
				w.Scale[i] = math.Float32frombits(uint32(pattern)<<16 | d.symbols.open(16))
				d.symbols.end()
			} else {
				w.Scale[i] = float(uint16(pattern))
			}
			continue
		}
		if wide {
			upper := d.signed(20, 20)
			w.Scale[i] = math.Float32frombits(uint32(upper)<<16 | uint32(d.signed(21, 21))&0xffff)
			continue
		}
		pattern += d.signed(22+min(i, 1), 22)
		w.Scale[i] = float(uint16(pattern))
	}
	var values []int8
	book := d.flag(2)
	if book {
		zero := d.flag(3)
		last := int32(-129)
		for n := d.number(24, 24); n > 0; n-- {
			last += int32(d.number(25, 25)) + 1
			if zero && last > 0 {
				w.Book, zero = append(w.Book, 0), false
			}
			values, w.Book = append(values, int8(last)), append(w.Book, int8(last))
		}
		if zero {
			w.Book = append(w.Book, 0)
		}
	}
	if d.symbols != nil && d.flag(5) {
		signs, alike := d.flag(6), d.flag(7)
		w.Values = d.symbols.values(rows, kh*kw*c, c, kind, signs, alike, d.number(29, 29), values, book)
	} else {
		live := d.live(kh, kw, c, kind)
		w.Values = d.values(rows, kh, kw, c, kind, live, values, book)
	}
	if d.flag(4) {
		s := d.number(26, 26)
		nonzero, l := 0, 0
		for range rows {
			if d.symbols != nil {
				v := d.symbols.integer(1 + min(l, 31)/8)
				l = bits.Len64(uint64(max(int64(v), -int64(v))))
				w.Bias = append(w.Bias, v<<s)
				continue
			}
			v := d.signed(27+nonzero, 27)
			w.Bias, nonzero = append(w.Bias, v<<s), bit01(v != 0)
		}
	}
	return w
}

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

// values reads the weights of one tensor, which is coded as often zero.
//
// Complexity: it has the branches of SPEC.md, in its order.
//
//gocyclo:ignore
func (d *specDecoder) values(rows, kh, kw, c, kind int, live []bool, book []int8, shared bool) []int8 {
	n := kh * kw * c
	v := make([]int8, rows*n)
	inCol, inPos, inChannel := make([]int, n), make([]int, kh*kw), make([]int, c)
	sumCol, signCol := make([]int, n), make([]int, n)
	var columns []int
	for i := range live {
		if live[i] {
			columns = append(columns, i)
		}
	}
	total, sum := 0, 0
	for r := range rows {
		row := v[r*n : (r+1)*n]
		nz := func(y, x, ch int) int {
			if y < 0 || x < 0 || x >= kw {
				return 0
			}
			return bit01(row[(y*kw+x)*c+ch] != 0)
		}
		density := (total + 1) << 16 / (r*len(columns) + 2)
		ratio := func(count, m int) int {
			return min(max((specLg(2*count+1)-specLg((2*m*density+65536)>>12)+116)>>3, 0), 11)
		}
		mean := specLg(max(sum, 1)) - specLg(max(total, 1))
		signAt := func(y, x, ch int) int {
			if nz(y, x, ch) == 0 {
				return 0
			}
			return 1 - 2*bit01(row[(y*kw+x)*c+ch] < 0)
		}
		inRow, seenRow, plane, last, before := 0, 0, make([]int, c), int8(0), 0
		for at := 0; at < len(columns); at += 8 {
			block := columns[at:min(at+8, len(columns))]
			var K, above, prev int
			for _, i := range block {
				K += inCol[i]
				if i-kw*c >= 0 && i-kw*c < block[0] {
					above += bit01(row[i-kw*c] != 0)
				}
				if r > 0 {
					prev += bit01(v[(r-1)*n+i] != 0)
				}
			}
			m := len(block)
			rowRatio, colRatio := ratio(inRow, seenRow), ratio(K, r*m)
			start := inRow
			if d.bit(1,
				specBlock+144*kind+12*rowRatio+colRatio,
				specBlock+432+64*kind+16*min(before, 3)+4*min(prev, 3)+min(above, 3),
				specBlock+624+16*specLog(inRow)+colRatio) == 0 {
				seenRow += m
				before = 0
				continue
			}
			for j, i := range block {
				y, x, ch := i/c/kw, i/c%kw, i%c
				left, far, above := nz(y, x-1, ch), nz(y, x-2, ch), nz(y-1, x, ch)
				diag := nz(y-1, x-1, ch) + nz(y-1, x+1, ch)
				up, side := int8(0), int8(0)
				if r > 0 {
					up = v[(r-1)*n+i]
				}
				if x > 0 {
					side = row[i-c]
				}
				prev, K, p := bit01(up != 0), inCol[i], i/c
				set, first := 2+min(left+above+min(diag, 1)+far, 3), 0
				if inRow == start {
					set, first = set+4, m-j
				}
				colRatio := ratio(K, r)
				contexts := []int{
					specMask + 9*colRatio + first,
					specMask + 128 + 144*kind + 12*rowRatio + colRatio,
				}
				switch kind {
				case 0, 1:
					contexts = append(contexts, specMask+560+64*kind+32*prev+8*diag+4*above+2*far+left)
				case 2:
					contexts = append(contexts, specMask+688+specLog(inRow))
				}
				if kind == 0 {
					contexts = append(contexts, specMask+704+16*min(plane[ch], 7)+specLog(inRow),
						specMask+832+12*ratio(inPos[p], r*c+ch)+ratio(inChannel[ch], r*kh*kw+p))
				}
				implied := inRow == start && j == m-1
				nonzero := implied || d.bit(set, contexts...) == 1
				seenRow++
				if !nonzero {
					continue
				}
				if shared {
					around := 2*(signAt(y, x-1, ch)+signAt(y-1, x, ch)) + signAt(y, x-2, ch) + signAt(y-1, x-1, ch) + signAt(y-1, x+1, ch)
					signs := 5*(signCol[i]+2) + min(max((around+5)>>1, 0), 4)
					size := 0
					if K > 0 {
						size = 4 + min(max((specLg(sumCol[i])-specLg(K)-mean+2)>>2, -3), 3)
					}
					row[i] = d.index(book, up, side, signs, size)
				} else {
					row[i] = d.direct(last, up, side)
				}
				m := max(int(row[i]), -int(row[i]))
				total, inRow, sum = total+1, inRow+1, sum+m
				inCol[i]++
				inPos[p]++
				inChannel[ch]++
				plane[ch]++
				sumCol[i] += m
				signCol[i] = min(max(signCol[i]+signAt(y, x, ch), -2), 2)
				last = row[i]
			}
			before = inRow - start
		}
	}
	return v
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

func (d *specDecoder) table() (t [256]int8) {
	before, last := int32(-128), int32(0)
	for i := range t {
		last = d.signed(int(min(max(last, -3), 3)+3), 16)
		before += last
		t[i] = int8(before)
	}
	return t
}

// specFiles are random networks, one with a large tensor, and some with dense ones.
func specFiles() []*File {
	files := []*File{example()}
	for seed := range uint64(trials(40)) {
		files = append(files, network(rand.New(rand.NewPCG(seed, 77))), latest(rand.New(rand.NewPCG(seed, 77))))
	}
	r := rand.New(rand.NewPCG(78, 78))
	rows := 300
	if testing.Short() {
		rows = 60
	}
	large := dense() // an image, and counts that reach the last steps of the contexts
	large.Tensors[0].Shape = []int{20, 20, 2}
	large.Tensors[1].Shape = []int{rows}
	w := Weight{OutC: rows, KH: 1, KW: 1, InC: 800, Scale: []float32{0.5}, Values: make([]int8, rows*800)}
	for i := range w.Values {
		if r.IntN(3+i%800/20) == 0 {
			w.Values[i] = int8(r.NormFloat64() * 20)
		}
	}
	large.Weights[0] = w
	files = append(files, large)
	for seed := range uint64(trials(40)) {
		files = append(files, seldomZero(rand.New(rand.NewPCG(seed, 79))))
	}
	return files
}

// A decoder made from SPEC.md reads the weights of random networks.
func TestSpecDecoder(t *testing.T) {
	sections := map[byte]int{}
	for k, f := range specFiles() {
		data, _, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		raw, d := rawSections(data), (*specDecoder)(nil)
		if sec := raw[6]; sec != nil {
			n := sec.uvarint()
			d = newSpecDecoder(sec.b[:n])
			d.symbols = newSpecSymbols(sec.b[n:])
			sections[6]++
		} else {
			d = newSpecDecoder(raw[2].b)
			sections[2]++
		}
		for i := range f.LUTs {
			if got := d.table(); got != f.LUTs[i] {
				t.Fatalf("file %d: table %d is %v, want %v", k, i, got, f.LUTs[i])
			}
		}
		for i := range f.Weights {
			want := &f.Weights[i]
			got := d.tensor(specShape(f, i))
			got.OutC, got.KH, got.KW, got.InC = want.OutC, want.KH, want.KW, want.InC
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("file %d: weights %d are %+v, want %+v", k, i, got, want)
			}
		}
		if d.symbols != nil && (d.symbols.x != 1<<32 || len(d.symbols.in) > 0) {
			t.Fatalf("file %d: the symbols end with state %#x and %d bytes more", k, d.symbols.x, len(d.symbols.in))
		}
	}
	if sections[2] < 10 && !testing.Short() || sections[6] < 4 {
		t.Fatalf("files by section: %v", sections)
	}
}

// specShape returns the shape under which weights i of f are coded, and their kind.
func specShape(f *File, i int) (rows, kh, kw, c, kind int) {
	w := &f.Weights[i]
	rows, kh, kw, c, kind = w.OutC, w.KH, w.KW, w.InC, 2
	for _, in := range f.Instrs {
		if !in.Op.weighted() || in.Weight != i {
			continue
		}
		if s := f.Tensors[in.In[0]].Shape; in.Op == OpDense && len(s) == 3 && s[0]*s[1] > 1 {
			kh, kw, c, kind = s[0], s[1], s[2], 1
		}
		if in.Op == OpConv2D && kh*kw > 1 {
			kind = 0
		}
		break
	}
	return rows, kh, kw, c, kind
}
