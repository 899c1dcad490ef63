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

// stretchTable[p>>5] is the smallest x with squash(x) >= p, in steps of 32.
type stretchTable [2048]int16

func newStretch() *stretchTable {
	t := new(stretchTable)
	x := int32(-2047)
	for i := range t {
		for x < 2047 && squash(x) < int32(i)<<5+16 {
			x++
		}
		t[i] = int16(x)
	}
	return t
}

// counter estimates the probability of a one bit in one context, in 1/65536,
// from the bits seen: the mean at first, a decaying mean later.
type counter struct {
	p uint16
	n uint8
}

// limit is the number of bits after which a counter's memory stops growing.
const limit = 250

// pace[n] is the step of a counter that has seen n bits, 131072/(2n+3), and
// trust[n] how much its prediction counts, 1024n/(4n+5), in 1/256. Places above
// limit are not used; they spare a check.
var pace, trust = func() (p, t [256]int32) {
	for n := range p {
		p[n] = int32(131072 / (2*n + 3))
		t[n] = int32(1024 * n / (4*n + 5))
	}
	return p, t
}()

// inputs is the number of contexts that are mixed for a bit, the constant
// included.
const inputs = 8

// mixer holds the weights of one set, 16.16 fixed point.
type mixer struct {
	w    [inputs]int32
	n    int32 // bits seen, up to a bound
	rate int64 // of learning, 3 + 1280/(32+n)
}

// model predicts bits. It is the same on both sides of the coder.
type model struct {
	stretch  *stretchTable
	counters []counter
	mixers   []mixer

	// the bit being predicted
	mix  *mixer
	used int           // contexts so far
	in   [inputs]int32 // their counters
	st   [inputs]int32 // what each predicts
	dot  int64         // weighted by the mixer
	p    int32
}

func newModel(counters, mixers int) *model {
	m := &model{stretch: newStretch(), counters: make([]counter, counters), mixers: make([]mixer, mixers)}
	m.reset()
	return m
}

// reset forgets everything.
func (m *model) reset() {
	for i := range m.counters {
		m.counters[i] = counter{p: 32768}
	}
	for i := range m.mixers {
		m.mixers[i] = mixer{rate: 3 + 1280/32}
		for k := range m.mixers[i].w {
			m.mixers[i].w[k] = 10000
		}
	}
}

// begin chooses the mixer of the next bit.
func (m *model) begin(set int) {
	m.mix = &m.mixers[set]
	m.used = 0
	m.dot = int64(m.mix.w[inputs-1]-10000) * 256
}

// add adds a context, the number of a counter; up to seven.
func (m *model) add(counter int32) {
	c := &m.counters[counter]
	// a young counter is not trusted much
	st := int32(m.stretch[c.p>>5]) * trust[c.n] >> 8
	i := m.used & (inputs - 1)
	m.in[i], m.st[i] = counter, st
	m.dot += int64(m.mix.w[i]) * int64(st)
	m.used = i + 1
}

// predict returns the probability of a one, 1/65536, from the contexts added.
func (m *model) predict() int32 {
	x := int32(min(max(m.dot>>16, -2047), 2047))
	m.p = min(max(squash(x), 24), 65536-24)
	return m.p
}

// update learns the bit that was predicted last.
func (m *model) update(bit int32) {
	mx := m.mix
	step := int64(bit<<16-m.p) * mx.rate
	if mx.n < 1000 {
		mx.n++
		mx.rate = int64(3 + 1280/(32+mx.n))
	}
	target := bit * 65535
	for i := 0; i < m.used; i++ {
		i := i & (inputs - 1)
		c := &m.counters[m.in[i]]
		mx.w[i] += int32((int64(m.st[i])*step + 1<<19) >> 20)
		n := c.n
		c.p += uint16(int64(target-int32(c.p)) * int64(pace[n]) >> 16)
		if n < limit {
			c.n = n + 1
		}
	}
	mx.w[inputs-1] += int32((256*step + 1<<21) >> 22)
}
