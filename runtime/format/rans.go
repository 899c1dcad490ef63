package format

import "math"

// rans codes symbols by their frequencies, in groups, in both directions (Duda,
// "Asymmetric numeral systems", 2013, the range variant): the decoder multiplies
// where a range coder divides, and takes a word for about every five weights.
//
// The state x is from 2^32 on between groups. A symbol that has freq of the 2^bits
// slots from start on is decoded by
//
//	slot = x mod 2^bits;  x = freq (x >> bits) + slot - start
//
// and after the last of a group, if x < 2^32, x = x 2^32 + the next word, of four
// bytes. The encoder undoes this, last symbol first; it therefore lists them.
type rans struct {
	dec    bool
	x      uint64
	in     []byte
	at     int
	short  bool // decoder: there was no word
	broken bool // decoder: a number that no encoder writes
	listed []slots
	priced bool               // encoder: symbols are not listed, their cost alone is wanted
	cost   int                // encoder: of all symbols, in sixteenths of a bit
	spend  func(bits float64) // encoder: told what each costs, may be nil
}

// slots are those of a symbol. last: it ends its group.
type slots struct {
	start, freq uint16
	bits        uint8
	last        bool
}

// leastState is the least state between groups, and the one that the decoder ends with.
const leastState = 1 << 32

func ransDecoder(in []byte) rans {
	s := rans{dec: true, in: in, x: leastState}
	if len(in) < 8 {
		s.short = true
		return s
	}
	lower := uint64(s.word())
	s.x = uint64(s.word())<<32 | lower
	return s
}

// stopped reports whether decoding is over; see coder.stopped.
func (s *rans) stopped() bool { return s.short || s.broken }

// put lists a symbol for the encoder.
func (s *rans) put(start, freq uint32, bits uint) {
	if !s.priced {
		s.listed = append(s.listed, slots{start: uint16(start), freq: uint16(freq), bits: uint8(bits)})
	}
	s.cost += 16*int(bits) - int(lg(int64(freq)))
	if s.spend != nil {
		s.spend(float64(bits) - math.Log2(float64(freq)))
	}
}

// end ends a group: the decoder takes a word if the state asks for it.
func (s *rans) end() {
	if s.x < leastState || !s.dec {
		s.turn()
	}
}

func (s *rans) turn() {
	if !s.dec {
		if !s.priced {
			s.listed[len(s.listed)-1].last = true
		}
		return
	}
	if s.at+4 > len(s.in) {
		s.short = true
		return
	}
	s.x = s.x<<32 | uint64(s.word())
}

// word takes the next four bytes, of which there must be as many.
func (s *rans) word() uint32 {
	b := s.in[s.at : s.at+4]
	s.at += 4
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// ended reports whether the decoder has read all, and arrived where the encoder
// started.
func (s *rans) ended() bool { return !s.short && s.at == len(s.in) && s.x == leastState }

// finish returns the bytes from which the decoder gets what was listed.
func (s *rans) finish() []byte {
	x, words := uint64(leastState), []uint32{}
	for end := len(s.listed); end > 0; {
		first, bits, freq := end-1, uint(s.listed[end-1].bits), uint64(s.listed[end-1].freq)
		for first > 0 && !s.listed[first-1].last {
			first--
			bits += uint(s.listed[first].bits)
			freq *= uint64(s.listed[first].freq)
		}
		if x >= freq<<(64-bits) {
			words = append(words, uint32(x))
			x >>= 32
		}
		for end > first {
			end--
			y := s.listed[end]
			f := uint64(y.freq)
			x = x/f<<y.bits + x%f + uint64(y.start)
		}
	}
	w := &writer{}
	w.u32(uint32(x))
	w.u32(uint32(x >> 32))
	for i := len(words) - 1; i >= 0; i-- {
		w.u32(words[i])
	}
	return w.b
}
