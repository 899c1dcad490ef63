package format

import "math/bits"

// Magnitudes below exact are classes of their own, larger ones of the same three leading
// digits share one: 8-9, 10-11, ..., 14-15, 16-19, ..., 224-255.
const (
	exact   = 8
	classes = exact + 5*4
)

// magClass[m] is the class of the magnitude m.
var magClass = func() (t [256]uint8) {
	for m := range t {
		if t[m] = uint8(m); m >= exact {
			e := bits.Len(uint(m))
			t[m] = uint8(exact + (e-4)*4 + m>>(e-3)&3)
		}
	}
	return t
}()

// digits returns how many lower digits a class leaves open, and its least magnitude.
func digits(class uint32) (n uint, least uint32) {
	if class < exact {
		return 0, class
	}
	class -= exact
	n = uint(class/4 + 1)
	return n, (4 + class%4) << n
}

// freqBits is the precision of frequencies.
const freqBits = 12

// firstShift makes of a slot its place in histogram.first.
const firstShift = freqBits - 5

// histogram predicts classes: from counts, of which the frequencies are made anew ever
// more rarely.
type histogram struct {
	cum    [classes + 1]uint16                 // frequencies of the classes before, of 2^freqBits
	n      [classes]uint16                     // counts
	first  [1 << (freqBits - firstShift)]uint8 // the class of slot i << firstShift
	left   uint8                               // symbols until the next frequencies
	period uint8                               // and from these to those after them
}

// A symbol adds counted to its class. A histogram starts with about started in all, shared
// out by bell, and halves its counts from fullCount on. Its frequencies are made anew after
// firstPeriod symbols, then after twice as many each time, up to lastPeriod. One of lengths
// starts with evenly in each class.
const (
	evenly      = 2
	counted     = 16
	started     = 64 * counted
	fullCount   = 40_000
	firstPeriod = 4
	lastPeriod  = 64
)

// bell[i] is round(255 exp(-(x/1.2)^1.5)), x = 2^((i-16)/4): the density of magnitudes at x times
// their mean, as those of weights mostly are, between Gauss and Laplace.
var bell = [26]uint32{
	252, 251, 250, 248, 247, 244, 241, 237, 232, 225, 217, 207, 195, 180, 162, 142, 119, 95, 71, 49, 30, 16, 7, 2, 1, 0,
}

// start fills the histogram for magnitudes whose mean is 2^(scale/2 - 4).
func (h *histogram) start(scale int32) {
	var w [classes]uint32
	total := uint32(0)
	for c := range uint32(classes) {
		n, least := digits(c)
		if w[c] = bell[0]; c > 0 { // of both signs
			x := (lg(int64(16*least+8*(1<<n-1)))-8*scale)>>2 + 16
			w[c] = 2 * bell[min(max(x, 0), int32(len(bell)-1))] << n
		}
		total += w[c]
	}
	for c := range w {
		h.n[c] = uint16(w[c] * started / total)
	}
	h.period = firstPeriod
	h.build()
}

// even starts the histogram with all classes alike, and little faith in that.
func (h *histogram) even() {
	for c := range h.n {
		h.n[c] = evenly
	}
	h.period = firstPeriod
	h.build()
}

// build makes the frequencies of the counts, each at least 1.
func (h *histogram) build() {
	total := uint32(0)
	for _, n := range h.n {
		total += uint32(n)
	}
	const spread = 1<<freqBits - classes
	step := spread << 16 / total
	sum, slot := uint32(0), 0
	for c, n := range h.n {
		at := uint32(c) + sum*step>>16
		h.cum[c] = uint16(at)
		for ; slot<<firstShift < int(at); slot++ {
			h.first[slot] = uint8(c - 1)
		}
		sum += uint32(n)
	}
	h.cum[classes] = 1 << freqBits
	for ; slot < len(h.first); slot++ {
		h.first[slot] = classes - 1
	}
	if total >= fullCount {
		for c := range h.n {
			h.n[c] -= h.n[c] / 2
		}
	}
	h.left = h.period
	h.period = min(2*h.period, lastPeriod)
}

// learn counts a class.
func (h *histogram) learn(class uint32) {
	h.n[class] += counted
	if h.left--; h.left == 0 {
		h.build()
	}
}
