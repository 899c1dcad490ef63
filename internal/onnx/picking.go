package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// aligned returns inputs as values with the same batch: activations whose batch is first and
// constants that are the same for all samples, or, in a file of one sample, all with the
// file's dimensions behind a batch of their own. keep asks for the first form where it is
// possible; shift is what the second form adds to dimensions of the file.
func (n *node) aligned(keep bool, count int) (in []*graph.Value, b batchAxis, shift int, err error) {
	var all []*operand
	for i := range count {
		if !n.has(i) {
			return nil, b, 0, n.fail("", "input %d is missing; the file is damaged", i)
		}
		o := n.in[i]
		keep = keep && (o.act != nil && o.batch == batchFirst || o.act == nil && n.ofSample(o, 0) != nil)
		all = append(all, o)
	}
	switch {
	case keep:
		b = batchFirst
	case n.r.ofOne():
		b, shift = noBatch, 1
	default:
		return nil, b, 0, n.fail("", "its inputs mix the samples of a batch; export the network with batch 1")
	}
	for i, o := range all {
		v := o.act
		switch {
		case o.act != nil && !keep:
			v, err = n.withoutBatch(o, 0)
		case o.act == nil:
			v, err = n.sampleParam(o, keep)
		}
		if err != nil {
			return nil, b, 0, err
		}
		if in = append(in, v); v == nil {
			return nil, b, 0, n.fail(n.inputName(i), "it depends on the batch")
		}
	}
	return in, b, shift, nil
}

// sampleParam returns a constant as a parameter [1, dims...] for one sample; batched: its
// first dimension is the batch.
func (n *node) sampleParam(o *operand, batched bool) (*graph.Value, error) {
	c := o.constant()
	if batched {
		c = n.ofSample(o, 0)
	}
	if c == nil {
		return nil, nil
	}
	if c.size() > maxShared {
		return nil, n.fail("", "a constant of shape %v is too large to be the same for every sample", c.dims)
	}
	shape := slices.Clone(c.dims)
	if !batched {
		shape = slices.Insert(shape, 0, 1)
	}
	return n.param(c, graph.Constant, fmt.Sprint("part ", shape), func(c *array) (*array, error) { return c.reshaped(shape), nil })
}

// fileRank returns the number of dimensions that input i has in the file.
func (n *node) fileRank(i int) int {
	switch {
	case !n.has(i):
		return 0
	case n.in[i].act != nil:
		return len(n.fileDims(n.in[i], 0))
	}
	return len(n.in[i].known[0].dims)
}

// buildGatherElements reads GatherElements of activations, or constants, by either.
func buildGatherElements(n *node) error {
	axis, err := n.axis(n.attrInt("axis", 0), n.fileRank(0))
	if err != nil {
		return err
	}
	in, b, shift, err := n.aligned(axis > 0, 2)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.GatherElements{Axis: axis + shift}, in...)
}

// buildGatherND reads GatherND; one whose indexes are constants and pick from the first
// dimensions is a Gather from those as one.
func buildGatherND(n *node) error {
	common := n.attrInt("batch_dims", 0)
	if common < 0 || common >= min(n.fileRank(0), n.fileRank(1)) {
		return n.fail("batch_dims", "%d dimensions in common are not valid", common)
	}
	if index := n.in[1].constant(); common == 0 && index != nil && n.in[0].act != nil {
		if m := index.dims[len(index.dims)-1]; m > 0 && m <= n.in[0].batch.at {
			return n.gatherBeforeBatch(index)
		}
	}
	in, b, shift, err := n.aligned(common > 0, 2)
	if err != nil {
		return err
	}
	o := op.GatherND{Batch: common + shift}
	x, index := in[0], in[1]
	s, err := n.infer(o, in)
	if err != nil {
		return err
	}
	last := len(index.Shape) - 1
	m := index.Shape[last]
	if o.Batch > 1 || x.Param != nil {
		return n.resultAs(b, o, x, index)
	}
	if index.Param != nil {
		return n.gatherPoints(b, s, x, index.Param.Value.Data, m)
	}
	if m == 1 {
		if index, err = n.emit(op.Reshape{Shape: slices.Clone([]int(index.Shape[1:last]))}, index); err != nil {
			return err
		}
		return n.resultAs(b, op.Gather{Axis: 1}, x, index)
	}
	return n.resultAs(b, o, x, index)
}

// gatherBeforeBatch reads a GatherND by constant indexes of dimensions that all stand before
// the batch, as PyTorch writes the indexing of several dimensions: a Gather from those as one.
func (n *node) gatherBeforeBatch(index *array) error {
	last := len(index.dims) - 1
	m := index.dims[last]
	s := n.steps()
	x := s.input(0)
	sizes := s.dims(x)[0][:m]
	flat, err := n.flatIndexes(index, sizes)
	if err != nil {
		return err
	}
	picked := s.shapedInts(flat, index.dims[:last]...)
	x = s.reshape(x, s.shaped(x, func(d []int) []int { return append([]int{volume(sizes)}, d[m:]...) }))
	return s.result(0, s.call("Gather", []*operand{x, picked}))
}

// flatIndexes returns the places of points of the given sizes in a row of all.
func (n *node) flatIndexes(index *array, sizes []int) (flat []int, err error) {
	m := len(sizes)
	for i := 0; m > 0 && i < len(index.i); i += m {
		place := 0
		for k, at := range index.i[i : i+m] {
			if at < 0 {
				at += int64(sizes[k])
			}
			if at < 0 || at >= int64(sizes[k]) {
				return nil, n.fail(n.inputName(1), "index %d is outside a dimension of %d", index.i[i+k], sizes[k])
			}
			place = place*sizes[k] + int(at)
		}
		flat = append(flat, place)
	}
	return flat, nil
}

// gatherPoints ends a GatherND by constant indexes, m of which pick one slice of x; the
// result has shape s.
func (n *node) gatherPoints(b batchAxis, s []int, x *graph.Value, values []float32, m int) error {
	sizes := x.Shape[1 : 1+m]
	index := &array{}
	for _, v := range values {
		index.i = append(index.i, int64(v))
	}
	flat, err := n.flatIndexes(index, sizes)
	if err != nil {
		return err
	}
	rest := x.Shape[1+m:]
	if shape := append([]int{volume(sizes)}, rest...); m > 1 {
		if x, err = n.emit(op.Reshape{Shape: shape}, x); err != nil {
			return err
		}
	}
	o := pickAlong(x.Shape, 1, flat)
	if got, err := n.infer(o, []*graph.Value{x}); err != nil || slices.Equal(got, s) {
		return n.resultAs(b, o, x)
	}
	v, err := n.emit(o, x)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.Reshape{Shape: slices.Clone(s[1:])}, v)
}

var reductions = map[string]op.ScatterMode{"none": op.Replace, "add": op.ScatterAdd, "mul": op.ScatterMul, "max": op.ScatterMax, "min": op.ScatterMin}

// buildScatterElements reads ScatterElements, and Scatter, which is its old name.
func buildScatterElements(n *node) error {
	axis, err := n.axis(n.attrInt("axis", 0), n.fileRank(0))
	if err != nil {
		return err
	}
	how, ok := reductions[n.attrString("reduction", "none")]
	if !ok {
		return n.fail("reduction", "%q is not known; the file is damaged", n.attrString("reduction", ""))
	}
	in, b, shift, err := n.aligned(axis > 0, 3)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.ScatterElements{Axis: axis + shift, Reduce: how}, in...)
}

func buildScatterND(n *node) error {
	how, ok := reductions[n.attrString("reduction", "none")]
	if !ok {
		return n.fail("reduction", "%q is not known; the file is damaged", n.attrString("reduction", ""))
	}
	in, b, _, err := n.aligned(false, 3)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.ScatterND{Reduce: how}, in...)
}

// buildTensorScatter reads the update of a cache.
func buildTensorScatter(n *node) error {
	axis, err := n.axis(n.attrInt("axis", -2), n.fileRank(0))
	if err != nil {
		return err
	}
	count := 2
	if n.has(2) {
		count = 3
	}
	in, b, shift, err := n.aligned(true, count)
	if err != nil {
		return err
	}
	return n.resultAs(b, op.TensorScatter{Axis: axis + shift, Batch: shift, Circular: n.attrString("mode", "linear") == "circular"}, in...)
}

// buildTrilu reads the triangle of the matrices in the last two dimensions.
func buildTrilu(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	k := int64(0)
	if n.has(1) {
		v, err := n.integers(1)
		if err != nil {
			return err
		}
		if len(v) != 1 {
			return n.fail(n.inputName(1), "it has %d values, one is needed", len(v))
		}
		k = max(-maxActivation, min(v[0], maxActivation))
	}
	o := op.Trilu{Lower: n.attrInt("upper", 1) == 0, K: int(k)}
	dims := n.fileDims(x, 0)
	if rank := len(dims); x.batch.at >= rank-2 || len(x.act.Shape) < 3 || x.batch.at < 0 && rank < 2 {
		if !n.r.ofOne() || rank < 2 {
			return n.fail("", "the matrices in the last two dimensions of %v have the batch in them", dims)
		}
		v, err := n.withoutBatch(x, 0)
		if err != nil {
			return err
		}
		return n.resultAs(noBatch, o, v)
	}
	return n.resultLike(x, o)
}

// buildOneHot reads OneHot with a known depth.
func buildOneHot(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	depth, err := n.constant(1)
	if err != nil {
		return err
	}
	values, err := n.constant(2)
	if err != nil {
		return err
	}
	d, err := depth.exact()
	if err != nil || len(d) != 1 || !(d[0] >= 1) {
		return n.fail(n.inputName(1), "the number of classes has to be one positive number")
	}
	v, err := values.exact()
	if err != nil || len(v) != 2 {
		return n.fail(n.inputName(2), "%d values, for off and on two are needed", len(v))
	}
	dims := n.fileDims(x, 0)
	axis, err := n.axis(n.attrInt("axis", -1), len(dims)+1)
	if err != nil {
		return err
	}
	o := op.OneHot{Axis: len(x.act.Shape), Depth: int(d[0]), Off: v[0], On: v[1], Kind: elemOf(values.typ)}
	if axis == len(dims) && x.batch.inner == 0 {
		return n.resultAs(x.batch, o, x.act)
	}
	var last [2][]int // the new dimension last, then where it belongs
	for t := range last {
		last[t] = append(n.fileDims(x, t), o.Depth)
	}
	if axis == len(dims) {
		return n.shapedResult(x.batch, last, o, x.act)
	}
	y, err := n.shaped(n.emit, x.batch, last, o, x.act)
	if err != nil {
		return err
	}
	var perm []int
	for k := range dims {
		perm = append(perm, k)
	}
	perm = slices.Insert(perm, axis, len(dims))
	if y, err = n.transposed(y, perm, n.resultValue); err != nil {
		return err
	}
	return n.alias(y)
}
