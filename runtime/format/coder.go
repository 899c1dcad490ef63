package format

import "math"

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
	budget       // decoder: what is left of it

	scratch scratch

	dense *denseCoder // codes tensors that are seldom zero; nil: all are coded by masks

	spend func(bits float64) // encoder: told what each bit costs, may be nil
}

func newEncoder(m *model) *coder { return &coder{model: m, hi: 1<<32 - 1, budget: unbounded()} }

func newDecoder(m *model, in []byte, b budget) *coder {
	c := &coder{model: m, dec: true, hi: 1<<32 - 1, in: in, budget: b}
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

// stopped reports whether decoding is over: the stream has ended, or holds what no
// encoder writes. Every loop that takes values from the stream asks it.
func (c *coder) stopped() bool {
	return c.short || c.broken || c.bits < 0 || c.dense != nil && c.dense.stopped()
}

// bit codes one bit with the mixer set, in contexts, the numbers of up to five
// counters.
func (c *coder) bit(b, set int, contexts ...int32) int {
	c.bits--
	m := c.model
	x := &m.mixers[set]
	var st [inputs]int64
	sum := int64(x.bias) << 8
	for i, k := range contexts {
		st[i] = m.opinion(&m.counters[k])
		sum += int64(x.w[i]) * st[i]
	}
	p := m.chance(sum)
	if !c.dec {
		c.aim(b, p)
	}
	one := c.narrow(p)
	if c.settled() {
		c.shift()
	}
	e := x.learn(one, p)
	for i, k := range contexts {
		x.w[i] += moved(st[i], e)
		m.counters[k].learn(one)
	}
	return int(one & 1)
}

// bit3 is bit in three contexts, which differ. It is bit unrolled, since most
// of the time to load a network is spent here.
func (c *coder) bit3(b, set int, k0, k1, k2 int32) int {
	c.bits--
	m := c.model
	x := &m.mixers[set]
	c0, c1, c2 := &m.counters[k0], &m.counters[k1], &m.counters[k2]
	s0, s1, s2 := m.opinion(c0), m.opinion(c1), m.opinion(c2)
	p := m.chance(int64(x.bias)<<8 + int64(x.w[0])*s0 + int64(x.w[1])*s1 + int64(x.w[2])*s2)
	if !c.dec {
		c.aim(b, p)
	}
	one := c.narrow(p)
	if c.settled() {
		c.shift()
	}
	e := x.learn(one, p)
	x.w[0] += moved(s0, e)
	x.w[1] += moved(s1, e)
	x.w[2] += moved(s2, e)
	c0.learn(one)
	c1.learn(one)
	c2.learn(one)
	return int(one & 1)
}

// aim makes the encoder's next bit b, which has the probability p of a one: x is
// put into the part of the interval that narrow is to leave.
func (c *coder) aim(b int, p int32) {
	c.x = c.hi
	if b == 1 {
		c.x = c.lo
	}
	if c.spend != nil {
		if b == 0 {
			p = 65536 - p
		}
		c.spend(-math.Log2(float64(p) / 65536))
	}
}

// narrow leaves the part of the interval that x is in: of a bit with the
// probability p of a one, [lo, mid] stands for one, (mid, hi] for zero. It returns
// all ones or zero, without a branch: half of the bits of values are guesses.
func (c *coder) narrow(p int32) uint32 {
	mid := c.lo + uint32(uint64(c.hi-c.lo)*uint64(p)>>16)
	one := uint32((int64(c.x) - int64(mid) - 1) >> 32)
	c.hi, c.lo = c.hi&^one|mid&one, c.lo&one|(mid+1)&^one
	return one
}

// settled reports whether all of the interval has the same first byte.
func (c *coder) settled() bool { return (c.lo^c.hi)>>24 == 0 }

// shift moves the bytes that are settled out of the interval.
func (c *coder) shift() {
	for c.settled() {
		if c.dec {
			c.x = c.x<<8 | uint32(c.next())
		} else {
			c.out = append(c.out, byte(c.hi>>24))
		}
		c.lo <<= 8
		c.hi = c.hi<<8 | 255
	}
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
