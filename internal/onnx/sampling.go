package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

var borders = map[string]op.Border{"zeros": op.ZeroBorder, "border": op.EdgeBorder, "reflection": op.ReflectBorder}

// buildGridSample reads an image at the places of a grid.
func buildGridSample(n *node) error {
	modes := map[string]op.Interpolation{"linear": op.Linear, "bilinear": op.Linear, "nearest": op.Nearest, "cubic": op.Cubic, "bicubic": op.Cubic}
	mode, ok := modes[n.attrString("mode", "linear")]
	if !ok {
		return n.fail("mode", "%q is not known; the file is damaged", n.attrString("mode", ""))
	}
	border, ok := borders[n.attrString("padding_mode", "zeros")]
	if !ok {
		return n.fail("padding_mode", "%q is not known; the file is damaged", n.attrString("padding_mode", ""))
	}
	in, b, shift, err := n.aligned(true, 2)
	if err != nil {
		return err
	}
	o := op.GridSample{Mode: mode, Border: border, Aligned: n.attrInt("align_corners", 0) != 0}
	if shift == 0 {
		return n.resultAs(b, o, in...)
	}
	return n.eachSample(o, in)
}

// eachSample ends the node with o for each image of values [1, images, ...] of a file of one
// sample.
func (n *node) eachSample(o graph.Op, in []*graph.Value) error {
	if len(in[0].Shape) < 2 {
		return n.fail("", "it has no images")
	}
	count := in[0].Shape[1]
	if count > mostConvolutions || slices.ContainsFunc(in, func(v *graph.Value) bool { return len(v.Shape) < 3 || v.Shape[1] != count }) {
		return n.fail("", "inputs of %d images beside each other are not supported; export with the batch as dimension 0", count)
	}
	var parts []*graph.Value
	for k := range count {
		var of []*graph.Value
		for _, v := range in {
			cut := op.Slice{Before: make([]int, len(v.Shape)), After: make([]int, len(v.Shape)), Step: slices.Repeat([]int{1}, len(v.Shape))}
			cut.Before[1], cut.After[1] = k, count-1-k
			image, err := n.emitAll(v, cut, op.Reshape{Shape: slices.Clone([]int(v.Shape[2:]))})
			if err != nil {
				return err
			}
			of = append(of, image)
		}
		y, err := n.emit(o, of...)
		if err != nil {
			return err
		}
		if y, err = n.emit(op.Reshape{Shape: append([]int{1}, y.Shape[1:]...)}, y); err != nil {
			return err
		}
		parts = append(parts, y)
	}
	return n.resultAs(noBatch, op.Concat{Axis: 1}, parts...)
}

// buildAffineGrid reads the grid that an affine map makes of the places of an image: the
// product of these, which are constant, and the map.
func buildAffineGrid(n *node) error {
	theta, err := n.act(0)
	if err != nil {
		return err
	}
	if !n.has(1) || !n.in[1].isKnown() || n.in[1].known[0].isFloat() {
		return n.fail("size", "it depends on the input's values; export the model with fixed sizes")
	}
	size := n.in[1].known[0].i
	if other := n.in[1].known[1].i; len(size) < 4 || len(size) > 5 || !slices.Equal(size[1:], other[1:]) {
		return n.fail("size", "%v is not [N,C,H,W] or [N,C,D,H,W]", size)
	}
	var dims []int
	for _, d := range size[2:] {
		dims = append(dims, int(max(0, min(d, maxActivation))))
	}
	r := len(dims)
	if total := volume(dims); total < 1 || total > maxActivation/4 || len(theta.Shape) != 3 || theta.Shape[1] != r || theta.Shape[2] != r+1 {
		return n.fail("size", "%v does not fit maps of shape %v", size, theta.Shape)
	}
	places, err := n.param(gridPlaces(dims, n.attrInt("align_corners", 0) != 0), graph.Constant, "", nil)
	if err != nil {
		return err
	}
	grid, err := n.emit(op.MatMul{TransposeB: true}, places, theta)
	if err != nil {
		return err
	}
	return n.result(op.Reshape{Shape: append(slices.Clone(dims), r)}, grid)
}

// gridPlaces returns the coordinates of all places of the dimensions, the last dimension's
// first, and a 1: [places, dimensions+1].
func gridPlaces(dims []int, aligned bool) *array {
	total, r := volume(dims), len(dims)
	a := &array{typ: typeFloat, dims: []int{total, r + 1}, f: make([]float32, total*(r+1))}
	step := strides(dims)
	for k := range total {
		for d, size := range dims {
			i := float64(k / step[d] % size)
			v := (2*i+1)/float64(size) - 1
			if aligned {
				if v = -1; size > 1 {
					v = 2*i/float64(size-1) - 1
				}
			}
			a.f[k*(r+1)+r-1-d] = float32(v)
		}
		a.f[k*(r+1)+r] = 1
	}
	return a
}

// buildRoiAlign reads the regions of the images of a file of one sample.
func buildRoiAlign(n *node) error {
	how := "half_pixel"
	if n.r.opset < 16 {
		how = "output_half_pixel"
	}
	how = n.attrString("coordinate_transformation_mode", how)
	mode := n.attrString("mode", "avg")
	if how != "half_pixel" && how != "output_half_pixel" || mode != "avg" && mode != "max" {
		return n.fail("mode", "%q or %q is not known; the file is damaged", mode, how)
	}
	in, b, _, err := n.aligned(false, 3)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.RoiAlign{Height: n.attrInt("output_height", 1), Width: n.attrInt("output_width", 1), Samples: n.attrInt("sampling_ratio", 0),
		Scale: float64(n.attrFloat("spatial_scale", 1)), Largest: mode == "max", HalfPixel: how == "half_pixel"}, in...)
}

// buildDeformConv reads a convolution whose taps have places of their own.
func buildDeformConv(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	if len(wa.dims) != 4 || len(x.Shape) != 4 {
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of shape %v; images are supported", wa.dims, x.Shape)
	}
	w, err := n.readWindow(x.Shape, wa.dims[2:])
	if err != nil {
		return err
	}
	c := w.conv(n.attrInt("group", 1))
	o := op.DeformConv{Sets: n.attrInt("offset_group", 1), Kernel: op.Kernel{StrideH: c.StrideH, StrideW: c.StrideW, DilH: c.DilH, DilW: c.DilW,
		PadT: c.PadT, PadL: c.PadL, PadB: c.PadB, PadR: c.PadR, Groups: c.Groups}}
	weights, err := n.param(wa, graph.Constant, "", nil)
	if err != nil {
		return err
	}
	in := []*graph.Value{x, weights}
	for i := 2; i < len(n.in); i++ {
		var v *graph.Value
		switch {
		case !n.has(i):
		case i == 3 && n.in[i].act == nil:
			a, err := n.floats(i)
			if err != nil {
				return err
			}
			if v, err = n.param(a, graph.Constant, "", nil); err != nil {
				return err
			}
		case n.in[i].act == nil:
			if v, err = n.sampleParam(n.in[i], true); err != nil {
				return err
			}
			if v == nil {
				return n.fail(n.inputName(i), "it differs between the samples of a batch, which is not supported for constants")
			}
		default:
			if v, err = n.act(i); err != nil {
				return err
			}
		}
		in = append(in, v)
	}
	return n.result(o, in...)
}

// buildCol2Im adds up the blocks of an image where they belong.
func buildCol2Im(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	sizes, kernel, err := n.blockSizes()
	if err != nil {
		return err
	}
	spans, err := n.readSpans(sizes, kernel)
	if err != nil {
		return err
	}
	index, full, err := n.blockPlaces(sizes, spans)
	if err != nil {
		return err
	}
	taps := volume(kernel)
	if len(x.Shape) != 3 || x.Shape[1]%taps != 0 || x.Shape[2] != len(index)/taps {
		return n.fail("", "an input of shape %v does not fit blocks of %v in an image of %v", x.Shape, kernel, sizes)
	}
	if x, err = n.addBlocks(x, x.Shape[1]/taps, index, full); err != nil {
		return err
	}
	cut := op.Slice{Before: []int{0, 0}, After: []int{0, 0}, Step: slices.Repeat([]int{1}, len(full)+2)}
	for _, s := range spans {
		cut.Before, cut.After = append(cut.Before, s.before), append(cut.After, s.after)
	}
	return n.result(cut, x)
}

// blockSizes returns the sizes of the image and of its blocks.
func (n *node) blockSizes() (sizes, kernel []int, err error) {
	image, err := n.integers(1)
	if err != nil {
		return nil, nil, err
	}
	block, err := n.integers(2)
	if err != nil {
		return nil, nil, err
	}
	for d := range image {
		if len(block) != len(image) || image[d] < 1 || image[d] > 1<<16 || block[d] < 1 || block[d] > image[d] {
			return nil, nil, n.fail("", "blocks of %v in an image of %v", block, image)
		}
		sizes, kernel = append(sizes, int(image[d])), append(kernel, int(block[d]))
	}
	return sizes, kernel, nil
}

// addBlocks appends the image [N,c,full...] to which the elements of x are added at the places
// of index, in each channel.
func (n *node) addBlocks(x *graph.Value, c int, index []int64, full []int) (*graph.Value, error) {
	if c*max(volume(full), len(index)) > maxActivation {
		return nil, n.fail("", "an image of %d channels and %v is too large", c, full)
	}
	places := &array{typ: typeInt64, dims: []int{1, c, len(index)}}
	for range c {
		places.i = append(places.i, index...)
	}
	p, err := n.param(places, graph.Constant, "", nil)
	if err != nil {
		return nil, err
	}
	zeros, err := n.param(&array{typ: typeFloat, dims: []int{1, c, volume(full)}, f: make([]float32, c*volume(full))}, graph.Constant, "", nil)
	if err != nil {
		return nil, err
	}
	if x, err = n.emit(op.Reshape{Shape: []int{c, len(index)}}, x); err != nil {
		return nil, err
	}
	if x, err = n.emit(op.ScatterElements{Axis: 2, Reduce: op.ScatterAdd}, zeros, p, x); err != nil {
		return nil, err
	}
	return n.emit(op.Reshape{Shape: append([]int{c}, full...)}, x)
}

// blockPlaces returns where each tap of each block lies in the padded image, tap by tap, and
// the sizes of that image.
func (n *node) blockPlaces(sizes []int, spans []span) (index []int64, full []int, err error) {
	var kernel, blocks []int
	for d, s := range spans {
		size := sizes[d] + s.before + s.after
		count := (size-(s.kernel-1)*s.dilation-1)/s.stride + 1
		if count < 1 || (s.kernel-1)*s.dilation >= size {
			return nil, nil, n.fail("", "a block of %d with dilation %d is larger than the image's %d", s.kernel, s.dilation, size)
		}
		full, kernel, blocks = append(full, size), append(kernel, s.kernel), append(blocks, count)
	}
	if v := volume(append(slices.Clone(kernel), blocks...)); v < 1 || v > maxActivation || volume(full) > maxActivation {
		return nil, nil, n.fail("", "%v blocks of %v are too many", blocks, kernel)
	}
	k, b := strides(kernel), strides(blocks)
	for t := range volume(kernel) {
		for i := range volume(blocks) {
			place := 0
			for d, s := range spans {
				place = place*full[d] + i/b[d]%blocks[d]*s.stride + t/k[d]%kernel[d]*s.dilation
			}
			index = append(index, int64(place))
		}
	}
	return index, full, nil
}
