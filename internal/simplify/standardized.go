package simplify

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// foldStandardized folds the scale or the bias of a normalization, one for each feature, into
// the dense layers that alone read it:
//
//	W (k x) + b = (W diag(k)) x + b    W (x + k) + b = W x + (W k + b)
func foldStandardized(g *graph.Links, n *graph.Node) bool {
	a, ok := constantOperand(n)
	if !ok || n.Outputs[0].Grid != nil || g.IsOutput(n.Outputs[0]) || op.FusedClamp(n.Op).On || !behindStandardizer(g, a.x) {
		return false
	}
	mul, add, ok := a.affine(len(a.x.Shape) - 1)
	readers := g.Consumers(n.Outputs[0])
	if !ok || len(readers) == 0 || slices.ContainsFunc(readers, func(next *graph.Node) bool { return !takesAffine(g, next, n.Outputs[0]) }) {
		return false
	}
	for _, next := range readers {
		scaleColumns(next, mul)
		if add != nil {
			addToBias(g, next, productWith(next.Inputs[op.WeightInput].Param, add))
		}
		g.SetInput(next, 0, a.x)
	}
	g.Remove(n)
	return true
}

// joinSpread makes the factor's node of s, which ends with n, the normalization; scale and bias
// follow. It does nothing where others read what is between.
func joinSpread(g *graph.Graph, n *graph.Node, s *op.SpreadNorm) {
	between := []*graph.Value{s.Factor.Outputs[0], s.Scaled.Outputs[0]}
	for i, readers := range [][]*graph.Node{{s.Scaled, s.Shift}, {n}} {
		v := between[i]
		if g.IsOutput(v) || slices.ContainsFunc(g.Consumers(v), func(c *graph.Node) bool { return !slices.Contains(readers, c) }) {
			return
		}
	}
	y := s.Factor.Outputs[0]
	s.Factor.Op, s.Factor.Inputs, y.Shape = s.Op, []*graph.Value{s.X}, s.X.Shape.Clone()
	s.Shift.Outputs[0].Shape = y.Shape.Clone()
	if s.Scale == nil {
		n.Inputs = []*graph.Value{y, s.Bias}
		return
	}
	s.Scaled.Inputs = []*graph.Value{y, s.Scale}
	n.Inputs = []*graph.Value{s.Scaled.Outputs[0], s.Bias}
}

// behindStandardizer reports whether x is the result of a normalization, scaled or shifted by
// constants.
func behindStandardizer(g *graph.Links, x *graph.Value) bool {
	for range 4 {
		p := g.Producer(x)
		if p == nil || x.Grid != nil {
			return false
		}
		if op.Standardizes(p.Op) {
			return true
		}
		a, ok := constantOperand(p)
		if !ok {
			return false
		}
		x = a.x
	}
	return false
}

// takesAffine reports whether n is a dense layer on v, along v's last dimension, whose weights
// and bias may change.
func takesAffine(g *graph.Links, n *graph.Node, v *graph.Value) bool {
	l, ok := n.Op.(op.Layer)
	if !ok || n.Inputs[0] != v || l.ChannelAxis(len(v.Shape)) != len(v.Shape)-1 || len(n.Inputs[op.WeightInput].Shape) != 2 {
		return false
	}
	w, b := n.Inputs[op.WeightInput].Param, input(n, op.BiasInput)
	return rewritable(g, w) && (b == nil || rewritable(g, b.Param))
}

// scaleColumns multiplies the columns of a dense layer by k[c], or by k[0]; nil is ones.
func scaleColumns(n *graph.Node, k []float32) {
	if k == nil {
		return
	}
	w := n.Inputs[op.WeightInput].Param
	columns := w.Shadow.Shape[1]
	for i := range w.Shadow.Data {
		w.Shadow.Data[i] *= k[i%columns%len(k)]
	}
	w.Refresh()
}

// productWith returns the product of weights [out, in] and k, which has one number for each
// column or one for all.
func productWith(w *graph.Param, k []float32) []float32 {
	rows, columns := w.Shadow.Shape[0], w.Shadow.Shape[1]
	y := make([]float32, rows)
	for r := range y {
		sum := 0.0
		for c, v := range w.Value.Data[r*columns : (r+1)*columns] {
			sum += float64(v) * float64(k[c%len(k)])
		}
		y[r] = float32(sum)
	}
	return y
}
