package runtime

import (
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// pack is a weight tensor as the instructions that use it share it: packed once for each form,
// however many use it.
type pack struct {
	w     *format.Weight
	forms []form
	depth [2]*kernel.Depthwise // with one output channel for each input channel, and with several
	dense int                  // forms that were packed as dense layers
	bytes int                  // of all forms, but for what each use has of its own
}

// form is what a convolution's packed weights depend on, and the first that has it.
type form struct {
	groups   int
	run      int // elements of a patch that lie together
	geometry kernel.Geometry
	layers   []*kernel.Layer
	conv     *kernel.Conv
}

// mostForms is the number of forms of a weight tensor, and mostDense of those that are packed as
// dense layers, so that its memory is in proportion to the weights. Others are lists.
const (
	mostForms = 8
	mostDense = 2
)

// mostGroups is the number of groups of a network that have layers of their own; others are
// lists.
const mostGroups = 8192

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

// conv prepares the convolution in over win, in groups, by weights that p shares, from the
// grid of x to that of y.
func (m *Model) conv(p *pack, in *format.Instr, win kernel.Window, groups int, x, y *format.Tensor) (*kernel.Conv, error) {
	at := -1
	for i, f := range p.forms {
		if f.groups == groups && f.geometry == win.Geometry() {
			at = i
		}
	}
	if at < 0 && len(p.forms) == mostForms {
		return nil, Error("weights " + itoa(in.Weight) + " are used on images of more than " + itoa(mostForms) + " widths, kernels or groups; store them again for the others")
	}
	var layers []*kernel.Layer
	if at < 0 {
		layers = m.pack(p, win, groups, x.Zero)
	} else {
		for g, l := range p.forms[at].layers {
			layers = append(layers, l.Share(biases(p.w, g*l.OutC, l.OutC), x.Zero))
		}
	}
	for g, l := range layers {
		output(l, p.w, g*l.OutC, in, x, y)
	}
	if at >= 0 {
		return p.forms[at].conv.Share(win, int8(x.Zero), layers), nil
	}
	c := kernel.NewConv(win, int8(x.Zero), layers)
	p.forms = append(p.forms, form{groups, win.Run(groups), win.Geometry(), layers, c})
	return c, nil
}

// pack packs the weights of p as a layer for each group or, if the network has very many or the
// weights have many forms, as a list for all. Dense layers of the same runs are shared.
func (m *Model) pack(p *pack, win kernel.Window, groups, zero int) (layers []*kernel.Layer) {
	w, run, like := p.w, win.Run(groups), []*kernel.Layer(nil)
	for _, f := range p.forms {
		if f.groups == groups && f.run == run && len(f.layers) == groups {
			like = f.layers
		}
	}
	if groups > 1 {
		m.groups += groups
	}
	n, k := w.OutC/groups, w.KH*w.KW*w.InC
	if groups > 1 && m.groups > mostGroups || like == nil && p.dense == mostDense {
		l := kernel.NewList(w.Values, w.OutC, k, groups, w.Bias, zero)
		p.bytes += l.Bytes() - l.Own()
		return []*kernel.Layer{l}
	}
	dense := 0
	for g := range groups {
		bias := biases(w, g*n, n)
		if like != nil && !like[g].Sparse() {
			layers = append(layers, like[g].Share(bias, zero))
			continue
		}
		l := kernel.NewLayer(w.Values[g*n*k:(g+1)*n*k], n, k, run, bias, zero)
		p.bytes += l.Bytes() - l.Own()
		if layers = append(layers, l); !l.Sparse() {
			dense = 1
		}
	}
	p.dense += dense
	return layers
}

// biases returns n biases from first on, nil if there are none.
func biases(w *format.Weight, first, n int) []int32 {
	if w.Bias == nil {
		return nil
	}
	return w.Bias[first : first+n]
}

// depthwise prepares a depthwise convolution over win by weights that p shares.
func (p *pack) depthwise(win kernel.Window, zero int) *kernel.Depthwise {
	several := 0
	if p.w.OutC > win.C {
		several = 1
	}
	if d := p.depth[several]; d != nil {
		return d.Share(win, int8(zero), p.w.Bias)
	}
	d := kernel.NewDepthwise(win, int8(zero), p.w.Values, p.w.OutC, p.w.Bias)
	p.depth[several] = d
	p.bytes += d.Bytes() - d.Own()
	return d
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
