package format

import (
	"math"
	"math/bits"
)

// scales is the number of histograms, two for an octave of the expected magnitude.
const scales = 24

// The contexts of a sign: the column's balance, the signs above and to the left.
const signContexts = 5 * 3 * 3

// denseCoder codes tensors that are seldom zero.
type denseCoder struct {
	rans
	of      [scales]histogram
	signs   [signContexts]counter
	lengths [lengthContexts]histogram // of numbers
	known   []denseColumn             // scratch
	most    int                       // columns of any tensor with those left of them; 0: not known yet
}

func newDenseCoder(s rans) *denseCoder {
	d := &denseCoder{rans: s}
	for i := range d.of {
		d.of[i].start(int32(i))
	}
	for i := range d.signs {
		d.signs[i].p = 32768
	}
	for i := range d.lengths {
		d.lengths[i].even()
	}
	return d
}

// class codes the class of a magnitude.
func (d *denseCoder) class(h *histogram, class uint32) uint32 {
	if !d.dec {
		at := uint32(h.cum[class])
		d.put(at, uint32(h.cum[class+1])-at, freqBits)
	} else {
		slot := uint32(d.x) & (1<<freqBits - 1)
		class = uint32(h.first[slot>>firstShift])
		class += (uint32(h.cum[class+1]) - slot - 1) >> 31 // mostly that is it, without a branch
		for uint32(h.cum[class+1]) <= slot {
			class++
		}
		at := uint32(h.cum[class])
		d.x = uint64(uint32(h.cum[class+1])-at)*(d.x>>freqBits) + uint64(slot-at)
	}
	h.learn(class)
	return class
}

// open codes n digits that are not modelled.
func (d *denseCoder) open(v uint32, n uint) uint32 {
	if !d.dec {
		d.put(v, 1, n)
		return v
	}
	v = uint32(d.x) & (1<<n - 1)
	d.x >>= n
	return v
}

// bit codes a bit with a counter.
func (d *denseCoder) bit(b uint32, c *counter) uint32 {
	p := min(max(uint32(c.p)>>(16-freqBits), 1), 1<<freqBits-1)
	if !d.dec {
		start, freq := p, 1<<freqBits-p
		if b == 1 {
			start, freq = 0, p
		}
		d.put(start, freq, freqBits)
	} else {
		slot := uint32(d.x) & (1<<freqBits - 1)
		start, freq := p, 1<<freqBits-p
		if b = 0; slot < p {
			b, start, freq = 1, 0, p
		}
		d.x = uint64(freq)*(d.x>>freqBits) + uint64(slot-start)
	}
	c.learn(-b)
	return b
}

// What has histograms of its own for the lengths of numbers.
const (
	lengthScale    = 0 // differences of scales
	lengthBias     = 1 // 4: by the length of the bias before
	lengthContexts = 5
)

// number codes n as its length in binary, one symbol, and the other digits and sign as they
// are. Its length is in the contexts k. It returns n and its length.
func (d *denseCoder) number(n int32, k int) (int32, int) {
	mag, neg := uint32(n), uint32(n)>>31
	if n < 0 {
		mag = -mag
	}
	const long = classes - 1 // longer numbers share a class
	length := uint(bits.Len32(mag))
	class := uint(d.class(&d.lengths[k], uint32(min(length, long))))
	if class == long {
		length = long + uint(d.open(uint32(length-long), 3))
	} else if d.dec {
		length = class
	}
	d.end()
	if length > 32 {
		d.broken = true
		return 0, 0
	}
	if length == 0 {
		return 0, 0
	}
	neg = d.open(neg, 1)
	d.end()
	v := uint32(1)
	for left := length - 1; left > 0; {
		n := min(left, 16)
		left -= n
		v = v<<n | d.open(mag>>left&(1<<n-1), n)
		d.end()
	}
	return int32(v^-neg) + int32(neg), int(length)
}

// scales codes scales as codeScales does: float16 ones as differences of their bits, of float32
// ones the upper half as differences and the lower as it is.
func (d *denseCoder) scales(scale []float32, wide bool) {
	before := int32(0x2000)
	for i := range scale {
		if d.stopped() {
			return
		}
		if wide {
			b := math.Float32bits(scale[i])
			step, _ := d.number(int32(b>>16)-before, lengthScale)
			before += step
			low := d.open(b&0xffff, 16)
			d.end()
			scale[i] = math.Float32frombits(uint32(before)<<16 | low)
			continue
		}
		h, _ := half(scale[i])
		step, _ := d.number(int32(h)-before, lengthScale)
		before += step
		scale[i] = float(uint16(before))
	}
}

// biases codes biases without the given number of low bits.
func (d *denseCoder) biases(bias []int32, shift uint32) {
	length := 0
	for i, b := range bias {
		if d.stopped() {
			return
		}
		b, length = d.number(b>>shift, lengthBias+min(length, 31)/8)
		bias[i] = b << shift
	}
}
