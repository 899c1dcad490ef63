package kernel

import "slices"

// Weights are those of a convolution or a dense layer in the form in which they are
// multiplied. Any number of layers share them: they are read-only.
type Weights struct {
	OutC, K int     // output channels, elements of a patch
	Groups  int     // of a dense form: groups of output channels, each with patches of its own
	Sums    []int32 // of the weights of each output channel

	blocks int        // dense: of channels, of each group
	pairs  [][4]int64 // dense, 64-bit machines: [Groups][blocks][K] of 4 pairs of channels
	quads  [][4]int8  // dense, 32-bit machines: [Groups][blocks][K]
	first  []int32    // sparse: where each channel's weights start
	offset []int32    // sparse: index in the patch
	weight []int32    // sparse
}

// sparseBelow is the density below which a layer becomes a list, in 1/256 of the weights that
// the dense form multiplies, which come in blocks of lanes channels. BenchmarkDensity has the
// list quicker up to 80/256 on amd64; it also takes less memory there.
const sparseBelow = 64

const wide = ^uint(0)>>63 == 1

// Channels of a block of the dense forms.
const (
	pairLanes = 8
	quadLanes = 4
)

// lanes returns those of the form that this machine uses.
func lanes() int {
	if wide {
		return pairLanes
	}
	return quadLanes
}

// Pack packs w, [outC,k] row-major, for groups of output channels, which divide outC. Layers
// of few weights become lists of the weights other than zero, which suit any number of groups,
// and so do those of more than 2^16 elements a patch, whose sums two lanes of 32 bits might
// not hold.
//
// Memory: at most 16 bytes for each nonzero weight and 8 for each output channel. Cost: two
// passes over w.
func Pack(w []int8, outC, k, groups int) *Weights {
	const longest = 1 << 16 // sum that two 32-bit lanes hold for sure: 2^31 / (127*128)
	p := newWeights(w, outC, k, groups)
	dense := int64(groups) * int64(p.cut(lanes())) * int64(lanes()) * int64(k)
	switch n := nonzeros(w); {
	case k > longest || int64(n) <= (sparseBelow*dense-1)/256:
		p.packSparse(w, n)
	case wide:
		p.packPairs(w)
	default:
		p.packQuads(w)
	}
	return p
}

// PackList packs w, [outC,k], as a list of the weights other than zero, however many there are.
func PackList(w []int8, outC, k int) *Weights {
	p := newWeights(w, outC, k, 1)
	p.packSparse(w, nonzeros(w))
	return p
}

// newWeights adds up the weights of each channel.
func newWeights(w []int8, outC, k, groups int) *Weights {
	p := &Weights{OutC: outC, K: k, Groups: groups, Sums: make([]int32, outC)}
	for c := range p.Sums {
		sum := int32(0)
		for _, v := range w[c*k : (c+1)*k] {
			sum += int32(v)
		}
		p.Sums[c] = sum
	}
	return p
}

func nonzeros(w []int8) int {
	n := 0
	for _, v := range w {
		if v != 0 {
			n++
		}
	}
	return n
}

// Sparse reports whether the weights are a list.
func (p *Weights) Sparse() bool { return p.first != nil }

// Multiplied returns how many weights a patch of each group is multiplied by.
func (p *Weights) Multiplied() int {
	if p.Sparse() {
		return len(p.weight)
	}
	return p.OutC * p.K
}

// Bytes returns the memory of the packed weights.
func (p *Weights) Bytes() int {
	return 32*len(p.pairs) + 4*len(p.quads) + 4*(len(p.first)+len(p.offset)+len(p.weight)+len(p.Sums))
}

// packSparse lists the n nonzero weights.
func (p *Weights) packSparse(w []int8, n int) {
	p.first, p.offset, p.weight = make([]int32, 0, p.OutC+1), make([]int32, 0, n), make([]int32, 0, n)
	for c := 0; c < p.OutC; c++ {
		p.first = append(p.first, int32(len(p.offset)))
		for i, v := range w[c*p.K : (c+1)*p.K] {
			if v != 0 {
				p.offset, p.weight = append(p.offset, int32(i)), append(p.weight, int32(v))
			}
		}
	}
	p.first = append(p.first, int32(len(p.offset)))
}

// cut returns the blocks of so many lanes that the channels of a group take.
func (p *Weights) cut(lanes int) int { return (p.OutC/p.Groups + lanes - 1) / lanes }

// place returns the row of channel c in the dense form, and its lane there.
func (p *Weights) place(c, lanes int) (row, lane int) {
	n := p.OutC / p.Groups
	return (c/n*p.blocks + c%n/lanes) * p.K, c % n % lanes
}

// packPairs puts two channels into each 64-bit word, w0 + w1<<32: one
// multiplication by an input then does two.
func (p *Weights) packPairs(w []int8) {
	p.blocks = p.cut(pairLanes)
	p.pairs = make([][4]int64, p.Groups*p.blocks*p.K)
	for c := 0; c < p.OutC; c++ {
		row, lane := p.place(c, pairLanes)
		to := p.pairs[row:][:p.K]
		for i, v := range w[c*p.K : (c+1)*p.K] {
			to[i][lane/2] += int64(v) << (32 * (lane % 2))
		}
	}
}

func (p *Weights) packQuads(w []int8) {
	p.blocks = p.cut(quadLanes)
	p.quads = make([][4]int8, p.Groups*p.blocks*p.K)
	for c := 0; c < p.OutC; c++ {
		row, lane := p.place(c, quadLanes)
		to := p.quads[row:][:p.K]
		for i, v := range w[c*p.K : (c+1)*p.K] {
			to[i][lane] = v
		}
	}
}

// Geometry is all of a window that ImageOffsets depend on.
type Geometry struct{ Width, C, KW, DilH, DilW int }

// Geometry returns that of w, Width that of the padded image.
func (w *Window) Geometry() Geometry {
	return Geometry{w.W + w.PadL + w.PadR, w.C, w.KW, w.DilH, w.DilW}
}

// ImageOffsets returns where the weights of a list lie in the padded image of w instead of in
// a patch, relative to the first pixel of a patch and the first channel of a group. Windows
// of equal Geometry share it. It is nil if the weights are no list.
func (p *Weights) ImageOffsets(w *Window) []int32 {
	pw, inC := w.W+w.PadL+w.PadR, p.K/(w.KH*w.KW)
	at := slices.Clone(p.offset)
	for i, k := range at {
		c, pos := int(k)%inC, int(k)/inC
		at[i] = int32((pos/w.KW*w.DilH*pw+pos%w.KW*w.DilW)*w.C + c)
	}
	return at
}
