package kernel

// Layer is the packed weights of a convolution or a dense layer.
//
// acc[c] = Start[c] + sum over the patch of x * w, with Start holding the bias
// less zero * sum w, so that the kernels multiply the stored integers.
type Layer struct {
	OutC, K int       // output channels, elements of a patch
	Start   []int32   // of each output channel
	Out     Output    // for an Int8 output
	Scale   []float32 // for a Float32 output: real = acc * Scale[c]; one, or OutC

	pairs  [][4]int64 // dense, 64-bit machines: [OutC/8 rounded up][K] of 4 pairs of channels
	quads  [][4]int8  // dense, 32-bit machines: [OutC/4 rounded up][K]
	tiles  *tiles     // dense, with a micro-kernel
	first  []int32    // sparse: where each channel's weights start
	offset []int32    // sparse: index in the patch (or in the image, see Conv)
	weight []int32    // sparse

	sums, magnitudes []int32 // of each channel's weights
	groups           int     // sparse: of channels that the layer has, with patches of their own; 0: one
	located          bool    // sparse: offset is index in the image
}

// sparseBelow is the density below which a layer becomes a list, in 1/256, where no
// micro-kernel does dense layers; those have their own. BenchmarkDensity has the list
// quicker up to 80/256 on amd64; it also takes less memory there.
const sparseBelow = 64

const wide = ^uint(0)>>63 == 1

// longest is a sum that two 32-bit lanes hold for sure: 2^31 / (127*128).
const longest = 1 << 16

// NewLayer packs w, [outC,k] row-major, for inputs whose zero point is zero. A patch
// is k/run runs of elements that lie together in memory; NewConv says where. bias may
// be nil. Layers of few weights become lists of their nonzero weights, and so do
// those of more than 2^16 elements a patch. Out or Scale is the caller's to set. The
// caller has verified that no sum passes 32 bits:
// 255*sum|w| + |bias| < 2^31 in each channel.
func NewLayer(w []int8, outC, k, run int, bias []int32, zero int) *Layer {
	return newLayer(w, outC, k, run, bias, zero, best)
}

func newLayer(w []int8, outC, k, run int, bias []int32, zero int, m *micro) *Layer {
	l := &Layer{OutC: outC, K: k}
	below := sparseBelow
	if !m.takes(w) {
		m = nil
	}
	if m != nil {
		below = m.sparseBelow
	}
	kept := l.count(w)
	l.begin(bias, zero)
	most := int((int64(below)*int64(outC)*int64(k) - 1) / 256)
	if k > longest || denseBytes(m, outC, k, run) > mostForWeight*int64(kept) {
		most = outC * k
	}
	switch {
	case kept <= most:
		l.packSparse(w, kept)
	case m != nil:
		l.tiles = newTiles(w, l, run, m)
	case wide:
		l.packPairs(w)
	default:
		l.packQuads(w)
	}
	return l
}

// mostForWeight is the number of bytes of a dense form for each nonzero weight beyond which a
// layer becomes a list: one of few channels or short runs is mostly padding.
const mostForWeight = 64

// denseBytes returns the memory of the dense form that suits m.
func denseBytes(m *micro, outC, k, run int) int64 {
	switch n := int64(k); {
	case m != nil:
		last := (outC - 1) / panelWidth * panelWidth
		return int64(last+panel(outC-last)) * int64(k/run) * int64((run+3)/4) * int64(m.quadBytes)
	case wide:
		return 32 * n * int64((outC+7)/8)
	default:
		return 4 * n * int64((outC+3)/4)
	}
}

// NewList packs w, [outC,k] row-major, as one list of weights for groups of output channels,
// which a Conv takes as a single group. It takes less memory than a layer for each group.
func NewList(w []int8, outC, k, groups int, bias []int32, zero int) *Layer {
	l := &Layer{OutC: outC, K: k, groups: groups}
	kept := l.count(w)
	l.begin(bias, zero)
	l.packSparse(w, kept)
	return l
}

// count adds up the weights of each channel, and returns how many are not zero.
func (l *Layer) count(w []int8) (kept int) {
	l.sums, l.magnitudes = make([]int32, l.OutC), make([]int32, l.OutC)
	for c := range l.sums {
		sum, magnitude := int32(0), int32(0)
		for _, v := range w[c*l.K : (c+1)*l.K] {
			if v != 0 {
				kept++
			}
			sum += int32(v)
			magnitude += max(int32(v), -int32(v))
		}
		l.sums[c], l.magnitudes[c] = sum, magnitude
	}
	return kept
}

// begin sets what sums start with.
func (l *Layer) begin(bias []int32, zero int) {
	l.Start = make([]int32, l.OutC)
	for c := range l.Start {
		l.Start[c] = -int32(zero) * l.sums[c]
		if bias != nil {
			l.Start[c] += bias[c]
		}
	}
}

// Share returns a layer of the same packed weights for inputs of another zero point and other
// biases. Its Out or Scale is the caller's to set.
func (l *Layer) Share(bias []int32, zero int) *Layer {
	s := *l
	s.Out, s.Scale = Output{}, nil
	s.begin(bias, zero)
	if l.tiles != nil {
		t := *l.tiles
		t.begin(&s)
		s.tiles = &t
	}
	return &s
}

// Own returns the memory of what layers that Share do not share.
func (l *Layer) Own() int {
	n := 4*len(l.Start) + 8*len(l.Out.Mul) + 4*len(l.Scale)
	if l.tiles != nil {
		n += 4*len(l.tiles.start) + l.tiles.scale.bytes()
	}
	return n
}

// Multiplied returns how many weights a patch is multiplied by.
func (l *Layer) Multiplied() int {
	if l.Sparse() {
		return len(l.weight)
	}
	return l.OutC * l.K
}

// Sparse reports whether the layer is a list of weights.
func (l *Layer) Sparse() bool { return l.first != nil }

// Kernel names what computes the layer: the micro-kernels of its tiles, "list" for a
// list of weights, "go" otherwise.
func (l *Layer) Kernel() string {
	switch {
	case l.Sparse():
		return "list"
	case l.tiles != nil:
		return l.tiles.micro.name
	}
	return "go"
}

// Bytes returns the memory of the packed weights, multipliers included.
func (l *Layer) Bytes() int {
	n := 32*len(l.pairs) + 4*len(l.quads) + 4*(len(l.first)+len(l.offset)+len(l.weight)+2*len(l.sums))
	if l.tiles != nil {
		n += len(l.tiles.weight)
	}
	return n + l.Own()
}

// packSparse lists the nonzero weights, of which there are kept.
func (l *Layer) packSparse(w []int8, kept int) {
	l.first, l.offset, l.weight = make([]int32, 0, l.OutC+1), make([]int32, 0, kept), make([]int32, 0, kept)
	for c := 0; c < l.OutC; c++ {
		l.first = append(l.first, int32(len(l.offset)))
		for i, v := range w[c*l.K : (c+1)*l.K] {
			if v != 0 {
				l.offset, l.weight = append(l.offset, int32(i)), append(l.weight, int32(v))
			}
		}
	}
	l.first = append(l.first, int32(len(l.offset)))
}

// packPairs puts two channels into each 64-bit word, w0 + w1<<32: one
// multiplication by an input then does two.
func (l *Layer) packPairs(w []int8) {
	blocks := (l.OutC + 7) / 8
	l.pairs = make([][4]int64, blocks*l.K)
	for c := 0; c < l.OutC; c++ {
		block, lane, high := c/8, c%8/2, c%2
		for i, v := range w[c*l.K : (c+1)*l.K] {
			l.pairs[block*l.K+i][lane] += int64(v) << (32 * high)
		}
	}
}

func (l *Layer) packQuads(w []int8) {
	blocks := (l.OutC + 3) / 4
	l.quads = make([][4]int8, blocks*l.K)
	for c := 0; c < l.OutC; c++ {
		for i, v := range w[c*l.K : (c+1)*l.K] {
			l.quads[c/4*l.K+i][c%4] = v
		}
	}
}

// accumulate computes acc[c] for all channels from the patch x, whose element
// i is x[i], or x[offset] in a sparse layer.
func (l *Layer) accumulate(acc []int32, x []int8) {
	switch {
	case l.first != nil:
		l.sparse(acc, x)
	case l.pairs != nil:
		l.densePairs(acc, x)
	default:
		l.denseQuads(acc, x)
	}
}

func (l *Layer) sparse(acc []int32, x []int8) {
	for c := range acc {
		lo, hi := l.first[c], l.first[c+1]
		offset, weight := l.offset[lo:hi], l.weight[lo:hi]
		weight = weight[:len(offset)]
		sum := l.Start[c]
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

func (l *Layer) densePairs(acc []int32, x []int8) {
	k := l.K
	x = x[:k]
	for b := 0; b*8 < l.OutC; b++ {
		s0, s1, s2, s3 := dotPairs(l.pairs[b*k:], x)
		c := b * 8
		if c+8 <= l.OutC {
			a, st := acc[c:c+8:c+8], l.Start[c:c+8:c+8]
			a[0], a[1] = unpack(s0, st[0], st[1])
			a[2], a[3] = unpack(s1, st[2], st[3])
			a[4], a[5] = unpack(s2, st[4], st[5])
			a[6], a[7] = unpack(s3, st[6], st[7])
			continue
		}
		for lane, s := range [4]int64{s0, s1, s2, s3} {
			lo, hi := unpack(s, 0, 0)
			if c+2*lane < l.OutC {
				acc[c+2*lane] = l.Start[c+2*lane] + lo
			}
			if c+2*lane+1 < l.OutC {
				acc[c+2*lane+1] = l.Start[c+2*lane+1] + hi
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

func (l *Layer) denseQuads(acc []int32, x []int8) {
	k := l.K
	x = x[:k]
	for b := 0; b*4 < l.OutC; b++ {
		w := l.quads[b*k : (b+1)*k]
		w = w[:len(x)]
		var s [4]int32
		var s0, s1, s2, s3 int32
		for i, v := range x {
			xi := int32(v)
			p := &w[i]
			s0 += xi * int32(p[0])
			s1 += xi * int32(p[1])
			s2 += xi * int32(p[2])
			s3 += xi * int32(p[3])
		}
		s[0], s[1], s[2], s[3] = s0, s1, s2, s3
		for i := 0; i < 4 && b*4+i < l.OutC; i++ {
			acc[b*4+i] = l.Start[b*4+i] + s[i]
		}
	}
}

// Quantized computes the layer on one patch x of K elements into y, OutC int8:
// Out.Zero + acc*Out.Mul[c], clamped. acc has room for OutC sums; those are left
// in it. y must not overlap x.
func (l *Layer) Quantized(y, x []int8, acc []int32) {
	acc = acc[:l.OutC]
	l.accumulate(acc, x)
	l.quantized(y, acc, 0)
}

// quantized turns sums of channels from first on into int8.
func (l *Layer) quantized(y []int8, acc []int32, first int) {
	y = y[:len(acc)]
	for c, a := range acc {
		y[c] = l.Out.quantize(first+c, a)
	}
}

// Real computes the layer on one patch x into y, OutC float32: acc*Scale[c], the
// sum and the product rounded to float32. acc as in Quantized.
func (l *Layer) Real(y []float32, x []int8, acc []int32) {
	acc = acc[:l.OutC]
	l.accumulate(acc, x)
	l.real(y, acc, 0)
}

// real turns sums of channels from first on into float32.
func (l *Layer) real(y []float32, acc []int32, first int) {
	y = y[:len(acc)]
	if len(l.Scale) == 1 {
		s := l.Scale[0]
		for c, a := range acc {
			y[c] = float32(float32(a) * s)
		}
		return
	}
	s := l.Scale[first:][:len(acc)]
	for c, a := range acc {
		y[c] = float32(float32(a) * s[c])
	}
}
