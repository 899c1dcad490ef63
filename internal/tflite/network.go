package tflite

import (
	"errors"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Decode returns the network of a .tflite file as a graph of real numbers, for compression:
// weights of 16 bits, int8 weights and sparse ones become float32, those that a sparse weight
// leaves out have a mask. Where activations are quantized, their rounding is left out; Read
// keeps it. Images are [1,C,H,W], and those among the inputs are marked ChannelsLast. name is
// used in messages.
//
// The error names the operators that stand in the way, all of them (graph.Causes), but for
// those that only read what another could not make. A network has at most 65,536 operators
// and format.MaxWeights constants; reading takes time and memory in proportion to both.
func Decode(data []byte, name string) (g *graph.Graph, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}()
	defer guard(&err)
	s, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	n := &network{source: s, g: &graph.Graph{Name: name}, at: map[int]operand{}, constants: map[int]*array{}, params: map[paramKey]*graph.Value{}, lost: map[int]bool{}, sized: map[int]bool{}, spread: map[int]*spread{}, made: map[int]*node{}, names: map[string]bool{}}
	if err := n.read(); err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	if err := n.g.Check(); err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	return n.g, nil
}

// network turns the operators of a file into a graph.
type network struct {
	*source
	g         *graph.Graph
	at        map[int]operand // activations
	constants map[int]*array  // those that were read, by the number of their tensor or of an operator's output
	params    map[paramKey]*graph.Value
	lost      map[int]bool // what a refused operator should have made
	sized     map[int]bool // numbers that are computed from shapes: only as the shape of a result
	spread    map[int]*spread
	made      map[int]*node // operators, by the numbers of their outputs
	names     map[string]bool
	elements  int // of constants
	rounded   int // activations that are quantized in the file
	causes    graph.Causes
}

// paramKey says which constant a parameter is made of, and how it is laid out.
type paramKey struct {
	tensor int
	role   graph.Role
	layout string
}

// operand is an activation.
type operand struct {
	v *graph.Value
	// whole: the file's tensor has no batch, or one that is not 1; it is one sample.
	whole bool
}

// shape returns the shape that the activation has in the file.
func (o operand) shape() []int {
	s := o.v.Shape
	switch {
	case o.whole:
		return slices.Clone([]int(s[1:]))
	case len(s) == 4:
		return []int{s[0], s[2], s[3], s[1]}
	}
	return slices.Clone([]int(s))
}

// axis returns the graph's dimension of one of the file's; negative ones count from the end.
func (o operand) axis(a int) (int, error) {
	rank := len(o.v.Shape)
	if o.whole {
		rank--
	}
	if a < 0 {
		a += rank
	}
	switch {
	case a < 0 || a >= rank:
		return 0, fmt.Errorf("axis %d of %d: the file is damaged", a, rank)
	case o.whole:
		return a + 1, nil
	case rank == 4:
		return [4]int{0, 2, 3, 1}[a], nil
	}
	return a, nil
}

// isBatch reports whether a shape of the file begins with a batch of 1.
func isBatch(s []int) bool { return len(s) >= 2 && s[0] == 1 }

// hostShape returns the graph's shape of a file's tensor.
func hostShape(s []int) tensor.Shape {
	switch {
	case !isBatch(s):
		return append(tensor.Shape{1}, s...)
	case len(s) == 4:
		return tensor.Shape{1, s[3], s[1], s[2]}
	}
	return slices.Clone(tensor.Shape(s))
}

func (n *network) read() error {
	for _, i := range n.source.graph.ints(graphInputs) {
		n.input(i)
	}
	for k, o := range n.ops {
		n.operator(k, o)
	}
	outputs := map[*graph.Value]bool{}
	for k, i := range n.source.graph.ints(graphOutputs) {
		o, ok := n.at[i]
		if !ok {
			if !n.lost[i] {
				n.causes.Add(fmt.Errorf("output %d is not computed from the input", k))
			}
			continue
		}
		if t := &n.tensors[i]; outputs[o.v] || n.isInput(o.v) {
			o.v = n.emit(t.name, op.Reshape{Shape: slices.Clone([]int(o.v.Shape[1:]))}, o.v)
		}
		outputs[o.v] = true
		n.g.Outputs = append(n.g.Outputs, o.v)
	}
	if n.rounded > 0 {
		n.g.Notes = append(n.g.Notes, fmt.Sprintf("%d activations are quantized in the file; they are read as real numbers, without rounding", n.rounded))
	}
	return n.causes.Err()
}

func (n *network) isInput(v *graph.Value) bool { return slices.Contains(n.g.Inputs, v) }

// input enters tensor i, an input of the network.
func (n *network) input(i int) {
	x, err := n.get(i)
	if err == nil && len(x.shape) == 0 {
		err = fmt.Errorf("input %q has no dimension: %w", x.name, errShape)
	}
	if err == nil && (volume(x.shape) < 1 || volume(x.shape) > format.MaxElems) {
		err = fmt.Errorf("input %q has shape %v; 1 to %d elements are supported", x.name, x.shape, format.MaxElems)
	}
	if err != nil {
		n.causes.Add(graph.Named("an input of the network", err))
		n.lost[i] = true
		return
	}
	v := &graph.Value{Name: n.fresh(x.name), Shape: hostShape(x.shape), ChannelsLast: isBatch(x.shape) && len(x.shape) == 4}
	if k := kinds[x.kind]; k.whole && len(x.scale) == 0 {
		v.Elem = graph.Integer
	}
	n.g.Inputs = append(n.g.Inputs, v)
	n.at[i] = operand{v, !isBatch(x.shape)}
	n.counts(x)
}

var errShape = errors.New("give a network with fixed shapes")

// counts notes an activation that is quantized.
func (n *network) counts(x *entry) {
	if len(x.scale) > 0 && x.kind != typeFloat32 {
		n.rounded++
	}
}

// fresh returns name, numbered if it is taken.
func (n *network) fresh(name string) string {
	if name == "" {
		name = "value"
	}
	unique := name
	for k := 2; n.names[unique]; k++ {
		unique = fmt.Sprintf("%s_%d", name, k)
	}
	n.names[unique] = true
	return unique
}

// operator reads operator k. Nothing is said of one that reads what another should have made.
func (n *network) operator(k int, o table) {
	in, out := o.operands(opInputs), o.operands(opOutputs)
	lost := slices.ContainsFunc(in, func(i int) bool { return n.lost[i] })
	var err error
	if !lost {
		err = n.build(k, o, in, out)
		n.causes.Add(err)
	}
	for _, i := range out {
		if lost || err != nil {
			n.lost[i] = true
		} else if t, _ := n.get(i); t != nil {
			n.counts(t)
		}
	}
}

// build appends the nodes of operator k.
func (n *network) build(k int, o table, in, out []int) (err error) {
	place := fmt.Sprintf("operator %d", k)
	code, custom, err := n.code(o)
	if err != nil {
		return graph.Named(place, err)
	}
	entry := operators[code]
	if custom != "" {
		entry = customs[custom]
	}
	if entry.graph == nil {
		name := entry.name
		switch {
		case custom != "":
			name = fmt.Sprintf("the custom operator %q", custom)
		case name == "":
			name = nameOf(code)
		}
		return &graph.Refusal{Place: place, What: name + " is not supported", Remedy: "build the network of these: " + supported(func(o operator) bool { return o.graph != nil })}
	}
	defer func() {
		if p := recover(); p != nil {
			m, ok := p.(misfit)
			if !ok {
				panic(p)
			}
			err = graph.Named(fmt.Sprintf("%s (%s)", place, entry.name), m.error)
		}
	}()
	c := &node{network: n, in: in, out: out, custom: o.bytes(opCustom), code: code, shape: custom == "" && code == opShape}
	c.options, _ = o.sub(opOptions)
	if len(in) < entry.least || len(in) > entry.most || len(out) < 1 {
		err = fmt.Errorf("%d inputs and %d outputs: the file is damaged", len(in), len(out))
	} else if err = c.named(); err == nil && !c.ofShapes() {
		err = entry.graph(c)
		n.made[c.out[0]] = c
	}
	if err != nil {
		return graph.Named(fmt.Sprintf("%s (%s)", place, entry.name), err)
	}
	return nil
}

// misfit is what emit panics with, and build recovers: operands that do not fit their operator.
type misfit struct{ error }

// emit appends a node that computes o, and returns its result.
func (n *network) emit(name string, o graph.Op, in ...*graph.Value) *graph.Value {
	y := &graph.Value{Name: n.fresh(name)}
	node := &graph.Node{Name: y.Name, Op: o, Inputs: in, Outputs: []*graph.Value{y}}
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		if v != nil {
			shapes[i] = v.Shape
		}
	}
	s, err := o.Infer(shapes)
	if err != nil {
		panic(misfit{err})
	}
	if size := volume(s[0]); size < 1 || size > format.MaxElems {
		panic(misfit{fmt.Errorf("its result of shape %v has no element or more than %d", s[0], format.MaxElems)})
	}
	y.Shape, y.Elem = s[0], node.Elems()[0]
	n.g.Nodes = append(n.g.Nodes, node)
	return y
}
