package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// softmaxAlong reads an operator that normalises along one axis from opset 13 on; before,
// over all dimensions from axis to the last, taken together.
func softmaxAlong(make func(axis int) graph.Op) func(*node) error {
	return func(n *node) error { return n.softmax(make) }
}

func (n *node) softmax(make func(axis int) graph.Op) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	def := -1
	if n.r.opset < 13 {
		def = 1
	}
	axis, err := n.axis(n.attrInt("axis", def), len(n.fileDims(x, 0)))
	if err != nil {
		return err
	}
	if axis == x.batch.at && n.r.ofOne() {
		if x, err = n.single(x); err != nil {
			return err
		}
	}
	k, err := n.valueAxis(x, axis)
	if err != nil {
		return err
	}
	rank := len(x.act.Shape)
	if n.r.opset >= 13 || k == rank-1 {
		return n.resultLike(x, make(k))
	}
	if x.batch.at > axis {
		return n.fail("axis", "a softmax over dimension %d and all that follow would combine samples; export the model with opset 13 or later", axis)
	}
	shape := []int(x.act.Shape)
	y, err := n.emit(op.Reshape{Shape: append(slices.Clone(shape[1:k]), volume(shape[k:]))}, x.act)
	if err != nil {
		return err
	}
	if y, err = n.emit(make(k), y); err != nil {
		return err
	}
	return n.resultAs(x.batch, op.Reshape{Shape: slices.Clone(shape[1:])}, y)
}

// buildBatchNorm reads the inference form.
func buildBatchNorm(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	channels := 1 // dimension of the value
	if len(n.fileDims(x, 0)) > 1 {
		if channels, err = n.valueAxis(x, 1); err != nil {
			return err
		}
	}
	if n.attrInt("training_mode", 0) != 0 {
		return n.fail("training_mode", "the model was exported in training mode; export it in inference mode (model.eval())")
	}
	if n.attrInt("spatial", 1) != 1 {
		return n.fail("spatial", "only 1 is supported (one mean for each channel)")
	}
	eps, err := n.finite("epsilon", 1e-5)
	if err != nil {
		return err
	}
	in, err := n.constants(1, 5)
	if err != nil {
		return err
	}
	in = slices.Insert(in, 0, x.act)
	for c, v := range in[4].Param.Shadow.Data {
		if !(v+eps > 0) {
			return n.fail(n.inputName(4), "variance %d is %v, which is not positive; the training has diverged", c, v)
		}
	}
	o := op.BatchNorm{Epsilon: eps}
	if channels == 1 {
		return n.resultAs(x.batch, o, in...)
	}
	return n.normalized(x, o, in, channels)
}

// constants returns the constant float inputs from..to-1 as parameters.
func (n *node) constants(from, to int) (in []*graph.Value, err error) {
	for i := from; i < to; i++ {
		a, err := n.floats(i)
		if err != nil {
			return nil, err
		}
		v, err := n.param(a, graph.Constant, "", nil)
		if err != nil {
			return nil, err
		}
		in = append(in, v)
	}
	return in, nil
}

// normalized ends a BatchNormalization of x whose channels are a later dimension of the
// value: they are moved to dimension 1 and back.
func (n *node) normalized(x *operand, o op.BatchNorm, in []*graph.Value, channels int) error {
	perm := []int{0, channels}
	for k := 1; k < len(x.act.Shape); k++ {
		if k != channels {
			perm = append(perm, k)
		}
	}
	v, err := n.emit(op.Transpose{Perm: perm}, x.act)
	if err != nil {
		return err
	}
	in[0] = v
	if v, err = n.emit(o, in...); err != nil {
		return err
	}
	back := make([]int, len(perm))
	for i, p := range perm {
		back[p] = i
	}
	return n.resultAs(x.batch, op.Transpose{Perm: back}, v)
}
