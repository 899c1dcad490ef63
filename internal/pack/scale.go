package pack

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// foldNormalization takes mul[c] x + add[c] behind a layer of int8 weights into its scales and
// biases, whose integers stay (networks that were trained with quantization and exported
// without folding their BatchNormalization). A negative mul turns the integers of a
// channel around. It runs before package simplify, which leaves such layers alone.
func foldNormalization(g *graph.Graph) {
	l := graph.NewLinks(g)
	for _, n := range g.Nodes {
		norm, ok := n.Op.(op.ChannelAffine)
		if !ok || n.Inputs[0].Param != nil || slices.ContainsFunc(n.Inputs[1:], func(v *graph.Value) bool { return v.Param == nil }) {
			continue
		}
		x := n.Inputs[0]
		prev := l.Producer(x)
		if prev == nil || !scalable(l, prev) || x.Grid != nil || l.Reads(x) != 1 || l.IsOutput(x) {
			continue
		}
		mul, add := norm.ChannelAffine(n)
		if mul.FirstNonFinite() >= 0 || add.FirstNonFinite() >= 0 || len(mul.Data) != prev.Inputs[op.WeightInput].Param.Channels() {
			continue
		}
		scaleWeights(prev.Inputs[op.WeightInput].Param, mul.Data)
		b := graph.NewParam(n.Name+"_bias", graph.Bias, add)
		if len(prev.Inputs) > op.BiasInput && prev.Inputs[op.BiasInput] != nil {
			for c, v := range prev.Inputs[op.BiasInput].Param.Shadow.Data {
				add.Data[c] += mul.Data[c] * v
			}
		}
		copy(b.Value.Data, add.Data)
		l.SetInput(prev, op.BiasInput, &graph.Value{Name: b.Name, Shape: b.Shadow.Shape.Clone(), Param: b})
		l.SetOutput(prev, n.Outputs[0])
		l.Remove(n)
	}
	l.Flush()
}

// scalable reports whether n is a layer without activation whose int8 weights are its own.
func scalable(l *graph.Links, n *graph.Node) bool {
	o, ok := n.Op.(op.Layer)
	if !ok || o.Fused().On {
		return false
	}
	w := n.Inputs[op.WeightInput].Param
	return w != nil && w.Grid != nil && w.Book == nil && w.Mask == nil && l.Uses(w) == 1 && (len(n.Inputs) <= op.BiasInput || n.Inputs[op.BiasInput] == nil || n.Inputs[op.BiasInput].Param != nil)
}

// scaleWeights multiplies each channel of w by k[c]: its scale by the magnitude, its integers
// by the sign.
func scaleWeights(w *graph.Param, k []float32) {
	q := w.Quanta()
	row := len(q) / w.Channels()
	scale := make([]float32, w.Channels())
	for c := range scale {
		scale[c] = w.Grid.ScaleOf(c)
		for i := c * row; i < (c+1)*row; i++ {
			switch {
			case k[c] == 0:
				q[i] = 0
			case k[c] < 0:
				q[i] = -q[i]
			}
		}
		if s := scale[c] * float32(math.Abs(float64(k[c]))); s > 0 {
			scale[c] = s
		}
	}
	setQuanta(w, scale, q)
	w.Grid.Max, w.Grid.Min = max(127, int(slices.Max(q))), min(-127, int(slices.Min(q)))
	w.Refresh()
}
