// Package graph is the one intermediate representation of the host: a list of
// nodes in execution order, the values that flow between them, and parameters
// whose constraints (mask, grid, codebook) say what compression has decided.
//
// A stage never rewrites weights: it attaches a constraint to a Param. The
// forward pass reads the effective value, the gradient reaches the dense shadow
// weight, and export writes what the constraints say.
package graph

import (
	"fmt"
	"slices"
	"strings"

	"edgec/internal/tensor"
)

// Op is an operator: a struct of attributes without state, shared freely
// between goroutines.
type Op interface {
	// Name is the operator's name as it appears in messages, "Conv2D".
	Name() string
	// Infer returns the output shapes for the input shapes. All validation
	// happens here: Forward and Backward never fail after it.
	Infer(in []tensor.Shape) ([]tensor.Shape, error)
	// Forward computes out, whose tensors are allocated with the inferred
	// shapes and hold arbitrary values before. in and out never overlap.
	Forward(s *Scratch, out, in []*tensor.Tensor)
}

// Differentiable is an operator that fine-tuning can pass through.
type Differentiable interface {
	Op
	// Backward adds the gradient of the loss to din, given the forward pass's
	// in and out and the gradient dout. A nil din[i] is not wanted.
	Backward(s *Scratch, din, in, out, dout []*tensor.Tensor)
}

// Elem says what the elements of a value are. All are stored as float32; integers and truth
// values are whole numbers, exact up to 2^24.
type Elem uint8

// The kinds of elements. Only Float values have int8 grids and gradients.
const (
	Float   Elem = iota // real numbers
	Integer             // token ids, positions, lengths
	Boolean             // 0 and 1
)

// Typed is an operator whose outputs do not all have Float elements.
type Typed interface {
	Op
	// Elems returns the kinds of the outputs for those of the inputs; an absent input counts
	// as Float.
	Elems(in []Elem) []Elem
}

// GridFollower is an operator that computes as the device does once its weights are on a grid.
type GridFollower interface {
	Op
	// OnGrids returns the operator as it computes with the constraints of n's parameters.
	OnGrids(n *Node) Op
}

// Executed returns n's operator as it computes with the constraints of n's parameters.
func (n *Node) Executed() Op {
	if f, ok := n.Op.(GridFollower); ok {
		return f.OnGrids(n)
	}
	return n.Op
}

// Scratch is a reusable work space; each goroutine has its own.
type Scratch struct {
	bufs   [4][]float32
	kept   []float32 // of the node in hand
	filled bool
}

// Keeper is an operator whose gradient needs more of the forward pass than its inputs and
// outputs, and computes it again unless it was kept.
type Keeper interface {
	Differentiable
	// Keeps returns the number of floats that Forward leaves for Backward on inputs of
	// these shapes, by Scratch.Kept.
	Keeps(in []tensor.Shape) int
}

// Kept returns n floats that stay from a Keeper's Forward to its Backward, and whether
// Forward has filled them; nil where no gradients are wanted.
func (s *Scratch) Kept(n int) (x []float32, filled bool) {
	if len(s.kept) < n {
		return nil, false
	}
	return s.kept[:n], s.filled
}

// Floats returns n floats with arbitrary content, valid until the next call
// with the same slot (0..3).
func (s *Scratch) Floats(slot, n int) []float32 {
	if cap(s.bufs[slot]) < n {
		s.bufs[slot] = make([]float32, n)
	}
	return s.bufs[slot][:n]
}

// Value is an activation or a parameter.
type Value struct {
	Name  string
	Shape tensor.Shape // activations: dimension 0 is the batch, written as 1
	Param *Param       // nil for an activation
	Elem  Elem         // what the elements are; that of a node's output follows from its operator
	Grid  *Affine      // int8 grid of an activation, nil while it is float
	// ChannelsLast, of an input [N,C,H,W]: the network that was read takes [N,H,W,C].
	ChannelsLast bool
}

// Affine is the int8 grid of an activation: real = Scale * (q - Zero), with q
// in -128..127. Zero is exactly representable. A Fine one has Parts parts of each step, as a
// second int8 number holds them: real = Scale * (q - Zero + p/Parts), with p in -128..127.
type Affine struct {
	Scale float32
	Zero  int
	Fine  bool // layers alone read such values; see op.ToGrid
}

// Parts is how many parts of a step a Fine grid has.
const Parts = 256

// Node applies Op to Inputs; an absent optional input is nil.
type Node struct {
	Name    string
	Op      Op
	Inputs  []*Value
	Outputs []*Value
}

// Graph is a network. Nodes are in execution order.
type Graph struct {
	Name    string
	Inputs  []*Value
	Outputs []*Value
	Nodes   []*Node
	State   []StateLink // outputs that are inputs of the next run
	Notes   []string    // what reading has left out, or read as something else, in words
}

// Params returns every parameter once, in the order of first use.
func (g *Graph) Params() []*Param {
	var ps []*Param
	seen := map[*Param]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil && !seen[v.Param] {
				seen[v.Param] = true
				ps = append(ps, v.Param)
			}
		}
	}
	return ps
}

// Finite returns an error that names the first element of a parameter that is NaN or infinite.
func (g *Graph) Finite() error {
	for _, p := range g.Params() {
		if i := p.Shadow.FirstNonFinite(); i >= 0 {
			return fmt.Errorf("parameter %q: element %d is %v", p.Name, i, p.Shadow.Data[i])
		}
	}
	return nil
}

// Producer returns the node that writes v, or nil for an input or a parameter.
func (g *Graph) Producer(v *Value) *Node {
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			if o == v {
				return n
			}
		}
	}
	return nil
}

// Consumers returns the nodes that read v, in execution order, each once.
func (g *Graph) Consumers(v *Value) []*Node {
	var ns []*Node
	for _, n := range g.Nodes {
		for _, i := range n.Inputs {
			if i == v {
				ns = append(ns, n)
				break
			}
		}
	}
	return ns
}

// IsOutput reports whether v is one of the graph's outputs.
func (g *Graph) IsOutput(v *Value) bool {
	for _, o := range g.Outputs {
		if o == v {
			return true
		}
	}
	return false
}

// ReplaceUses makes every reader of old, and the graph's outputs, use v.
func (g *Graph) ReplaceUses(old, v *Value) {
	for _, n := range g.Nodes {
		for i := range n.Inputs {
			if n.Inputs[i] == old {
				n.Inputs[i] = v
			}
		}
	}
	for i := range g.Outputs {
		if g.Outputs[i] == old {
			g.Outputs[i] = v
		}
	}
}

// Remove deletes node n from the list; its values stay with their readers.
func (g *Graph) Remove(n *Node) {
	for i := range g.Nodes {
		if g.Nodes[i] == n {
			g.Nodes = append(g.Nodes[:i], g.Nodes[i+1:]...)
			return
		}
	}
}

// InferShapes recomputes the shape of every activation for a batch of one.
func (g *Graph) InferShapes() error {
	for _, n := range g.Nodes {
		out, err := n.infer()
		if err != nil {
			return err
		}
		elems := n.Elems()
		for i, v := range n.Outputs {
			v.Shape, v.Elem = out[i], elems[i]
		}
	}
	return nil
}

// Elems returns the kinds of n's outputs.
func (n *Node) Elems() []Elem {
	t, ok := n.Op.(Typed)
	if !ok {
		return make([]Elem, len(n.Outputs))
	}
	in := make([]Elem, len(n.Inputs))
	for i, v := range n.Inputs {
		if v != nil {
			in[i] = v.Elem
		}
	}
	return t.Elems(in)
}

// infer returns the shapes of n's outputs.
func (n *Node) infer() ([]tensor.Shape, error) {
	out, err := n.Op.Infer(n.inShapes())
	if err != nil {
		return nil, fmt.Errorf("graph: node %q (%s): %w", n.Name, n.Op.Name(), err)
	}
	if len(out) != len(n.Outputs) {
		return nil, fmt.Errorf("graph: node %q (%s): %d outputs, operator has %d", n.Name, n.Op.Name(), len(n.Outputs), len(out))
	}
	return out, nil
}

func (n *Node) inShapes() []tensor.Shape {
	in := make([]tensor.Shape, len(n.Inputs))
	for i, v := range n.Inputs {
		if v != nil {
			in[i] = v.Shape
		}
	}
	return in
}

// Check verifies the invariants that every pass must keep: execution order,
// single assignment, shapes as inferred, grids of int8, constraints consistent
// with their parameters.
func (g *Graph) Check() error {
	defined := map[*Value]bool{}
	for i, v := range g.Inputs {
		if v == nil || v.Param != nil || defined[v] {
			return fmt.Errorf("graph: input %d is missing, a parameter or listed twice", i)
		}
		if err := v.checkGrid(); err != nil {
			return err
		}
		defined[v] = true
	}
	for _, n := range g.Nodes {
		if err := n.checkInputs(defined); err != nil {
			return err
		}
		if err := n.checkOutputs(defined); err != nil {
			return err
		}
	}
	for i, v := range g.Outputs {
		if v == nil {
			return fmt.Errorf("graph: output %d is missing", i)
		}
		if !defined[v] {
			return fmt.Errorf("graph: output %q is never computed", v.Name)
		}
	}
	return g.checkState()
}

// checkInputs verifies that n reads parameters in order and values that are defined.
func (n *Node) checkInputs(defined map[*Value]bool) error {
	for i, v := range n.Inputs {
		switch {
		case v == nil:
		case v.Param == nil && !defined[v]:
			return fmt.Errorf("graph: node %q: input %d (%q) is used before it is computed", n.Name, i, v.Name)
		case v.Param == nil:
		case !v.Shape.Equal(v.Param.Shadow.Shape):
			return fmt.Errorf("graph: node %q: input %d: shape %v of parameter %q is %v", n.Name, i, v.Shape, v.Param.Name, v.Param.Shadow.Shape)
		default:
			if err := v.Param.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkOutputs verifies that n writes new values of the inferred shapes, and adds them to
// the defined ones.
func (n *Node) checkOutputs(defined map[*Value]bool) error {
	out, err := n.infer()
	if err != nil {
		return err
	}
	elems := n.Elems()
	for i, v := range n.Outputs {
		if v == nil || v.Param != nil {
			return fmt.Errorf("graph: node %q: output %d is missing or a parameter", n.Name, i)
		}
		if defined[v] {
			return fmt.Errorf("graph: node %q: value %q is computed twice", n.Name, v.Name)
		}
		if !v.Shape.Equal(out[i]) {
			return fmt.Errorf("graph: node %q: output %d (%q) has shape %v, inferred %v", n.Name, i, v.Name, v.Shape, out[i])
		}
		if len(elems) != len(out) || v.Elem != elems[i] {
			return fmt.Errorf("graph: node %q: output %d (%q) has elements of kind %d, inferred %v", n.Name, i, v.Name, v.Elem, elems)
		}
		if err := v.checkGrid(); err != nil {
			return err
		}
		defined[v] = true
	}
	return nil
}

// checkGrid verifies that an activation's grid has a positive scale and a zero
// of int8.
func (v *Value) checkGrid() error {
	if v.Elem != Float && v.Grid != nil {
		return fmt.Errorf("graph: value %q: it has a grid, and elements that are integers or truth values", v.Name)
	}
	if a := v.Grid; a != nil && (!(a.Scale > 0) || a.Scale-a.Scale != 0 || a.Zero < -128 || a.Zero > 127) {
		return fmt.Errorf("graph: value %q: grid of scale %v and zero %d", v.Name, a.Scale, a.Zero)
	}
	return nil
}

// String lists the nodes, one a line, for messages and tests.
func (g *Graph) String() string {
	var b strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%-24s %-12s", n.Name, n.Op.Name())
		for _, v := range n.Inputs {
			if v != nil {
				fmt.Fprintf(&b, " %s%v", v.Name, v.Shape)
			}
		}
		b.WriteString(" ->")
		for _, v := range n.Outputs {
			fmt.Fprintf(&b, " %s%v", v.Name, v.Shape)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Clone returns a deep copy: values, parameters and constraints are new,
// operators (which have no state) are shared.
func (g *Graph) Clone() *Graph {
	vals := map[*Value]*Value{}
	params := map[*Param]*Param{}
	cloneValue := func(v *Value) *Value {
		if v == nil {
			return nil
		}
		if c, ok := vals[v]; ok {
			return c
		}
		c := &Value{Name: v.Name, Shape: v.Shape.Clone(), Elem: v.Elem, ChannelsLast: v.ChannelsLast}
		if v.Grid != nil {
			grid := *v.Grid
			c.Grid = &grid
		}
		if v.Param != nil {
			if params[v.Param] == nil {
				params[v.Param] = v.Param.Clone()
			}
			c.Param = params[v.Param]
		}
		vals[v] = c
		return c
	}
	cloneValues := func(vs []*Value) []*Value {
		cs := make([]*Value, len(vs))
		for i, v := range vs {
			cs[i] = cloneValue(v)
		}
		return cs
	}
	c := &Graph{Name: g.Name, Inputs: cloneValues(g.Inputs), Notes: slices.Clone(g.Notes), State: slices.Clone(g.State)}
	for _, n := range g.Nodes {
		c.Nodes = append(c.Nodes, &Node{Name: n.Name, Op: n.Op, Inputs: cloneValues(n.Inputs), Outputs: cloneValues(n.Outputs)})
	}
	c.Outputs = cloneValues(g.Outputs)
	return c
}
