package kernel

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
	weight      []int8  // of each panel [runs*quads][width][4]
	start       []int32 // Layer.Start of each panel, less micro.offset times its weights, zeros up to its width
	scale       scale
}

// newTiles packs w, [l.OutC, l.K], in runs of run elements.
func newTiles(w []int8, l *Layer, run int, m *micro) *tiles {
	t := &tiles{micro: m, runs: l.K / run, quads: (run + 3) / 4}
	for c := 0; c < l.OutC; c += panelWidth {
		width := panel(l.OutC - c)
		p := make([]int8, t.runs*t.quads*width*4)
		t.start = append(t.start, make([]int32, width)...)
		copy(t.start[c:], l.Start[c:])
		for ch := range min(width, l.OutC-c) {
			for i, v := range w[(c+ch)*l.K : (c+ch+1)*l.K] {
				t.start[c+ch] -= m.offset * int32(v)
				quad := i/run*t.quads + i%run/4
				p[(quad*width+ch)*4+i%run%4] = v
			}
		}
		t.weight = append(t.weight, p...)
	}
	return t
}

// panel returns the width of the panel that begins where so many channels are left.
func panel(left int) int {
	if left <= panelWidth/2 {
		return panelWidth / 2
	}
	return panelWidth
}

func (t *tiles) bytes() int {
	if t == nil {
		return 0
	}
	return len(t.weight) + 4*len(t.start) + t.scale.bytes()
}

// accumulate computes Layer.accumulate by plain Go: x is a patch without gaps.
func (t *tiles) accumulate(acc []int32, l *Layer, x []int8) {
	run := l.K / t.runs
	for c := range acc {
		width := panel(l.OutC - c/panelWidth*panelWidth)
		weight := t.weight[c/panelWidth*panelWidth*t.runs*t.quads*4:]
		acc[c] = l.Start[c]
		for i, v := range x[:l.K] {
			quad := i/run*t.quads + i%run/4
			acc[c] += int32(v) * int32(weight[(quad*width+c%panelWidth)*4+i%run%4])
		}
	}
}

// finish prepares the layer's Out for micro-kernels.
func (t *tiles) finish(l *Layer) {
	most := make([]int64, l.OutC)
	for c := range most {
		most[c] = max(int64(l.Start[c]), -int64(l.Start[c])) + 128*t.magnitude(c, l)
	}
	t.scale = newScale(&l.Out, most)
}

// magnitude is the sum of |w| of channel c.
func (t *tiles) magnitude(c int, l *Layer) (sum int64) {
	width := panel(l.OutC - c/panelWidth*panelWidth)
	weight := t.weight[c/panelWidth*panelWidth*t.runs*t.quads*4:]
	for q := range t.runs * t.quads {
		for _, v := range weight[(q*width+c%panelWidth)*4:][:4] {
			sum += max(int64(v), -int64(v))
		}
	}
	return sum
}
