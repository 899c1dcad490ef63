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
	w := &Weight{Scale: d.scales(rows)}
	book := d.flag(2)
	var values []int8
	if book {
		w.Book, values = d.book()
	}
	if d.symbols != nil && d.flag(5) {
		signs, alike := d.flag(6), d.flag(7)
		w.Values = d.symbols.values(rows, kh*kw*c, c, kind, signs, alike, d.number(29, 29), values, book)
	} else {
		live := d.live(kh, kw, c, kind)
		w.Values = d.values(rows, kh, kw, c, kind, live, values, book)
	}
	if d.flag(4) {
		w.Bias = d.biases(rows)
	}
	return w
}

func (d *specDecoder) scales(rows int) []float32 {
	scale := make([]float32, 1)
	if d.flag(0) {
		scale = make([]float32, rows)
	}
	wide, pattern := d.flag(1), int32(0x2000)
	for i := range scale {
		switch {
		case d.symbols != nil:
			if pattern += d.symbols.integer(0); wide {
				scale[i] = math.Float32frombits(uint32(pattern)<<16 | d.symbols.open(16))
				d.symbols.end()
			} else {
				scale[i] = float(uint16(pattern))
			}
		case wide:
			upper := d.signed(20, 20)
			scale[i] = math.Float32frombits(uint32(upper)<<16 | uint32(d.signed(21, 21))&0xffff)
		default:
			pattern += d.signed(22+min(i, 1), 22)
			scale[i] = float(uint16(pattern))
		}
	}
	return scale
}

// book reads a codebook; values is without zero.
func (d *specDecoder) book() (book, values []int8) {
	zero := d.flag(3)
	last := int32(-129)
	for n := d.number(24, 24); n > 0; n-- {
		last += int32(d.number(25, 25)) + 1
		if zero && last > 0 {
			book, zero = append(book, 0), false
		}
		values, book = append(values, int8(last)), append(book, int8(last))
	}
	if zero {
		book = append(book, 0)
	}
	return book, values
}

func (d *specDecoder) biases(rows int) (bias []int32) {
	s := d.number(26, 26)
	nonzero, l := 0, 0
	for range rows {
		if d.symbols != nil {
			v := d.symbols.integer(1 + min(l, 31)/8)
			l = bits.Len64(uint64(max(int64(v), -int64(v))))
			bias = append(bias, v<<s)
			continue
		}
		v := d.signed(27+nonzero, 27)
		bias, nonzero = append(bias, v<<s), bit01(v != 0)
	}
	return bias
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

// specFiles are the networks that the decoder made from SPEC.md reads.
func specFiles() []*File {
	files := []*File{example()}
	for seed := range uint64(trials(40)) {
		files = append(files, network(rand.New(rand.NewPCG(seed, 77))), latest(rand.New(rand.NewPCG(seed, 77))))
	}
	files = append(files, specLarge())
	for seed := range uint64(trials(40)) {
		files = append(files, seldomZero(rand.New(rand.NewPCG(seed, 79))))
	}
	return files
}

// specLarge is a layer on an image whose counts reach the last steps of the contexts.
func specLarge() *File {
	r := rand.New(rand.NewPCG(78, 78))
	rows := 300
	if testing.Short() {
		rows = 60
	}
	f := dense()
	f.Tensors[0].Shape = []int{20, 20, 2}
	f.Tensors[1].Shape = []int{rows}
	w := Weight{OutC: rows, KH: 1, KW: 1, InC: 800, Scale: []float32{0.5}, Values: make([]int8, rows*800)}
	for i := range w.Values {
		if r.IntN(3+i%800/20) == 0 {
			w.Values[i] = int8(r.NormFloat64() * 20)
		}
	}
	f.Weights[0] = w
	return f
}

// specOpen finds the section of the weights, 2 or 6, in a file.
func specOpen(file []byte) (d *specDecoder, section byte) {
	raw := rawSections(file)
	sec := raw[6]
	if sec == nil {
		return newSpecDecoder(raw[2].b), 2
	}
	n := sec.uvarint()
	d = newSpecDecoder(sec.b[:n])
	d.symbols = newSpecSymbols(sec.b[n:])
	return d, 6
}

// specShape is the shape under which a weight tensor is coded.
func specShape(f *File, weight int) (kh, kw, c, kind int) {
	w := &f.Weights[weight]
	kh, kw, c, kind = w.KH, w.KW, w.InC, 2
	for _, in := range f.Instrs {
		if !in.weighted() || in.Weight != weight {
			continue
		}
		if in.Op == OpDense {
			if s := f.Tensors[in.In[0]].Shape; len(s) == 3 && s[0]*s[1] > 1 {
				kh, kw, c, kind = s[0], s[1], s[2], 1
			}
		}
		if in.Op == OpConv2D && kh*kw > 1 {
			kind = 0
		}
		break
	}
	return kh, kw, c, kind
}

// A decoder made from SPEC.md reads the weights of random networks.
func TestSpecDecoder(t *testing.T) {
	sections := map[byte]int{}
	for k, f := range specFiles() {
		data, _, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		d, section := specOpen(data)
		sections[section]++
		for i := range f.LUTs {
			if got := d.table(); got != f.LUTs[i] {
				t.Fatalf("file %d: table %d is %v, want %v", k, i, got, f.LUTs[i])
			}
		}
		for i := range f.Weights {
			want := &f.Weights[i]
			kh, kw, c, kind := specShape(f, i)
			got := d.tensor(want.OutC, kh, kw, c, kind)
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
