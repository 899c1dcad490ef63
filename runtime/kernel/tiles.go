package kernel

import "unsafe"

// A micro-kernel computes the sums of a tile: tilePixels output pixels times the
// channels of a panel. Its weights lie in the order in which it reads them.
const (
	tilePixels  = 4
	panelWidth  = 16 // channels of a panel; the last one may have half of it
	blockPixels = 32 // pixels whose sums are kept until they become outputs
)

// tiles are the weights of a dense layer for a micro-kernel. A patch is runs of
// elements that lie together; a run is read as quads of four elements, the last filled
// up with weights of zero. What an input has beyond a run is read, and multiplied by
// those.
type tiles struct {
	micro       *micro
	runs, quads int     // of a patch; of a run
	weight      []int8  // of each panel, as micro.place has it; aligned to four bytes
	start       []int32 // Layer.Start of each panel, less micro.offset times its weights, zeros up to its width
	most        []int64 // bounds of the sums' magnitudes, until finish
	scale       scale
}

// newTiles packs w, [l.OutC, l.K], in runs of run elements.
func newTiles(w []int8, l *Layer, run int, m *micro) *tiles {
	t := &tiles{micro: m, runs: l.K / run, quads: (run + 3) / 4}
	last := (l.OutC - 1) / panelWidth * panelWidth
	channels := last + panel(l.OutC-last)
	t.weight = aligned(channels * t.panelBytes(1))
	for ch := range l.OutC {
		first := ch / panelWidth * panelWidth
		width := panel(l.OutC - first)
		p := t.weight[t.panelBytes(first):][:t.panelBytes(width)]
		for i, v := range w[ch*l.K : (ch+1)*l.K] {
			m.place(p, i/run*t.quads+i%run/4, t.runs*t.quads, ch-first, width, i%run%4, v)
		}
	}
	t.begin(l)
	return t
}

// begin sets what the sums of l start with, and their bounds.
func (t *tiles) begin(l *Layer) {
	channels := len(t.weight) / t.panelBytes(1)
	t.start, t.most, t.scale = make([]int32, channels), make([]int64, l.OutC), nil
	for ch, start := range l.Start {
		t.start[ch] = start - t.micro.offset*l.sums[ch]
		t.most[ch] = max(int64(start), -int64(start)) + 128*int64(l.magnitudes[ch])
	}
}

// panelBytes is the size of so many channels' weights.
func (t *tiles) panelBytes(channels int) int { return channels * t.runs * t.quads * t.micro.quadBytes }

// aligned returns n bytes, a multiple of 4, at an address that is one too.
func aligned(n int) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(make([]int32, n/4)))), n)
}

// panel returns the width of the panel that begins where so many channels are left.
func panel(left int) int {
	if left <= panelWidth/2 {
		return panelWidth / 2
	}
	return panelWidth
}

// finish prepares the layer's Out for micro-kernels.
func (t *tiles) finish(l *Layer) {
	if t.micro.requantizes {
		t.scale = newScale(&l.Out, t.most)
	}
	t.most = nil
}
