package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// imageForms are the reductions that pools of an image compute.
var imageForms = map[op.Reduction]graph.Op{op.Mean: op.GlobalAvgPool{}, op.Max: op.GlobalMaxPool{}}

// reduce reads a reduction, whose axes are an input from operator set since on.
func reduce(kind op.Reduction, since int) func(*node) error {
	return func(n *node) error {
		x, err := n.activation(0)
		if err != nil {
			return err
		}
		axes, err := n.axes(since)
		if err != nil {
			return err
		}
		if len(axes) == 0 && n.attrInt("noop_with_empty_axes", 0) != 0 {
			return n.alias(x)
		}
		x, over, err := n.reduced(x, axes)
		if err != nil {
			return err
		}
		return n.reduceBy(kind, x, over, n.attrInt("keepdims", 1) != 0)
	}
}

// reduced returns which dimensions of x's value the axes are, all where there are none. A
// file for one sample can reduce its batch too; x is then without it.
func (n *node) reduced(x *operand, axes []int64) (y *operand, over []bool, err error) {
	dims := n.fileDims(x, 0)
	if len(axes) == 0 {
		for k := range dims {
			axes = append(axes, int64(k))
		}
	}
	ofBatch := len(dims) == 0
	axes = slices.Clone(axes)
	for i, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), len(dims))
		if err != nil {
			return nil, nil, err
		}
		axes[i] = int64(k)
		ofBatch = ofBatch || k == x.batch.at
	}
	if ofBatch && n.r.ofOne() {
		if x, err = n.single(x); err != nil {
			return nil, nil, err
		}
	}
	over = make([]bool, len(x.act.Shape))
	if len(dims) == 0 {
		over[1] = true
	}
	for _, a := range axes {
		k, err := n.valueAxis(x, int(a))
		if err != nil {
			return nil, nil, err
		}
		over[k] = true
	}
	return x, over, nil
}

// single returns x of a file for one sample under all of the file's dimensions, none of
// which is the batch.
func (n *node) single(x *operand) (*operand, error) {
	v, err := n.withoutBatch(x, 0)
	b := noBatch
	if len(n.fileDims(x, 0)) == 0 {
		b = scalar
	}
	return &operand{act: v, batch: b}, err
}

// reduceBy ends the node with a reduction over some dimensions of x's value. The mean and the
// largest element are pools, except over a last dimension that is kept, as in a
// normalization.
func (n *node) reduceBy(kind op.Reduction, x *operand, over []bool, keep bool) error {
	var axes []int
	for k, on := range over {
		if on {
			axes = append(axes, k)
		}
	}
	rank := len(over)
	rows := keep && len(axes) == 1 && axes[0] == rank-1
	if o, ok := imageForms[kind]; ok && !rows && x.act.Elem == graph.Float {
		return n.reduceOver(o, x, over, keep)
	}
	sample, b := n.reducedShape(x, over, keep)
	shape := slices.Clone([]int(x.act.Shape[1:]))
	for _, a := range axes {
		shape[a-1] = 1
	}
	o := op.Reduce{Kind: kind, Axes: axes}
	if slices.Equal(sample, shape) {
		return n.resultAs(b, o, x.act)
	}
	v, err := n.emit(o, x.act)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.Reshape{Shape: sample}, v)
}
