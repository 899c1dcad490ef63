package onnx

import "slices"

// foldSize counts the elements of a constant.
func foldSize(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	return &array{typ: typeInt64, dims: []int{}, i: []int64{int64(volume(x.dims))}}, nil
}

// buildSize counts the elements of an activation, for each trial batch.
func buildSize(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	var o operand
	for t := range o.known {
		o.known[t] = &array{typ: typeInt64, dims: []int{}, i: []int64{int64(volume(n.fileDims(x, t)))}}
	}
	if o.known[0].same(o.known[1]) {
		o.known[1] = o.known[0]
	}
	n.define(0, &o)
	return nil
}

// bitwise folds an operator on the bits of two integers, whose result wraps to their type.
func bitwise(f func(a, b int64) int64) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		for i := range in {
			if in[i] == nil || in[i].isFloat() || in[i].typ != in[0].typ {
				return nil, n.fail("", "its inputs are not integers of one type; the file is damaged")
			}
		}
		return n.combine(in, in[0].typeOr(typeInt64), func(r, a, b *array, k, i, j int) error {
			r.i[k] = narrow(f(a.i[i], b.i[j]), a.typ)
			return nil
		})
	}
}

func bitAnd(a, b int64) int64 { return a & b }
func bitOr(a, b int64) int64  { return a | b }
func bitXor(a, b int64) int64 { return a ^ b }

// foldBitwiseNot inverts the bits of integers.
func foldBitwiseNot(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	if x.isFloat() {
		return nil, n.fail(n.inputName(0), "it has type %s, an integer type is needed", typeName(x.typ))
	}
	r, err := n.alloc(x, x.dims)
	if err != nil {
		return nil, err
	}
	for k, v := range x.i {
		r.i[k] = narrow(^v, x.typ)
	}
	return r, nil
}

// foldBitShift shifts integers: to the right with copies of a signed type's sign. Shifts of
// as many bits as there are, or of a negative number, leave the sign alone.
func foldBitShift(n *node, in []*array) (*array, error) {
	left := n.attrString("direction", "") == "LEFT"
	if !left && n.attrString("direction", "") != "RIGHT" {
		return nil, n.fail("direction", "%q is not known, only LEFT and RIGHT", n.attrString("direction", ""))
	}
	return bitwise(func(a, b int64) int64 {
		bits := int64(bitsOf(in[0].typ))
		out := b < 0 || b >= bits
		switch {
		case out && (left || a >= 0 || in[0].typ == typeUint64):
			return 0
		case out:
			return -1
		case left:
			return a << b
		case in[0].typ == typeUint64:
			return int64(uint64(a) >> b)
		}
		return a >> b
	})(n, in)
}

// foldNonZero lists the indexes of the elements that are not zero, a column for each.
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
	r, err := n.alloc(&array{typ: typeInt64}, []int{len(x.dims), len(found)})
	if err != nil {
		return nil, err
	}
	stride := strides(x.dims)
	for j, k := range found {
		for d := range x.dims {
			r.i[d*len(found)+j] = int64(k / stride[d] % x.dims[d])
		}
	}
	return r, nil
}

// foldCompress keeps what lies at the true positions of the condition along an axis, or of
// all elements in their order.
func foldCompress(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	c, err := n.operandOf(in, 1)
	if err != nil {
		return nil, err
	}
	axis := 0
	if n.attr("axis") == nil {
		x = x.reshaped([]int{volume(x.dims)})
	} else if axis, err = n.axis(n.attrInt("axis", 0), len(x.dims)); err != nil {
		return nil, err
	}
	if c.typ != typeBool || len(c.dims) != 1 || len(c.i) > x.dims[axis] {
		return nil, n.fail(n.inputName(1), "%v of %s is no condition for %v; the file is damaged", c.dims, typeName(c.typ), x.dims)
	}
	var at []int64
	for k, v := range c.i {
		if v != 0 {
			at = append(at, int64(k))
		}
	}
	return takeAlong(n, x, axis, at)
}

// takeAlong returns the elements of x at the given indexes of one axis.
func takeAlong(n *node, x *array, axis int, at []int64) (*array, error) {
	dims := slices.Clone(x.dims)
	dims[axis] = len(at)
	r, err := n.alloc(x, dims)
	if err != nil {
		return nil, err
	}
	inner := volume(x.dims[axis+1:])
	k := 0
	for outer := range volume(x.dims[:axis]) {
		for _, j := range at {
			for i := range inner {
				r.set(k, x, (outer*x.dims[axis]+int(j))*inner+i)
				k++
			}
		}
	}
	return r, nil
}
