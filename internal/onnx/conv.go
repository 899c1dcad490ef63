package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// window is the geometry of a convolution or pool, height first.
type window struct {
	kernel, stride, dilation, before, after [2]int
}

// readWindow reads strides, dilations, pads and auto_pad for a kernel over the
// spatial dimensions of in ([1, C, W] or [1, C, H, W]). A one-dimensional
// window gets height 1.
func (n *node) readWindow(in []int, kernel []int) (w window, err error) {
	rank := len(kernel)
	if rank != 1 && rank != 2 {
		return w, n.fail("kernel_shape", "%d spatial dimensions are not supported, only 1 and 2", rank)
	}
	if len(in) != rank+2 {
		return w, n.fail("", "the input has %d dimensions, a kernel of %d needs %d", len(in), rank, rank+2)
	}
	stride, err := n.attrInts("strides", rank, 1, 1)
	if err != nil {
		return w, err
	}
	dilation, err := n.attrInts("dilations", rank, 1, 1)
	if err != nil {
		return w, err
	}
	pads, err := n.attrInts("pads", 2*rank, 0, 0)
	if err != nil {
		return w, err
	}
	mode := n.attrString("auto_pad", "NOTSET")
	w = window{kernel: [2]int{1, 1}, stride: [2]int{1, 1}, dilation: [2]int{1, 1}}
	for i := 0; i < rank; i++ {
		d := i + 2 - rank
		w.kernel[d], w.stride[d], w.dilation[d] = kernel[i], stride[i], dilation[i]
		if kernel[i] < 1 || int64(kernel[i])*int64(dilation[i]) > maxActivation {
			return w, n.fail("kernel_shape", "kernel size %d with dilation %d is out of range", kernel[i], dilation[i])
		}
		total := max(((in[i+2]+stride[i]-1)/stride[i]-1)*stride[i]+(kernel[i]-1)*dilation[i]+1-in[i+2], 0)
		switch mode {
		case "NOTSET", "":
			w.before[d], w.after[d] = pads[i], pads[rank+i]
		case "VALID":
		case "SAME_UPPER":
			w.before[d], w.after[d] = total/2, total-total/2
		case "SAME_LOWER":
			w.before[d], w.after[d] = total-total/2, total/2
		default:
			return w, n.fail("auto_pad", "%q is not known", mode)
		}
	}
	return w, nil
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

func buildConv(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	if len(wa.dims) != len(x.Shape) || len(wa.dims) < 3 {
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of %d dimensions", wa.dims, len(x.Shape))
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
	group := n.attrInt("group", 1)
	if group < 1 || wa.dims[0]%group != 0 || x.Shape[1] != wa.dims[1]*group {
		return n.fail("group", "%d groups of weights %v do not fit an input of %d channels", group, wa.dims, x.Shape[1])
	}
	w, err := n.param(wa, graph.Weight, "conv", func(a *array) (*array, error) {
		return a.reshaped([]int{a.dims[0], a.dims[1], win.kernel[0], win.kernel[1]}), nil
	})
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
	o := op.Conv2D{StrideH: win.stride[0], StrideW: win.stride[1], DilH: win.dilation[0], DilW: win.dilation[1], PadT: win.before[0], PadL: win.before[1],
		PadB: win.after[0], PadR: win.after[1], Groups: group}
	return n.imageResult(x, o, img, w, b)
}

// poolWindow reads the window of a pool over input 0.
func (n *node) poolWindow() (x *graph.Value, w window, err error) {
	if x, err = n.act(0); err != nil {
		return
	}
	a := n.attr("kernel_shape")
	if a == nil {
		return nil, w, n.fail("kernel_shape", "it is missing; the file is damaged")
	}
	kernel, err := n.attrInts("kernel_shape", len(a.ints), 1, 1)
	if err != nil {
		return nil, w, err
	}
	w, err = n.readWindow(x.Shape, kernel)
	return x, w, err
}

func buildMaxPool(n *node) error {
	x, w, err := n.poolWindow()
	if err != nil {
		return err
	}
	img, err := n.image(x)
	if err != nil {
		return err
	}
	return n.imageResult(x, op.MaxPool{KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1], DilH: w.dilation[0], DilW: w.dilation[1],
		PadT: w.before[0], PadL: w.before[1], PadB: w.after[0], PadR: w.after[1], CeilMode: n.attrInt("ceil_mode", 0) != 0}, img)
}

// buildAveragePool leaves out flags that change nothing. A pool that rounds its size up and
// counts padding becomes one that does not count what is outside of a padded image.
func buildAveragePool(n *node) error {
	x, w, err := n.poolWindow()
	if err != nil {
		return err
	}
	img, err := n.image(x)
	if err != nil {
		return err
	}
	o := op.AvgPool{KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1], DilH: w.dilation[0], DilW: w.dilation[1],
		PadT: w.before[0], PadL: w.before[1], PadB: w.after[0], PadR: w.after[1],
		CeilMode: n.attrInt("ceil_mode", 0) != 0 && !w.divides(img.Shape[2:]), CountPad: n.attrInt("count_include_pad", 0) != 0 && w.padded()}
	if !o.CeilMode || !o.CountPad {
		return n.imageResult(x, o, img)
	}
	inner := o
	inner.PadT, inner.PadL, inner.PadB, inner.PadR, inner.CountPad = 0, 0, 0, 0, false
	pad := op.Pad{Before: []int{0, 0, w.before[0], w.before[1]}, After: []int{0, 0, w.after[0], w.after[1]}}
	want, err := n.infer(o, []*graph.Value{img})
	if err != nil {
		return err
	}
	padded, err := n.infer(pad, []*graph.Value{img})
	if err != nil {
		return err
	}
	if got, err := n.infer(inner, []*graph.Value{{Shape: padded}}); err != nil || !got.Equal(want) {
		return n.imageResult(x, o, img) // a window that begins in the padding behind the image
	}
	if img, err = n.emit(pad, img); err != nil {
		return err
	}
	return n.imageResult(x, inner, img)
}

// padded reports whether there is any padding.
func (w window) padded() bool { return w.before != [2]int{} || w.after != [2]int{} }

// divides reports whether windows end where an image of the given size, padded, ends: its
// size rounded up is its size rounded down.
func (w window) divides(size []int) bool {
	for d, in := range size {
		if (in+w.before[d]+w.after[d]-(w.kernel[d]-1)*w.dilation[d]-1)%w.stride[d] != 0 {
			return false
		}
	}
	return true
}

// buildGlobalAveragePool averages over all dimensions from 2 on.
func buildGlobalAveragePool(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	if len(x.Shape) < 3 {
		return n.fail("", "an input of shape %v has nothing to average over", x.Shape)
	}
	mean := make([]bool, len(x.Shape))
	for k := 2; k < len(mean); k++ {
		mean[k] = true
	}
	return n.reduceOver(op.GlobalAvgPool{}, n.in[0], mean, true)
}

func buildGlobalMaxPool(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	if len(x.Shape) != 4 && len(x.Shape) != 3 {
		return n.fail("", "an input of %d dimensions is not supported, only images [N, C, H, W]", len(x.Shape))
	}
	img, err := n.image(x)
	if err != nil {
		return err
	}
	return n.imageResult(x, op.MaxPool{KH: img.Shape[2], KW: img.Shape[3], StrideH: 1, StrideW: 1, DilH: 1, DilW: 1}, img)
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
