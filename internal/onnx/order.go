package onnx

import (
	"edgec/internal/op"
)

// buildTopK reads the values and the indexes, each by a node of its own.
func buildTopK(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	axis, err := n.axis(n.attrInt("axis", -1), len(n.fileDims(x, 0)))
	if err != nil {
		return err
	}
	k := int64(n.attrInt("k", 0))
	if n.r.opset >= 10 {
		v, err := n.integers(1)
		if err != nil {
			return err
		}
		if len(v) != 1 {
			return n.fail(n.inputName(1), "it has %d values, one is needed", len(v))
		}
		k = v[0]
	}
	if axis == x.batch.at {
		if !n.r.ofOne() {
			return n.fail("axis", "dimension %d of %v is the batch, whose samples cannot be compared", axis, n.fileDims(x, 0))
		}
		v, err := n.withoutBatch(x, 0)
		if err != nil {
			return err
		}
		x = &operand{act: v, batch: noBatch}
	}
	d := x.batch.valueDims(len(x.act.Shape))[axis][0]
	for i, name := range n.outputs {
		if name == "" || i > 1 {
			continue
		}
		part := *n.nodeProto
		part.outputs = []string{name}
		o := op.TopK{Axis: d, K: int(max(0, min(k, maxActivation))), Least: n.attrInt("largest", 1) == 0, Indexes: i == 1}
		if err := (&node{nodeProto: &part, r: n.r, in: n.in}).resultAs(x.batch, o, x.act); err != nil {
			return err
		}
	}
	return nil
}

// decidingAll is deciding for all outputs.
func decidingAll(build func(*node) error) func(*node) error {
	return func(n *node) error {
		err := deciding(build)(n)
		if err != nil {
			return err
		}
		first := n.r.names[n.outputs[0]]
		for _, name := range n.outputs[1:] {
			if o := n.r.names[name]; o != nil {
				o.decides = first.decides
			}
		}
		return nil
	}
}

// buildReverseSequence turns the beginning of sequences around.
func buildReverseSequence(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	dims := n.fileDims(x, 0)
	time, batch := n.attrInt("time_axis", 0), n.attrInt("batch_axis", 1)
	if len(dims) < 2 || min(time, batch) != 0 || max(time, batch) != 1 || !n.has(1) {
		return n.fail("", "axes %d and %d of %v are not supported, only 0 and 1", time, batch, dims)
	}
	lengths := n.ofSample(n.in[1], 0)
	if k := n.in[1].known[0]; k != nil && k.isFloat() {
		return n.fail(n.inputName(1), "it has type %s, an integer type is needed", typeName(k.typ))
	}
	switch {
	case n.in[1].act == nil && x.batch.at == batch && lengths != nil && len(lengths.i) == 1:
		return n.reverseAll(x, dims[time], time, lengths.i[0])
	case n.in[1].act == nil && n.r.ofOne() && n.in[1].constant() != nil:
		return n.reverseRows(x, dims, time == 0, n.in[1].constant().i)
	case n.in[1].act != nil && x.batch.at == batch && (n.in[1].batch == batchFirst || n.in[1].batch == onlyBatch):
		if _, merged := x.batch.merged(); merged == 0 {
			return n.resultAs(x.batch, op.ReverseSequence{Time: x.batch.valueDims(len(x.act.Shape))[time][0]}, x.act, n.in[1].act)
		}
	}
	return n.fail("", "lengths of sequences %v that mix the samples of a batch are not supported", dims)
}

// reverseAll turns the first steps, length of size, of dimension time of the file around, the
// same of all sequences.
func (n *node) reverseAll(x *operand, size, time int, length int64) error {
	var parts [2][]int
	turned := int(max(0, min(length, int64(size))))
	for k := range size {
		if k < turned {
			parts[0] = append(parts[0], turned-1-k)
		} else {
			parts[1] = append(parts[1], k)
		}
	}
	d := x.batch.valueDims(len(x.act.Shape))[time][0]
	v, err := n.joined(d, parts[:])(n.resultValue, x.act)
	if err == nil {
		n.define(0, &operand{act: v, batch: x.batch})
	}
	return err
}

// reverseRows turns sequences of constant lengths around, in a file of one sample: the steps
// of all are rows of one Gather.
func (n *node) reverseRows(x *operand, dims []int, timeFirst bool, lengths []int64) error {
	v, err := n.withoutBatch(x, 0)
	if err != nil {
		return err
	}
	var index []int
	for k := range dims[0] * dims[1] {
		t, s := k/dims[1], k%dims[1]
		size := dims[0]
		if !timeFirst {
			t, s, size = s, t, dims[1]
		}
		if s >= len(lengths) {
			return n.fail(n.inputName(1), "%d lengths for sequences %v", len(lengths), dims)
		}
		if turned := int(max(0, min(lengths[s], int64(size)))); t < turned {
			t = turned - 1 - t
		}
		if timeFirst {
			index = append(index, t*dims[1]+s)
		} else {
			index = append(index, s*dims[1]+t)
		}
	}
	if v, err = n.emit(op.Reshape{Shape: append([]int{dims[0] * dims[1]}, dims[2:]...)}, v); err != nil {
		return err
	}
	return n.shapedResult(noBatch, [2][]int{dims, dims}, pickAlong(v.Shape, 1, index), v)
}

// buildCompress picks by a constant condition.
func buildCompress(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	condition, err := n.integers(1)
	if err != nil {
		return err
	}
	var at []int64
	for k, c := range condition {
		if c != 0 {
			at = append(at, int64(k))
		}
	}
	dims, axis := n.fileDims(x, 0), 0
	if n.attr("axis") == nil {
		flat := [2][]int{{volume(dims)}, {volume(n.fileDims(x, 1))}}
		if x, err = n.reshapedTo(x, flat); err != nil {
			return err
		}
	} else if axis, err = n.axis(n.attrInt("axis", 0), len(dims)); err != nil {
		return err
	}
	return n.gatherConstant(x, axis, ints(at...))
}
