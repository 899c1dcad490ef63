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
			a, err := at.t.toArray(n.r.outside)
			if err != nil {
				return nil, n.fail("value", "%v", err)
			}
			a.name = ""
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

func foldCast(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	to := int64(n.attrInt("to", 0))
	if width(to) == 0 {
		return nil, n.fail("to", "a cast to %s is not supported", typeName(to))
	}
	if x.isFloat() && to == typeBool || to == typeFloat16 || to == typeBfloat16 {
		return nil, n.fail("to", "a cast of constants to %s is not supported; store them as float32", typeName(to))
	}
	a := &array{typ: to, dims: x.dims}
	switch {
	case x.isFloat() && isFloat(to):
		a.f = x.f
	case isFloat(to):
		for _, v := range x.i {
			a.f = append(a.f, float32(v))
		}
	default:
		for _, v := range x.f {
			a.i = append(a.i, narrow(int64(v), to))
		}
		for _, v := range x.i {
			a.i = append(a.i, narrow(v, to))
		}
	}
	return a, nil
}

// narrow wraps v to the range of an integer type.
func narrow(v int64, typ int64) int64 {
	switch typ {
	case typeInt8:
		return int64(int8(v))
	case typeUint8:
		return int64(uint8(v))
	case typeInt16:
		return int64(int16(v))
	case typeUint16:
		return int64(uint16(v))
	case typeInt32:
		return int64(int32(v))
	case typeUint32:
		return int64(uint32(v))
	case typeBool:
		if v != 0 {
			return 1
		}
	}
	return v
}
