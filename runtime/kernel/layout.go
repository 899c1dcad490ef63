package kernel

import (
	"slices"
	"unsafe"
)

// layout is what the form of weights in memory depends on, for one set of micro-kernels.
// It is the same on every machine, so that a host can tell what a board will do.
type layout struct {
	name        string
	least       int8 // weight that its intermediate sums bear, in tiles
	leastLane   int8 // the same in lanes
	quadBytes   int  // of four weights in tiles
	pairBytes   int  // of the weights of two taps of a lane
	sparseBelow int  // density, in 1/256, below which a list of weights is quicker
	lanes       bool // it also computes depthwise convolutions
	rows        bool // those of 3x3 taps by rows of outputs
}

var (
	vnniLayout    = layout{"vnni", -128, -128, 4, 4, 4, true, false}
	avx2Layout    = layout{"avx2", -127, -128, 4, 4, 5, true, false}
	dotprodLayout = layout{"dotprod", -128, -127, 4, 2, 5, true, true}
	neonLayout    = layout{"neon", -127, -127, 4, 2, 8, true, true}
	smladLayout   = layout{"smlad", -128, -128, 8, 4, 24, true, false}
)

// layouts are those of all micro-kernels, on whatever machine this is.
var layouts = []*layout{&vnniLayout, &avx2Layout, &dotprodLayout, &neonLayout, &smladLayout}

// sparse reports whether weights [outC,k] in runs of run elements, of which kept are not zero,
// become a list; p is nil for plain Go, wide says whether its machine has 64 bits.
func (p *layout) sparse(kept, outC, k, run int, wide bool) bool {
	below := sparseBelow
	if p != nil {
		below = p.sparseBelow
	}
	most := int((int64(below)*int64(outC)*int64(k) - 1) / 256)
	if k > longest || p.denseBytes(outC, k, run, wide) > mostForWeight*int64(kept) {
		most = outC * k
	}
	return kept <= most
}

// denseBytes returns the memory of the dense form that suits p.
func (p *layout) denseBytes(outC, k, run int, wide bool) int64 {
	switch n := int64(k); {
	case p != nil:
		return int64(panels(outC)) * int64(k/run) * int64((run+3)/4) * int64(p.quadBytes)
	case wide:
		return 32 * n * int64((outC+7)/8)
	default:
		return 4 * n * int64((outC+3)/4)
	}
}

// panels returns the number of channels with those that fill the last panel up.
func panels(outC int) int {
	last := (outC - 1) / panelWidth * panelWidth
	return last + panel(outC-last)
}

// Processor says how layers are computed on some processor.
type Processor struct {
	Kernels string // vnni, avx2, dotprod, neon, smlad or go; see Level
	Wide    bool   // it has 64 bits
}

// layout returns that of the processor, nil for plain Go; ok is false if there are no such
// micro-kernels.
func (p Processor) layout() (_ *layout, ok bool) {
	for _, q := range layouts {
		if q.name == p.Kernels {
			return q, true
		}
	}
	return nil, p.Kernels == "go"
}

// Known reports whether there are such micro-kernels.
func (p Processor) Known() bool {
	_, ok := p.layout()
	return ok
}

// Here is the processor of this machine, with the micro-kernels that layers are packed for.
func Here() Processor { return Processor{best.String(), wide} }

// Shape is what a layer with weights computes, apart from its weights.
type Shape struct {
	OutC, K   int  // output channels and elements of a patch, of one group
	Run       int  // elements of a patch that lie together
	Groups    int  // of channels
	Pixels    int  // output pixels
	Times     int  // that all pixels are computed, as of a recurrent layer; 0: once
	Image     int  // elements that are copied to surround the image; 0: none
	Depthwise bool // each output channel meets one input channel; Groups is 1
	Single    bool // depthwise, with one output channel for each input channel
	Rows      bool // depthwise, by Window.ByRows
	List      bool // a list of weights, whatever the processor
	Scales    int  // of float32 outputs: 1, or OutC; 0: outputs are int8
}

// The forms of weights.
const (
	FormTiles = "tiles" // dense, for a micro-kernel that computes several pixels at once
	FormPixel = "pixel" // the same for one pixel
	FormList  = "list"  // the nonzero weights
	FormGo    = "go"    // dense, plain Go
	FormLanes = "lanes" // depthwise, for a micro-kernel
	FormRows  = "rows"  // depthwise, for a micro-kernel that computes rows of outputs
	FormTaps  = "taps"  // depthwise, plain Go
)

// Counts is what a form does in an inference.
type Counts struct {
	Form     string
	Products int64 // multiplications, with those that fill tiles up
	Runs     int64 // runs of patches, for each tile
	Tiles    int64 // tiles of pixels times panels of channels; otherwise pixels times panels, or pixels
	Blocks   int64 // calls of micro-kernels
	Sums     int64 // sums that become outputs
	Parts    int64 // pixels whose channels do not fill a micro-kernel's eight
	Copied   int64 // elements that are copied before
}

// Plan is how a layer is computed on some processor.
type Plan struct {
	Kernels []string // of the groups, each once
	Counts  []Counts // of each form that the groups have
	Shared  int      // bytes of the packed weights
	Own     int      // bytes of what layers with the same weights do not share
}

// Plan returns how the layer of weights w, [Groups*OutC, K] row-major, is computed on a
// processor whose micro-kernels are known, as NewLayer, NewList and NewDepthwise decide. Its
// bytes are exact unless a requantization cannot be computed by the micro-kernels, which then
// takes less memory. Cost: it looks at each weight.
func (s Shape) Plan(w []int8, on Processor) Plan {
	p, _ := on.layout()
	plan := Plan{}
	if s.Depthwise {
		plan.depthwise(s, w, p)
	} else {
		for g := range s.Groups {
			plan.group(s, w[g*s.OutC*s.K:(g+1)*s.OutC*s.K], p, on.Wide)
		}
	}
	if len(plan.Counts) > 0 {
		plan.Counts[0].Copied += int64(s.Image)
	}
	for i := range plan.Counts {
		plan.Counts[i].repeat(int64(max(s.Times, 1)))
	}
	return plan
}

// repeat multiplies all counts.
func (c *Counts) repeat(times int64) {
	for _, v := range []*int64{&c.Products, &c.Runs, &c.Tiles, &c.Blocks, &c.Sums, &c.Parts, &c.Copied} {
		*v *= times
	}
}

// add adds what a group does with the kernel of that name.
func (plan *Plan) add(kernel string, c Counts) {
	if !slices.Contains(plan.Kernels, kernel) {
		plan.Kernels = append(plan.Kernels, kernel)
	}
	for i := range plan.Counts {
		if q := &plan.Counts[i]; q.Form == c.Form {
			q.Products, q.Runs, q.Tiles, q.Blocks = q.Products+c.Products, q.Runs+c.Runs, q.Tiles+c.Tiles, q.Blocks+c.Blocks
			q.Sums, q.Parts, q.Copied = q.Sums+c.Sums, q.Parts+c.Parts, q.Copied+c.Copied
			return
		}
	}
	plan.Counts = append(plan.Counts, c)
}

// group adds a group of weights w.
func (plan *Plan) group(s Shape, w []int8, p *layout, wide bool) {
	if !p.takes(w) {
		p = nil
	}
	kept := nonZero(w)
	pixels, outC, k := int64(s.Pixels), int64(s.OutC), int64(s.K)
	plan.Own += s.own(s.OutC)
	plan.Shared += 8 * s.OutC // the sums of each channel
	sums := pixels * outC
	switch {
	case s.List || p.sparse(kept, s.OutC, s.K, s.Run, wide):
		plan.Shared += 4*(s.OutC+1) + 8*kept
		plan.add("list", Counts{Form: FormList, Products: pixels * int64(kept), Tiles: pixels, Sums: sums})
	case p != nil:
		plan.Shared += int(p.denseBytes(s.OutC, s.K, s.Run, wide))
		channels, runs, quads := int64(panels(s.OutC)), k/int64(s.Run), int64((s.Run+3)/4)
		plan.Own += 4*int(channels) + s.scales(int(channels))
		all := (channels + panelWidth - 1) / panelWidth
		c := Counts{Form: FormPixel, Products: channels * runs * quads * 4, Runs: runs * all, Tiles: all, Blocks: all, Sums: sums}
		if pixels > 1 {
			tiles := (pixels + tilePixels - 1) / tilePixels
			c.Form, c.Products, c.Runs, c.Tiles = FormTiles, c.Products*tiles*tilePixels, c.Runs*tiles, all*tiles
			c.Blocks *= (pixels + blockPixels - 1) / blockPixels
		}
		if outC%8 > 0 {
			c.Parts = pixels
		}
		plan.add(p.name, c)
	default:
		plan.Shared += int(p.denseBytes(s.OutC, s.K, s.Run, wide))
		c := Counts{Form: FormGo, Products: sums * k, Tiles: pixels, Sums: sums}
		if s.Pixels > 1 {
			c.Copied = pixels * k
		}
		plan.add("go", c)
	}
}

// depthwise adds a depthwise layer.
func (plan *Plan) depthwise(s Shape, w []int8, p *layout) {
	pixels, taps := int64(s.Pixels), s.K
	plan.Own += s.own(s.OutC)
	plan.Shared += 8*s.OutC + len(w)
	if !p.takesLanes(w) || !s.Single || s.OutC < 8 || taps > mostTaps {
		plan.add("go", Counts{Form: FormTaps, Products: pixels * int64(len(w)), Tiles: pixels, Sums: pixels * int64(s.OutC)})
		return
	}
	width, all := 0, lanePanels(s.OutC)
	for _, q := range all {
		width += q.width
	}
	pairs := (taps + 1) / 2
	plan.Shared += pairs * width * p.pairBytes
	plan.Own += 4*(s.OutC+2*pairs) + s.scales(width)
	c := Counts{Form: FormLanes, Products: pixels * int64(2*pairs*width), Tiles: pixels * int64(len(all)),
		Blocks: int64(len(all)) * ((pixels + blockPixels - 1) / blockPixels), Sums: pixels * int64(width)}
	if p.rows && s.Rows && s.Scales == 0 {
		c.Form, c.Blocks = FormRows, int64(len(all))*((pixels+rowPixels-1)/rowPixels)
	}
	plan.add(p.name, c)
}

// own returns the memory of biases, and of multipliers or scales.
func (s Shape) own(channels int) int {
	if s.Scales == 0 {
		return 12 * channels
	}
	return 4 * (channels + s.Scales)
}

// scales returns the memory of the requantization of so many channels.
func (s Shape) scales(channels int) int {
	if s.Scales > 0 {
		return 0
	}
	return channels / 8 * int(unsafe.Sizeof(requantization{}))
}

// takes reports whether all intermediate sums of tiles of w fit. Without a micro-kernel, p
// is nil, there are no tiles.
func (p *layout) takes(w []int8) bool {
	return p != nil && (p.least == -128 || !slices.Contains(w, -128))
}

// takesLanes is takes for lanes.
func (p *layout) takesLanes(w []int8) bool {
	return p != nil && p.lanes && (p.leastLane == -128 || !slices.Contains(w, -128))
}

// nonZero counts the weights that are not zero.
func nonZero(w []int8) (n int) {
	for _, v := range w {
		if v != 0 {
			n++
		}
	}
	return n
}
