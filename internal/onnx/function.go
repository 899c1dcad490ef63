package onnx

// functionProto is a function of the model: nodes that stand for one.
type functionProto struct {
	name, domain, overload string
	inputs, outputs        []string
	nodes                  []*nodeProto
	attrs                  []*attrProto // with the values of those that are not given
	opsets                 []opsetProto
}

func decodeFunction(b []byte, base int) (*functionProto, error) {
	p := &functionProto{}
	return p, fields(b, base, func(f field) error {
		var s string
		switch f.num {
		case 1:
			return f.str(&p.name)
		case 4:
			err := f.str(&s)
			p.inputs = append(p.inputs, s)
			return err
		case 5:
			err := f.str(&s)
			p.outputs = append(p.outputs, s)
			return err
		case 7:
			return child(f, decodeNode, func(n *nodeProto) { p.nodes = append(p.nodes, n) })
		case 9:
			return child(f, decodeOpset, func(o *opsetProto) { p.opsets = append(p.opsets, *o) })
		case 10:
			return f.str(&p.domain)
		case 11:
			return child(f, decodeAttr, func(a *attrProto) { p.attrs = append(p.attrs, a) })
		case 13:
			return f.str(&p.overload)
		}
		return nil
	})
}

// functionKey identifies a function as nodes name it.
type functionKey struct{ domain, name, overload string }

// readFunctions indexes the functions of the model.
func (r *reader) readFunctions(m *modelProto) error {
	r.functions = map[functionKey]*functionProto{}
	for _, p := range m.functions {
		key := functionKey{p.domain, p.name, p.overload}
		if r.functions[key] != nil {
			return r.fail("function \""+p.name+"\"", "there are two of this name; the file is damaged, export it again")
		}
		r.functions[key] = p
	}
	return nil
}

// function returns the function that the node calls, nil where its operator is one that
// the reader knows.
func (n *node) function() *functionProto {
	if isStandard(n.domain) && rows[n.opType] != nil {
		return nil
	}
	return n.r.functions[functionKey{n.domain, n.opType, n.overload}]
}

// call reads the nodes of a function in place of the node.
func (n *node) call(p *functionProto) error {
	if refused, err := n.operands(); refused || err != nil {
		return err
	}
	if err := n.checkNames(&row{}); err != nil {
		return err
	}
	if len(n.inputs) > len(p.inputs) || len(n.outputs) > len(p.outputs) {
		return n.fail("", "%d inputs and %d outputs for a function of %d and %d; the file is damaged", len(n.inputs), len(n.outputs), len(p.inputs), len(p.outputs))
	}
	b := &body{inputs: p.inputs, outputs: p.outputs}
	for _, q := range p.nodes {
		if err := n.sameVersion(p, q); err != nil {
			return err
		}
		b.nodes = append(b.nodes, n.withAttributes(p, q))
	}
	out, err := n.readBody(b, "body", n.in, n.outputs)
	if err == nil {
		n.bind(out)
	}
	return err
}

// sameVersion verifies that an operator of a function's operator set is that of the model's.
func (n *node) sameVersion(p *functionProto, q *nodeProto) error {
	row := rows[q.opType]
	for _, o := range p.opsets {
		if row == nil || !isStandard(o.domain) || !isStandard(q.domain) || row.version(int(o.version)) == row.version(n.r.opset) {
			continue
		}
		return n.fail("", "its function computes %s by operator set %d, the model by %d, which differ and are not supported together; export both with one opset", q.opType, o.version, n.r.opset)
	}
	return nil
}

// version returns the operator set that has defined the row's operator as of a set.
func (r *row) version(opset int) int {
	v := 0
	for _, s := range r.since {
		if s <= opset {
			v = s
		}
	}
	return v
}

// withAttributes returns a node of a function with the attributes that the call gives.
func (n *node) withAttributes(p *functionProto, q *nodeProto) *nodeProto {
	copied := *q
	copied.attrs = nil
	for _, a := range q.attrs {
		if a.refName == "" {
			copied.attrs = append(copied.attrs, a)
			continue
		}
		from := n.attr(a.refName)
		for _, d := range p.attrs {
			if from == nil && d.name == a.refName {
				from = d
			}
		}
		if from != nil {
			given := *from
			given.name = a.name
			copied.attrs = append(copied.attrs, &given)
		}
	}
	return &copied
}
