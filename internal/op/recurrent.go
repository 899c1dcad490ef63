package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// RecurrentKind is the kind of a Recurrent layer. Its value is the number of the kind in a file.
type RecurrentKind uint8

// The kinds, with their gates in the order of ONNX.
const (
	RNN  RecurrentKind = iota // one gate
	GRU                       // z r n
	LSTM                      // i o f g
)

// gates returns the number of gates of a cell.
func (c RecurrentKind) gates() int { return [...]int{RNN: 1, GRU: 3, LSTM: 4}[c] }

// String returns the operator of ONNX.
func (c RecurrentKind) String() string { return [...]string{RNN: "RNN", GRU: "GRU", LSTM: "LSTM"}[c] }

// Recurrent is the part of a recurrent layer that goes step by step through time. Its
// inputs are s [N,T,gH], the products of the layer's input with its weights W and the biases
// (a Dense makes them for all steps at once); the weights R [gH,H] of the state h; a bias
// of R [gH]; the initial state and, of an LSTM, the initial cell, both [N,H]; and, of an
// LSTM, the peepholes P [3H]. All but the first two may be absent: zeros. With g gates in
// the order of ONNX, f, g and h the Gates, and u = R h + b:
//
//	RNN:  h = f(s + u)
//	GRU:  z, r = f(s + u); n = g(s + R (r*h) + b), or g(s + r*u) with LinearBeforeReset
//	      h = (1-z)*n + z*h
//	LSTM: i, f = f(s + u + P*c); g = g(s + u); c = f*c + i*g
//	      o = f(s + u + P*c) with the new c; h = o * h(c)
//
// The output [N,T,H] has h after each step; with Cell [N,T+1,H], whose last row is the
// cell after the last step. Reverse goes through time from the last step to the first; the
// output stays in the order of the input.
//
// Rounded is how the device computes, and how the network does once R is on a grid (see
// OnGrids): what meets R is rounded to int8, in steps of 1/128, or with Fine to 16 bits. h
// and c stay float32. Gradients go straight through that rounding.
//
// Source: ONNX's RNN, GRU, LSTM; Cho et al. (2014), Hochreiter, Schmidhuber (1997).
type Recurrent struct {
	Kind              RecurrentKind
	Reverse           bool
	Cell              bool    // LSTM
	LinearBeforeReset bool    // GRU
	InputForget       bool    // LSTM: f = 1 - i
	Clip              float32 // what gates are applied to is limited to -Clip..Clip; 0: it is not
	Gates             [3]Gate // f, g and h, as far as the cell has them
	Rounded           bool
	Fine              bool // R meets 16 bits of the state
}

// The optional inputs of a Recurrent; see also WeightInput and BiasInput.
const (
	stateInput    = 3
	cellInput     = 4
	peepholeInput = 5
)

// Name implements graph.Op.
func (o Recurrent) Name() string { return "Recurrent" }

// Infer implements graph.Op.
func (o Recurrent) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 6); err != nil {
		return nil, err
	}
	s, r, g := in[0], in[1], o.Kind.gates()
	if len(s) != 3 || len(r) != 2 || r[0] != g*r[1] || s[2] != r[0] || s[1] < 1 || r[1] < 1 {
		return nil, fmt.Errorf("sums %v and weights %v of a %v; needs [N,T,%d H] and [%d H,H]", s, r, o.Kind, g, g)
	}
	if err := checkBias(in, r[0]); err != nil {
		return nil, err
	}
	want := map[int]tensor.Shape{stateInput: {s[0], r[1]}, cellInput: {s[0], r[1]}, peepholeInput: {3 * r[1]}}
	for i := stateInput; i < len(in); i++ {
		if in[i] == nil {
			continue
		}
		if i > stateInput && o.Kind != LSTM {
			return nil, fmt.Errorf("a %v has no input %d", o.Kind, i)
		}
		if !in[i].Equal(want[i]) && !(i < peepholeInput && in[i].Equal(tensor.Shape{1, r[1]})) {
			return nil, fmt.Errorf("input %d has shape %v, needs %v", i, in[i], want[i])
		}
	}
	if err := o.checkAttributes(); err != nil {
		return nil, err
	}
	steps := s[1]
	if o.Cell {
		steps++
	}
	return []tensor.Shape{{s[0], steps, r[1]}}, nil
}

func (o Recurrent) checkAttributes() error {
	switch {
	case (o.Cell || o.InputForget) && o.Kind != LSTM:
		return fmt.Errorf("a %v has no cell", o.Kind)
	case o.LinearBeforeReset && o.Kind != GRU:
		return fmt.Errorf("a %v has no reset gate", o.Kind)
	case !(o.Clip >= 0):
		return fmt.Errorf("clip is %v, needs 0 or more", o.Clip)
	}
	for k, g := range o.gateList() {
		if err := g.check(); err != nil {
			return fmt.Errorf("activation %d: %w", k, err)
		}
	}
	return nil
}

// gateList returns the activations that the cell uses, with its defaults.
func (o Recurrent) gateList() []Gate {
	standard := [...][]Gate{RNN: {gateTanh}, GRU: {gateSigmoid, gateTanh}, LSTM: {gateSigmoid, gateTanh, gateTanh}}[o.Kind]
	list := make([]Gate, len(standard))
	for k := range list {
		if list[k] = o.Gates[k]; list[k] == (Gate{}) {
			list[k] = standard[k]
		}
	}
	return list
}

// plain reports whether the gates are sigmoid and tanh as a cell has them by default, and
// nothing limits them.
func (o Recurrent) plain() bool {
	standard := Recurrent{Kind: o.Kind}.gateList()
	for k, g := range o.gateList() {
		if g != standard[k] {
			return false
		}
	}
	return o.Clip == 0
}

// stateGrid is the grid on which h meets R, unless that has 16 bits.
var stateGrid = signGrid

// bounded reports whether |h| never exceeds 1, if the initial state does not.
func (o Recurrent) bounded() bool {
	list := o.gateList()
	switch o.Kind {
	case RNN:
		return list[0].bounded()
	case GRU:
		return list[0].unit() && list[1].bounded()
	}
	return list[0].unit() && list[2].bounded()
}

// NaturalGrid implements Bounded; there is none for states of any size, and beside a cell.
func (o Recurrent) NaturalGrid() graph.Affine {
	if o.Cell || !o.bounded() {
		return graph.Affine{}
	}
	return stateGrid
}

// InFloat implements FloatOperator.
func (Recurrent) InFloat() {}

// met is the grid on which h meets R.
func (o Recurrent) met() graph.Affine {
	grid := stateGrid
	grid.Fine = o.Fine
	return grid
}

// MetGrid implements Weighted.
func (o Recurrent) MetGrid(*graph.Node) *graph.Affine {
	grid := o.met()
	return withBias(&grid)
}

// Refined implements Refiner.
func (o Recurrent) Refined() graph.Op {
	o.Fine = true
	return o
}

// Uses implements Weighted: R meets one state for each step.
func (Recurrent) Uses(n *graph.Node) int { return n.Inputs[0].Shape[1] }

// OnGrids implements graph.GridFollower.
func (o Recurrent) OnGrids(n *graph.Node) graph.Op {
	p := n.Inputs[WeightInput].Param
	o.Rounded = p != nil && p.Grid != nil
	return o
}

var (
	_ Inner              = Recurrent{}
	_ Refiner            = Recurrent{}
	_ Bounded            = Recurrent{}
	_ FloatOperator      = Recurrent{}
	_ graph.GridFollower = Recurrent{}
	_ graph.Keeper       = Recurrent{}
)
