package op

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Lowerer is an operator with device code. Functions of one activation need
// none: export fuses chains of them into one table (see Pointwise).
type Lowerer interface {
	graph.Op
	// Lower emits the instructions that compute n.Outputs[0]. Its error says
	// what the device cannot do and the remedy; errors of d stay with d.
	Lower(d Device, n *graph.Node) error
}

// Device receives the instructions of one network. The standard order of an
// image [N,C,H,W] is H, W, C; everything else lies in the host's order. A value
// with a grid is an Int8 tensor, one without a Float32 tensor. The first error
// is kept, and the calls after it have no effect.
type Device interface {
	// Tensor returns v's Int8 tensor in the standard order, under the given
	// shape or the standard one, converted where it lies otherwise.
	Tensor(v *graph.Value, shape ...int) int
	// Float returns v's Float32 tensor in the standard order, under the given
	// shape or the standard one, dequantized if v has a grid.
	Float(v *graph.Value, shape ...int) int
	// Flat returns v's Int8 tensor as it lies, under the given shape or any, and
	// for each of its elements the index in the host's order; nil when the
	// orders agree.
	Flat(v *graph.Value, shape ...int) (tensor int, from []int)

	// Output creates v's tensor in the standard order, under the given shape or
	// the standard one.
	Output(v *graph.Value, shape ...int) int
	// OutputOn is Output on the grid of tensor x; v's own grid, if another, is
	// reached by a table when v is read.
	OutputOn(x int, v *graph.Value, shape ...int) int
	// OutputFlat creates v's tensor with the elements of v in the order from.
	OutputFlat(v *graph.Value, from []int) int
	// Temp creates a Float32 tensor that is no value of the graph.
	Temp(shape ...int) int
	// View makes v another shape of x's elements, or x with the dimensions of
	// the host's sample permuted (perm nil: not permuted). It emits nothing.
	View(v, x *graph.Value, perm []int)
	// OnGrid returns tensor t on the grid of v, through a table if need be.
	OnGrid(t int, v *graph.Value) int
	// AnyOrder reports whether every reader of v accepts any order of its elements.
	AnyOrder(v *graph.Value) bool

	// Weight stores the integers of w and of bias b (nil: none), to be applied to
	// tensor x. Element i of the stored tensor of shape [outC, kH, kW, inC] is
	// w's element from[i]; nil keeps the order.
	Weight(x int, w, b *graph.Value, shape [4]int, from []int) int
	// Affine stores, for each of len(mul) channels, the 1x1 depthwise weight of
	// mul[c]*x + add[c] for an x on the grid of tensor x.
	Affine(x int, mul, add []float64) int
	// Clamp returns c in the integers of v's grid: -128 and 127 when it is off.
	Clamp(v *graph.Value, c Clamp) (lo, hi int8)
	// Emit appends an instruction; Weight and LUT are -1 when unused, strides
	// and dilations at least 1 where they apply.
	Emit(i format.Instr)
}

// SharesGrid reports whether o only selects, moves or averages elements, so
// that its activations share one int8 grid.
func SharesGrid(o graph.Op) bool {
	switch o.(type) {
	case MaxPool, AvgPool, GlobalAvgPool, Reshape, Transpose, Pad, Concat:
		return true
	}
	return false
}

// Pointwise returns the activation x and the function f when n computes f of
// every element of x: an Elementwise operator, a Table, or arithmetic with one
// constant number.
func Pointwise(n *graph.Node) (x *graph.Value, f func(float64) float64, ok bool) {
	if len(n.Inputs) == 1 {
		if e, is := n.Op.(interface{ F(x float64) float64 }); is && n.Inputs[0].Param == nil {
			return n.Inputs[0], e.F, true
		}
		return nil, nil, false
	}
	if len(n.Inputs) != 2 || n.Inputs[0] == nil || n.Inputs[1] == nil {
		return nil, nil, false
	}
	a, b := n.Inputs[0], n.Inputs[1]
	var k float64
	swapped := a.Param != nil
	switch {
	case swapped && b.Param == nil && len(a.Param.Value.Data) == 1:
		x, k = b, float64(a.Param.Value.Data[0])
	case !swapped && b.Param != nil && len(b.Param.Value.Data) == 1:
		x, k = a, float64(b.Param.Value.Data[0])
	default:
		return nil, nil, false
	}
	if !x.Shape.Equal(n.Outputs[0].Shape) {
		return nil, nil, false
	}
	switch o := n.Op.(type) {
	case Add:
		f = func(v float64) float64 { return o.Clamp.limit(v + k) }
	case Sub:
		f = func(v float64) float64 { return o.Clamp.limit(v - k) }
		if swapped {
			f = func(v float64) float64 { return o.Clamp.limit(k - v) }
		}
	case Mul:
		f = func(v float64) float64 { return v * k }
	case Div:
		f = func(v float64) float64 { return v / k }
		if swapped {
			f = func(v float64) float64 { return k / v }
		}
	default:
		return nil, nil, false
	}
	return x, f, true
}

// Interior reports whether v exists only between two functions of one
// activation that export fuses: it is no tensor on the device.
func Interior(g *graph.Graph, v *graph.Value) bool {
	if v.Grid != nil || g.IsOutput(v) {
		return false
	}
	p := g.Producer(v)
	if p == nil {
		return false
	}
	if _, _, ok := Pointwise(p); !ok {
		return false
	}
	readers := g.Consumers(v)
	if len(readers) != 1 {
		return false
	}
	x, _, ok := Pointwise(readers[0])
	return ok && x == v
}

// limit applies the clamp in float64.
func (c Clamp) limit(v float64) float64 {
	if !c.On {
		return v
	}
	return math.Min(math.Max(v, float64(c.Lo)), float64(c.Hi))
}

// optional returns input i of n, nil when it is absent.
func optional(n *graph.Node, i int) *graph.Value {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return nil
}

// StandardShape is the device shape of an activation: H, W, C for an image
// [N,C,H,W], otherwise the host's shape without the batch.
func StandardShape(s tensor.Shape) []int {
	if len(s) == 4 {
		return []int{s[2], s[3], s[1]}
	}
	return slices.Clone([]int(s[1:]))
}
