package onnx

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// coordinates are the values of coordinate_transformation_mode.
var coordinates = map[string]op.Coordinates{
	"half_pixel": op.HalfPixel, "half_pixel_symmetric": op.HalfPixelSymmetric, "pytorch_half_pixel": op.PytorchHalfPixel,
	"align_corners": op.AlignCorners, "asymmetric": op.Asymmetric, "tf_crop_and_resize": op.CropAndResize, "tf_half_pixel_for_nn": op.HalfPixel,
}

var nearness = map[string]op.Nearness{
	"round_prefer_floor": op.RoundPreferFloor, "round_prefer_ceil": op.RoundPreferCeil, "floor": op.RoundFloor, "ceil": op.RoundCeil,
}

var interpolations = map[string]op.Interpolation{"nearest": op.Nearest, "linear": op.Linear, "bilinear": op.Linear, "cubic": op.Cubic}

// resizeForm reads what the operator does beside sizes and scales.
func (n *node) resizeForm() (o resizing, err error) {
	mode, coords, near := n.attrString("mode", "nearest"), "asymmetric", "floor"
	if n.opType == "Resize" && n.r.opset >= 11 {
		coords, near = n.attrString("coordinate_transformation_mode", "half_pixel"), n.attrString("nearest_mode", "round_prefer_floor")
	}
	var ok [3]bool
	o.Mode, ok[0] = interpolations[mode]
	o.Coords, ok[1] = coordinates[coords]
	o.Round, ok[2] = nearness[near]
	for i, name := range []string{"mode", "coordinate_transformation_mode", "nearest_mode"} {
		if !ok[i] {
			return o, n.fail(name, "%q is not known; the file is damaged", n.attrString(name, ""))
		}
	}
	if coords == "tf_half_pixel_for_nn" { // half a pixel further than half_pixel
		switch {
		case o.Mode != op.Nearest || near == "ceil" || near == "round_prefer_ceil":
			return o, n.fail("coordinate_transformation_mode", "%q is supported with the nearest_mode floor or round_prefer_floor only", coords)
		case near == "floor":
			o.Round = op.RoundPreferCeil
		default:
			o.Round = op.RoundCeil
		}
	}
	o.Cubic = float64(n.attrFloat("cubic_coeff_a", -0.75))
	o.Beyond = n.attrFloat("extrapolation_value", 0)
	o.ExcludeOutside = n.attrInt("exclude_outside", 0) != 0 && o.Mode != op.Nearest
	o.Antialias = n.attrInt("antialias", 0) != 0 && o.Mode != op.Nearest
	if o.Mode != op.Cubic {
		o.Cubic = 0
	}
	if o.Mode != op.Nearest {
		o.Round = 0
	}
	return o, nil
}

// target is what a Resize makes of one dimension of the file.
type target struct {
	size     int
	scale    float64
	from, to float64 // the window of CropAndResize
}

// buildResize reads Resize and Upsample.
func buildResize(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	o, err := n.resizeForm()
	if err != nil {
		return err
	}
	to, err := n.resized(x, o.Coords == op.CropAndResize)
	if err != nil {
		return err
	}
	if at := x.batch.at; at >= 0 && (to[at].size != n.fileDims(x, 0)[at] || to[at].from != 0 || to[at].to != 1) {
		if !n.r.ofOne() {
			return n.fail("", "dimension %d of %v is the batch, which cannot be resized", at, n.fileDims(x, 0))
		}
		v, err := n.withoutBatch(x, 0)
		if err != nil {
			return err
		}
		x = &operand{act: v, batch: noBatch}
	}
	o.take(x, to)
	if x.batch == noBatch {
		return n.resultAs(noBatch, o.Resize, x.act)
	}
	return n.resultLike(x, o.Resize)
}

// resizing is a Resize that is being read.
type resizing struct{ op.Resize }

// take sets what becomes of each dimension of x's value.
func (o *resizing) take(x *operand, to []target) {
	rank := len(x.act.Shape)
	all := make([]target, rank-1)
	for d := range all {
		all[d] = target{x.act.Shape[d+1], 1, 0, 1}
	}
	for k, v := range x.batch.valueDims(rank) {
		if k != x.batch.at {
			all[v[0]-1] = to[k]
		}
	}
	exact := true
	for d, t := range all {
		o.Sizes, o.Scales, o.Window = append(o.Sizes, t.size), append(o.Scales, t.scale), append(o.Window, t.from, t.to)
		exact = exact && t.scale*float64(x.act.Shape[d+1]) == float64(t.size)
	}
	if exact { // the sizes tell
		o.Scales = nil
	}
	if o.Coords != op.CropAndResize {
		o.Window, o.Beyond = nil, 0
	}
}

// resized returns what becomes of each of the file's dimensions of x, the same for both trial
// batches but for the batch itself.
func (n *node) resized(x *operand, windowed bool) ([]target, error) {
	var to [2][]target
	for t := range to {
		var err error
		if to[t], err = n.targets(n.fileDims(x, t), t, windowed); err != nil {
			return nil, err
		}
	}
	for k, d := range n.fileDims(x, 0) {
		same := to[0][k] == to[1][k]
		if k == x.batch.at {
			same = (to[0][k].size == d) == (to[1][k].size == n.fileDims(x, 1)[k])
		}
		if !same {
			return nil, n.fail("", "what becomes of dimension %d depends on the batch", k)
		}
	}
	return to[0], nil
}

// targets returns what becomes of each dimension of the file at trial batch t.
func (n *node) targets(dims []int, t int, windowed bool) ([]target, error) {
	axes, err := n.resizeAxes(len(dims))
	if err != nil {
		return nil, err
	}
	to := make([]target, len(dims))
	for k, d := range dims {
		to[k] = target{d, 1, 0, 1}
	}
	scales, sizes, err := n.scalesAndSizes(len(axes), t)
	if err != nil {
		return nil, err
	}
	ratio := n.sharedScale(dims, axes, sizes)
	for i, k := range axes {
		d := &to[k]
		switch {
		case sizes == nil:
			d.scale = float64(scales[i])
			d.size = int(math.Floor(float64(float32(dims[k]) * scales[i])))
		case ratio > 0:
			d.scale, d.size = ratio, int(math.Floor(ratio*float64(dims[k])+0.5))
		default:
			d.size = int(min(sizes[i], maxActivation))
			d.scale = float64(d.size) / float64(dims[k])
		}
		if d.size < 1 || !(d.scale > 0) {
			return nil, n.fail("", "dimension %d of %v becomes empty", k, dims)
		}
	}
	if windowed {
		err = n.window(to, axes)
	}
	return to, err
}

// resizeAxes returns the dimensions that a Resize changes.
func (n *node) resizeAxes(rank int) (axes []int, err error) {
	a := n.attr("axes")
	if n.r.opset < 18 || a == nil {
		for k := range rank {
			axes = append(axes, k)
		}
		return axes, nil
	}
	for _, v := range a.ints {
		k, err := n.axis(int(max(-100, min(v, 100))), rank)
		if err != nil {
			return nil, err
		}
		axes = append(axes, k)
	}
	return axes, nil
}

// scalesAndSizes returns the scales or, if there are any, the sizes of count dimensions at
// trial batch t.
func (n *node) scalesAndSizes(count, t int) (scales []float32, sizes []int64, err error) {
	at := 2
	switch {
	case n.opType == "Upsample" && n.r.opset < 9:
		if a := n.attr("scales"); a != nil {
			scales = a.floats
		}
	case n.opType == "Upsample" || n.r.opset < 11:
		at = 1
		fallthrough
	default:
		for _, i := range []int{at, 3} {
			if !n.has(i) || i != at && at != 2 {
				continue
			}
			a := n.in[i].known[t]
			if a == nil || a.isFloat() != (i == at) {
				return nil, nil, n.fail(n.inputName(i), "scales have to be constants of a float type, sizes integers that are constants or follow from shapes")
			}
			if i == at {
				scales = a.f
			} else {
				sizes = a.i
			}
		}
	}
	if len(sizes) > 0 && len(sizes) == count {
		return nil, sizes, nil
	}
	if len(sizes) > 0 || len(scales) != count {
		return nil, nil, n.fail("", "%d scales and %d sizes for %d dimensions", len(scales), len(sizes), count)
	}
	return scales, nil, nil
}

// sharedScale returns the scale of all axes where sizes are only a limit, else 0.
func (n *node) sharedScale(dims, axes []int, sizes []int64) (ratio float64) {
	policy := n.attrString("keep_aspect_ratio_policy", "stretch")
	if sizes == nil || policy == "stretch" {
		return 0
	}
	for i, k := range axes {
		r := float64(sizes[i]) / float64(dims[k])
		if ratio == 0 || (r < ratio) == (policy == "not_larger") {
			ratio = r
		}
	}
	return ratio
}

// window sets the part of each axis that is resized.
func (n *node) window(to []target, axes []int) error {
	if !n.has(1) {
		return n.fail("roi", "it is missing, and tf_crop_and_resize needs it")
	}
	roi, err := n.floats(1)
	if err != nil {
		return err
	}
	if len(roi.f) != 2*len(axes) {
		return n.fail("roi", "%d values for %d dimensions", len(roi.f), len(axes))
	}
	for i, k := range axes {
		to[k].from, to[k].to = float64(roi.f[i]), float64(roi.f[len(axes)+i])
	}
	return nil
}

// buildDepthToSpace reads both it and SpaceToDepth.
func buildDepthToSpace(n *node) error {
	x, groups, _, err := n.groupsOf()
	if err != nil {
		return err
	}
	one := x.Shape.Clone()
	one[1] /= max(groups, 1)
	block := n.attrInt("blocksize", 0)
	steps, err := op.SpaceToDepth(one, block)
	if n.opType == "DepthToSpace" {
		mode := n.attrString("mode", "DCR")
		if !slices.Contains([]string{"DCR", "CRD"}, mode) {
			return n.fail("mode", "%q is not known; the file is damaged", mode)
		}
		steps, err = op.DepthToSpace(one, block, mode == "CRD")
	}
	if err != nil {
		return n.fail("blocksize", "%v", err)
	}
	if groups > 0 {
		y, err := n.eachGroup(x, groups, func(_ int, v *graph.Value) (*graph.Value, error) { return n.emitAll(v, steps...) })
		if err != nil {
			return err
		}
		return n.ungroup(y, groups)
	}
	last := len(steps) - 1
	if x, err = n.emitAll(x, steps[:last]...); err != nil {
		return err
	}
	return n.result(steps[last], x)
}

// buildPRelu reads PRelu with constant or computed slopes.
func buildPRelu(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if !n.has(1) {
		return n.fail("", "input 1 is missing; the file is damaged")
	}
	a, b, at, err := n.broadcast(x, n.in[1])
	if err != nil {
		return err
	}
	return n.resultAs(at, op.PRelu{}, a, b)
}
