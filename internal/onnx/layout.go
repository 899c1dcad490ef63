package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// reshapeTo ends the node with a Reshape of x to the sample shape, or with x
// itself when that is its shape already.
func (n *node) reshapeTo(x *graph.Value, sample []int) error {
	if slices.Equal(x.Shape[1:], sample) {
		return n.alias(x)
	}
	if len(sample) == 0 {
		return n.fail("", "its result would have no dimension but the batch; keep one of size 1")
	}
	return n.result(op.Reshape{Shape: sample}, x)
}

// trial is the shape of x at trial batch size t.
func (n *node) trial(x *graph.Value, t int) []int {
	dims := slices.Clone([]int(x.Shape))
	dims[0] = n.r.batch[t]
	return dims
}

// resolve applies a Reshape target (0 copies, -1 infers) to an input shape.
func (n *node) resolve(in []int, target []int64) ([]int, error) {
	allowZero := n.r.opset >= 14 && n.attrInt("allowzero", 0) != 0
	out := make([]int, len(target))
	infer, rest := -1, 1
	for i, d := range target {
		switch {
		case d == -1 && infer < 0:
			infer = i
			continue
		case d == 0 && !allowZero && i < len(in):
			out[i] = in[i]
		case d > 0 && d < 1<<31:
			out[i] = int(d)
		default:
			return nil, n.fail("shape", "target %v does not fit an input of shape %v", target, in)
		}
		if rest = volume([]int{rest, out[i]}); rest <= 0 {
			return nil, n.fail("shape", "target %v is empty or too large", target)
		}
	}
	total := volume(in)
	if infer >= 0 && total%rest == 0 {
		out[infer] = total / rest
	}
	if volume(out) != total {
		return nil, n.fail("shape", "target %v does not fit an input of shape %v", target, in)
	}
	return out, nil
}

func buildReshape(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	if !n.has(1) || !n.in[1].isKnown() {
		return n.fail("shape", "the target depends on the input's values; export the model with fixed shapes")
	}
	var out [2][]int
	for t := range out {
		if target := n.in[1].known[t]; target.isFloat() {
			return n.fail("shape", "it has type %s, int64 is needed", typeName(target.typ))
		} else if out[t], err = n.resolve(n.trial(x, t), target.i); err != nil {
			return err
		}
		if len(out[t]) == 0 || out[t][0] != n.r.batch[t] || !slices.Equal(out[t][1:], out[0][1:]) {
			return n.fail("shape", "the result %v of an input %v does not keep the batch as dimension 0; export with target [batch or -1, sizes...]", out[t], n.trial(x, t))
		}
	}
	return n.reshapeTo(x, out[0][1:])
}

// buildFlatten keeps dimensions before axis in the first one; all but the
// batch must be 1 there.
func buildFlatten(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	axis, rank := n.attrInt("axis", 1), len(x.Shape)
	if axis < 0 {
		axis += rank
	}
	if axis < 1 || axis > rank || volume(x.Shape[1:axis]) != 1 {
		return n.fail("axis", "%d would merge the batch with other dimensions of %v; use axis 1", axis, x.Shape)
	}
	return n.reshapeTo(x, []int{volume(x.Shape[axis:])})
}

func buildSqueeze(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	axes, err := n.axes(13)
	if err != nil {
		return err
	}
	if axes == nil && n.r.fixed && n.r.batch[0] == 1 {
		return n.fail("axes", "without axes the batch of 1 would be removed too; name the axes to remove")
	}
	drop := make([]bool, len(x.Shape))
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), len(x.Shape))
		if err != nil {
			return err
		}
		if k == 0 || x.Shape[k] != 1 {
			return n.fail("axes", "dimension %d of %v cannot be removed: it is the batch or not 1", k, x.Shape)
		}
		drop[k] = true
	}
	var sample []int
	for k, d := range x.Shape[1:] {
		if !drop[k+1] && !(axes == nil && d == 1) {
			sample = append(sample, d)
		}
	}
	return n.reshapeTo(x, sample)
}

// unsqueezed inserts ones at the axes, which count in the result.
func (n *node) unsqueezed(dims []int, axes []int64) ([]int, error) {
	if len(axes) == 0 || len(axes) > 16 {
		return nil, n.fail("axes", "%d axes are not supported", len(axes))
	}
	rank := len(dims) + len(axes)
	one := make([]bool, rank)
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), rank)
		if err != nil {
			return nil, err
		}
		if one[k] {
			return nil, n.fail("axes", "axis %d is given twice", a)
		}
		one[k] = true
	}
	var out []int
	for _, o := range one {
		if o {
			out = append(out, 1)
		} else {
			out, dims = append(out, dims[0]), dims[1:]
		}
	}
	return out, nil
}

func buildUnsqueeze(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	axes, err := n.axes(13)
	if err != nil {
		return err
	}
	dims := n.trial(x, 0)
	dims[0] = -7 // marks the batch
	out, err := n.unsqueezed(dims, axes)
	if err != nil {
		return err
	}
	if out[0] != -7 {
		return n.fail("axes", "a dimension before the batch is not supported")
	}
	return n.reshapeTo(x, out[1:])
}

// perm reads the permutation of rank dimensions; the default reverses them.
func (n *node) perm(rank int) ([]int, error) {
	p := make([]int, rank)
	for i := range p {
		p[i] = rank - 1 - i
	}
	if n.attr("perm") != nil {
		var err error
		if p, err = n.attrInts("perm", rank, 0, 0); err != nil {
			return nil, err
		}
	}
	seen := make([]bool, rank)
	for _, d := range p {
		if d >= rank || seen[d] {
			return nil, n.fail("perm", "%v is not a permutation", p)
		}
		seen[d] = true
	}
	return p, nil
}

func buildTranspose(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	p, err := n.perm(len(x.Shape))
	if err != nil {
		return err
	}
	if p[0] != 0 {
		return n.fail("perm", "%v moves the batch away from dimension 0; only the other dimensions can be exchanged", p)
	}
	if slices.IsSorted(p) {
		return n.alias(x)
	}
	return n.result(op.Transpose{Perm: p}, x)
}

func buildConcat(n *node) error {
	var in []*graph.Value
	for i := range n.in {
		x, err := n.act(i)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	axis, err := n.axis(n.attrInt("axis", 0), len(in[0].Shape))
	if err != nil {
		return err
	}
	if axis == 0 {
		return n.fail("axis", "concatenation along the batch is not supported")
	}
	if len(in) == 1 {
		return n.alias(in[0])
	}
	return n.result(op.Concat{Axis: axis}, in...)
}

// pads returns begin and end padding for each dimension of x.
func (n *node) pads(x *graph.Value) (before, after []int, err error) {
	rank := len(x.Shape)
	before, after = make([]int, rank), make([]int, rank)
	var pads, axes []int64
	if n.r.opset < 11 {
		if a := n.attr("pads"); a != nil {
			pads = a.ints
		}
	} else if pads, err = n.integers(1); err != nil {
		return nil, nil, err
	}
	if n.r.opset >= 18 && n.has(3) {
		if axes, err = n.integers(3); err != nil {
			return nil, nil, err
		}
	} else {
		for k := range x.Shape {
			axes = append(axes, int64(k))
		}
	}
	if len(pads) != 2*len(axes) {
		return nil, nil, n.fail("pads", "%d values for %d dimensions", len(pads), len(axes))
	}
	for i, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), rank)
		if err != nil {
			return nil, nil, err
		}
		b, e := pads[i], pads[i+len(axes)]
		if b < 0 || e < 0 || b > 1<<20 || e > 1<<20 {
			return nil, nil, n.fail("pads", "%d and %d for dimension %d are not supported, only sizes from 0", b, e, k)
		}
		before[k], after[k] = int(b), int(e)
	}
	if before[0] != 0 || after[0] != 0 {
		return nil, nil, n.fail("pads", "padding the batch is not supported")
	}
	return before, after, nil
}

func buildPad(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	if mode := n.attrString("mode", "constant"); mode != "constant" {
		return n.fail("mode", "%q is not supported, only constant padding", mode)
	}
	before, after, err := n.pads(x)
	if err != nil {
		return err
	}
	value := n.attrFloat("value", 0)
	if n.r.opset >= 11 {
		value = 0
		if n.has(2) {
			if value, err = n.scalar(2); err != nil {
				return err
			}
		}
	}
	if value-value != 0 {
		return n.fail("value", "%v is not a finite number", value)
	}
	if volume(before) == 0 && slices.Max(before) == 0 && slices.Max(after) == 0 {
		return n.alias(x)
	}
	return n.result(op.Pad{Before: before, After: after, Value: value}, x)
}

// buildSoftmax normalises along one axis from opset 13 on; before, over all
// dimensions from axis to the last, taken together.
func buildSoftmax(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	rank := len(x.Shape)
	def := -1
	if n.r.opset < 13 {
		def = 1
	}
	axis, err := n.axis(n.attrInt("axis", def), rank)
	if err != nil {
		return err
	}
	if axis == 0 {
		return n.fail("axis", "a softmax over the batch is not supported")
	}
	if n.r.opset >= 13 || axis == rank-1 {
		return n.result(op.Softmax{Axis: axis}, x)
	}
	flat := append(slices.Clone([]int(x.Shape[1:axis])), volume(x.Shape[axis:]))
	y, err := n.emit(op.Reshape{Shape: flat}, x)
	if err != nil {
		return err
	}
	if y, err = n.emit(op.Softmax{Axis: axis}, y); err != nil {
		return err
	}
	return n.result(op.Reshape{Shape: slices.Clone([]int(x.Shape[1:]))}, y)
}

// buildShape yields the shape of an activation, known for each trial batch.
func buildShape(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	var o operand
	for t := range o.known {
		o.known[t] = n.shapeOf(n.trial(x, t))
	}
	if o.known[0].same(o.known[1]) {
		o.known[1] = o.known[0]
	}
	n.define(0, &o)
	return nil
}

// shapeOf applies the attributes start and end (opset 15) to a shape.
func (n *node) shapeOf(dims []int) *array {
	rank := len(dims)
	bound := func(name string, def int) int {
		v := n.attrInt(name, def)
		if v < 0 {
			v += rank
		}
		return max(0, min(v, rank))
	}
	start, end := bound("start", 0), bound("end", rank)
	a := ints()
	for k := start; k < end; k++ {
		a.i = append(a.i, int64(dims[k]))
	}
	a.dims = []int{len(a.i)}
	return a
}
