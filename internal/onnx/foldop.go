package onnx

import (
	"errors"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// maxExact is the largest magnitude below which every whole number is a float32.
const maxExact = 1 << 24

// resultTypes are the element types of the outputs of operators for which the first
// input's type and the kind of the graph's value do not tell. 0: as the rule says.
var resultTypes = map[string][]int64{
	"ArgMax": {typeInt64},
	"ArgMin": {typeInt64},
	"TopK":   {0, typeInt64},
}

// resultType returns the ONNX element type of output i, whose value has elements of the
// given kind: that of resultTypes or of the attribute to, else of the first input of that
// kind, else the kind's common type.
func (n *node) resultType(i int, kind graph.Elem) int64 {
	if t := resultTypes[n.opType]; i < len(t) && t[i] != 0 {
		return t[i]
	}
	if to := int64(n.attrInt("to", 0)); to != 0 {
		return to
	}
	for _, o := range n.in {
		if t := o.elemType(); t != 0 && elemOf(t) == kind {
			return t
		}
	}
	return map[graph.Elem]int64{graph.Float: typeFloat, graph.Integer: typeInt64, graph.Boolean: typeBool}[kind]
}

// elemType returns the ONNX element type of what o stands for, 0 where it is not known.
func (o *operand) elemType() int64 {
	switch {
	case o == nil:
		return 0
	case o.known[0] != nil:
		return o.known[0].typ
	}
	return o.typ
}

// foldByOp computes a node of constants by the operators that its row builds for
// activations: one implementation for both. Integers and truth values are exact below
// 2^24; what exceeds it is refused. Any number of outputs is defined.
func (n *node) foldByOp(row *row) error {
	var out [2][]*array
	for t := range out {
		if t == 1 && !n.distinct() {
			out[1] = out[0]
			break
		}
		in := make([]*array, len(n.in))
		for i, o := range n.in {
			if o != nil {
				in[i] = o.known[t]
			}
		}
		var err error
		if out[t], err = n.runRow(row, in); err != nil {
			return err
		}
	}
	for i := range out[0] {
		if out[0][i] != nil {
			n.define(i, &operand{known: [2]*array{out[0][i], out[1][i]}})
		}
	}
	return nil
}

// distinct reports whether an operand depends on the trial batch.
func (n *node) distinct() bool {
	return slices.ContainsFunc(n.in, func(o *operand) bool { return o != nil && o.known[0] != o.known[1] })
}

// runRow builds the node in a graph of its own and runs it on the arrays: the first of them
// as an activation, else all, else the first ones. What a builder needs constant decides.
func (n *node) runRow(row *row, in []*array) ([]*array, error) {
	if a, done, err := n.foldEmpty(in); done {
		return []*array{a}, err
	}
	out, first := n.runWith(row, in, 1)
	for k := len(in); first != nil && k > 1; k-- {
		var err error
		if out, err = n.runWith(row, in, k); err == nil {
			return out, nil
		}
	}
	return out, first
}

// runWith is runRow with the first k inputs as activations.
func (n *node) runWith(row *row, in []*array, k int) ([]*array, error) {
	r := newReader(&modelProto{graph: &graphProto{name: n.title()}}, n.r.file, n.r.outside)
	r.opset, r.whole, r.fixed, r.batch, r.budget = n.r.opset, true, true, [2]int{1, 1}, n.r.budget
	r.functions, r.tensors, r.work, r.given = n.r.functions, n.r.tensors, n.r.work, n.r.given
	m := &node{nodeProto: n.nodeProto, r: r}
	var feed []*tensor.Tensor
	for i, a := range in {
		switch {
		case a == nil:
			m.in = append(m.in, nil)
		case i >= k:
			m.in = append(m.in, &operand{known: [2]*array{a, a}})
		default:
			x, err := a.exact()
			if err != nil {
				return nil, n.fail(n.inputName(i), "%v", err)
			}
			if a.size() == 0 {
				return nil, n.fail(n.inputName(i), "its shape %v is empty, which is not supported here", a.dims)
			}
			b, sample, _ := r.place(nil, [2][]int{a.dims, a.dims})
			v := &graph.Value{Name: r.unique("value", n.inputs[i]), Shape: append(tensor.Shape{1}, sample...), Elem: elemOf(a.typ)}
			r.g.Inputs = append(r.g.Inputs, v)
			m.in = append(m.in, &operand{act: v, batch: b, typ: a.typ})
			feed = append(feed, tensor.Of(x, v.Shape...))
		}
	}
	if len(feed) == 0 {
		return nil, n.fail("", "it has no input, which is not supported here")
	}
	if err := row.build(m); err != nil {
		return nil, err
	}
	return n.results(m, feed)
}

// results runs the graph that m was built in and returns the arrays of m's outputs.
func (n *node) results(m *node, feed []*tensor.Tensor) ([]*array, error) {
	r := m.r
	outs := make([]*array, len(n.outputs))
	at := map[int]*operand{}
	for i, name := range n.outputs {
		o := r.names[name]
		switch {
		case name == "":
		case o != nil && o.act != nil:
			at[i] = o
			r.g.Outputs = append(r.g.Outputs, o.act)
		case o.isKnown():
			outs[i] = o.known[0]
		case i == 0:
			return nil, n.fail("", "of constants it is not supported")
		}
	}
	r.dropUnused()
	r.joinCells()
	size, work := 0, int64(0)
	for _, node := range r.g.Nodes {
		for _, v := range node.Outputs {
			size += v.Shape.Size()
		}
		work += op.Work(node)
	}
	if size > n.r.budget {
		return nil, n.fail("", "the constants computed in this model are too large; simplify it with onnxsim first")
	}
	if n.r.work -= work; n.r.work < 0 {
		return nil, n.fail("", "the constants of this model take more than %d multiplications to compute, which is not supported; simplify it with onnxsim first", int64(foldWork))
	}
	tape, err := graph.NewTape(r.g, 1)
	if err != nil {
		return nil, n.fail("", "%v", err)
	}
	got := tape.Forward(feed...)
	for k, i := 0, 0; i < len(outs); i++ {
		o := at[i]
		if o == nil {
			continue
		}
		a, err := arrayOf(got[k].Data, o.batch.fileDims(o.act.Shape, 1), m.resultType(i, o.act.Elem))
		if err != nil {
			return nil, n.fail(fmt.Sprintf("output %q", n.outputs[i]), "%v", err)
		}
		a.name = n.outputs[i]
		n.r.budget -= a.size()
		outs[i] = a
		k++
	}
	return outs, nil
}

// foldWork bounds the multiplications by which the constants of one file are computed: some
// seconds.
const foldWork = 1 << 34

// errExact says that a number does not fit the graph.
var errExact = errors.New("whole numbers beyond 2^24 are not supported where they are computed with, since the network computes in float32; use smaller ones")

// exact returns the elements of a as float32, which for integers has to be exact.
func (a *array) exact() ([]float32, error) {
	if a.isFloat() {
		return a.f, nil
	}
	x := make([]float32, len(a.i))
	for k, v := range a.i {
		if v < -maxExact || v > maxExact {
			return nil, errExact
		}
		x[k] = float32(v)
	}
	return x, nil
}

// arrayOf returns values of the graph as an array of the given type: halves rounded,
// integers wrapped to their type.
func arrayOf(x []float32, dims []int, typ int64) (*array, error) {
	a := &array{typ: typ, dims: dims}
	if a.isFloat() {
		a.f = slices.Clone(x)
		for k, v := range a.f {
			a.f[k] = rounded(v, typ)
		}
		return a, nil
	}
	a.i = make([]int64, len(x))
	for k, v := range x {
		if !(v >= -maxExact && v <= maxExact) {
			return nil, errExact
		}
		a.i[k] = narrow(int64(v), typ)
	}
	return a, nil
}
