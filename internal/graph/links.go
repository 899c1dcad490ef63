package graph

import "slices"

// Links knows who writes and who reads each value of a graph, so that a rewriting pass
// asks in constant time. It follows the changes that go through its methods; any other
// change of inputs, outputs or the list of nodes makes it wrong. Graph.Nodes keeps removed
// nodes and lacks inserted ones until Flush.
//
// NewLinks takes time and memory linear in the graph; so do all changes together, as long
// as no value's readers are replaced again and again.
type Links struct {
	g      *Graph
	values map[*Value]*link
	params map[*Param]int // node inputs that read each parameter
	gone   map[*Node]bool
	before map[*Node][]*Node // nodes to insert before each
}

// link is what is known of one value.
type link struct {
	writer        *Node
	readers       []*Node // while changed is set, among them nodes that have stopped reading it, and some twice
	changed       bool    // since readers was right
	reads         int     // node inputs that read it now
	input, output bool    // of the graph
}

// NewLinks returns the links of g.
func NewLinks(g *Graph) *Links {
	l := &Links{g: g, values: map[*Value]*link{}, params: map[*Param]int{}, gone: map[*Node]bool{}, before: map[*Node][]*Node{}}
	for _, v := range g.Inputs {
		l.of(v).input = true
	}
	for _, v := range g.Outputs {
		l.of(v).output = true
	}
	for _, n := range g.Nodes {
		l.add(n)
	}
	for _, k := range l.values {
		k.changed = false
	}
	return l
}

func (l *Links) of(v *Value) *link {
	k := l.values[v]
	if k == nil {
		k = &link{}
		l.values[v] = k
	}
	return k
}

func (l *Links) add(n *Node) {
	for _, v := range n.Inputs {
		l.read(n, v)
	}
	for _, v := range n.Outputs {
		l.of(v).writer = n
	}
}

// read notes one more input of n that reads v.
func (l *Links) read(n *Node, v *Value) {
	if v == nil {
		return
	}
	if v.Param != nil {
		l.params[v.Param]++
		return
	}
	k := l.of(v)
	k.reads++
	if len(k.readers) == 0 || k.readers[len(k.readers)-1] != n {
		k.readers, k.changed = append(k.readers, n), true
	}
}

// unread notes that an input reads v no longer.
func (l *Links) unread(v *Value) {
	switch {
	case v == nil:
	case v.Param != nil:
		l.params[v.Param]--
	default:
		k := l.of(v)
		k.reads, k.changed = k.reads-1, true
	}
}

// Producer returns the node that writes v, nil for an input or a parameter.
func (l *Links) Producer(v *Value) *Node {
	if k := l.values[v]; k != nil {
		return k.writer
	}
	return nil
}

// Consumers returns the nodes that read v, each once, in execution order as far as
// nothing was replaced. The caller must not change the list.
func (l *Links) Consumers(v *Value) []*Node {
	k := l.values[v]
	if k == nil {
		return nil
	}
	if k.changed {
		seen := map[*Node]bool{}
		k.readers = slices.DeleteFunc(k.readers, func(n *Node) bool {
			drop := l.gone[n] || seen[n] || !slices.Contains(n.Inputs, v)
			seen[n] = true
			return drop
		})
		k.changed = false
	}
	return k.readers
}

// Reads returns the number of node inputs that read v.
func (l *Links) Reads(v *Value) int {
	if k := l.values[v]; k != nil {
		return k.reads
	}
	return 0
}

// Uses returns the number of node inputs that read p.
func (l *Links) Uses(p *Param) int { return l.params[p] }

// IsInput reports whether v is one of the graph's inputs.
func (l *Links) IsInput(v *Value) bool { k := l.values[v]; return k != nil && k.input }

// IsOutput reports whether v is one of the graph's outputs.
func (l *Links) IsOutput(v *Value) bool { k := l.values[v]; return k != nil && k.output }

// Removed reports whether n was removed.
func (l *Links) Removed(n *Node) bool { return l.gone[n] }

// SetInput makes input i of n read v, and lengthens the list if it is shorter.
func (l *Links) SetInput(n *Node, i int, v *Value) {
	for len(n.Inputs) <= i {
		n.Inputs = append(n.Inputs, nil)
	}
	old := n.Inputs[i]
	n.Inputs[i] = v
	l.unread(old)
	l.read(n, v)
}

// SetInputs replaces all inputs of n.
func (l *Links) SetInputs(n *Node, in ...*Value) {
	for _, v := range n.Inputs {
		l.unread(v)
	}
	n.Inputs = in
	for _, v := range in {
		l.read(n, v)
	}
}

// SetOutput makes v the only output of n.
func (l *Links) SetOutput(n *Node, v *Value) {
	for _, old := range n.Outputs {
		l.of(old).writer = nil
	}
	n.Outputs = []*Value{v}
	l.of(v).writer = n
}

// ReplaceUses makes every reader of old, and the graph's outputs, use v.
func (l *Links) ReplaceUses(old, v *Value) {
	for _, n := range l.Consumers(old) {
		for i, in := range n.Inputs {
			if in == old {
				n.Inputs[i] = v
				l.read(n, v)
			}
		}
	}
	k := l.of(old)
	k.reads, k.readers = 0, nil
	if !k.output {
		return
	}
	k.output, l.of(v).output = false, true
	for i := range l.g.Outputs {
		if l.g.Outputs[i] == old {
			l.g.Outputs[i] = v
		}
	}
}

// Remove deletes n; its values stay with their readers.
func (l *Links) Remove(n *Node) {
	if l.gone[n] {
		return
	}
	l.gone[n] = true
	for _, v := range n.Inputs {
		l.unread(v)
	}
	for _, v := range n.Outputs {
		if k := l.of(v); k.writer == n {
			k.writer = nil
		}
	}
}

// InsertBefore puts node m before n.
func (l *Links) InsertBefore(n, m *Node) {
	l.before[n] = append(l.before[n], m)
	l.add(m)
}

// Flush brings Graph.Nodes up to date.
func (l *Links) Flush() {
	if len(l.gone) == 0 && len(l.before) == 0 {
		return
	}
	var nodes []*Node
	for _, n := range l.g.Nodes {
		for _, m := range append(l.before[n], n) {
			if !l.gone[m] {
				nodes = append(nodes, m)
			}
		}
	}
	l.g.Nodes = nodes
	clear(l.before)
}
