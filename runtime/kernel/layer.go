package kernel

// Layer is a convolution or a dense layer: shared weights, and what is its own.
//
// acc[c] = Start[c] + sum over the patch of x * w, with Start holding the bias
// less zero * sum w, so that the kernels multiply the stored integers.
type Layer struct {
	*Weights
	Start []int32   // of each output channel
	Out   Output    // for an Int8 output
	Scale []float32 // for a Float32 output: real = acc * Scale[c]; one, or OutC
}

// NewLayer makes a layer of the weights w for inputs whose zero point is zero. bias may be
// nil. Out or Scale is the caller's to set. The caller has verified that no sum passes 32 bits:
// 255*sum|w| + |bias| < 2^31 in each channel.
func NewLayer(w *Weights, bias []int32, zero int) *Layer {
	l := &Layer{Weights: w, Start: make([]int32, w.OutC)}
	for c := range l.Start {
		l.Start[c] = -int32(zero) * w.Sums[c]
		if bias != nil {
			l.Start[c] += bias[c]
		}
	}
	return l
}

// Own returns the memory of what the layer does not share.
func (l *Layer) Own() int { return 4*len(l.Start) + 8*len(l.Out.Mul) + 4*len(l.Scale) }

// accumulate computes the sums of the channels from on, as many as acc has room for, from the
// patch x, whose element i is x[i], or x[offset] in a sparse layer. block is the first of the
// channels' blocks in the dense form.
func (l *Layer) accumulate(acc []int32, x []int8, offset []int32, from, block int) {
	start := l.Start[from:][:len(acc)]
	switch {
	case l.first != nil:
		sparse(acc, start, l.first[from:], offset, l.weight, x)
	case l.pairs != nil:
		densePairs(acc, start, l.pairs[block*l.K:], x[:l.K])
	default:
		denseQuads(acc, start, l.quads[block*l.K:], x[:l.K])
	}
}

func sparse(acc, start, first, offset, weight []int32, x []int8) {
	lo := first[0]
	first = first[1:][:len(acc)]
	for c, sum := range start[:len(acc)] {
		hi := first[c]
		offset, weight := offset[lo:hi], weight[lo:hi]
		weight, lo = weight[:len(offset)], hi
		for i, o := range offset {
			sum += int32(x[o]) * weight[i]
		}
		acc[c] = sum
	}
}

// dotPairs multiplies x by a block. It is a function of its own so that all of its sums stay
// in registers.
//
//go:noinline
func dotPairs(w [][4]int64, x []int8) (s0, s1, s2, s3 int64) {
	w = w[:len(x)]
	for i, v := range x {
		xi := int64(v)
		p := &w[i]
		s0 += xi * p[0]
		s1 += xi * p[1]
		s2 += xi * p[2]
		s3 += xi * p[3]
	}
	return s0, s1, s2, s3
}

func densePairs(acc, start []int32, pairs [][4]int64, x []int8) {
	for c, at := 0, 0; c < len(acc); c, at = c+8, at+len(x) {
		s0, s1, s2, s3 := dotPairs(pairs[at:], x)
		if c+8 <= len(acc) {
			a, st := acc[c:c+8:c+8], start[c:c+8:c+8]
			a[0], a[1] = unpack(s0, st[0], st[1])
			a[2], a[3] = unpack(s1, st[2], st[3])
			a[4], a[5] = unpack(s2, st[4], st[5])
			a[6], a[7] = unpack(s3, st[6], st[7])
			continue
		}
		for lane, s := range [4]int64{s0, s1, s2, s3} {
			lo, hi := unpack(s, 0, 0)
			if c+2*lane < len(acc) {
				acc[c+2*lane] = start[c+2*lane] + lo
			}
			if c+2*lane+1 < len(acc) {
				acc[c+2*lane+1] = start[c+2*lane+1] + hi
			}
		}
	}
}

// unpack separates two 32-bit sums; the low one's sign has been borrowed from
// the high one.
func unpack(s int64, a, b int32) (int32, int32) {
	lo := int32(s)
	return a + lo, b + int32((s-int64(lo))>>32)
}

// dotQuads multiplies x by a block; see dotPairs.
//
//go:noinline
func dotQuads(w [][4]int8, x []int8) [4]int32 {
	w = w[:len(x)]
	var s0, s1, s2, s3 int32
	for i, v := range x {
		xi := int32(v)
		p := &w[i]
		s0 += xi * int32(p[0])
		s1 += xi * int32(p[1])
		s2 += xi * int32(p[2])
		s3 += xi * int32(p[3])
	}
	return [4]int32{s0, s1, s2, s3}
}

func denseQuads(acc, start []int32, quads [][4]int8, x []int8) {
	for c, at := 0, 0; c < len(acc); c, at = c+4, at+len(x) {
		s := dotQuads(quads[at:], x)
		for i := 0; i < 4 && c+i < len(acc); i++ {
			acc[c+i] = start[c+i] + s[i]
		}
	}
}

// Quantized computes the layer on one patch x of K elements into y, OutC int8:
// Out.Zero + acc*Out.Mul[c], clamped. acc has room for OutC sums; those are left
// in it. y must not overlap x.
func (l *Layer) Quantized(y, x []int8, acc []int32) {
	l.quantized(y, x, l.offset, acc[:l.OutC], 0, 0)
}

// quantized writes the channels from on to y; see accumulate.
func (l *Layer) quantized(y, x []int8, offset, acc []int32, from, block int) {
	l.accumulate(acc, x, offset, from, block)
	y = y[:len(acc)]
	for c, a := range acc {
		y[c] = l.Out.quantize(from+c, a)
	}
}

// Real computes the layer on one patch x into y, OutC float32: acc*Scale[c], the
// sum and the product rounded to float32. acc as in Quantized.
func (l *Layer) Real(y []float32, x []int8, acc []int32) {
	l.real(y, x, l.offset, acc[:l.OutC], 0, 0)
}

// real writes the channels from on to y; see accumulate.
func (l *Layer) real(y []float32, x []int8, offset, acc []int32, from, block int) {
	l.accumulate(acc, x, offset, from, block)
	y = y[:len(acc)]
	for c, a := range acc {
		s := l.Scale[0]
		if len(l.Scale) > 1 {
			s = l.Scale[from+c]
		}
		y[c] = float32(float32(a) * s)
	}
}
