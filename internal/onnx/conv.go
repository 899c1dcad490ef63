package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// span is the geometry of a convolution or pool along one dimension.
type span struct{ kernel, stride, dilation, before, after int }

// window is the geometry over an image, height first, and over the dimension before it, if
// there are three.
type window struct {
	kernel, stride, dilation, before, after [2]int
	depth                                   *span
}

// set makes s the geometry of dimension d of the image.
func (w *window) set(d int, s span) {
	w.kernel[d], w.stride[d], w.dilation[d], w.before[d], w.after[d] = s.kernel, s.stride, s.dilation, s.before, s.after
}

// readWindow reads strides, dilations, pads and auto_pad for a kernel over the spatial
// dimensions of in ([1, C, W], [1, C, H, W] or [1, C, D, H, W]). A one-dimensional window gets
// height 1.
func (n *node) readWindow(in []int, kernel []int) (w window, err error) {
	rank := len(kernel)
	if rank < 1 || rank > 3 {
		return w, n.fail("kernel_shape", "%d spatial dimensions are not supported, only 1 to 3", rank)
	}
	if len(in) != rank+2 {
		return w, n.fail("", "the input has %d dimensions, a kernel of %d needs %d", len(in), rank, rank+2)
	}
	spans, err := n.readSpans(in[2:], kernel)
	if err != nil {
		return w, err
	}
	if rank == 3 {
		w.depth, spans = &spans[0], spans[1:]
	}
	w.set(0, span{kernel: 1, stride: 1, dilation: 1})
	for i, s := range spans {
		w.set(i+2-len(spans), s)
	}
	return w, nil
}

// readSpans returns the geometry of each of the dimensions in.
func (n *node) readSpans(in, kernel []int) (spans []span, err error) {
	rank := len(kernel)
	stride, err := n.attrInts("strides", rank, 1, 1)
	if err != nil {
		return nil, err
	}
	dilation, err := n.attrInts("dilations", rank, 1, 1)
	if err != nil {
		return nil, err
	}
	pads, err := n.attrInts("pads", 2*rank, 0, 0)
	if err != nil {
		return nil, err
	}
	mode := n.attrString("auto_pad", "NOTSET")
	for i, k := range kernel {
		s := span{kernel: k, stride: stride[i], dilation: dilation[i]}
		if k < 1 || int64(k)*int64(dilation[i]) > maxActivation {
			return nil, n.fail("kernel_shape", "kernel size %d with dilation %d is out of range", k, dilation[i])
		}
		total := max(((in[i]+stride[i]-1)/stride[i]-1)*stride[i]+(k-1)*dilation[i]+1-in[i], 0)
		switch mode {
		case "NOTSET", "":
			s.before, s.after = pads[i], pads[rank+i]
		case "VALID":
		case "SAME_UPPER":
			s.before, s.after = total/2, total-total/2
		case "SAME_LOWER":
			s.before, s.after = total-total/2, total/2
		default:
			return nil, n.fail("auto_pad", "%q is not known", mode)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// image gives x a height of 1 when it has shape [1, C, W].
func (n *node) image(x *graph.Value) (*graph.Value, error) {
	if len(x.Shape) == 4 {
		return x, nil
	}
	return n.emit(op.Reshape{Shape: []int{x.Shape[1], 1, x.Shape[2]}}, x)
}

// imageResult ends a node that began with image(x): it takes the height away.
func (n *node) imageResult(x *graph.Value, o graph.Op, in ...*graph.Value) error {
	if len(x.Shape) == 4 {
		return n.result(o, in...)
	}
	y, err := n.emit(o, in...)
	if err != nil {
		return err
	}
	return n.result(op.Reshape{Shape: []int{y.Shape[1], y.Shape[3]}}, y)
}

// groupsOf returns input 0 for an operator that works on each [C, sizes...] of a file's
// [N, C, sizes...] alone: a value [N, groups C, sizes...], whose groups are the samples that
// the file has merged with the batch, or those of a file of one sample; 0 where the batch
// stands alone. rank is that of the file.
func (n *node) groupsOf() (x *graph.Value, groups, rank int, err error) {
	o, err := n.activation(0)
	if err != nil {
		return nil, 0, 0, err
	}
	if rank = len(n.fileDims(o, 0)); o.batch == batchFirst {
		return o.act, 0, rank, nil
	}
	s := o.act.Shape
	if rank < 3 || len(s) != rank+1 || o.batch.at > 0 || o.batch.outer > 0 {
		_, err := n.act(0)
		return nil, 0, rank, err
	}
	groups = s[1]
	x, err = n.emit(op.Reshape{Shape: append([]int{groups * s[2]}, s[3:]...)}, o.act)
	return x, groups, rank, err
}

// ungroup ends a node that began with groupsOf.
func (n *node) ungroup(y *graph.Value, groups int) error {
	s := y.Shape
	return n.resultAs(n.in[0].batch, op.Reshape{Shape: append([]int{groups, s[1] / groups}, s[2:]...)}, y)
}

func buildConv(n *node) error {
	x, groups, rank, err := n.groupsOf()
	if err != nil {
		return err
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	if len(wa.dims) != rank || len(wa.dims) < 3 {
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of %d dimensions", wa.dims, rank)
	}
	kernel, err := n.attrInts("kernel_shape", len(wa.dims)-2, 0, 0)
	if err != nil {
		return err
	}
	for i, k := range kernel {
		if n.attr("kernel_shape") != nil && k != wa.dims[i+2] {
			return n.fail("kernel_shape", "%v differs from the weights' shape %v", kernel, wa.dims)
		}
	}
	win, err := n.readWindow(x.Shape, wa.dims[2:])
	if err != nil {
		return err
	}
	group, channels := n.attrInt("group", 1), x.Shape[1]/max(groups, 1)
	if group < 1 || wa.dims[0]%group != 0 || channels != wa.dims[1]*group {
		return n.fail("group", "%d groups of weights %v do not fit an input of %d channels", group, wa.dims, channels)
	}
	if groups > 0 {
		return n.convEach(x, groups, wa, win, group)
	}
	if win.depth != nil {
		y, err := n.conv3(x, wa, *win.depth, win.conv(group))
		if err == nil {
			n.define(0, &operand{act: y})
		}
		return err
	}
	w, err := n.convWeights(wa)
	if err != nil {
		return err
	}
	b, err := n.bias(2, wa.dims[0], 1)
	if err != nil {
		return err
	}
	img, err := n.image(x)
	if err != nil {
		return err
	}
	return n.imageResult(x, win.conv(group), img, w, b)
}

// convWeights returns weights [outC, C, kernel...] as those of an image's convolution.
func (n *node) convWeights(wa *array) (*graph.Value, error) {
	return n.param(wa, graph.Weight, "conv", func(a *array) (*array, error) {
		d := a.dims
		if len(d) == 3 {
			d = []int{d[0], d[1], 1, d[2]}
		}
		return a.reshaped(d), nil
	})
}

// partBias returns the bias for convolution k of the several that the node becomes: each has
// its own, since its grid follows from that of the convolution's input.
func (n *node) partBias(k, channels int) (*graph.Value, error) {
	if !n.has(2) {
		return nil, nil
	}
	a, err := n.floats(2)
	if err != nil {
		return nil, err
	}
	if len(a.f) != channels {
		return nil, n.fail(n.inputName(2), "a bias of shape %v does not fit %d output channels", a.dims, channels)
	}
	return n.param(a, graph.Bias, fmt.Sprint("bias ", k, " ", n.outputs[0]), func(a *array) (*array, error) { return a.reshaped([]int{channels}), nil })
}

// conv returns the convolution of an image.
func (w window) conv(group int) op.Conv2D {
	return op.Conv2D{StrideH: w.stride[0], StrideW: w.stride[1], DilH: w.dilation[0], DilW: w.dilation[1], PadT: w.before[0], PadL: w.before[1],
		PadB: w.after[0], PadR: w.after[1], Groups: group}
}

// mostConvolutions bounds the convolutions that one node of a file may become.
const mostConvolutions = 256

// convEach ends the node with the same convolution of each of the groups of channels of x.
func (n *node) convEach(x *graph.Value, groups int, wa *array, win window, group int) error {
	if win.depth != nil {
		return n.fail("", "%d convolutions of %d dimensions beside each other are not supported; export with the batch as dimension 0", groups, len(wa.dims)-2)
	}
	w, err := n.convWeights(wa)
	if err != nil {
		return err
	}
	img, err := n.image(x)
	if err != nil {
		return err
	}
	y, err := n.eachGroup(img, groups, func(g int, v *graph.Value) (*graph.Value, error) {
		b, err := n.partBias(g, wa.dims[0])
		if err != nil {
			return nil, err
		}
		return n.emit(win.conv(group), v, w, b)
	})
	if err != nil {
		return err
	}
	return n.ungroupImage(x, y, groups)
}

// eachGroup appends what f makes of each of the groups of channels of x, beside each other.
func (n *node) eachGroup(x *graph.Value, groups int, f func(g int, v *graph.Value) (*graph.Value, error)) (*graph.Value, error) {
	if groups > mostConvolutions {
		return nil, n.fail("", "%d images beside each other in one sample are more than the %d that are supported; export with the batch as dimension 0", groups, mostConvolutions)
	}
	var parts []*graph.Value
	c, rank := x.Shape[1]/groups, len(x.Shape)
	for g := range groups {
		cut := op.Slice{Before: make([]int, rank), After: make([]int, rank), Step: slices.Repeat([]int{1}, rank)}
		cut.Before[1], cut.After[1] = g*c, (groups-1-g)*c
		v, err := n.emit(cut, x)
		if err == nil {
			v, err = f(g, v)
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, v)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return n.emit(op.Concat{Axis: 1}, parts...)
}

// ungroupImage ends a node that began with groupsOf, which gave x, and image.
func (n *node) ungroupImage(x, y *graph.Value, groups int) error {
	if len(x.Shape) == 3 {
		var err error
		if y, err = n.emit(op.Reshape{Shape: []int{y.Shape[1], y.Shape[3]}}, y); err != nil {
			return err
		}
	}
	return n.ungroup(y, groups)
}

// buildGlobalAveragePool averages over all dimensions from 2 on.
func buildGlobalAveragePool(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	dims := x.batch.valueDims(len(x.act.Shape))
	if len(dims) < 3 {
		return n.fail("", "an input of shape %v has nothing to average over", n.fileDims(x, 0))
	}
	if x.batch.at > 0 {
		_, err := n.act(0)
		return err
	}
	mean := make([]bool, len(x.act.Shape))
	for _, own := range dims[2:] {
		mean[own[0]] = true
	}
	return n.reduceOver(op.GlobalAvgPool{}, x, mean, true)
}

// buildGlobalMaxPool reads a pool whose window is the whole image.
func buildGlobalMaxPool(n *node) error {
	x, groups, _, err := n.groupsOf()
	if err != nil {
		return err
	}
	if len(x.Shape) < 3 {
		return n.fail("", "an input of shape %v has nothing to take the maximum of", x.Shape)
	}
	w, err := n.readWindow(x.Shape, x.Shape[2:])
	if err != nil {
		return err
	}
	return n.poolOf(x, groups, w, n.maxPool)
}

// reduceOver ends the node with o over some dimensions of x's value: they are moved behind
// the others and reduced as the pixels of an image.
func (n *node) reduceOver(o graph.Op, x *operand, over []bool, keep bool) error {
	perm, kept, last := []int{0}, []int{}, []int{}
	for k := 1; k < len(over); k++ {
		if over[k] {
			last = append(last, k)
		} else {
			perm, kept = append(perm, k), append(kept, x.act.Shape[k])
		}
	}
	perm = append(perm, last...)
	v := x.act
	var err error
	if !slices.IsSorted(perm) {
		if v, err = n.emit(op.Transpose{Perm: perm}, v); err != nil {
			return err
		}
	}
	image := []int{volume(kept), 1, volume(v.Shape[1+len(kept):])}
	if len(kept) == 1 && len(last) == 2 {
		image = v.Shape[1:]
	}
	if !slices.Equal(v.Shape[1:], image) {
		if v, err = n.emit(op.Reshape{Shape: image}, v); err != nil {
			return err
		}
	}
	out, b := n.reducedShape(x, over, keep)
	if slices.Equal(out, []int{image[0], 1, 1}) {
		return n.resultAs(b, o, v)
	}
	if v, err = n.emit(o, v); err != nil {
		return err
	}
	return n.resultAs(b, op.Reshape{Shape: out}, v)
}

// reducedShape returns the sample of a reduction's result, and where its batch is.
func (n *node) reducedShape(x *operand, over []bool, keep bool) (sample []int, b batchAxis) {
	b = x.batch
	for i, own := range b.valueDims(len(over)) {
		if i == x.batch.at {
			for _, v := range own {
				sample = append(sample, x.act.Shape[v])
			}
			continue
		}
		switch {
		case !over[own[0]]:
			sample = append(sample, x.act.Shape[own[0]])
		case keep:
			sample = append(sample, 1)
		case i < x.batch.at:
			b.at--
		}
	}
	if len(sample) > 0 {
		return sample, b
	}
	if b.at < 0 {
		return []int{1}, scalar
	}
	return []int{1}, onlyBatch
}
