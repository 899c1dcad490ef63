package onnx

import (
	"slices"

	"edgec/internal/op"
)

// buildSlice reads the slice of an activation.
func buildSlice(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	var taken [2][]sliceOf
	for t := range taken {
		in := make([]*array, len(n.in))
		for i := 1; i < len(in); i++ {
			if !n.has(i) {
				continue
			}
			if in[i] = n.in[i].known[t]; in[i] == nil {
				return n.fail(n.inputName(i), "it is computed while the network runs; only constants are supported here, so that the shapes are known")
			}
		}
		if taken[t], err = n.sliceRanges(in, n.fileDims(x, t)); err != nil {
			return err
		}
	}
	return n.slice(x, taken)
}

// slice ends the node with what is taken of each of the file's dimensions of x, at the two
// trial batches.
func (n *node) slice(x *operand, taken [2][]sliceOf) error {
	for k := range taken[0] {
		whole := true
		for t := range taken {
			whole = whole && taken[t][k] == sliceOf{0, 1, n.fileDims(x, t)[k]}
		}
		switch {
		case k == x.batch.at && !whole && n.r.ofOne():
			v, err := n.withoutBatch(x, 0)
			if err != nil {
				return err
			}
			x = &operand{act: v, batch: noBatch}
		case k == x.batch.at && !whole:
			return n.fail("axes", "a slice of the batch, dimension %d, is not supported", k)
		case k != x.batch.at && taken[0][k] != taken[1][k]:
			return n.fail("axes", "what is taken of dimension %d depends on the batch", k)
		case taken[0][k].count < 1:
			return n.fail("axes", "nothing is taken of dimension %d, and empty tensors are not supported", k)
		}
	}
	rank := len(x.act.Shape)
	o := op.Slice{Before: make([]int, rank), After: make([]int, rank), Step: slices.Repeat([]int{1}, rank)}
	for k, v := range x.batch.valueDims(rank) {
		if k == x.batch.at {
			continue
		}
		d, t := v[0], taken[0][k]
		if t.count > 1 {
			o.Step[d] = t.step
		}
		first, last := t.first, t.first+(t.count-1)*o.Step[d]
		o.Before[d], o.After[d] = min(first, last), x.act.Shape[d]-1-max(first, last)
	}
	if x.batch == noBatch {
		return n.resultAs(noBatch, o, x.act)
	}
	return n.resultLike(x, o)
}

// buildSplit reads each part as a Slice of its own.
func buildSplit(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	dims := n.fileDims(x, 0)
	axis, err := n.axis(n.attrInt("axis", 0), len(dims))
	if err != nil {
		return err
	}
	if axis == x.batch.at && !n.r.ofOne() {
		return n.fail("axis", "dimension %d of %v is the batch, whose samples cannot be split", axis, dims)
	}
	sizes, err := n.splitSizes(dims[axis])
	if err != nil {
		return err
	}
	from := 0
	for i, name := range n.outputs {
		if name == "" {
			from += sizes[i]
			continue
		}
		part := *n.nodeProto
		part.outputs = []string{name}
		var taken [2][]sliceOf
		for t := range taken {
			for _, d := range n.fileDims(x, t) {
				taken[t] = append(taken[t], sliceOf{0, 1, d})
			}
			taken[t][axis] = sliceOf{from, 1, sizes[i]}
		}
		if err := (&node{nodeProto: &part, r: n.r, in: n.in}).slice(x, taken); err != nil {
			return err
		}
		from += sizes[i]
	}
	return nil
}

// splitSizes returns the sizes of the parts of a dimension of total elements: those given,
// or equal ones, of which the last may be smaller.
func (n *node) splitSizes(total int) ([]int, error) {
	var given []int64
	var err error
	if a := n.attr("split"); n.r.opset < 13 && a != nil {
		given = a.ints
	} else if n.r.opset >= 13 && n.has(1) {
		if given, err = n.integers(1); err != nil {
			return nil, err
		}
	}
	parts := len(n.outputs)
	if given == nil {
		size := (total + parts - 1) / parts
		for i := range parts {
			given = append(given, int64(max(0, min(size, total-i*size))))
		}
	}
	var sizes []int
	sum := int64(0)
	for _, s := range given {
		if s < 0 || s > int64(total) {
			return nil, n.fail("split", "size %d of a dimension of %d; the file is damaged", s, total)
		}
		sum += s
		sizes = append(sizes, int(s))
	}
	if sum != int64(total) || len(sizes) != parts {
		return nil, n.fail("split", "sizes %v for %d parts of a dimension of %d; the file is damaged", sizes, parts, total)
	}
	return sizes, nil
}
