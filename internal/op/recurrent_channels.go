package op

import (
	"slices"

	"edgec/internal/graph"
)

// TraceChannels implements ChannelTracer: a unit is one channel of the state, of each gate
// in s, of the rows of R and of a column that reads it back.
func (o Recurrent) TraceChannels(c Channels, n *graph.Node) bool {
	s, r := c.Layout(n.Inputs[0]), n.Inputs[WeightInput].Param
	for i, v := range n.Inputs[1:] {
		if v != nil && v.Param == nil || i+1 == stateInput && v != nil || i+1 == cellInput && v != nil {
			return false
		}
	}
	if r == nil || s.Axis != 2 || len(s.IDs) != r.Channels() {
		return false
	}
	h := r.Shadow.Shape[1]
	for k := h; k < len(s.IDs); k += h {
		c.Join(s.IDs[:h], s.IDs[k:k+h])
	}
	c.Own(n, r, 0, s.IDs)
	if b := optional(n, BiasInput); b != nil {
		c.Own(n, b.Param, 0, s.IDs)
	}
	if p := optional(n, peepholeInput); p != nil {
		c.Own(n, p.Param, 0, s.IDs[:3*h])
	}
	c.ConsumeOwn(n, r, s.IDs[:h])
	c.SetLayout(n.Outputs[0], Layout{2, s.IDs[:h]})
	return true
}

// TraceConstants implements ConstantTracer: a unit stays zero whose last gate, the new
// value, is always zero.
func (o Recurrent) TraceConstants(c Constants, n *graph.Node, k []float32) {
	s, r := c.Of(n.Inputs[0]), n.Inputs[WeightInput].Param
	h := len(k)
	if r == nil || len(s) != r.Channels() || len(s) != o.Kind.gates()*h || optional(n, stateInput) != nil || optional(n, cellInput) != nil {
		return
	}
	for _, g := range o.gateList()[min(1, len(o.gateList())-1):] {
		if g.of(0) != 0 {
			return
		}
	}
	for j := range k {
		row := len(s) - h + j
		if s[row] == 0 && biasOf(n, row) == 0 && !slices.ContainsFunc(r.Value.Data[row*h:(row+1)*h], func(v float32) bool { return v != 0 }) {
			k[j] = 0
		}
	}
}
