package onnx

import "math"

func foldIdentity(n *node, in []*array) (*array, error) { return n.operandOf(in, 0) }

func foldConstant(n *node, _ []*array) (*array, error) {
	for _, at := range n.attrs {
		switch at.name {
		case "value":
			if at.t == nil {
				return nil, n.fail("value", "it has no tensor; the file is damaged")
			}
			a, err := n.r.array(at.t)
			if err != nil {
				return nil, n.fail("value", "%v", err)
			}
			a.name = n.outputs[0]
			return a, nil
		case "value_float":
			return &array{typ: typeFloat, dims: []int{}, f: []float32{at.f}}, nil
		case "value_floats":
			return &array{typ: typeFloat, dims: []int{len(at.floats)}, f: at.floats}, nil
		case "value_int":
			return &array{typ: typeInt64, dims: []int{}, i: []int64{at.i}}, nil
		case "value_ints":
			return ints(at.ints...), nil
		}
	}
	return nil, n.fail("", "its kind of value (string or sparse) is not supported%s", remedies["Constant"])
}

func foldConstantOfShape(n *node, in []*array) (*array, error) {
	shape, err := n.integersOf(in, 0)
	if err != nil {
		return nil, err
	}
	value := &array{typ: typeFloat, dims: []int{1}, f: []float32{0}}
	if at := n.attr("value"); at != nil && at.t != nil {
		if value, err = at.t.toArray(n.r.outside); err != nil {
			return nil, n.fail("value", "%v", err)
		}
	}
	if value.size() != 1 {
		return nil, n.fail("value", "%d values, one is needed", value.size())
	}
	dims := make([]int, len(shape))
	for i, d := range shape {
		dims[i] = int(max(-1, min(d, math.MaxInt32)))
	}
	a, err := n.alloc(value, dims)
	if err != nil {
		return nil, err
	}
	for k := range a.size() {
		a.set(k, value, 0)
	}
	return a, nil
}
