package format

import (
	"encoding/binary"
	"math"
)

// specSymbols reads the stream of symbols of section 6 by the text of SPEC.md alone.
type specSymbols struct {
	in   []byte
	x    uint64
	of   [24]*specHistogram
	len  [5]*specHistogram
	p, n [45]int // counters
}

func newSpecSymbols(in []byte) *specSymbols {
	s := &specSymbols{x: binary.LittleEndian.Uint64(in), in: in[8:]}
	for h := range s.of {
		s.of[h] = &specHistogram{}
		sum := 0
		var w [28]int
		for c := range w {
			digits, least := specClass(max(c, 1))
			t := (specLg(16*least+8*(1<<digits-1))-8*h)>>2 + 16
			x := math.Pow(2, float64(min(max(t, 0), 25)-16)/4)
			w[c] = 2 * int(math.Round(255*math.Exp(-math.Pow(x/1.2, 1.5)))) << digits
			if c == 0 {
				w[c] = 252
			}
			sum += w[c]
		}
		for c := range w {
			s.of[h].count[c] = 1024 * w[c] / sum
		}
		s.of[h].make()
	}
	for k := range s.len {
		s.len[k] = &specHistogram{}
		for c := range s.len[k].count {
			s.len[k].count[c] = 2
		}
		s.len[k].make()
	}
	for k := range s.p {
		s.p[k] = 32768
	}
	return s
}

// specClass returns the open digits and the least magnitude of a class.
func specClass(c int) (digits, least int) {
	if c < 8 {
		return 0, c
	}
	k, j := (c-8)/4, (c-8)%4
	return k + 1, (4 + j) << (k + 1)
}

type specHistogram struct {
	count      [28]int
	a          [29]int
	seen, made int // symbols, and how often the frequencies were made
	next       int // number of symbols after which they are made again
}

func (h *specHistogram) make() {
	total, sum := 0, 0
	for _, n := range h.count {
		total += n
	}
	q := 4068 << 16 / total
	for c, n := range h.count {
		h.a[c] = c + sum*q>>16
		sum += n
	}
	h.a[28] = 4096
	if total >= 40000 {
		for c, n := range h.count {
			h.count[c] = n - n/2
		}
	}
	h.next += min(4<<min(h.made, 10), 64)
	h.made++
}

func (s *specSymbols) take(a, f, b int) {
	slot := s.x & (1<<b - 1)
	s.x = uint64(f)*(s.x>>b) + slot - uint64(a)
}

func (s *specSymbols) end() {
	if s.x < 1<<32 {
		s.x = s.x<<32 | uint64(binary.LittleEndian.Uint32(s.in))
		s.in = s.in[4:]
	}
}

func (s *specSymbols) open(n int) uint32 {
	v := int(s.x & (1<<n - 1))
	s.take(v, 1, n)
	return uint32(v)
}

func (s *specSymbols) class(h *specHistogram) int {
	slot, c := int(s.x&4095), 0
	for h.a[c+1] <= slot {
		c++
	}
	s.take(h.a[c], h.a[c+1]-h.a[c], 12)
	h.count[c] += 16
	if h.seen++; h.seen == h.next {
		h.make()
	}
	return c
}

func (s *specSymbols) modelled(k int) int {
	p, b := min(max(s.p[k]>>4, 1), 4095), 0
	if int(s.x&4095) < p {
		b = 1
		s.take(0, p, 12)
	} else {
		s.take(p, 4096-p, 12)
	}
	s.p[k] += int(int64(65535*b-s.p[k]) * int64(65536/(s.n[k]+2)) >> 16)
	s.n[k] = min(s.n[k]+1, 60)
	return b
}

func (s *specSymbols) integer(k int) int32 {
	l := s.class(s.len[k])
	if l == 27 {
		l += int(s.open(3))
	}
	s.end()
	if l == 0 {
		return 0
	}
	negative := s.open(1)
	s.end()
	v := int64(1)
	for left := l - 1; left > 0; {
		n := min(left, 16)
		v = v<<n | int64(s.open(n))
		s.end()
		left -= n
	}
	if negative == 1 {
		v = -v
	}
	return int32(v)
}

// specValues says which weight each place stands for: of any int8 itself, of a
// codebook without zero its number among the negative or positive ones.
func specValues(book []int8, shared bool) map[int]int8 {
	value := map[int]int8{0: 0}
	if !shared {
		for v := -128; v < 128; v++ {
			value[v] = int8(v)
		}
		return value
	}
	var negative, positive []int8
	for _, v := range book {
		if v < 0 {
			negative = append([]int8{v}, negative...)
		} else {
			positive = append(positive, v)
		}
	}
	for k, v := range negative {
		value[-k-1] = v
	}
	for k, v := range positive {
		value[k+1] = v
	}
	return value
}

// place reads a place by histogram h; up and left are the places there, balance
// is its column's.
func (s *specSymbols) place(h int, signs bool, up, left, balance int) int {
	sgn := func(n int) int { return bit01(n > 0) + 2*bit01(n < 0) }
	class := s.class(s.of[h])
	digits, least := specClass(class)
	if class == 0 {
		return 0
	}
	var negative, place int
	if signs {
		negative = s.modelled(9*(balance+2) + 3*sgn(up) + sgn(left))
		place = least + int(s.open(digits))
	} else {
		v := int(s.open(digits + 1))
		negative, place = v>>digits, least+v&(1<<digits-1)
	}
	if negative == 1 {
		return -place
	}
	return place
}

// values reads the weights of a dense tensor of rows of cols columns.
func (s *specSymbols) values(rows, cols, c, kind int, signs, alike bool, m uint32, book []int8, shared bool) []int8 {
	mean, back := int(m), c
	if kind == 2 {
		back = 1
	}
	value := specValues(book, shared)
	abs := func(n int) int { return max(n, -n) }
	var out []int8
	places, sums, cols16, balance := make([]int, cols), make([]int, cols), make([]int, cols), make([]int, cols)
	for i := range cols16 {
		cols16[i] = specLg(mean)
	}
	for r := range rows {
		now := make([]int, cols)
		inRow, row := 0, 0
		for i := range cols {
			if i%8 == 0 {
				row = specLg(16*inRow+8*mean) - specLg(i+8)
			}
			up, left := places[i], 0
			if i >= back {
				left = now[i-back]
			}
			near, wRow, wCol, wNear := specLg(16*(abs(up)+abs(left))+mean), 12, 12, 4
			if alike {
				near, wRow, wCol, wNear = specLg(16*2*abs(up)+mean), 8, 8, 8
			}
			h := min(max((wRow*row+wCol*cols16[i]+wNear*near+(16-wRow-wCol-wNear)*specLg(mean)-wNear*specLg(3)+64)>>7, 0), 23)
			place := s.place(h, signs, up, left, balance[i])
			s.end()
			v, ok := value[place]
			if !ok {
				panic("a place without a value")
			}
			out, now[i] = append(out, v), place
			inRow += abs(place)
			sums[i] += abs(place)
			balance[i] = min(max(balance[i]+bit01(place > 0)-bit01(place < 0), -2), 2)
		}
		places = now
		if r < 8 || r%8 == 7 {
			for i := range cols16 {
				cols16[i] = specLg(16*sums[i]+8*mean) - specLg(r+1+8)
			}
		}
	}
	return out
}
