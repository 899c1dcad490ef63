package op

import (
	"slices"

	"edgec/internal/graph"
)

// AbsorbsONNX implements ONNXAbsorber: a Dense that makes s becomes W.
func (Recurrent) AbsorbsONNX(before *graph.Node) bool {
	d, ok := before.Op.(Dense)
	return ok && !d.Clamp.On && len(before.Inputs[0].Shape) == 3
}

// WriteONNX implements ONNXWriter: an RNN, GRU or LSTM over time, with the W of the Dense
// before it. Behind anything else W is the identity, so that the layer's input is s.
func (o Recurrent) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	rows, h := n.Inputs[WeightInput].Shape[0], n.Inputs[WeightInput].Shape[1]
	e := &recurrentWriter{w, out, w.Int64s(out+"_axis", []int{0})}
	x, weights, bias := in[0], "", ""
	if d := w.Absorbed(n); d != nil {
		x, weights = w.Operand(d.Inputs[0]), w.Operand(d.Inputs[WeightInput])
		if b := optional(d, BiasInput); b != nil {
			bias = w.Operand(b)
		}
	} else {
		one := make([]float32, rows*rows)
		for k := 0; k < len(one); k += rows + 1 {
			one[k] = 1
		}
		weights = w.Floats(out+"_identity", []int{rows, rows}, one)
	}
	ins := []string{e.emit("_steps", "Transpose", []string{x}, Attr{"perm", []int{1, 0, 2}}), e.leading(weights, "_W"), e.leading(in[WeightInput], "_R"),
		e.bias(bias, named(in, BiasInput), rows), "", e.leading(named(in, stateInput), "_state"), e.leading(named(in, cellInput), "_cell"), e.leading(named(in, peepholeInput), "_peepholes")}
	for ins[len(ins)-1] == "" {
		ins = ins[:len(ins)-1]
	}
	y, last, cell := w.Fresh(out+"_Y"), "", ""
	outs := []string{y}
	if o.Cell {
		cell = w.Fresh(out + "_Y_c")
		outs = append(outs, last, cell)
	}
	w.EmitAll(o.Kind.String(), ins, outs, o.attributes(h)...)
	y = e.emit("_squeezed", "Squeeze", []string{y, w.Int64s(out+"_directions", []int{1})})
	if o.Cell {
		y = e.emit("_with_cell", "Concat", []string{y, cell}, Attr{"axis", 0})
	}
	w.Emit("Transpose", []string{y}, out, Attr{"perm", []int{1, 0, 2}})
}

// recurrentWriter emits the nodes around a recurrent layer.
type recurrentWriter struct {
	ONNX
	out, axis string // the axis 0
}

func (e *recurrentWriter) emit(suffix, opType string, in []string, attrs ...Attr) string {
	name := e.Fresh(e.out + suffix)
	e.Emit(opType, in, name, attrs...)
	return name
}

// leading puts the axis of the directions before a tensor's; "" stays.
func (e *recurrentWriter) leading(name, suffix string) string {
	if name == "" {
		return ""
	}
	return e.emit(suffix, "Unsqueeze", []string{name, e.axis})
}

// bias joins the biases of W and R, of which "" are zeros; "" if both are.
func (e *recurrentWriter) bias(w, r string, rows int) string {
	if w == "" && r == "" {
		return ""
	}
	both := []string{w, r}
	if k := slices.Index(both, ""); k >= 0 {
		both[k] = e.Floats(e.out+"_no_bias", []int{rows}, make([]float32, rows))
	}
	return e.leading(e.emit("_biases", "Concat", both, Attr{"axis", 0}), "_B")
}

// named returns name i, "" if it is absent.
func named(in []string, i int) string {
	if i < len(in) {
		return in[i]
	}
	return ""
}

// attributes returns those of the ONNX node for h units.
func (o Recurrent) attributes(h int) []Attr {
	list := []Attr{{"hidden_size", h}}
	if o.Reverse {
		list = append(list, Attr{"direction", "reverse"})
	}
	if o.LinearBeforeReset {
		list = append(list, Attr{"linear_before_reset", 1})
	}
	if o.InputForget {
		list = append(list, Attr{"input_forget", 1})
	}
	if o.Clip > 0 {
		list = append(list, Attr{"clip", o.Clip})
	}
	if o.Gates == ([3]Gate{}) {
		return list
	}
	var names []string
	var alpha, beta []float32
	for _, g := range o.gateList() {
		names = append(names, g.Name)
		if gates[g.Name].uses > 0 {
			alpha = append(alpha, g.Alpha)
		}
		if gates[g.Name].uses > 1 {
			beta = append(beta, g.Beta)
		}
	}
	list = append(list, Attr{"activations", names})
	if alpha != nil {
		list = append(list, Attr{"activation_alpha", alpha})
	}
	if beta != nil {
		list = append(list, Attr{"activation_beta", beta})
	}
	return list
}

var _ ONNXAbsorber = Recurrent{}
