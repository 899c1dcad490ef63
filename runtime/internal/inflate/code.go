package inflate

import "math/bits"

const (
	maxBits    = 15  // of a code word
	fastBits   = 9   // that a table knows at once
	maxSymbols = 288 // of a code
	endOfBlock = 256
)

// code is a canonical prefix code (RFC 1951, section 3.2.2).
type code struct {
	fast   [1 << fastBits]uint16 // by the next bits: the symbol and, in the lowest 4 bits, its length; 0: longer words
	count  [maxBits + 1]uint16   // words of each length
	sorted [maxSymbols]uint16    // symbols by word
}

// set makes the code of words of these lengths, 0 where a symbol has none. Words must be
// unique and complete; a code of one word of one bit, and one of none, are allowed as
// compress/flate does.
func (c *code) set(lengths []uint8) error {
	*c = code{}
	longest := 0
	for _, l := range lengths {
		c.count[l]++
		longest = max(longest, int(l))
	}
	c.count[0] = 0
	var first, place [maxBits + 1]int // word and place of the first of each length
	word := 0
	for l := 1; l <= maxBits; l++ {
		word <<= 1
		first[l], place[l] = word, place[l-1]+int(c.count[l-1])
		word += int(c.count[l])
		if word > 1<<l {
			return ErrDamaged
		}
	}
	if longest > 0 && word != 1<<maxBits && !(longest == 1 && c.count[1] == 1) {
		return ErrDamaged
	}
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		c.sorted[place[l]] = uint16(s)
		place[l]++
		if l <= fastBits {
			step := 1 << l
			for i := int(bits.Reverse16(uint16(first[l])) >> (16 - l)); i < len(c.fast); i += step {
				c.fast[i] = uint16(s)<<4 | uint16(l)
			}
		}
		first[l]++
	}
	return nil
}

// symbol decodes one.
func (in *input) symbol(c *code) (int, error) {
	if in.n < maxBits {
		for in.n <= 48 && in.at < in.end {
			in.held |= uint64(in.buf[in.at]) << in.n
			in.at++
			in.n += 8
		}
	}
	if e := c.fast[in.held&(1<<fastBits-1)]; e != 0 && uint(e&15) <= in.n {
		in.held >>= e & 15
		in.n -= uint(e & 15)
		return int(e >> 4), nil
	}
	return in.longSymbol(c)
}

// longSymbol decodes a symbol bit by bit: where its word is long, or where input is short.
func (in *input) longSymbol(c *code) (int, error) {
	word, first, place := 0, 0, 0
	for l := uint(1); l <= maxBits; l++ {
		if err := in.hold(l); err != nil {
			return 0, err
		}
		word |= int(in.held >> (l - 1) & 1)
		n := int(c.count[l])
		if word-first < n {
			in.held >>= l
			in.n -= l
			return int(c.sorted[place+word-first]), nil
		}
		place += n
		first = (first + n) << 1
		word <<= 1
	}
	return 0, ErrDamaged
}

// span is a length or a distance: the least, and how many bits are added.
type span struct {
	least uint16
	bits  uint8
}

// extra reads the bits that are added.
func (in *input) extra(s span) (int, error) {
	v, err := in.bits(uint(s.bits))
	return int(s.least) + int(v), err
}

// lengths and distances are those of RFC 1951, section 3.2.5.
var (
	lengths   = spans(29, 3, 4)
	distances = spans(30, 1, 2)
)

// spans makes n spans: twice as many as one has alone without bits, then each so many with a bit
// more.
func spans(n, least, each int) []span {
	list := make([]span, n)
	for i := range list {
		b := max(0, i/each-1)
		list[i] = span{uint16(least), uint8(b)}
		least += 1 << b
	}
	if each == 4 {
		list[n-1] = span{longest, 0} // which had one more value
	}
	return list
}

// fixed returns the codes of blocks that have none of their own.
func fixed() (symbols, far code) {
	var l [maxSymbols]uint8
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	symbols.set(l[:])
	for i := range 32 {
		l[i] = 5
	}
	far.set(l[:32])
	return symbols, far
}

// order is that in which the lengths of the lengths' code are stored.
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the codes of a block.
func (z *Reader) readCodes() error {
	sizes, err := z.in.bits(14)
	if err != nil {
		return err
	}
	n, far, few := int(sizes&31)+257, int(sizes>>5&31)+1, int(sizes>>10)+4
	if n > 286 || far > 30 {
		return ErrDamaged
	}
	var l [286 + 30]uint8
	for _, i := range order[:few] {
		v, err := z.in.bits(3)
		if err != nil {
			return err
		}
		l[i] = uint8(v)
	}
	if err := z.block.symbols.set(l[:len(order)]); err != nil {
		return err
	}
	clear(l[:])
	if err := z.in.lengths(&z.block.symbols, l[:n+far]); err != nil {
		return err
	}
	if l[endOfBlock] == 0 {
		return ErrDamaged
	}
	if err := z.block.symbols.set(l[:n]); err != nil {
		return err
	}
	return z.block.far.set(l[n : n+far])
}

// lengths reads lengths of words, runs of which are shortened.
func (in *input) lengths(c *code, l []uint8) error {
	for i := 0; i < len(l); {
		s, err := in.symbol(c)
		if err != nil {
			return err
		}
		if s < 16 {
			l[i] = uint8(s)
			i++
			continue
		}
		run := [...]span{{3, 2}, {3, 3}, {11, 7}}[s-16]
		n, err := in.extra(run)
		if err != nil {
			return err
		}
		if n > len(l)-i || s == 16 && i == 0 {
			return ErrDamaged
		}
		for range n {
			if s == 16 {
				l[i] = l[i-1]
			}
			i++
		}
	}
	return nil
}
