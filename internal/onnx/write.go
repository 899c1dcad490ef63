package onnx

import (
	"fmt"
	"math"

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

// Encode returns g as an ONNX model with a free batch.
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
		w.inputs = append(w.inputs, encodeValue(w.names[v], v.Shape))
		if v.Grid != nil {
			w.names[v] = w.pair(v, w.names[v], w.fresh(w.names[v]+"_dequantized"))
		}
	}
	for _, n := range g.Nodes {
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
		graphMsg.bytes(12, encodeValue(w.names[v], v.Shape))
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
	names   map[*graph.Value]string // what readers of a value use
	params  map[*graph.Param]string // already written
	used    map[string]bool
	inputs  [][]byte
	nodes   [][]byte
	tensors [][]byte
}

// fresh returns s, numbered if it is taken.
func (w *writer) fresh(s string) string {
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
			w.names[v] = w.fresh(v.Name)
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

// emit appends a NodeProto named after its output.
func (w *writer) emit(opType string, in []string, out string, attrs ...attribute) {
	var m message
	for _, s := range in {
		m.str(1, s)
	}
	m.str(2, out)
	m.str(3, out)
	m.str(4, opType)
	for _, a := range attrs {
		m.bytes(5, a.encode())
	}
	w.nodes = append(w.nodes, m)
}

func (w *writer) tensor(name string, dataType int64, dims []int, raw []byte) string {
	name = w.fresh(name)
	w.tensors = append(w.tensors, encodeTensor(name, dataType, dims, raw))
	return name
}

func (w *writer) scalar(name string, v float32) string {
	return w.tensor(name, typeFloat, nil, rawFloats([]float32{v}))
}

func (w *writer) int64s(name string, v []int) string {
	return w.tensor(name, typeInt64, []int{len(v)}, rawInt64s(v))
}

// pair appends QuantizeLinear and DequantizeLinear from name from to name to.
func (w *writer) pair(v *graph.Value, from, to string) string {
	scale := w.scalar(to+"_scale", v.Grid.Scale)
	zero := w.tensor(to+"_zero", typeInt8, nil, rawInt8s([]int32{int32(v.Grid.Zero)}))
	q := w.fresh(to + "_quantized")
	w.emit("QuantizeLinear", []string{from, scale, zero}, q)
	w.emit("DequantizeLinear", []string{q, scale, zero}, to)
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
	out := w.fresh(p.Name)
	q := p.Quanta()
	typ, raw := int64(typeInt8), rawInt8s
	if p.Grid.Max > 127 {
		typ, raw = typeInt32, rawInt32s
	}
	dims := []int{} // a scale for the tensor
	var attrs []attribute
	if len(p.Grid.Scale) > 1 {
		dims = []int{len(p.Grid.Scale)}
		attrs = []attribute{{"axis", 0}}
	}
	in := []string{
		w.tensor(out+"_quantized", typ, p.Shadow.Shape, raw(q)),
		w.tensor(out+"_scale", typeFloat, dims, rawFloats(p.Grid.Scale)),
		w.tensor(out+"_zero", typ, dims, raw(make([]int32, len(p.Grid.Scale)))),
	}
	w.emit("DequantizeLinear", in, out, attrs...)
	return out
}

// operand returns the name by which v is read; "" for an absent input.
func (w *writer) operand(v *graph.Value) string {
	switch {
	case v == nil:
		return ""
	case v.Param != nil:
		return w.param(v.Param)
	}
	return w.names[v]
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
	t, isTable := n.Op.(op.Table)
	rounded := out.Grid == nil || isTable && *out.Grid == t.Out // already
	if !rounded {
		target = w.fresh(final + "_float")
	}
	var in []string
	for _, v := range n.Inputs {
		in = append(in, w.operand(v))
	}
	for len(in) > 0 && in[len(in)-1] == "" {
		in = in[:len(in)-1]
	}
	clamp := clampOf(n.Op)
	result := target
	if clamp.On {
		result = w.fresh(final + "_unclamped")
	}
	if err := w.operator(n, in, result); err != nil {
		return err
	}
	if clamp.On {
		w.clip(result, target, clamp.Lo, clamp.Hi)
	}
	if !rounded {
		w.pair(out, target, final)
	}
	return nil
}

func clampOf(o graph.Op) op.Clamp {
	switch o := o.(type) {
	case op.Conv2D:
		return o.Clamp
	case op.Dense:
		return o.Clamp
	case op.Add:
		return o.Clamp
	case op.Sub:
		return o.Clamp
	}
	return op.Clamp{}
}

// clip writes min(max(in, lo), hi) as Relu or Clip.
func (w *writer) clip(in, out string, lo, hi float32) {
	noHi := math.IsInf(float64(hi), 1)
	if lo == 0 && noHi {
		w.emit("Relu", []string{in}, out)
		return
	}
	args := []string{in, ""}
	if !math.IsInf(float64(lo), -1) {
		args[1] = w.scalar(out+"_min", lo)
	}
	if !noHi {
		args = append(args, w.scalar(out+"_max", hi))
	}
	w.emit("Clip", args, out)
}

// simple are the operators that need no attributes.
var simple = map[string]string{
	"Relu": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Exp": "Exp", "Sqrt": "Sqrt", "Neg": "Neg", "Abs": "Abs", "Elu": "Elu",
	"Add": "Add", "Sub": "Sub", "Mul": "Mul", "Div": "Div", "GlobalAvgPool": "GlobalAveragePool",
}

// ones returns the attribute with 1 for each 0, which stands for it in package op.
func ones(h, w int) []int { return []int{max(h, 1), max(w, 1)} }

// operator writes the operator itself, reading in and defining out.
func (w *writer) operator(n *graph.Node, in []string, out string) error {
	switch o := n.Op.(type) {
	case op.Conv2D:
		k := n.Inputs[1].Shape
		w.emit("Conv", in, out, attribute{"kernel_shape", []int{k[2], k[3]}}, attribute{"strides", ones(o.StrideH, o.StrideW)},
			attribute{"dilations", ones(o.DilH, o.DilW)}, attribute{"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}}, attribute{"group", max(o.Groups, 1)})
	case op.Dense:
		w.dense(n, in, out)
	case op.BatchNorm:
		w.emit("BatchNormalization", in, out, attribute{"epsilon", o.Epsilon})
	case op.Clip:
		w.clip(in[0], out, o.Lo, o.Hi)
	case op.LeakyRelu:
		w.emit("LeakyRelu", in, out, attribute{"alpha", o.Alpha})
	case op.HardSigmoid:
		w.emit("HardSigmoid", in, out, attribute{"alpha", o.Alpha}, attribute{"beta", o.Beta})
	case op.HardSwish:
		w.opset = max(w.opset, 14)
		w.emit("HardSwish", in, out)
	case op.Gelu:
		w.opset = max(w.opset, 20)
		w.emit("Gelu", in, out)
	case op.MaxPool:
		w.emit("MaxPool", in, out, attribute{"kernel_shape", []int{o.KH, o.KW}}, attribute{"strides", ones(o.StrideH, o.StrideW)},
			attribute{"dilations", ones(o.DilH, o.DilW)}, attribute{"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}}, attribute{"ceil_mode", bit(o.CeilMode)})
	case op.AvgPool:
		attrs := []attribute{{"kernel_shape", []int{o.KH, o.KW}}, {"strides", ones(o.StrideH, o.StrideW)}, {"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}},
			{"ceil_mode", bit(o.CeilMode)}, {"count_include_pad", bit(o.CountPad)}}
		if o.DilH > 1 || o.DilW > 1 {
			w.opset = max(w.opset, 19)
			attrs = append(attrs, attribute{"dilations", ones(o.DilH, o.DilW)})
		}
		w.emit("AveragePool", in, out, attrs...)
	case op.Reshape: // 0 copies the batch
		w.emit("Reshape", append(in, w.int64s(out+"_shape", append([]int{0}, o.Shape...))), out)
	case op.Transpose:
		w.emit("Transpose", in, out, attribute{"perm", o.Perm})
	case op.Concat:
		w.emit("Concat", in, out, attribute{"axis", o.Axis})
	case op.Pad:
		pads := append(append([]int{}, o.Before...), o.After...)
		w.emit("Pad", append(in, w.int64s(out+"_pads", pads), w.scalar(out+"_value", o.Value)), out)
	case op.Softmax:
		w.emit("Softmax", in, out, attribute{"axis", o.Axis})
	case op.Table:
		w.table(o, in[0], out)
	default:
		name, ok := simple[n.Op.Name()]
		if !ok {
			return fmt.Errorf("onnx: node %q: operator %s cannot be written as ONNX", n.Name, n.Op.Name())
		}
		w.emit(name, in, out)
	}
	return nil
}

// table writes a table as a Gather of int8 values whose indices are the input's
// integers; negative ones count from the end.
func (w *writer) table(o op.Table, in, out string) {
	grid := func(name string, a graph.Affine) (scale, zero string) {
		return w.scalar(out+name+"_scale", a.Scale), w.tensor(out+name+"_zero", typeInt8, nil, rawInt8s([]int32{int32(a.Zero)}))
	}
	scale, zero := grid("_in", o.In)
	q, index, image := w.fresh(out+"_in_quantized"), w.fresh(out+"_index"), w.fresh(out+"_quantized")
	w.emit("QuantizeLinear", []string{in, scale, zero}, q)
	w.emit("Cast", []string{q}, index, attribute{"to", int(typeInt32)})
	var values []int32
	for i := range o.Q {
		values = append(values, int32(o.Q[(i+128)%256]))
	}
	w.emit("Gather", []string{w.tensor(out+"_table", typeInt8, []int{256}, rawInt8s(values)), index}, image)
	scale, zero = grid("", o.Out)
	w.emit("DequantizeLinear", []string{image, scale, zero}, out)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dense writes Gemm for [N, K] inputs; for [N, T, K] a MatMul by the transposed
// weights and an Add of the bias.
func (w *writer) dense(n *graph.Node, in []string, out string) {
	if len(n.Inputs[0].Shape) == 2 {
		w.emit("Gemm", in, out, attribute{"transB", 1})
		return
	}
	t := w.fresh(in[1] + "_transposed")
	w.emit("Transpose", []string{in[1]}, t, attribute{"perm", []int{1, 0}})
	if len(in) < 3 {
		w.emit("MatMul", []string{in[0], t}, out)
		return
	}
	product := w.fresh(out + "_product")
	w.emit("MatMul", []string{in[0], t}, product)
	w.emit("Add", []string{product, in[2]}, out)
}
