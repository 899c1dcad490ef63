package format

// coder is an adaptive binary range coder in both directions: with dec false,
// bit appends its argument to out; with dec true it returns the next bit of in.
// So writer and reader share the code that chooses the contexts.
type coder struct {
	*model
	dec     bool
	lo, hi  uint32 // the interval that is left
	x       uint32 // decoder: the number whose interval is sought
	in, out []byte
	at      int
	short   bool // decoder: read beyond the end of in by more than the coder ever does
	broken  bool // decoder: a value that no encoder writes

	cost func(p int32) // encoder: told the probability of each bit, may be nil
}

func newEncoder(m *model) *coder { return &coder{model: m, hi: 1<<32 - 1} }

func newDecoder(m *model, in []byte) *coder {
	c := &coder{model: m, dec: true, hi: 1<<32 - 1, in: in}
	for i := 0; i < 4; i++ {
		c.x = c.x<<8 | uint32(c.next())
	}
	return c
}

// next returns the next byte, beyond the end 0. The decoder holds four bytes
// that are not settled yet, of which the encoder writes none to four.
func (c *coder) next() byte {
	if c.at < len(c.in) {
		c.at++
		return c.in[c.at-1]
	}
	c.at++
	c.short = c.short || c.at > len(c.in)+4
	return 0
}

// bit codes one bit in the contexts that have been chosen, with probability p
// of a one: [lo, mid] stands for one, (mid, hi] for zero.
func (c *coder) bit(b int) int {
	p := c.predict()
	mid := c.lo + uint32(uint64(c.hi-c.lo)*uint64(p)>>16)
	if c.dec {
		b = 0
		if c.x <= mid {
			b = 1
		}
	}
	if b != 0 {
		c.hi = mid
	} else {
		c.lo = mid + 1
	}
	if c.cost != nil {
		if b == 0 {
			p = 65536 - p
		}
		c.cost(p)
	}
	c.update(int32(b))
	for (c.lo^c.hi)>>24 == 0 {
		if c.dec {
			c.x = c.x<<8 | uint32(c.next())
		} else {
			c.out = append(c.out, byte(c.hi>>24))
		}
		c.lo <<= 8
		c.hi = c.hi<<8 | 255
	}
	return b
}

// finish writes the fewest bytes that leave the decoder, which reads zeros
// beyond them, inside the interval.
func (c *coder) finish() []byte {
	v, n := c.hi, 4
	for k := 1; k <= 4; k++ {
		mask := uint32(1<<(32-8*k)) - 1
		if t := c.hi &^ mask; t >= c.lo {
			v, n = t, k
			break
		}
	}
	if c.lo == 0 {
		v, n = 0, 0
	}
	for k := 0; k < n; k++ {
		c.out = append(c.out, byte(v>>24))
		v <<= 8
	}
	return c.out
}

// context chooses the mixer and the counters of the next bit.
func (c *coder) context(set int, counters ...int32) {
	c.begin(set)
	for _, k := range counters {
		c.add(k)
	}
}
