package onnx

import "slices"

// foldNonZero lists the indexes of what is not zero, a row for each dimension.
func foldNonZero(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	var found []int
	for k := range x.size() {
		if x.isFloat() && x.f[k] != 0 || !x.isFloat() && x.i[k] != 0 {
			found = append(found, k)
		}
	}
	r, err := n.alloc(ints(), []int{len(x.dims), len(found)})
	if err != nil {
		return nil, err
	}
	step := strides(x.dims)
	for d, size := range x.dims {
		for i, k := range found {
			r.i[d*len(found)+i] = int64(k / step[d] % size)
		}
	}
	return r, nil
}

// foldEyeLike is buildEyeLike for a known operand.
func foldEyeLike(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	return n.eye(x.dims, x.typ)
}

// eye returns ones on a diagonal of a matrix.
func (n *node) eye(dims []int, typ int64) (*array, error) {
	if len(dims) != 2 {
		return nil, n.fail("", "a matrix is needed, not a shape of %v", dims)
	}
	if a := n.attr("dtype"); a != nil {
		typ = a.i
	}
	if bitsOf(typ) == 0 {
		return nil, n.fail("dtype", "elements of type %s are not supported", typeName(typ))
	}
	r, err := n.alloc(&array{typ: typ}, dims)
	if err != nil {
		return nil, err
	}
	k := n.attrInt("k", 0)
	for i := range dims[0] {
		if j := i + k; j >= 0 && j < dims[1] {
			if r.isFloat() {
				r.f[i*dims[1]+j] = 1
			} else {
				r.i[i*dims[1]+j] = 1
			}
		}
	}
	return r, nil
}

// buildEyeLike makes a constant: only the shape of the activation matters.
func buildEyeLike(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	var o operand
	for t := range o.known {
		if o.known[t], err = n.eye(n.fileDims(x, t), x.elemType()); err != nil {
			return err
		}
	}
	if o.known[0].same(o.known[1]) {
		o.known[1] = o.known[0]
	}
	n.define(0, &o)
	return nil
}

// foldUnique finds the distinct slices of x along an axis, or its distinct elements: they, the
// first index of each, the number of each slice of x among them, and how often each occurs.
func (n *node) foldUnique(in []*array) ([]*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	axis := 0
	if n.attr("axis") == nil {
		x = x.reshaped([]int{x.size()})
	} else if axis, err = n.axis(n.attrInt("axis", 0), len(x.dims)); err != nil {
		return nil, err
	}
	size, inner := x.dims[axis], volume(x.dims[axis+1:])
	outer := volume(x.dims[:axis])
	place := func(k, i int) int { return (i/max(inner, 1)*size+k)*inner + i%max(inner, 1) }
	compare := func(a, b int) int {
		for i := range outer * inner {
			p, q := place(a, i), place(b, i)
			if c := x.order(p, q); c != 0 {
				return c
			}
		}
		return 0
	}
	sorted := make([]int, size)
	for k := range sorted {
		sorted[k] = k
	}
	slices.SortStableFunc(sorted, compare)
	var first []int // of each distinct slice, in their order
	for i, k := range sorted {
		if i == 0 || compare(sorted[i-1], k) != 0 {
			first = append(first, k)
		}
	}
	rank := func(k int) int {
		r, _ := slices.BinarySearchFunc(first, k, compare)
		return r
	}
	if n.attrInt("sorted", 1) == 0 {
		ordered, byValue := slices.Sorted(slices.Values(first)), first
		rank = func(k int) int {
			r, _ := slices.BinarySearchFunc(byValue, k, compare)
			at, _ := slices.BinarySearch(ordered, byValue[r])
			return at
		}
		first = ordered
	}
	number, count := make([]int64, size), make([]int64, len(first))
	for k := range size {
		r := rank(k)
		number[k] = int64(r)
		count[r]++
	}
	dims := slices.Clone(x.dims)
	dims[axis] = len(first)
	y, err := n.alloc(x, dims)
	if err != nil {
		return nil, err
	}
	for r, f := range first {
		for i := range outer * inner {
			y.set((i/max(inner, 1)*len(first)+r)*inner+i%max(inner, 1), x, place(f, i))
		}
	}
	firsts := make([]int64, len(first))
	for i, f := range first {
		firsts[i] = int64(f)
	}
	return []*array{y, ints(firsts...), ints(number...), ints(count...)}, nil
}

// order compares two elements of a.
func (a *array) order(p, q int) int {
	if a.isFloat() {
		switch {
		case a.f[p] < a.f[q]:
			return -1
		case a.f[p] > a.f[q]:
			return 1
		}
		return 0
	}
	return int(max(-1, min(a.i[p]-a.i[q], 1)))
}

// foldAll are the operators of constants with several results.
var foldAll = map[string]func(n *node, in []*array) ([]*array, error){
	"MaxPool": (*node).foldMaxPool,
	"Unique":  (*node).foldUnique,
}

// foldResults computes all outputs of a node of constants that do not depend on the batch.
func (n *node) foldResults(f func(*node, []*array) ([]*array, error)) error {
	in := make([]*array, len(n.in))
	for i := range n.in {
		if !n.has(i) {
			continue
		}
		var err error
		if in[i], err = n.constant(i); err != nil {
			return err
		}
	}
	out, err := f(n, in)
	if err != nil {
		return err
	}
	for i, a := range out {
		if n.r.budget -= a.size(); n.r.budget < 0 {
			return n.fail("", "the constants computed in this model are too large; simplify it with onnxsim first")
		}
		n.define(i, &operand{known: [2]*array{a, a}})
	}
	return nil
}
