package simplify

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// ScalableInput is an input whose channels can be scaled one by one. Either it is read,
// maybe after arithmetic with a constant for each channel, by layers alone, whose weights
// and biases can take up what the scaling does; or the network begins with such arithmetic,
// which the scaling can replace.
type ScalableInput struct {
	Input    *graph.Value
	Axis     int       // the dimension of Input along which channels lie
	Mul, Add []float64 // what the network begins with: Mul[c] x + Add[c]; no Mul is zero
	Padded   bool      // a reader surrounds what it reads by zeros
	Replaced bool      // readers cannot take anything up: the scaling has to be the arithmetic; no Mul is negative

	g      *graph.Graph
	links  *graph.Links  // of g as it was found
	chain  []*graph.Node // that the arithmetic consists of
	last   *graph.Value  // that the readers, or a reshape before them, read
	layers []*graph.Node
}

// Chain returns the names of the nodes of the network's own scaling.
func (s *ScalableInput) Chain() (names []string) {
	for _, n := range s.chain {
		names = append(names, n.Name)
	}
	return names
}

// FindScalableInput returns how input v can be scaled, nil where it cannot.
func FindScalableInput(g *graph.Graph, v *graph.Value) *ScalableInput {
	if v.Grid != nil || g.IsOutput(v) {
		return nil
	}
	s := &ScalableInput{Input: v, g: g, links: graph.NewLinks(g), last: v}
	for {
		n := s.onlyArithmetic()
		if n == nil {
			break
		}
		s.chain, s.last = append(s.chain, n), n.Outputs[0]
	}
	if s.findLayers(s.last) && len(s.layers) > 0 {
		if !s.composed() {
			return nil
		}
		return s
	}
	s.layers, s.Padded, s.Replaced = nil, false, true
	for s.Axis = len(v.Shape) - 1; s.Axis > 0; s.Axis-- {
		if len(s.chain) > 0 && v.Shape[s.Axis] > 1 && s.composed() && slices.Min(s.Mul) > 0 {
			return s
		}
	}
	return nil
}

// composed computes Mul and Add; false: the arithmetic is none for each channel.
func (s *ScalableInput) composed() bool {
	n := s.Input.Shape[s.Axis]
	s.Mul, s.Add = slices.Repeat([]float64{1}, n), make([]float64, n)
	for _, n := range s.chain {
		if !s.compose(n) {
			return false
		}
	}
	return true
}

// onlyArithmetic returns the only reader of the last value if it combines it with a
// constant or is a convolution of one weight for each channel; nil otherwise.
func (s *ScalableInput) onlyArithmetic() *graph.Node {
	readers := s.g.Consumers(s.last)
	if len(readers) != 1 || s.g.IsOutput(s.last) || readers[0].Outputs[0].Grid != nil {
		return nil
	}
	n := readers[0]
	if a, ok := constantOperand(n); ok && a.x == s.last && !op.FusedClamp(n.Op).On {
		return n
	}
	if _, _, ok := channelwise(n); ok && n.Inputs[0] == s.last && len(s.g.Consumers(n.Outputs[0])) > 0 {
		return n
	}
	return nil
}

// channelwise returns mul and add of a convolution that is mul[c] x + add[c] for every
// channel c.
func channelwise(n *graph.Node) (mul, add []float32, ok bool) {
	l, is := n.Op.(op.Layer)
	if !is || !linear(n) || len(n.Inputs[0].Shape) != 4 {
		return nil, nil, false
	}
	k, moves := l.Kernel()
	w := n.Inputs[op.WeightInput].Param
	c := n.Inputs[0].Shape[1]
	if !moves || k.Groups != c || k.Padded() || k.StrideH != 1 || k.StrideW != 1 || !w.Shadow.Shape.Equal(tensor.Shape{c, 1, 1, 1}) || !free(w) {
		return nil, nil, false
	}
	add = make([]float32, c)
	if b := input(n, op.BiasInput); b != nil {
		if b.Param == nil || !free(b.Param) {
			return nil, nil, false
		}
		add = b.Param.Shadow.Data
	}
	return w.Shadow.Data, add, true
}

// findLayers collects the readers of v, through reshapes that keep its channels; false:
// there are others, or they cannot be rewritten.
func (s *ScalableInput) findLayers(v *graph.Value) bool {
	for _, n := range s.g.Consumers(v) {
		if v.Grid != nil || s.g.IsOutput(v) {
			return false
		}
		out := n.Outputs[0].Shape
		if op.IsReshape(n.Op) && len(v.Shape) == 3 && len(out) == 4 && v.Shape[1] == out[1] {
			if !s.findLayers(n.Outputs[0]) {
				return false
			}
			continue
		}
		if !s.addLayer(n, v) {
			return false
		}
	}
	return true
}

// addLayer notes a layer that reads v; false: its columns cannot be rewritten.
func (s *ScalableInput) addLayer(n *graph.Node, v *graph.Value) bool {
	l, ok := n.Op.(op.Layer)
	if !ok || n.Inputs[0] != v || !rewritable(s.links, n.Inputs[op.WeightInput].Param) {
		return false
	}
	if b := input(n, op.BiasInput); b != nil && !rewritable(s.links, b.Param) {
		return false
	}
	k, _ := l.Kernel()
	axis := l.ChannelAxis(len(v.Shape))
	if k.Groups > 1 || s.Axis > 0 && s.Axis != axis || n.Inputs[op.WeightInput].Shape[1] != v.Shape[axis] || axis >= len(s.Input.Shape) || s.Input.Shape[axis] != v.Shape[axis] {
		return false
	}
	s.Axis, s.Padded = axis, s.Padded || k.Padded()
	s.layers = append(s.layers, n)
	return true
}

// compose adds the arithmetic of n to Mul and Add; false: it is none for each channel.
func (s *ScalableInput) compose(n *graph.Node) bool {
	mul, add, ok := channelwise(n)
	if ok && s.Axis != 1 {
		return false
	}
	if !ok {
		a, _ := constantOperand(n)
		if mul, add, ok = a.affine(s.Axis); !ok {
			return false
		}
	}
	for c := range s.Mul {
		m, k := 1.0, 0.0
		if mul != nil {
			m = float64(mul[c%len(mul)])
		}
		if add != nil {
			k = float64(add[c%len(add)])
		}
		s.Mul[c], s.Add[c] = m*s.Mul[c], m*s.Add[c]+k
		if s.Mul[c] == 0 {
			return false
		}
	}
	return true
}

// Energy returns, for each channel, the sum of the squares of what a unit of x moves the
// outputs of the layers by, or what the arithmetic gives where it is replaced.
func (s *ScalableInput) Energy() []float64 {
	e := make([]float64, len(s.Mul))
	for c, m := range s.Mul {
		if s.Replaced {
			e[c] = m * m
		}
	}
	for _, n := range s.layers {
		w := n.Inputs[op.WeightInput].Param.Shadow
		inner := tensor.Shape(w.Shape[2:]).Size()
		for i, v := range w.Data {
			c := i / inner % w.Shape[1]
			e[c] += float64(v) * float64(v) * s.Mul[c] * s.Mul[c]
		}
	}
	return e
}

// Scale puts an InputScale behind the input and takes the network's own scaling out. Where
// a reader is padded, Zero[c] must be what the network's own zero, x = -Add[c]/Mul[c],
// is scaled to. Where the arithmetic is replaced, o must be it.
func (s *ScalableInput) Scale(o op.InputScale) error {
	y := &graph.Value{Name: s.Input.Name + "_scaled", Shape: s.Input.Shape.Clone()}
	mul, add := make([]float64, len(s.Mul)), make([]float64, len(s.Mul))
	for c := range mul { // x = Scale (y/s + z - Zero)
		mul[c] = s.Mul[c] * float64(o.Scale[c]) / float64(o.Grid.Scale)
		add[c] = s.Mul[c]*float64(o.Scale[c])*float64(o.Grid.Zero-o.Zero[c]) + s.Add[c]
	}
	for _, n := range s.layers {
		s.fold(n, mul, add)
	}
	s.g.ReplaceUses(s.last, y)
	for _, n := range s.chain {
		s.g.Remove(n)
	}
	s.g.Nodes = slices.Insert(s.g.Nodes, 0, &graph.Node{Name: y.Name, Op: o, Inputs: []*graph.Value{s.Input}, Outputs: []*graph.Value{y}})
	if err := s.g.InferShapes(); err != nil {
		return err
	}
	return s.g.Check()
}

// fold has layer n read mul[c] y + add[c] where it read the scaled input.
func (s *ScalableInput) fold(n *graph.Node, mul, add []float64) {
	w := n.Inputs[op.WeightInput].Param
	inner := tensor.Shape(w.Shadow.Shape[2:]).Size()
	row := len(w.Shadow.Data) / w.Channels()
	moved := make([]float64, w.Channels())
	for i, v := range w.Shadow.Data {
		c := i / inner % w.Shadow.Shape[1]
		moved[i/row] += float64(v) * add[c]
		w.Shadow.Data[i] = float32(float64(v) * mul[c])
	}
	w.Refresh()
	if s.Padded {
		return // add is what rounding leaves: less than a step
	}
	if input(n, op.BiasInput) == nil {
		n.Inputs = append(n.Inputs[:op.BiasInput:op.BiasInput], paramValue(newBias(n)))
	}
	b := n.Inputs[op.BiasInput].Param
	for c := range moved {
		b.Shadow.Data[c] = float32(float64(b.Shadow.Data[c]) + moved[c])
	}
	b.Refresh()
}
