package format

// The probability model of the entropy coder: adaptive counters whose
// predictions are mixed in the logistic domain (Mahoney, "Adaptive Weighing of
// Context Models for Lossless Data Compression", 2005). Integers only, so that
// every CPU decodes the same; SPEC.md gives every formula.

// logistic is round(65536 / (1 + exp(-x/4))) at x = -32..32, clipped to 1..65535.
var logistic = [65]uint16{
	22, 28, 36, 47, 60, 77, 98, 126, 162, 208, 267, 342, 439,
	562, 720, 922, 1179, 1506, 1921, 2446, 3108, 3938, 4971, 6249, 7812, 9702,
	11955, 14595, 17625, 21025, 24743, 28693, 32768, 36843, 40793, 44511, 47911, 50941, 53581,
	55834, 57724, 59287, 60565, 61598, 62428, 63090, 63615, 64030, 64357, 64614, 64816, 64974,
	65097, 65194, 65269, 65328, 65374, 65410, 65438, 65459, 65476, 65489, 65500, 65508, 65514,
}

// squash returns 65536 / (1 + exp(-x/256)) for x in -2047..2047, clipped
// beyond: linear between the 65 points of the table.
func squash(x int32) int32 {
	x = min(max(x, -2047), 2047) + 2048
	i, f := x>>6, x&63
	a, b := int32(logistic[i]), int32(logistic[i+1])
	return a + ((b-a)*f+32)>>6
}

// tables are what is computed from logistic when a model is made.
type tables struct {
	stretch [2048]int16  // of p>>5: the smallest x with squash(x) >= p, in steps of 32
	squash  [1024]uint16 // of (x+2048)>>2: squash in the middle of the four, at least leastP and at most 65536-leastP
}

// leastP is the smallest probability of a bit, in 1/65536.
const leastP = 24

func (t *tables) fill() {
	k := 0
	for x := int32(-2047); x <= 2047; x++ {
		for p := squash(x); k < len(t.stretch) && p >= int32(k)<<5+16; k++ {
			t.stretch[k] = int16(x)
		}
	}
	for ; k < len(t.stretch); k++ {
		t.stretch[k] = 2047
	}
	for i := range t.squash {
		t.squash[i] = uint16(min(max(squash(int32(i)*4-2046), leastP), 65536-leastP))
	}
}

// counter estimates the probability of a one bit in one context, in 1/65536,
// from the bits seen: by Laplace's rule at first, a decaying mean later.
type counter struct {
	p uint16
	n uint8
}

// limit is the number of bits after which a counter's memory stops growing.
const limit = 60

// pace[n] is the step of a counter that has seen n bits, 65536/(n+2). It has room
// for every n, so that indexing needs no check.
var pace = func() (p [256]int32) {
	for n := range limit + 1 {
		p[n] = int32(65536 / (n + 2))
	}
	return p
}()

// learn moves the counter towards a bit; one is all ones or zero. It has no
// branches: young and old counters take turns.
func (c *counter) learn(one uint32) {
	n := c.n
	c.p += uint16(int64(int32(one&65535)-int32(c.p)) * int64(pace[n]) >> 16)
	c.n = n + uint8(uint32(int32(n)-limit)>>31)
}

// inputs is the most contexts that are mixed for a bit.
const inputs = 5

// mixer holds the weights of one set, 16.16 fixed point.
type mixer struct {
	w    [inputs]int32 // of the counters
	bias int32
}

// learn returns the error of the probability p of a one, and moves the bias; one is
// all ones or zero. A mixer's rate of learning is 1/1024: of a weight, for an
// error and an opinion of 1.
func (x *mixer) learn(one uint32, p int32) int32 {
	e := int32(one&65536) - p
	x.bias += (e + 1<<7) >> 8
	return e
}

// moved is what the weight of a counter moves by that predicted st, after the error
// e. |st| < 2^11 and |e| <= 2^16: 32 bits hold the product.
func moved(st int64, e int32) int32 { return (int32(st)*e + 1<<13) >> 14 }

// model predicts bits. It is the same on both sides of the coder. Its parts lie
// at fixed places, which the loops over bits reach without a detour.
type model struct {
	tables
	counters [counters]counter
	mixers   [mixers]mixer
}

func newModel() *model {
	m := new(model)
	m.tables.fill()
	for i := range m.counters {
		m.counters[i] = counter{p: 32768}
	}
	for i := range m.mixers {
		for k := range m.mixers[i].w {
			m.mixers[i].w[k] = 1 << 14
		}
	}
	return m
}

// opinion is what a counter predicts, in the domain of stretch.
func (m *model) opinion(c *counter) int64 { return int64(m.stretch[c.p>>5]) }

// chance is the probability of a one, 1/65536, of the weighted sum of opinions.
func (m *model) chance(sum int64) int32 {
	return int32(m.squash[min(max(sum>>18+512, 0), 1023)])
}
