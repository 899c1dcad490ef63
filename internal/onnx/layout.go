package onnx

import (
	"slices"

	"edgec/internal/op"
)

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
	x, err := n.activation(0)
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
		} else if out[t], err = n.resolve(n.fileDims(x, t), target.i); err != nil {
			return err
		}
	}
	return n.reshapeFile(x, out)
}

// buildFlatten joins the dimensions before axis, and those from axis on.
func buildFlatten(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	axis, rank := n.attrInt("axis", 1), len(n.fileDims(x, 0))
	if axis < 0 {
		axis += rank
	}
	if axis < 0 || axis > rank {
		return n.fail("axis", "axis is outside the %d dimensions of the input", rank)
	}
	var out [2][]int
	for t := range out {
		dims := n.fileDims(x, t)
		out[t] = []int{volume(dims[:axis]), volume(dims[axis:])}
	}
	return n.reshapeFile(x, out)
}

func buildSqueeze(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	axes, err := n.axes(13)
	if err != nil {
		return err
	}
	dims := n.fileDims(x, 0)
	drop := make([]bool, len(dims))
	for k, d := range dims {
		drop[k] = axes == nil && d == 1 && (k != x.batch.at || n.r.ofOne())
	}
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), len(dims))
		if err != nil {
			return err
		}
		if dims[k] != 1 || k == x.batch.at && !n.r.ofOne() {
			return n.fail("axes", "dimension %d of %v cannot be removed: it is the batch or not 1", k, dims)
		}
		drop[k] = true
	}
	var out [2][]int
	for t := range out {
		for k, d := range n.fileDims(x, t) {
			if !drop[k] {
				out[t] = append(out[t], d)
			}
		}
	}
	return n.reshapeFile(x, out)
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
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	axes, err := n.axes(13)
	if err != nil {
		return err
	}
	var out [2][]int
	for t := range out {
		if out[t], err = n.unsqueezed(n.fileDims(x, t), axes); err != nil {
			return err
		}
	}
	return n.reshapeFile(x, out)
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
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	p, err := n.perm(len(n.fileDims(x, 0)))
	if err != nil {
		return err
	}
	emit := n.resultValue
	again := x.batch == noBatch && x.act.Shape[1+p[0]] == 1 // dimension 0 can be the batch again
	if again {
		emit = n.emit
	}
	y, err := n.transposed(x, p, emit)
	if err != nil {
		return err
	}
	if again {
		return n.result(op.Reshape{Shape: slices.Clone([]int(y.act.Shape[2:]))}, y.act)
	}
	return n.alias(y)
}

// buildShape yields the shape of an activation, known for each trial batch.
func buildShape(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	var o operand
	for t := range o.known {
		o.known[t] = n.shapeOf(n.fileDims(x, t))
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
