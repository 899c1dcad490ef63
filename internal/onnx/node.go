package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// node is one NodeProto being read, with its operands looked up.
type node struct {
	*nodeProto
	r  *reader
	in []*operand // nil where an optional input is absent
}

func (r *reader) readNodes(m *modelProto) error {
	r.nodes += len(m.graph.nodes)
	for _, p := range m.graph.nodes {
		r.readNode(p)
	}
	return nil
}

// readNode reads a node, or notes why it is refused.
func (r *reader) readNode(p *nodeProto) {
	n := &node{nodeProto: p, r: r}
	r.refuse(n.read())
	for _, s := range n.outputs {
		if s != "" && r.names[s] == nil {
			r.names[s] = &operand{refused: true}
		}
	}
}

// read adds the node to the graph, or computes it. Nothing is said of a node that reads
// what was refused before.
func (n *node) read() error {
	if done, err := n.afterDecision(); done || err != nil {
		return err
	}
	if p := n.function(); p != nil {
		return n.call(p)
	}
	if read := n.integerOp(); read != nil {
		return n.readIntegers(read)
	}
	row, err := n.row()
	if err != nil {
		return err
	}
	if refused, err := n.operands(); refused || err != nil {
		return err
	}
	if err := n.checkNames(row); err != nil {
		return err
	}
	if err := n.dispatch(row); err != nil {
		return err
	}
	n.passDecision()
	for i, s := range n.outputs {
		o := n.r.names[s]
		switch {
		case s == "":
		case o == nil && i > 0:
			n.r.names[s] = &operand{missing: fmt.Sprintf("node %q (%s)", n.title(), n.opType)}
		case o != nil && o.act != nil && o.typ == 0:
			o.typ = n.resultType(i, o.act.Elem)
		}
	}
	return nil
}

// operands looks the inputs up; refused reports that one of them was refused before.
func (n *node) operands() (refused bool, err error) {
	for _, name := range n.inputs {
		if name == "" {
			n.in = append(n.in, nil)
			continue
		}
		o := n.r.names[name]
		switch {
		case o == nil:
			return false, n.fail(fmt.Sprintf("input %q", name), "no earlier node computes it; the file is damaged or its nodes are not sorted")
		case o.refused:
			return true, nil
		case o.text:
			return false, n.fail(fmt.Sprintf("input %q", name), "it holds strings, which no network computes with; export the network without the names of its classes")
		case o.missing != "":
			return false, n.fail(fmt.Sprintf("input %q", name), "it is an extra output of %s, which is not supported; remove its use from the model", o.missing)
		}
		n.in = append(n.in, o)
	}
	return false, nil
}

// row returns how the operator is read.
func (n *node) row() (*row, error) {
	if row := learned[n.opType]; row != nil && n.domain == "ai.onnx.ml" {
		return row, nil
	}
	if row := ofRuntime[n.opType]; row != nil && (n.domain == "com.microsoft" || isStandard(n.domain)) {
		return row, nil
	}
	if n.domain == "ai.onnx.preview" && n.opType == "FlexAttention" {
		return &row{name: n.opType, since: []int{1}, minIn: 3, build: buildFlex}, nil
	}
	if r := remedy(n.opType); n.domain == "com.microsoft" && strings.Contains(r, inQDQ) {
		return nil, n.fail("", "the operator is not supported%s", r)
	}
	if n.domain == "ai.onnx.ml" {
		return nil, n.fail("", "the operator is not supported; of scikit-learn's models edgec takes MLPClassifier, MLPRegressor and linear ones, behind StandardScaler or MinMaxScaler, trees and other models cannot be compressed")
	}
	if strings.HasPrefix(n.domain, "com.microsoft") {
		return nil, n.fail("", "operators of ONNX Runtime (domain %q) are not supported; give the network as it was before ONNX Runtime optimized or quantized it, or quantize with quant_format=QuantFormat.QDQ", n.domain)
	}
	if !isStandard(n.domain) {
		return nil, n.fail("", "custom operators (domain %q) are not supported; export the model with standard ONNX operators only", n.domain)
	}
	row, ok := rows[n.opType]
	if !ok {
		return nil, n.fail("", "the operator is not supported%s", remedy(n.opType))
	}
	if n.r.opset < row.since[0] {
		return nil, n.fail("", "the operator exists since opset %d, the model declares %d; export it again", row.since[0], n.r.opset)
	}
	return row, nil
}

// checkNames verifies the number of inputs and that the outputs' names are new.
func (n *node) checkNames(row *row) error {
	if len(n.inputs) < row.minIn {
		return n.fail("", "%d inputs, the operator needs %d; the file is damaged", len(n.inputs), row.minIn)
	}
	if !slices.ContainsFunc(n.outputs, func(s string) bool { return s != "" }) || n.outputs[0] == "" && !anyOutput[n.opType] {
		return n.fail("", "it has no output; the file is damaged")
	}
	if len(n.outputs) > maxNames {
		return n.fail("", "%d outputs, at most %d are read; the file is damaged", len(n.outputs), maxNames)
	}
	for i, s := range n.outputs {
		if s != "" && (n.r.names[s] != nil || slices.Contains(n.outputs[:i], s)) {
			return n.fail(fmt.Sprintf("output %q", s), "another node, input or initializer has this name; the file is damaged, export it again")
		}
	}
	for _, a := range n.attrs {
		if a.refName != "" {
			return n.fail(a.name, "attributes of functions are not supported; inline the model's functions first")
		}
	}
	return nil
}

const onIntegers = "it works on quantized integers, where a float operator behind a DequantizeLinear is supported" + inQDQ

// dispatch folds the node if all operands are known, else builds graph nodes.
func (n *node) dispatch(row *row) error {
	through, err := n.operandsOfIntegers()
	switch known := n.allKnown(); {
	case err != nil:
		return err
	case through:
		return n.throughIntegers(row)
	case readAsOthers[row.name]:
		return row.build(n)
	case known && foldAll[n.opType] != nil:
		if err := n.foldResults(foldAll[n.opType]); !errors.Is(err, errByOp) {
			return err
		}
		return n.foldByOp(row)
	case known && row.fold != nil:
		return n.foldOr(row)
	case row.build == nil:
		return n.fail("", "on activations the operator is not supported, only on constants and shapes%s", remedy(n.opType))
	case known && len(n.in) > 0:
		return n.foldByOp(row)
	}
	return row.build(n)
}

// operandsOfIntegers refuses quantized integers that the operator cannot read, and reports
// whether it only moves those of its first operand.
func (n *node) operandsOfIntegers() (through bool, err error) {
	for i, o := range n.in {
		switch {
		case o == nil || o.quant == nil:
		case i == 0 && passesIntegers[n.opType] && o.quant.plain():
			return true, nil
		case !integerReader[n.opType]:
			return false, n.fail("", onIntegers)
		}
	}
	return false, nil
}

// allKnown reports whether every operand that is given is a constant.
func (n *node) allKnown() bool {
	for _, o := range n.in {
		if o != nil && !o.isKnown() {
			return false
		}
	}
	return true
}

// foldOr computes a node of constants by row.fold, or where that leaves it to them by the
// operators of the graph.
func (n *node) foldOr(row *row) error {
	err := n.fold(row.fold)
	if errors.Is(err, errByOp) && row.build != nil {
		return n.foldByOp(row)
	}
	return err
}

// errByOp is what a foldFunc returns to leave the constants to the operators of the graph.
var errByOp = errors.New("the operators of the graph compute it")

// fold computes the node for both trial batches.
func (n *node) fold(f foldFunc) error {
	var out [2]*array
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
		a, err := f(n, in)
		if err != nil {
			return err
		}
		if n.r.budget -= a.size(); n.r.budget < 0 {
			return n.fail("", "the constants computed in this model are too large; simplify it with onnxsim first")
		}
		if a.name == "" {
			a.name = n.outputs[0]
		}
		out[t] = a
	}
	n.define(0, &operand{known: out})
	return nil
}

// define binds output i.
func (n *node) define(i int, o *operand) {
	if i < len(n.outputs) && n.outputs[i] != "" {
		n.r.names[n.outputs[i]] = o
	}
}

// fail makes an Error that names this node.
func (n *node) fail(attr, format string, a ...any) error {
	return &Error{File: n.r.file, Node: n.title(), Op: n.opType, Attr: attr, Msg: withRemedy(fmt.Sprintf(format, a...), n.opType, n.r.given)}
}

// title is the node's name, or its first output's when it has none.
func (n *node) title() string {
	switch {
	case n.name != "":
		return n.name
	case len(n.outputs) > 0:
		return n.outputs[0]
	}
	return "?"
}

// unique returns s, numbered when it was given before to another of its kind.
func (r *reader) unique(kind, s string) string {
	if s == "" {
		s = kind
	}
	name := s
	k := max(r.used[kind+s], 1)
	for r.used[kind+name] > 0 {
		k++
		name = fmt.Sprintf("%s_%d", s, k)
	}
	r.used[kind+s], r.used[kind+name] = k, max(r.used[kind+name], 1)
	return name
}

// emit appends a graph node whose result only this ONNX node uses.
func (n *node) emit(o graph.Op, in ...*graph.Value) (*graph.Value, error) {
	return n.emitAs(n.outputs[0]+"/"+o.Name(), n.title()+"/"+o.Name(), o, in)
}

// emitAs appends a graph node and returns its output; shapes are inferred, so
// everything that op.Infer refuses is refused here.
func (n *node) emitAs(value, title string, o graph.Op, in []*graph.Value) (*graph.Value, error) {
	shape, err := n.infer(o, in)
	if err != nil {
		return nil, err
	}
	v := &graph.Value{Name: n.r.unique("value", value), Shape: shape}
	g := &graph.Node{Name: n.r.unique("node", title), Op: o, Inputs: in, Outputs: []*graph.Value{v}}
	v.Elem = g.Elems()[0]
	n.r.g.Nodes = append(n.r.g.Nodes, g)
	return v, nil
}

// infer returns the shape of o's result.
func (n *node) infer(o graph.Op, in []*graph.Value) (tensor.Shape, error) {
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		if v != nil {
			shapes[i] = v.Shape
		}
	}
	out, err := o.Infer(shapes)
	if err != nil {
		return nil, n.fail("", "%v", err)
	}
	if len(out[0]) == 0 || out[0][0] != 1 || out[0].Size() <= 0 || out[0].Size() > maxActivation {
		return nil, n.fail("", "its result of shape %v is empty, too large, or does not keep the batch as dimension 0", out[0])
	}
	return out[0], nil
}

// maxActivation bounds the elements of one activation for one sample; trial
// batches of it stay below maxElements.
const maxActivation = 1 << 26

// resultValue appends the node's last graph node, which has the names of the node and of
// its output.
func (n *node) resultValue(o graph.Op, in ...*graph.Value) (*graph.Value, error) {
	return n.emitAs(n.outputs[0], n.title(), o, in)
}

// result emits the node's last graph node and binds output 0 to it; its batch is first.
func (n *node) result(o graph.Op, in ...*graph.Value) error {
	v, err := n.resultValue(o, in...)
	if err == nil {
		n.define(0, &operand{act: v})
	}
	return err
}

// alias binds output 0 to o itself: the operator changes nothing.
func (n *node) alias(o *operand) error {
	n.define(0, &operand{act: o.act, batch: o.batch})
	return nil
}

// has reports whether optional input i is given.
func (n *node) has(i int) bool { return i >= 0 && i < len(n.in) && n.in[i] != nil }

func (n *node) inputName(i int) string { return fmt.Sprintf("input %q", n.inputs[i]) }

// constant returns input i, which must be known and independent of the batch.
func (n *node) constant(i int) (*array, error) {
	if !n.has(i) {
		return nil, n.fail("", "input %d is missing; the file is damaged", i)
	}
	a := n.in[i].constant()
	if a == nil {
		return nil, n.fail(n.inputName(i), "it is computed while the network runs; only constants are supported here (weights as initializers)")
	}
	return a, nil
}

// floats is constant for a float array.
func (n *node) floats(i int) (*array, error) {
	a, err := n.constant(i)
	if err == nil && !a.isFloat() {
		err = n.fail(n.inputName(i), "it has type %s, a float type is needed", typeName(a.typ))
	}
	return a, err
}

// integers returns the values of constant integer input i.
func (n *node) integers(i int) ([]int64, error) {
	a, err := n.constant(i)
	if err == nil && a.isFloat() {
		err = n.fail(n.inputName(i), "it has type %s, an integer type is needed", typeName(a.typ))
	}
	if err != nil {
		return nil, err
	}
	return a.i, nil
}

// scalar returns the only value of constant float input i.
func (n *node) scalar(i int) (float32, error) {
	a, err := n.floats(i)
	if err == nil && len(a.f) != 1 {
		err = n.fail(n.inputName(i), "it has %d values, one is needed", len(a.f))
	}
	if err != nil {
		return 0, err
	}
	return a.f[0], nil
}

// paramKey identifies a parameter made from an array: two nodes that use one
// initializer in the same way share the Param.
type paramKey struct {
	a    *array
	role graph.Role
	form string
}

// param makes a graph value of a float array. form names the transformation
// that make applies (nil: none).
func (n *node) param(a *array, role graph.Role, form string, make func(*array) (*array, error)) (*graph.Value, error) {
	key := paramKey{a, role, form}
	if p := n.r.params[key]; p != nil {
		return &graph.Value{Name: p.Name, Shape: p.Shadow.Shape.Clone(), Param: p, Elem: elemOf(a.typ)}, nil
	}
	b := a
	if make != nil {
		var err error
		if b, err = make(a); err != nil {
			return nil, err
		}
	}
	if !b.isFloat() && role != graph.Constant {
		return nil, n.fail(fmt.Sprintf("initializer %q", a.name), "it has type %s, a float type is needed", typeName(b.typ))
	}
	x, err := b.exact()
	if err != nil {
		return nil, n.fail(fmt.Sprintf("initializer %q", a.name), "%v", err)
	}
	b = &array{typ: typeFloat, dims: b.dims, f: x, grid: b.grid}
	if len(b.f) == 0 {
		return nil, n.fail(fmt.Sprintf("initializer %q", a.name), "shape %v is empty", b.dims)
	}
	t := tensor.Of(append([]float32(nil), b.f...), b.dims...)
	if k := t.FirstNonFinite(); k >= 0 {
		return nil, n.fail(fmt.Sprintf("initializer %q", a.name), "value %d is %v; the training has diverged, export a network with finite weights", k, t.Data[k])
	}
	p := graph.NewParam(n.r.unique("value", a.name), role, t)
	var q []int32
	p.Grid, q = b.paramGrid(role)
	switch {
	case p.Grid != nil && !slices.Equal(p.Quanta(), q):
		p.Exact = q
	case p.Grid == nil && b.grid != nil:
		p.Why = b.grid.why()
	case p.Grid == nil && a.grid != nil:
		p.Why = fmt.Sprintf("%d scales that belong to no dimension once they are reshaped", len(a.grid.scale))
	}
	n.r.params[key] = p
	return &graph.Value{Name: p.Name, Shape: p.Shadow.Shape.Clone(), Param: p, Elem: elemOf(a.typ)}, nil
}
