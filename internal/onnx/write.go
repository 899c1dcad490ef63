package onnx

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/disk"
	"edgec/internal/graph"
	"edgec/internal/op"
)

// The version of what is written: opset 13 is the first with per-axis
// DequantizeLinear; operators that came later raise it.
const (
	writeIR    = 8
	writeOpset = 13
)

// Write writes g as an ONNX file at path, atomically: the file appears
// complete or not at all. See Encode.
func Write(path string, g *graph.Graph) error {
	data, err := Encode(g)
	if err != nil {
		return err
	}
	if err := disk.Write(path, data, 0o644); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	return nil
}

// Encode returns g as an ONNX model with a free batch, whose integers are int64 and truth
// values bool.
//
// Parameters are written with their effective values. Where g carries grids,
// the standard quantized form is written: a parameter with a grid becomes an
// int8 (biases: int32) initializer and a DequantizeLinear, with one scale for
// each output channel (axis 0) or one for the tensor; an activation with a grid
// passes a QuantizeLinear and a DequantizeLinear with an int8 zero point. A
// fused Clamp becomes Relu or Clip, a Table a Gather of int8 values between
// QuantizeLinear and DequantizeLinear. Rounding is that of the reading program;
// ONNX prescribes halves to even, where the device rounds them away from zero.
// The result is the same for the same graph, to the byte. It fails on operators
// that ONNX does not have.
func Encode(g *graph.Graph) ([]byte, error) {
	w := &writer{g: g, opset: writeOpset, names: map[*graph.Value]string{}, params: map[*graph.Param]string{}, used: map[string]bool{}}
	w.nameValues()
	for _, v := range g.Inputs {
		w.inputs = append(w.inputs, encodeValue(w.names[v], v.Elem, v.Shape))
		if v.Grid != nil {
			w.names[v] = w.pair(v, w.names[v], w.Fresh(w.names[v]+"_dequantized"))
		}
	}
	skipped := w.absorb()
	for _, n := range g.Nodes {
		if skipped[n] {
			continue
		}
		if err := w.node(n); err != nil {
			return nil, err
		}
	}
	var graphMsg message
	for _, n := range w.nodes {
		graphMsg.bytes(1, n)
	}
	name := g.Name
	if name == "" {
		name = "edgec"
	}
	graphMsg.str(2, name)
	for _, t := range w.tensors {
		graphMsg.bytes(5, t)
	}
	for _, v := range w.inputs {
		graphMsg.bytes(11, v)
	}
	for _, v := range g.Outputs {
		graphMsg.bytes(12, encodeValue(w.names[v], v.Elem, v.Shape))
	}
	var opset, m message
	opset.str(1, "")
	opset.int(2, int64(w.opset))
	m.int(1, writeIR)
	m.str(2, "edgec")
	m.bytes(7, graphMsg)
	m.bytes(8, opset)
	return m, nil
}

// writer collects the encoded parts of a graph.
type writer struct {
	g       *graph.Graph
	opset   int
	names   map[*graph.Value]string     // what readers of a value use
	before  map[*graph.Node]*graph.Node // that an op.ONNXAbsorber stands for too
	params  map[*graph.Param]string     // already written
	used    map[string]bool
	inputs  [][]byte
	nodes   [][]byte
	tensors [][]byte
}

// Fresh implements op.ONNX.
func (w *writer) Fresh(s string) string {
	if s == "" {
		s = "value"
	}
	name := s
	for k := 2; w.used[name]; k++ {
		name = fmt.Sprintf("%s_%d", s, k)
	}
	w.used[name] = true
	return name
}

// nameValues gives names to all activations; inputs and outputs come first, so
// that they keep theirs.
func (w *writer) nameValues() {
	give := func(v *graph.Value) {
		if w.names[v] == "" {
			w.names[v] = w.Fresh(v.Name)
		}
	}
	for _, v := range w.g.Inputs {
		give(v)
	}
	for _, v := range w.g.Outputs {
		give(v)
	}
	for _, n := range w.g.Nodes {
		for _, v := range n.Outputs {
			give(v)
		}
	}
}

// absorb finds the nodes that others stand for too, which are not written.
func (w *writer) absorb() (skipped map[*graph.Node]bool) {
	w.before, skipped = map[*graph.Node]*graph.Node{}, map[*graph.Node]bool{}
	links := graph.NewLinks(w.g)
	for _, n := range w.g.Nodes {
		o, ok := n.Op.(op.ONNXAbsorber)
		if !ok {
			continue
		}
		x := n.Inputs[0]
		if p := links.Producer(x); p != nil && x.Grid == nil && links.Reads(x) == 1 && !links.IsOutput(x) && o.AbsorbsONNX(p) {
			w.before[n], skipped[p] = p, true
		}
	}
	return skipped
}

// Absorbed implements op.ONNX.
func (w *writer) Absorbed(n *graph.Node) *graph.Node { return w.before[n] }

// Operand implements op.ONNX.
func (w *writer) Operand(v *graph.Value) string { return w.operand(v) }

// Emit implements op.ONNX; the NodeProto is named after its output.
func (w *writer) Emit(opType string, in []string, out string, attrs ...op.Attr) {
	w.EmitAll(opType, in, []string{out}, attrs...)
}

// EmitAll implements op.ONNX; the NodeProto is named after its first output that is read.
func (w *writer) EmitAll(opType string, in, out []string, attrs ...op.Attr) {
	var m message
	for _, s := range in {
		m.str(1, s)
	}
	name := ""
	for _, s := range out {
		m.str(2, s)
		if name == "" {
			name = s
		}
	}
	m.str(3, name)
	m.str(4, opType)
	for _, a := range attrs {
		m.bytes(5, attribute{a.Name, a.Value}.encode())
	}
	w.nodes = append(w.nodes, m)
}

func (w *writer) tensor(name string, dataType int64, dims []int, raw []byte) string {
	name = w.Fresh(name)
	w.tensors = append(w.tensors, encodeTensor(name, dataType, dims, raw))
	return name
}

// Scalar implements op.ONNX.
func (w *writer) Scalar(name string, v float32) string {
	return w.tensor(name, typeFloat, nil, rawFloats([]float32{v}))
}

// Floats implements op.ONNX.
func (w *writer) Floats(name string, dims []int, v []float32) string {
	return w.tensor(name, typeFloat, dims, rawFloats(v))
}

// Int8s implements op.ONNX.
func (w *writer) Int8s(name string, dims []int, v []int32) string {
	return w.tensor(name, typeInt8, dims, rawInt8s(v))
}

// Need implements op.ONNX.
func (w *writer) Need(opset int) { w.opset = max(w.opset, opset) }

// Int64s implements op.ONNX.
func (w *writer) Int64s(name string, v []int) string {
	return w.tensor(name, typeInt64, []int{len(v)}, rawInt64s(v))
}

// pair appends QuantizeLinear and DequantizeLinear from name from to name to.
func (w *writer) pair(v *graph.Value, from, to string) string {
	scale := w.Scalar(to+"_scale", v.Grid.Scale)
	zero := w.tensor(to+"_zero", typeInt8, nil, rawInt8s([]int32{int32(v.Grid.Zero)}))
	q := w.Fresh(to + "_quantized")
	w.Emit("QuantizeLinear", []string{from, scale, zero}, q)
	w.Emit("DequantizeLinear", []string{q, scale, zero}, to)
	return to
}

// param writes a parameter once and returns the name of its float value.
func (w *writer) param(p *graph.Param) string {
	if name, ok := w.params[p]; ok {
		return name
	}
	name := p.Name
	shape := p.Shadow.Shape
	if p.Grid == nil {
		name = w.tensor(name, typeFloat, shape, rawFloats(p.Value.Data))
	} else {
		name = w.quantizedParam(p)
	}
	w.params[p] = name
	return name
}

func (w *writer) quantizedParam(p *graph.Param) string {
	out := w.Fresh(p.Name)
	q := p.Quanta()
	typ, raw := int64(typeInt8), rawInt8s
	if p.Grid.Max > 127 {
		typ, raw = typeInt32, rawInt32s
	}
	dims := []int{} // a scale for the tensor
	var attrs []op.Attr
	if len(p.Grid.Scale) > 1 {
		dims = []int{len(p.Grid.Scale)}
		attrs = []op.Attr{{Name: "axis", Value: 0}}
	}
	in := []string{
		w.tensor(out+"_quantized", typ, p.Shadow.Shape, raw(q)),
		w.tensor(out+"_scale", typeFloat, dims, rawFloats(p.Grid.Scale)),
		w.tensor(out+"_zero", typ, dims, raw(make([]int32, len(p.Grid.Scale)))),
	}
	w.Emit("DequantizeLinear", in, out, attrs...)
	return out
}

// operand returns the name by which v is read; "" for an absent input.
func (w *writer) operand(v *graph.Value) string {
	switch {
	case v == nil:
		return ""
	case v.Param != nil && v.Elem != graph.Float:
		return w.wholeParam(v)
	case v.Param != nil:
		return w.param(v.Param)
	}
	return w.names[v]
}

// wholeParam is param for one whose values are integers or truth values.
func (w *writer) wholeParam(v *graph.Value) string {
	p := v.Param
	if name, ok := w.params[p]; ok {
		return name
	}
	q := make([]int, len(p.Value.Data))
	for i, x := range p.Value.Data {
		q[i] = int(x)
	}
	name := w.tensor(p.Name, typeInt64, p.Shadow.Shape, rawInt64s(q))
	if v.Elem == graph.Boolean {
		truth := w.Fresh(name + "_bool")
		w.Emit("Cast", []string{name}, truth, op.Attr{Name: "to", Value: typeBool})
		name = truth
	}
	w.params[p] = name
	return name
}

// sameType casts the operands of arithmetic to float if one of them is, since ONNX computes with
// elements of one type. in has their names.
func (w *writer) sameType(operands []*graph.Value, in []string) {
	isFloat := func(v *graph.Value) bool { return v.Elem == graph.Float }
	if !slices.ContainsFunc(operands, isFloat) {
		return
	}
	for i, v := range operands {
		if !isFloat(v) {
			cast := w.Fresh(in[i] + "_cast")
			w.Emit("Cast", in[i:i+1], cast, op.Attr{Name: "to", Value: typeFloat})
			in[i] = cast
		}
	}
}

// node writes one graph node: the operator, its clamp, and the rounding of its
// output to a grid.
func (w *writer) node(n *graph.Node) error {
	if len(n.Outputs) != 1 {
		return fmt.Errorf("onnx: node %q (%s): %d outputs cannot be written", n.Name, n.Op.Name(), len(n.Outputs))
	}
	out := n.Outputs[0]
	final := w.names[out]
	target := final
	r, isRounder := n.Op.(op.Rounder)
	rounded := out.Grid == nil || isRounder && *out.Grid == r.Rounds() // already
	if !rounded {
		target = w.Fresh(final + "_float")
	}
	var in []string
	for _, v := range n.Inputs {
		in = append(in, w.operand(v))
	}
	for len(in) > 0 && in[len(in)-1] == "" {
		in = in[:len(in)-1]
	}
	if _, ok := n.Op.(op.Arithmetic); ok {
		w.sameType(n.Inputs, in)
	}
	clamp := op.FusedClamp(n.Op)
	result := target
	if clamp.On {
		result = w.Fresh(final + "_unclamped")
	}
	o, ok := n.Op.(op.ONNXWriter)
	if !ok {
		return fmt.Errorf("onnx: node %q: operator %s cannot be written as ONNX", n.Name, n.Op.Name())
	}
	o.WriteONNX(w, n, in, result)
	if clamp.On {
		w.Clip(result, target, clamp)
	}
	if !rounded {
		w.pair(out, target, final)
	}
	return nil
}

// Clip implements op.ONNX.
func (w *writer) Clip(in, out string, c op.Clamp) {
	noHi := math.IsInf(float64(c.Hi), 1)
	if c.Lo == 0 && noHi {
		w.Emit("Relu", []string{in}, out)
		return
	}
	args := []string{in, ""}
	if !math.IsInf(float64(c.Lo), -1) {
		args[1] = w.Scalar(out+"_min", c.Lo)
	}
	if !noHi {
		args = append(args, w.Scalar(out+"_max", c.Hi))
	}
	w.Emit("Clip", args, out)
}
