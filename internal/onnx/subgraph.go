package onnx

import (
	"fmt"
	"maps"
	"slices"
)

// maxDepth bounds how deep subgraphs and functions lie in each other.
const maxDepth = 32

// scope says what names inside of a subgraph or a function stand for: those in names are
// its own, others are of the scope around it.
type scope struct {
	around *scope
	names  map[string]string // own names and the reader's; "": an input that is not given
	depth  int
}

// resolve returns the reader's name of a name.
func (s *scope) resolve(name string) string {
	for ; s != nil && name != ""; s = s.around {
		if own, ok := s.names[name]; ok {
			return own
		}
	}
	return name
}

// inner returns a scope inside of the node's, whose own names are still to be added.
func (n *node) inner() (*scope, error) {
	s := &scope{around: n.scope, names: map[string]string{}, depth: 1}
	if n.scope != nil {
		s.depth = n.scope.depth + 1
	}
	if s.depth > maxDepth {
		return nil, n.fail("", "functions and subgraphs lie more than %d deep in each other, which is not supported; inline them before the export", maxDepth)
	}
	return s, nil
}

// body is what is read in place of a node: the nodes of a branch, a loop's body, a function.
type body struct {
	inputs, outputs []string
	initializers    []*tensorProto
	nodes           []*nodeProto
}

// subgraph decodes a graph attribute.
func (n *node) subgraph(name string) (*body, error) {
	a := n.attr(name)
	if a == nil || a.g == nil {
		return nil, n.fail(name, "the subgraph is missing; the file is damaged")
	}
	g, err := decodeGraph(a.g, a.at)
	if err != nil {
		return nil, n.fail(name, "%v; the file is damaged", err)
	}
	if g.sparseInitializers > 0 {
		return nil, n.fail(name, "sparse initializers are not supported; export the weights as dense tensors")
	}
	b := &body{initializers: g.initializers, nodes: g.nodes}
	for _, v := range g.inputs {
		b.inputs = append(b.inputs, v.name)
	}
	for _, v := range g.outputs {
		b.outputs = append(b.outputs, v.name)
	}
	return b, nil
}

// readBody reads a body in place of the node, with operands for its inputs. What it gives
// is named into, where those names are free. It returns the operands of its outputs, nil
// for those that were refused.
func (n *node) readBody(b *body, prefix string, in []*operand, into []string) ([]*operand, error) {
	s, err := n.inner()
	if err != nil {
		return nil, err
	}
	if err := n.r.count(len(b.nodes)); err != nil {
		return nil, n.fail("", "%v", err)
	}
	prefix = n.r.unique("scope", n.title()+"/"+prefix) + "/"
	for i, name := range b.inputs {
		switch {
		case i >= len(in) || in[i] == nil:
			s.names[name] = ""
		default:
			s.names[name] = prefix + name
			o := *in[i]
			n.r.names[prefix+name] = &o
		}
	}
	if err := n.bodyConstants(b, s, prefix); err != nil {
		return nil, err
	}
	n.bodyNames(b, s, prefix, into)
	for _, p := range b.nodes {
		n.r.readNode(inScope(p, s, prefix))
	}
	out := make([]*operand, len(b.outputs))
	for i, name := range b.outputs {
		out[i] = n.r.names[s.resolve(name)]
		if out[i] == nil {
			return nil, n.fail(fmt.Sprintf("output %q", name), "no node of the subgraph computes it; the file is damaged")
		}
	}
	return out, nil
}

// bodyConstants reads the initializers of a body.
func (n *node) bodyConstants(b *body, s *scope, prefix string) error {
	for _, t := range b.initializers {
		s.names[t.name] = prefix + t.name
		if t.dataType == typeString {
			n.r.names[prefix+t.name] = &operand{text: true}
			continue
		}
		a, err := n.r.array(t)
		if err != nil {
			return n.fail(fmt.Sprintf("initializer %q", t.name), "%v", err)
		}
		n.r.names[prefix+t.name] = &operand{known: [2]*array{a, a}}
	}
	return nil
}

// array reads a tensor of the model, once: what several trips of a loop read is one
// parameter.
func (r *reader) array(t *tensorProto) (*array, error) {
	if a := r.tensors[t]; a != nil {
		return a, nil
	}
	a, err := t.toArray(r.outside)
	if err == nil {
		r.tensors[t] = a
	}
	return a, err
}

// bodyNames adds the names that the nodes of a body define to its scope.
func (n *node) bodyNames(b *body, s *scope, prefix string, into []string) {
	own := map[string]string{}
	for _, p := range b.nodes {
		for _, name := range p.outputs {
			if name != "" {
				own[name] = prefix + name
			}
		}
	}
	for i, name := range b.outputs {
		if i < len(into) && into[i] != "" && n.r.names[into[i]] == nil && own[name] == prefix+name {
			own[name] = into[i]
		}
	}
	maps.Copy(s.names, own)
}

// inScope returns a node of a body under the reader's names.
func inScope(p *nodeProto, s *scope, prefix string) *nodeProto {
	q := *p
	q.scope = s
	if q.name != "" {
		q.name = prefix + q.name
	}
	q.inputs, q.outputs = slices.Clone(p.inputs), slices.Clone(p.outputs)
	for i, name := range q.inputs {
		q.inputs[i] = s.resolve(name)
	}
	for i, name := range q.outputs {
		q.outputs[i] = s.resolve(name)
	}
	return &q
}

// count adds nodes to those that the reader has to read.
func (r *reader) count(nodes int) error {
	if r.nodes += nodes; r.nodes > maxNodes {
		return fmt.Errorf("with loops unrolled and functions inlined there are more than %d nodes, which is not supported; split the model with onnx.utils.extract_model", maxNodes)
	}
	return nil
}

// bind defines the node's outputs as what a body has given.
func (n *node) bind(out []*operand) {
	for i, o := range out {
		if i < len(n.outputs) && n.outputs[i] != "" && n.r.names[n.outputs[i]] == nil {
			same := *o
			n.define(i, &same)
		}
	}
}

// step reads a node of the given operator that this one is made of, and returns its output.
// Constants are given by constantOperand.
func (n *node) step(opType string, attrs []*attrProto, in ...*operand) (*operand, error) {
	name := n.r.unique("scope", n.title()+"/"+opType)
	m := &node{nodeProto: &nodeProto{name: name, opType: opType, outputs: []string{name}, attrs: attrs}, r: n.r}
	for i, o := range in {
		if o == nil {
			m.inputs = append(m.inputs, "")
			continue
		}
		input := fmt.Sprintf("%s/%d", name, i)
		same := *o
		n.r.names[input] = &same
		m.inputs = append(m.inputs, input)
	}
	if err := m.read(); err != nil {
		return nil, err
	}
	if o := n.r.names[name]; o != nil {
		return o, nil
	}
	return &operand{refused: true}, nil
}

func constantOperand(a *array) *operand { return &operand{known: [2]*array{a, a}} }

func intAttr(name string, v int64) *attrProto { return &attrProto{name: name, typ: 2, i: v} }

func intsAttr(name string, v ...int64) *attrProto { return &attrProto{name: name, typ: 7, ints: v} }
