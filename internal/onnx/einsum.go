package onnx

import (
	"slices"
	"strings"
)

// term is an operand of an Einsum with a label for each dimension.
type term struct {
	o      *operand
	labels []rune
}

// ellipsis is the first of the labels that stand for the dimensions of "...".
const ellipsis = rune(1 << 16)

// readEinsum reads a sum of products over named dimensions, two operands at a time, as
// MatMul where dimensions are summed over, else as Mul.
func readEinsum(n *node) error {
	terms, out, err := n.einsumTerms()
	if err != nil {
		return err
	}
	for i := range terms {
		if err := n.diagonal(&terms[i]); err != nil {
			return err
		}
	}
	left := terms[0]
	for i, t := range terms[1:] {
		needed := slices.Clone(out)
		for _, later := range terms[i+2:] {
			needed = append(needed, later.labels...)
		}
		if left, err = n.contract(left, t, needed); err != nil {
			return err
		}
	}
	if err := n.sumOut(&left, out); err != nil {
		return err
	}
	if err := n.order(&left, out); err != nil {
		return err
	}
	same := *left.o
	n.bind([]*operand{&same})
	return nil
}

// einsumTerms parses the equation for the ranks of the operands.
func (n *node) einsumTerms() (terms []term, out []rune, err error) {
	equation := strings.ReplaceAll(n.attrString("equation", ""), " ", "")
	left, right, given := strings.Cut(equation, "->")
	parts := strings.Split(left, ",")
	if len(parts) != len(n.in) || slices.Contains(n.in, nil) {
		return nil, nil, n.fail("equation", "%q has %d operands, the node %d; the file is damaged", equation, len(parts), len(n.in))
	}
	count, wide := map[rune]int{}, 0
	for i, p := range parts {
		rank := len(n.dimsOf(n.in[i]))
		labels, more, ok := expandLabels(p, rank)
		if !ok {
			return nil, nil, n.fail("equation", "%q does not fit an operand of %d dimensions; the file is damaged", p, rank)
		}
		wide = max(wide, more)
		for _, l := range labels {
			count[l]++
		}
		terms = append(terms, term{n.in[i], labels})
	}
	if given {
		labels, _, ok := expandLabels(right, len([]rune(strings.ReplaceAll(right, "...", "")))+wide)
		if !ok || slices.ContainsFunc(labels, func(l rune) bool { return count[l] == 0 && l < ellipsis }) {
			return nil, nil, n.fail("equation", "the result %q has a dimension that no operand has; the file is damaged", right)
		}
		return terms, labels, nil
	}
	for l, c := range count {
		if c == 1 || l >= ellipsis {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b rune) int { return int(einsumOrder(a) - einsumOrder(b)) })
	return terms, out, nil
}

// einsumOrder sorts the dimensions of "..." before letters.
func einsumOrder(l rune) rune {
	if l >= ellipsis {
		return l - 2*ellipsis
	}
	return l
}

// expandLabels returns a label for each dimension of an operand of the given rank; those of
// "..." count from the last one, as shapes are aligned. more is how many there are.
func expandLabels(p string, rank int) (labels []rune, more int, ok bool) {
	before, after, dots := strings.Cut(p, "...")
	more = rank - len([]rune(before)) - len([]rune(after))
	if more < 0 || more > 0 && !dots {
		return nil, 0, false
	}
	labels = []rune(before)
	for k := range more {
		labels = append(labels, ellipsis+rune(1000-more+k))
	}
	labels = append(labels, []rune(after)...)
	return labels, more, !slices.ContainsFunc(labels, func(l rune) bool { return l == '.' || l == ',' })
}

// sizeOf returns the size of a label's dimension at trial batch t.
func (n *node) sizeOf(t term, l rune, trial int) int {
	dims := n.trialDims(t.o, trial)
	return dims[slices.Index(t.labels, l)]
}

// trialDims returns the file's shape of an operand at a trial batch.
func (n *node) trialDims(o *operand, trial int) []int {
	if o.act == nil {
		return o.known[trial].dims
	}
	return n.fileDims(o, trial)
}

// diagonal leaves one of two dimensions with one label: the elements at equal indexes.
func (n *node) diagonal(t *term) error {
	for i := 0; i < len(t.labels); i++ {
		j := slices.Index(t.labels[i+1:], t.labels[i]) + i + 1
		if j == i {
			continue
		}
		dims := n.dimsOf(t.o)
		if dims[i] != dims[j] {
			return n.fail("equation", "dimensions of %d and %d have one label; the file is damaged", dims[i], dims[j])
		}
		shape := slices.Repeat([]int{1}, len(dims))
		shape[i], shape[j] = dims[i], dims[i]
		eye := &array{typ: typeFloat, dims: shape, f: make([]float32, dims[i]*dims[i])}
		for k := range dims[i] {
			eye.f[k*dims[i]+k] = 1
		}
		e, err := n.castTo(eye, max(t.o.elemType(), typeFloat))
		if err != nil {
			return err
		}
		if t.o, err = n.step("Mul", nil, t.o, constantOperand(e)); err != nil {
			return err
		}
		if t.o, err = n.sumOver(t.o, int64(j)); err != nil {
			return err
		}
		t.labels = slices.Delete(slices.Clone(t.labels), j, j+1)
		i--
	}
	return nil
}

// sumOver adds up along axes, which go.
func (n *node) sumOver(o *operand, axes ...int64) (*operand, error) {
	keep := intAttr("keepdims", 0)
	if n.r.opset < 13 {
		return n.step("ReduceSum", []*attrProto{intsAttr("axes", axes...), keep}, o)
	}
	return n.step("ReduceSum", []*attrProto{keep}, o, constantOperand(ints(axes...)))
}

// sumOut adds up along the dimensions that are not needed.
func (n *node) sumOut(t *term, needed []rune) (err error) {
	var axes []int64
	var left []rune
	for k, l := range t.labels {
		if slices.Contains(needed, l) {
			left = append(left, l)
		} else {
			axes = append(axes, int64(k))
		}
	}
	if len(axes) > 0 {
		t.o, err = n.sumOver(t.o, axes...)
	}
	t.labels = left
	return err
}

// order brings the dimensions of t into the order of labels.
func (n *node) order(t *term, labels []rune) (err error) {
	var perm []int64
	for _, l := range labels {
		k := slices.Index(t.labels, l)
		if k < 0 {
			return n.fail("equation", "the result needs a dimension that its operands do not have; the file is damaged")
		}
		perm = append(perm, int64(k))
	}
	if !slices.IsSorted(perm) {
		t.o, err = n.step("Transpose", []*attrProto{intsAttr("perm", perm...)}, t.o)
	}
	t.labels = slices.Clone(labels)
	return err
}

// contract multiplies two terms and sums over the labels that are not needed any more.
func (n *node) contract(a, b term, needed []rune) (term, error) {
	if err := n.sumOut(&a, append(slices.Clone(needed), b.labels...)); err != nil {
		return a, err
	}
	if err := n.sumOut(&b, append(slices.Clone(needed), a.labels...)); err != nil {
		return a, err
	}
	batch, sum, own, other := parted(a.labels, b.labels, needed)
	if err := n.order(&a, slices.Concat(batch, own, sum)); err != nil {
		return a, err
	}
	if err := n.order(&b, slices.Concat(batch, sum, other)); err != nil {
		return a, err
	}
	var shape [2][]int
	for trial := range shape {
		for i, list := range [][]rune{batch, own, other} {
			for _, l := range list {
				from := a
				if i == 2 || i == 0 && n.sizeOf(a, l, trial) == 1 {
					from = b
				}
				shape[trial] = append(shape[trial], n.sizeOf(from, l, trial))
			}
		}
	}
	x, err := n.asMatrices(a, len(batch), len(own), len(sum))
	if err != nil {
		return a, err
	}
	y, err := n.asMatrices(b, len(batch), len(sum), len(other))
	if err != nil {
		return a, err
	}
	z, err := n.step("MatMul", nil, x, y)
	if err != nil {
		return a, err
	}
	if len(own) != 1 || len(other) != 1 {
		z, err = n.reshapeTo(z, shape)
	}
	return term{z, slices.Concat(batch, own, other)}, err
}

// parted returns the labels that two terms share and keep, those that they share and sum
// over, and those that each has alone.
func parted(a, b, needed []rune) (batch, sum, own, other []rune) {
	for _, l := range a {
		switch {
		case !slices.Contains(b, l):
			own = append(own, l)
		case slices.Contains(needed, l):
			batch = append(batch, l)
		default:
			sum = append(sum, l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			other = append(other, l)
		}
	}
	return batch, sum, own, other
}

// asMatrices merges the dimensions of t behind the batch to rows and columns.
func (n *node) asMatrices(t term, batch, rows, columns int) (*operand, error) {
	if rows == 1 && columns == 1 {
		return t.o, nil
	}
	var shape [2][]int
	for trial := range shape {
		dims := n.trialDims(t.o, trial)
		shape[trial] = append(slices.Clone(dims[:batch]), volume(dims[batch:batch+rows]), volume(dims[batch+rows:]))
	}
	return n.reshapeTo(t.o, shape)
}

// reshapeTo reads a Reshape to the shapes of the two trial batches.
func (n *node) reshapeTo(o *operand, shape [2][]int) (*operand, error) {
	var target operand
	for trial, dims := range shape {
		var v []int64
		for _, d := range dims {
			v = append(v, int64(d))
		}
		target.known[trial] = ints(v...)
	}
	if target.known[0].same(target.known[1]) {
		target.known[1] = target.known[0]
	}
	return n.step("Reshape", nil, o, &target)
}
