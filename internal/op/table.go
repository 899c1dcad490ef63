package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Table is a device's table of a function on int8 grids, as it stands in a
// file: Q[q+128] is the image of q. It has no gradient; it exists so that a
// file can be read back into a graph.
type Table struct {
	In, Out graph.Affine
	Q       [256]int8
}

// Name implements graph.Op.
func (Table) Name() string { return "Table" }

// Infer implements graph.Op: the output has the input's shape.
func (Table) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("a table has 1 input, not %d", len(in))
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// Forward implements graph.Op: y = F(x).
func (t Table) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	real := t.Real()
	for i, v := range in[0].Data {
		out[0].Data[i] = real[t.entry(float64(v))]
	}
}

// F returns out.Scale * (Q[q+128] - out.Zero) with q the nearest integer of x
// on the input's grid.
func (t Table) F(x float64) float64 {
	return float64(t.Out.Scale) * float64(int(t.Q[t.entry(x)])-t.Out.Zero)
}

// entry returns the index into Q for x.
func (t Table) entry(x float64) int {
	q := math.Round(x/float64(t.In.Scale)) + float64(t.In.Zero)
	return int(math.Max(-128, math.Min(127, q))) + 128
}

// Real returns the table's real values, from q = -128 to 127.
func (t Table) Real() [256]float32 {
	var r [256]float32
	for i, q := range t.Q {
		r[i] = t.Out.Scale * float32(int(q)-t.Out.Zero)
	}
	return r
}

// Rounds implements Rounder.
func (t Table) Rounds() graph.Affine { return t.Out }

func init() { RegisterLift(format.OpLUT, liftTable) }

func liftTable(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	from, to := l.Tensor(in.In[0]), l.Tensor(in.Out)
	return l.Node(Table{In: graph.Affine{Scale: from.Scale, Zero: from.Zero}, Out: graph.Affine{Scale: to.Scale, Zero: to.Zero}, Q: l.Table(in.LUT)}, out, x[0])
}

// WriteONNX implements ONNXWriter: a Gather of int8 values whose indices are the input's
// integers; negative ones count from the end.
func (t Table) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	grid := func(name string, a graph.Affine) (scale, zero string) {
		return w.Scalar(out+name+"_scale", a.Scale), w.Int8s(out+name+"_zero", nil, []int32{int32(a.Zero)})
	}
	scale, zero := grid("_in", t.In)
	q, index, image := w.Fresh(out+"_in_quantized"), w.Fresh(out+"_index"), w.Fresh(out+"_quantized")
	w.Emit("QuantizeLinear", []string{in[0], scale, zero}, q)
	w.Emit("Cast", []string{q}, index, Attr{"to", onnxInt32})
	var values []int32
	for i := range t.Q {
		values = append(values, int32(t.Q[(i+128)%256]))
	}
	w.Emit("Gather", []string{w.Int8s(out+"_table", []int{256}, values), index}, image)
	scale, zero = grid("", t.Out)
	w.Emit("DequantizeLinear", []string{image, scale, zero}, out)
}

// onnxInt32 is TensorProto.INT32.
const onnxInt32 = 6

// TraceChannels implements ChannelTracer: each channel passes.
func (Table) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis >= 0 {
		c.SetLayout(n.Outputs[0], in)
	}
	return in.Axis >= 0
}
