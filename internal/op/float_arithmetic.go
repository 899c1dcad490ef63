package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// combiner is Arithmetic that the device computes in float32 too: a function of OpBinary, whose
// operands change places if swap is set.
type combiner interface {
	Arithmetic
	combination() (function int, swap bool)
}

func (Add) combination() (int, bool)   { return format.BinaryAdd, false }
func (Sub) combination() (int, bool)   { return format.BinarySub, false }
func (Mul) combination() (int, bool)   { return format.BinaryMul, false }
func (Div) combination() (int, bool)   { return format.BinaryDiv, false }
func (PRelu) combination() (int, bool) { return format.BinaryPRelu, false }

func (Maximum) combination() (int, bool)  { return format.BinaryMax, false }
func (Minimum) combination() (int, bool)  { return format.BinaryMin, false }
func (Pow) combination() (int, bool)      { return format.BinaryPow, false }
func (Quotient) combination() (int, bool) { return format.BinaryDiv, false }

func (o Mod) combination() (int, bool) {
	if o.C {
		return format.BinaryFmod, false
	}
	return format.BinaryMod, false
}

func (o Compare) combination() (int, bool) {
	row := [...]struct {
		function int
		swap     bool
	}{
		Equal: {format.BinaryEqual, false}, Less: {format.BinaryLess, false}, LessOrEqual: {format.BinaryLessOrEqual, false},
		Greater: {format.BinaryLess, true}, GreaterOrEqual: {format.BinaryLessOrEqual, true},
		And: {format.BinaryAnd, false}, Or: {format.BinaryOr, false}, Xor: {format.BinaryXor, false},
	}[o.Is]
	return row.function, row.swap
}

// lowerCombination emits o on float32.
func lowerCombination(d Device, n *graph.Node, o combiner) error {
	function, swap := o.combination()
	y, clamp := n.Outputs[0], FusedClamp(o)
	var after []floatStep
	if clamp.On {
		after = clampSteps(clamp)
	}
	if _, ok := n.Op.(Quotient); ok {
		after = unary(format.UnaryTruncate)
	}
	for i, k := range n.Inputs { // a constant number: the elements stay where they lie
		if x := n.Inputs[1-i]; k.Param != nil && x.Param == nil && len(k.Param.Value.Data) == 1 && x.Shape.Equal(y.Shape) {
			step := floatStep{function: function, binary: true, k: k.Param.Value.Data[0], left: (i == 0) != swap}
			d.EmitSteps(x, y, instructions(d, append([]floatStep{step}, after...)))
			return nil
		}
	}
	in, err := operands(d, n)
	if err != nil {
		return err
	}
	if swap {
		in[0], in[1] = in[1], in[0]
	}
	d.EmitNatural(format.Instr{Op: format.OpBinary, Function: function, In: in}, y, y.Shape[1:], instructions(d, after)...)
	return nil
}

// operands returns the tensors of n's inputs, as they are broadcast to its output.
func operands(d Device, n *graph.Node) (in []int, err error) {
	y := n.Outputs[0].Shape
	if len(y) > 5 {
		return nil, fmt.Errorf("the device broadcasts up to 4 dimensions, not those of %v: join some by a Reshape", y)
	}
	for _, v := range n.Inputs {
		s := v.Shape
		if len(s) == len(y) {
			if v.Param != nil && s[0] != 1 {
				return nil, fmt.Errorf("constant %q has a number for each sample of a batch of %d", v.Name, s[0])
			}
			s = s[1:]
		} else if v.Param == nil {
			return nil, fmt.Errorf("activation %q of shape %v is repeated over the samples of %v", v.Name, s, y)
		}
		if len(s) == 0 {
			s = tensor.Shape{1}
		}
		in = append(in, d.Natural(v, s...))
	}
	return in, nil
}

// pairNeedsFloat reports whether arithmetic of two operands has no form on int8: shapes that the
// integer instructions do not repeat, or no such instruction for two activations.
func pairNeedsFloat(n *graph.Node, pairs, commutes bool) bool {
	if varies(n) {
		return true
	}
	a, b, y := n.Inputs[0], n.Inputs[1], n.Outputs[0]
	switch {
	case a.Param != nil && b.Param != nil:
		return false
	case a.Param != nil || b.Param != nil:
		x, k := a, b
		if a.Param != nil {
			x, k = b, a
		}
		return !x.Shape.Equal(y.Shape) && k.Shape.Size() > 0
	case !pairs:
		return true
	}
	if !a.Shape.Equal(y.Shape) && commutes {
		a, b = b, a
	}
	return !a.Shape.Equal(y.Shape) || !repeats(b.Shape, a.Shape)
}

// varies reports whether an operand of n is a constant of many numbers along several dimensions,
// which repeat along another: sines of places, say. On int8 it takes a channel for each element of
// the result, with a scale of its own.
func varies(n *graph.Node) bool {
	const many = 64
	for _, v := range n.Inputs {
		if v == nil || v.Param == nil || v.Shape.Size() < many || v.Shape.Size() == n.Outputs[0].Shape.Size() {
			continue
		}
		along := 0
		for _, d := range v.Shape {
			if d > 1 {
				along++
			}
		}
		if along > 1 {
			return true
		}
	}
	return false
}

// NeedsFloat implements FloatNeeder.
func (Add) NeedsFloat(n *graph.Node) bool { return pairNeedsFloat(n, true, true) }

// NeedsFloat implements FloatNeeder.
func (Sub) NeedsFloat(n *graph.Node) bool { return pairNeedsFloat(n, true, false) }

// NeedsFloat implements FloatNeeder.
func (Mul) NeedsFloat(n *graph.Node) bool { return pairNeedsFloat(n, true, true) }

// NeedsFloat implements FloatNeeder.
func (Div) NeedsFloat(n *graph.Node) bool {
	return pairNeedsFloat(n, false, false) || n.Inputs[0].Param != nil && n.Inputs[0].Shape.Size() > 1
}

// NeedsFloat implements FloatNeeder.
func (PRelu) NeedsFloat(n *graph.Node) bool { return pairNeedsFloat(n, false, false) }

// NeedsFloat implements FloatNeeder.
func (Maximum) NeedsFloat(n *graph.Node) bool { return combinedFloat(n) }

// NeedsFloat implements FloatNeeder.
func (Minimum) NeedsFloat(n *graph.Node) bool { return combinedFloat(n) }

// NeedsFloat implements FloatNeeder.
func (Pow) NeedsFloat(n *graph.Node) bool { return combinedFloat(n) }

// NeedsFloat implements FloatNeeder.
func (Mod) NeedsFloat(n *graph.Node) bool { return combinedFloat(n) }

// NeedsFloat implements FloatNeeder.
func (Quotient) NeedsFloat(*graph.Node) bool { return true }

// NeedsFloat implements FloatNeeder.
func (Compare) NeedsFloat(*graph.Node) bool { return true }

// combinedFloat reports whether arithmetic that int8 knows only as a function of one activation
// is more than that.
func combinedFloat(n *graph.Node) bool {
	_, _, ok := Pointwise(n)
	return !ok
}

// Lower implements Lowerer, on float32.
func (o Maximum) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Maximum) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// Lower implements Lowerer, on float32.
func (o Minimum) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Minimum) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// Lower implements Lowerer, on float32.
func (o Pow) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Pow) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// Lower implements Lowerer, on float32.
func (o Mod) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Mod) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// Lower implements Lowerer, on float32.
func (o Quotient) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Quotient) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// Lower implements Lowerer, on float32.
func (o Compare) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (o Compare) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// Lower emits OpSelect.
func (o Where) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat implements FloatLowerer.
func (Where) LowerFloat(d Device, n *graph.Node) error {
	in, err := operands(d, n)
	if err != nil {
		return err
	}
	y := n.Outputs[0]
	d.EmitNatural(format.Instr{Op: format.OpSelect, In: in}, y, y.Shape[1:])
	return nil
}

// NeedsFloat implements FloatNeeder.
func (Where) NeedsFloat(*graph.Node) bool { return true }

// LowerFloat implements FloatLowerer.
func (o Add) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// LowerFloat implements FloatLowerer.
func (o Sub) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// LowerFloat implements FloatLowerer.
func (o Mul) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// LowerFloat implements FloatLowerer.
func (o Div) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// LowerFloat implements FloatLowerer.
func (o PRelu) LowerFloat(d Device, n *graph.Node) error { return lowerCombination(d, n, o) }

// largest is the largest magnitude of a constant in a file. A network may have larger ones: masks
// add minus infinity to what a softmax shall leave out.
const largest = 1 << 36

// Representable returns v within -2^36..2^36, the range of constants in a file.
func Representable(v float32) float32 {
	return float32(math.Max(-largest, math.Min(largest, float64(v))))
}
