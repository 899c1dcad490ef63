package simplify

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// foldNormalization writes y = mul[c]*x + add[c] as a multiplication and an addition by
// constants, which the other passes fold. Where x does not come from a convolution or
// dense layer that can take them in, an image gets a 1x1 depthwise convolution instead.
func foldNormalization(g *graph.Links, n *graph.Node) bool {
	norm, ok := n.Op.(op.ChannelAffine)
	if !ok || n.Inputs[0].Param != nil {
		return false
	}
	for _, v := range n.Inputs[1:] {
		if v.Param == nil || !free(v.Param) {
			return false
		}
	}
	mul, add := norm.ChannelAffine(n)
	c := len(mul.Data)
	if mul.FirstNonFinite() >= 0 || add.FirstNonFinite() >= 0 {
		return false
	}
	x := n.Inputs[0]
	if prev := g.Producer(x); prev != nil && onlyReader(g, x, n) && x.Grid == nil && scaleRows(g, prev, mul.Data) {
		addToBias(g, prev, add.Data)
		replaceOutput(g, prev, n)
		return true
	}
	if len(x.Shape) == 4 {
		w := graph.NewParam(n.Name+"_scale", graph.Weight, tensor.Of(mul.Data, c, 1, 1, 1))
		b := graph.NewParam(n.Name+"_bias", graph.Bias, add)
		n.Op = op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: c}
		g.SetInputs(n, x, paramValue(w), paramValue(b))
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
	g.InsertBefore(n, first)
	n.Op = op.Add{}
	g.SetInputs(n, mid, paramValue(b))
	return true
}

// replaceOutput removes n, the only reader of prev's output: prev computes n's
// output itself.
func replaceOutput(g *graph.Links, prev, n *graph.Node) {
	g.SetOutput(prev, n.Outputs[0])
	g.Remove(n)
}

// scaleRows multiplies each output channel of a Conv2D or Dense by k[c] (or by
// k[0]); it reports false, without effect, when that is not possible.
func scaleRows(g *graph.Links, n *graph.Node, k []float32) bool {
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
func addToBias(g *graph.Links, n *graph.Node, k []float32) {
	if input(n, op.BiasInput) == nil {
		g.SetInput(n, op.BiasInput, paramValue(newBias(n)))
	}
	b := input(n, op.BiasInput).Param
	for c := range b.Shadow.Data {
		b.Shadow.Data[c] += k[c%len(k)]
		if b.Mask != nil {
			b.Mask[c] = 1
		}
	}
	b.Refresh()
}

// linear reports whether n is a layer with parameter weights and without a
// fused activation.
func linear(n *graph.Node) bool {
	l, ok := n.Op.(op.Layer)
	return ok && !l.Fused().On && n.Inputs[op.WeightInput].Param != nil
}

// arithmetic describes a node that combines an activation with a constant.
type arithmetic struct {
	op    op.Arithmetic
	x     *graph.Value
	k     *graph.Param
	xLeft bool
}

func constantOperand(n *graph.Node) (a arithmetic, ok bool) {
	if a.op, ok = n.Op.(op.Arithmetic); !ok {
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

// affine writes the node as mul*x + add, with one value of each for every
// position of an axis or one for all. A nil mul stands for ones, a nil add for
// zeros. ok is false when the node has no such form in finite float32 numbers.
func (a arithmetic) affine(axis int) (mul, add []float32, ok bool) {
	k := op.PerChannel(a.k, a.x.Shape, axis)
	if k == nil {
		return nil, nil, false
	}
	m, s, err := a.op.Affine(converted[float64](k), a.xLeft)
	if err != nil {
		return nil, nil, false
	}
	mul, add = converted[float32](m), converted[float32](s)
	return mul, add, finite(mul)
}

// converted returns x in another type, nil for nil.
func converted[To, From float32 | float64](x []From) []To {
	if x == nil {
		return nil
	}
	y := make([]To, len(x))
	for i, v := range x {
		y[i] = To(v)
	}
	return y
}

// foldArithmeticBack folds Add, Sub, Mul and Div by a constant for each channel
// into the Conv2D or Dense before it.
func foldArithmeticBack(g *graph.Links, n *graph.Node) bool {
	a, ok := constantOperand(n)
	if !ok || a.x.Grid != nil || !onlyReader(g, a.x, n) {
		return false
	}
	prev := g.Producer(a.x)
	if prev == nil || !linear(prev) {
		return false
	}
	mul, add, ok := a.affine(prev.Op.(op.Layer).ChannelAxis(len(a.x.Shape)))
	if b := input(prev, op.BiasInput); !ok || b != nil && !rewritable(g, b.Param) || !fits(prev, mul) || !fits(prev, add) {
		return false
	}
	if mul != nil && !scaleRows(g, prev, mul) {
		return false
	}
	if add != nil {
		fresh := input(prev, op.BiasInput) == nil
		addToBias(g, prev, add)
		if fresh && prev.Inputs[op.WeightInput].Param.Grid != nil {
			keepConstant(prev.Inputs[op.BiasInput], a.k)
		}
	}
	setClamp(prev, op.FusedClamp(n.Op))
	replaceOutput(g, prev, n)
	return true
}

// keepConstant gives the bias that was made of the constant k its name, and its grid where
// all of k has one scale.
func keepConstant(bias *graph.Value, k *graph.Param) {
	bias.Name, bias.Param.Name = k.Name, k.Name
	if k.Grid != nil && len(k.Grid.Scale) == 1 {
		bias.Param.Grid = &graph.Grid{Scale: slices.Clone(k.Grid.Scale), Max: math.MaxInt32}
	}
}

// fits reports whether there is one of x for each output channel, or one in all.
func fits(n *graph.Node, x []float32) bool {
	return len(x) <= 1 || len(x) == n.Inputs[op.WeightInput].Param.Channels()
}

func finite(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v-v != 0 })
}

// foldScaleForward folds a Mul or Div by a constant for each channel into the
// columns of the Conv2D (of one group) or Dense that reads it: zero padding
// stays zero.
func foldScaleForward(g *graph.Links, n *graph.Node) bool {
	a, ok := constantOperand(n)
	if !ok || n.Outputs[0].Grid != nil {
		return false
	}
	readers := g.Consumers(n.Outputs[0])
	if len(readers) != 1 || !onlyReader(g, n.Outputs[0], readers[0]) || readers[0].Inputs[0] != n.Outputs[0] {
		return false
	}
	next := readers[0]
	l, ok := next.Op.(op.Layer)
	if !ok || !rewritable(g, next.Inputs[op.WeightInput].Param) {
		return false
	}
	kernel, _ := l.Kernel()
	mul, add, ok := a.affine(l.ChannelAxis(len(a.x.Shape)))
	if !ok || mul == nil || add != nil || kernel.Groups > 1 {
		return false
	}
	w := next.Inputs[1].Param
	inner := tensor.Shape(w.Shadow.Shape[2:]).Size()
	for i := range w.Shadow.Data {
		w.Shadow.Data[i] *= mul[i/inner%w.Shadow.Shape[1]%len(mul)]
	}
	w.Refresh()
	g.SetInput(next, 0, a.x)
	g.Remove(n)
	return true
}

// setClamp puts c after the activation that n has already; it reports false
// when n cannot have one.
func setClamp(n *graph.Node, c op.Clamp) bool {
	o, ok := n.Op.(op.Clamper)
	if ok {
		n.Op = o.WithClamp(o.Fused().Then(c))
	}
	return ok
}

// fuseClamp makes an activation that is a clamp the Clamp of the operator
// before it.
func fuseClamp(g *graph.Links, n *graph.Node) bool {
	o, ok := n.Op.(op.Limiter)
	if !ok {
		return false
	}
	prev := g.Producer(n.Inputs[0])
	if prev == nil || n.Inputs[0].Grid != nil || !onlyReader(g, n.Inputs[0], n) || !setClamp(prev, o.Limits()) {
		return false
	}
	replaceOutput(g, prev, n)
	return true
}

// foldPad makes zero padding of height and width part of the convolution that
// reads it.
func foldPad(g *graph.Links, n *graph.Node) bool {
	p, ok := n.Op.(op.Padder)
	if !ok || n.Inputs[0].Param != nil {
		return false
	}
	before, after, value := p.Padding()
	if value != 0 || len(before) != 4 || before[1] != 0 || after[1] != 0 {
		return false
	}
	if out, in := n.Outputs[0].Grid, n.Inputs[0].Grid; out != nil && (in == nil || *in != *out) {
		return false
	}
	readers := g.Consumers(n.Outputs[0])
	if len(readers) != 1 || !onlyReader(g, n.Outputs[0], readers[0]) || readers[0].Inputs[0] != n.Outputs[0] {
		return false
	}
	o, ok := readers[0].Op.(op.PadAbsorber)
	if !ok {
		return false
	}
	readers[0].Op = o.WithPadding(before[2], before[3], after[2], after[3])
	g.SetInput(readers[0], 0, n.Inputs[0])
	g.Remove(n)
	return true
}
