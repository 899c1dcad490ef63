package onnx

import (
	"slices"
)

// call reads another ONNX operator as part of the node, as its function body would have it:
// of constants it is computed.
func (s *steps) call(opType string, in []*operand, attrs ...*attrProto) *operand {
	if s.err != nil {
		return nil
	}
	n := s.n
	out := n.r.unique("value", n.outputs[0]+"/"+opType)
	p := &nodeProto{name: n.title() + "/" + opType, opType: opType, outputs: []string{out}, attrs: attrs, scope: n.scope}
	for _, o := range in {
		name := out + "_of"
		if k := slices.Index(n.in, o); o != nil && k >= 0 {
			name = n.inputs[k]
		} else if o == nil {
			name = ""
		}
		p.inputs = append(p.inputs, name)
	}
	m := &node{nodeProto: p, r: n.r, in: in}
	if s.err = m.dispatch(rows[opType]); s.err != nil {
		return nil
	}
	y := n.r.names[out]
	delete(n.r.names, out)
	if y.act != nil && y.typ == 0 {
		y.typ = m.resultType(0, y.act.Elem)
	}
	return y
}

// ints is a constant list of integers.
func (s *steps) ints(v ...int) *operand {
	a := ints()
	for _, k := range v {
		a.i = append(a.i, int64(k))
	}
	a.dims = []int{len(v)}
	a.name = s.n.outputs[0] + "_constant"
	return &operand{known: [2]*array{a, a}}
}

// withInt is an attribute.
func withInt(name string, v int) *attrProto { return &attrProto{name: name, i: int64(v)} }

// part takes the elements from first on, up to end, in steps, of dimension axis.
func (s *steps) part(x *operand, axis, first, end, step int) *operand {
	return s.call("Slice", []*operand{x, s.ints(first), s.ints(end), s.ints(axis), s.ints(step)})
}

// joined is a Concat.
func (s *steps) joined(axis int, in ...*operand) *operand {
	return s.call("Concat", in, withInt("axis", axis))
}
