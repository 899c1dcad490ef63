package runtime

import (
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// pack is a weight tensor in the forms in which the instructions that use it multiply by it.
// They share them, so that memory is in proportion to the weights, however many use them.
type pack struct {
	w      *format.Weight
	own    *kernel.Weights // in the form that suits the first use
	list   *kernel.Weights // that form, or a list beside it for other numbers of groups
	taps   []int8          // for depthwise convolutions
	images []image
}

// image is where the weights of the list lie in padded images of one geometry.
type image struct {
	of     kernel.Geometry
	offset []int32
}

// mostImages is the number of geometries that have offsets of their own; convolutions of
// others copy their patches.
const mostImages = 8

// packed returns the pack of the weights of in, after verifying that no sum can overflow.
func (m *Model) packed(in *format.Instr) (*pack, error) {
	p := &m.packs[in.Weight]
	if p.w == nil {
		w := &m.f.Weights[in.Weight]
		if err := fits(w); err != nil {
			return nil, err
		}
		p.w = w
	}
	return p, nil
}

// weights returns the weights packed for groups of output channels.
func (p *pack) weights(groups int) *kernel.Weights {
	k := p.w.KH * p.w.KW * p.w.InC
	if p.own == nil {
		p.own = kernel.Pack(p.w.Values, p.w.OutC, k, groups)
	}
	if p.own.Groups == groups || p.own.Sparse() {
		return p.own
	}
	if p.list == nil {
		p.list = kernel.PackList(p.w.Values, p.w.OutC, k)
	}
	return p.list
}

// offsets returns where the weights packed as l lie in the padded images of win; nil: they are
// no list, or there are too many geometries.
func (p *pack) offsets(l *kernel.Weights, win *kernel.Window) []int32 {
	g := win.Geometry()
	for _, i := range p.images {
		if i.of == g && l.Sparse() {
			return i.offset
		}
	}
	if !l.Sparse() || len(p.images) == mostImages {
		return nil
	}
	p.images = append(p.images, image{g, l.ImageOffsets(win)})
	return p.images[len(p.images)-1].offset
}

// depthwise returns the weights as a depthwise convolution reads them.
func (p *pack) depthwise() []int8 {
	if p.taps == nil {
		p.taps = kernel.Taps(p.w.Values, p.w.OutC)
	}
	return p.taps
}

// bytes returns the memory of all forms.
func (p *pack) bytes() int {
	n := len(p.taps)
	for _, w := range []*kernel.Weights{p.own, p.list} {
		if w != nil {
			n += w.Bytes()
		}
	}
	for _, i := range p.images {
		n += 4 * len(i.offset)
	}
	return n
}

// fits verifies that no accumulator of the weights can overflow int32.
func fits(w *format.Weight) error {
	k := w.KH * w.KW * w.InC
	var bias int64 // the largest magnitude
	for _, b := range w.Bias {
		bias = max(bias, int64(b), -int64(b))
	}
	if int64(k)*128*255+bias <= math.MaxInt32 {
		return nil // whatever the weights are
	}
	for c := range w.OutC {
		sum := int64(0)
		for _, v := range w.Values[c*k : (c+1)*k] {
			sum += max(int64(v), -int64(v))
		}
		sum *= 255
		if w.Bias != nil {
			b := int64(w.Bias[c])
			sum += max(b, -b)
		}
		if sum > math.MaxInt32 {
			return Error("the sums of a layer of " + itoa(k) + " weights can overflow 32 bits; quantize it with smaller weights")
		}
	}
	return nil
}
