package onnx

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
