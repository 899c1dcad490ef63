package simplify

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// foldBatchNorm writes y = scale*(x-mean)/sqrt(var+eps) + bias as a
// multiplication and an addition by constants for each channel; the other
// passes fold these. Where x does not come from a convolution or dense layer
// that can take them in, an image gets a 1x1 depthwise convolution instead.
func foldBatchNorm(g *graph.Graph, n *graph.Node) bool {
	bn, ok := n.Op.(op.BatchNorm)
	if !ok || n.Inputs[0].Param != nil {
		return false
	}
	for _, v := range n.Inputs[1:] {
		if v.Param == nil || !free(v.Param) {
			return false
		}
	}
	c := n.Inputs[1].Param.Channels()
	mul, add := tensor.New(c), tensor.New(c)
	for i := range mul.Data {
		scale, bias := float64(n.Inputs[1].Param.Value.Data[i]), float64(n.Inputs[2].Param.Value.Data[i])
		mean, variance := float64(n.Inputs[3].Param.Value.Data[i]), float64(n.Inputs[4].Param.Value.Data[i])
		k := scale / math.Sqrt(variance+float64(bn.Epsilon))
		mul.Data[i], add.Data[i] = float32(k), float32(bias-mean*k)
	}
	if mul.FirstNonFinite() >= 0 || add.FirstNonFinite() >= 0 {
		return false
	}
	x := n.Inputs[0]
	if prev := g.Producer(x); prev != nil && onlyReader(g, x, n) && x.Grid == nil && scaleRows(g, prev, mul.Data) {
		addToBias(prev, add.Data)
		replaceOutput(g, prev, n)
		return true
	}
	if len(x.Shape) == 4 {
		w := graph.NewParam(n.Name+"_scale", graph.Weight, tensor.Of(mul.Data, c, 1, 1, 1))
		b := graph.NewParam(n.Name+"_bias", graph.Bias, add)
		n.Op = op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: c}
		n.Inputs = []*graph.Value{x, paramValue(w), paramValue(b)}
		return true
	}
	shape := []int{c}
	for range x.Shape[2:] {
		shape = append(shape, 1)
	}
	w := graph.NewParam(n.Name+"_scale", graph.Constant, tensor.Of(mul.Data, shape...))
	b := graph.NewParam(n.Name+"_bias", graph.Constant, tensor.Of(add.Data, shape...))
	mid := &graph.Value{Name: n.Name + "_scaled", Shape: x.Shape.Clone()}
	first := &graph.Node{Name: n.Name + "_scale", Op: op.Mul{}, Inputs: []*graph.Value{x, paramValue(w)}, Outputs: []*graph.Value{mid}}
	g.Nodes = slices.Insert(g.Nodes, slices.Index(g.Nodes, n), first)
	n.Op, n.Inputs = op.Add{}, []*graph.Value{mid, paramValue(b)}
	return true
}

// replaceOutput removes n, the only reader of prev's output: prev computes n's
// output itself.
func replaceOutput(g *graph.Graph, prev, n *graph.Node) {
	prev.Outputs[0] = n.Outputs[0]
	g.Remove(n)
}

// scaleRows multiplies each output channel of a Conv2D or Dense by k[c] (or by
// k[0]); it reports false, without effect, when that is not possible.
func scaleRows(g *graph.Graph, n *graph.Node, k []float32) bool {
	if !linear(n) || !rewritable(g, n.Inputs[1].Param) {
		return false
	}
	w, b := n.Inputs[1].Param, input(n, 2)
	if b != nil && !rewritable(g, b.Param) || len(k) != 1 && len(k) != w.Channels() {
		return false
	}
	params := []*graph.Param{w}
	if b != nil {
		params = append(params, b.Param)
	}
	for _, p := range params {
		row := len(p.Shadow.Data) / p.Channels()
		for i := range p.Shadow.Data {
			p.Shadow.Data[i] *= k[i/row%len(k)]
		}
		p.Refresh()
	}
	return true
}

// addToBias adds k[c] (or k[0]) to each output channel of a Conv2D or Dense
// whose bias is rewritable.
func addToBias(n *graph.Node, k []float32) {
	b := ensureBias(n)
	for c := range b.Shadow.Data {
		b.Shadow.Data[c] += k[c%len(k)]
		if b.Mask != nil {
			b.Mask[c] = 1
		}
	}
	b.Refresh()
}

// linear reports whether n is a Conv2D or Dense with parameter weights and
// without a fused activation.
func linear(n *graph.Node) bool {
	switch o := n.Op.(type) {
	case op.Conv2D:
		return !o.Clamp.On && n.Inputs[1].Param != nil
	case op.Dense:
		return !o.Clamp.On && n.Inputs[1].Param != nil
	}
	return false
}

// channelAxis is the dimension of the output channels of a Conv2D or Dense
// result of the given rank.
func channelAxis(n *graph.Node, rank int) int {
	if _, ok := n.Op.(op.Dense); ok {
		return rank - 1
	}
	return 1
}

// perChannel returns the values of constant p for each position of one axis of
// an activation that it is broadcast to, or for all of them (one value); nil
// when it varies along other dimensions.
func perChannel(p *graph.Param, x tensor.Shape, axis int) []float32 {
	s := p.Shadow.Shape
	if len(s) > len(x) {
		return nil
	}
	for i, d := range s {
		if at := len(x) - len(s) + i; d != 1 && (at != axis || d != x[axis]) {
			return nil
		}
	}
	return p.Value.Data
}

// arithmetic describes a node that combines an activation with a constant.
type arithmetic struct {
	x     *graph.Value
	k     *graph.Param
	xLeft bool
	clamp op.Clamp
}

func constantOperand(n *graph.Node) (a arithmetic, ok bool) {
	switch o := n.Op.(type) {
	case op.Add:
		a.clamp = o.Clamp
	case op.Sub:
		a.clamp = o.Clamp
	case op.Mul, op.Div:
	default:
		return a, false
	}
	l, r := n.Inputs[0], n.Inputs[1]
	switch {
	case l.Param == nil && r.Param != nil:
		a.x, a.k, a.xLeft = l, r.Param, true
	case l.Param != nil && r.Param == nil:
		a.x, a.k = r, l.Param
	default:
		return a, false
	}
	return a, free(a.k) && n.Outputs[0].Shape.Equal(a.x.Shape)
}

// foldArithmeticBack folds Add, Sub, Mul and Div by a constant for each channel
// into the Conv2D or Dense before it.
func foldArithmeticBack(g *graph.Graph, n *graph.Node) bool {
	a, ok := constantOperand(n)
	if !ok || a.x.Grid != nil || !onlyReader(g, a.x, n) {
		return false
	}
	prev := g.Producer(a.x)
	if prev == nil || !linear(prev) {
		return false
	}
	k := perChannel(a.k, a.x.Shape, channelAxis(prev, len(a.x.Shape)))
	if b := input(prev, 2); k == nil || b != nil && !rewritable(g, b.Param) || !fits(prev, k) {
		return false
	}
	switch n.Op.(type) {
	case op.Mul:
		ok = scaleRows(g, prev, k)
	case op.Div:
		inv := mapped(k, func(v float32) float32 { return 1 / v })
		ok = a.xLeft && finite(inv) && scaleRows(g, prev, inv)
	case op.Add:
		addToBias(prev, k)
	case op.Sub:
		if a.xLeft {
			addToBias(prev, mapped(k, func(v float32) float32 { return -v }))
		} else if ok = scaleRows(g, prev, []float32{-1}); ok {
			addToBias(prev, k)
		}
	}
	if !ok {
		return false
	}
	setClamp(prev, a.clamp)
	replaceOutput(g, prev, n)
	return true
}

func fits(n *graph.Node, k []float32) bool {
	return len(k) == 1 || len(k) == n.Inputs[1].Param.Channels()
}

func mapped(x []float32, f func(float32) float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

func finite(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v-v != 0 })
}

// foldScaleForward folds a Mul or Div by a constant for each channel into the
// columns of the Conv2D (of one group) or Dense that reads it: zero padding
// stays zero.
func foldScaleForward(g *graph.Graph, n *graph.Node) bool {
	a, ok := constantOperand(n)
	if !ok || n.Outputs[0].Grid != nil {
		return false
	}
	readers := g.Consumers(n.Outputs[0])
	if len(readers) != 1 || !onlyReader(g, n.Outputs[0], readers[0]) || readers[0].Inputs[0] != n.Outputs[0] {
		return false
	}
	next := readers[0]
	axis := 1
	switch o := next.Op.(type) {
	case op.Conv2D:
		ok = o.Groups <= 1
	case op.Dense:
		axis = len(a.x.Shape) - 1
	default:
		ok = false
	}
	if !ok || !rewritable(g, next.Inputs[1].Param) {
		return false
	}
	k := perChannel(a.k, a.x.Shape, axis)
	switch n.Op.(type) {
	case op.Mul:
	case op.Div:
		if k != nil && a.xLeft {
			k = mapped(k, func(v float32) float32 { return 1 / v })
		} else {
			k = nil
		}
	default:
		k = nil
	}
	if k == nil || !finite(k) {
		return false
	}
	w := next.Inputs[1].Param
	inner := tensor.Shape(w.Shadow.Shape[2:]).Size()
	for i := range w.Shadow.Data {
		w.Shadow.Data[i] *= k[i/inner%w.Shadow.Shape[1]%len(k)]
	}
	w.Refresh()
	next.Inputs[0] = a.x
	g.Remove(n)
	return true
}

// setClamp puts c after the activation that n has already.
func setClamp(n *graph.Node, c op.Clamp) bool {
	switch o := n.Op.(type) {
	case op.Conv2D:
		o.Clamp = compose(o.Clamp, c)
		n.Op = o
	case op.Dense:
		o.Clamp = compose(o.Clamp, c)
		n.Op = o
	case op.Add:
		o.Clamp = compose(o.Clamp, c)
		n.Op = o
	case op.Sub:
		o.Clamp = compose(o.Clamp, c)
		n.Op = o
	default:
		return false
	}
	return true
}

// compose returns the clamp equal to first a, then b.
func compose(a, b op.Clamp) op.Clamp {
	switch {
	case !a.On:
		return b
	case !b.On:
		return a
	}
	limit := func(v float32) float32 { return min(max(v, b.Lo), b.Hi) }
	return op.Clamp{On: true, Lo: limit(a.Lo), Hi: limit(a.Hi)}
}

// fuseClamp makes Relu and Clip the Clamp of the operator before them.
func fuseClamp(g *graph.Graph, n *graph.Node) bool {
	c := op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}
	switch o := n.Op.(type) {
	case op.Relu:
	case op.Clip:
		c.Lo, c.Hi = o.Lo, o.Hi
	default:
		return false
	}
	prev := g.Producer(n.Inputs[0])
	if prev == nil || n.Inputs[0].Grid != nil || !onlyReader(g, n.Inputs[0], n) || !setClamp(prev, c) {
		return false
	}
	replaceOutput(g, prev, n)
	return true
}

// foldPad makes zero padding of height and width part of the Conv2D that reads
// it.
func foldPad(g *graph.Graph, n *graph.Node) bool {
	p, ok := n.Op.(op.Pad)
	if !ok || p.Value != 0 || len(p.Before) != 4 || p.Before[1] != 0 || p.After[1] != 0 || n.Inputs[0].Param != nil {
		return false
	}
	if out, in := n.Outputs[0].Grid, n.Inputs[0].Grid; out != nil && (in == nil || *in != *out) {
		return false
	}
	readers := g.Consumers(n.Outputs[0])
	if len(readers) != 1 || !onlyReader(g, n.Outputs[0], readers[0]) || readers[0].Inputs[0] != n.Outputs[0] {
		return false
	}
	o, ok := readers[0].Op.(op.Conv2D)
	if !ok {
		return false
	}
	o.PadT, o.PadL = o.PadT+p.Before[2], o.PadL+p.Before[3]
	o.PadB, o.PadR = o.PadB+p.After[2], o.PadR+p.After[3]
	readers[0].Op, readers[0].Inputs[0] = o, n.Inputs[0]
	g.Remove(n)
	return true
}
