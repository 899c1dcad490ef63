package op

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Lowerer is an operator with device code. Functions of one activation need
// none: package lower fuses chains of them into one table (see Pointwise).
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
	// Natural returns v's Float32 tensor in the host's order of elements, under the given
	// shape, or without one under that of a sample; dequantized if v has a grid. A parameter
	// becomes a constant.
	Natural(v *graph.Value, shape ...int) int
	// Elements is Natural, but an Int8 tensor stays one.
	Elements(v *graph.Value, shape ...int) int
	// EmitNatural emits i, whose output is v in the host's order under shape, and the
	// instructions after it, each on the result of the one before, its operand -1. Movers (i
	// reads Int8) keep the type and the grid; others make Float32, which is quantized if v has a grid.
	EmitNatural(i format.Instr, v *graph.Value, shape []int, after ...format.Instr)
	// EmitLike emits i with an output of the type and grid of its first input, and returns it.
	EmitLike(i format.Instr, shape []int) int
	// EmitSteps emits instructions that compute y from each element of x, as they lie, on
	// Float32: the first reads x, each other the one before, as its operand -1.
	EmitSteps(x, y *graph.Value, steps []format.Instr)
	// Quantize brings x, a Float32 tensor, onto the grid of y, its elements as they lie.
	Quantize(x, y *graph.Value)
	// Split is Quantize onto a fine grid: layers read y as two Int8 tensors.
	Split(x, y *graph.Value)
	// Scalar returns a Float32 tensor [1] of a constant, Numbers one of several under shape.
	Scalar(k float32) int
	Numbers(k []float32, shape ...int) int
	// Rows stores the parameter w, [rows,K], for OpGather, and returns its number.
	Rows(w *graph.Value) int
	// OutputOn is Output on the grid of tensor x; v's own grid, if another, is
	// reached by a table when v is read.
	OutputOn(x int, v *graph.Value, shape ...int) int
	// OutputFlat creates v's tensor with the elements of v in the order from.
	OutputFlat(v *graph.Value, from []int) int
	// Temp creates a Float32 tensor that is no value of the graph.
	Temp(shape ...int) int
	// Apply returns the table of f of tensor x, on the given grid.
	Apply(x int, f func(float64) float64, grid graph.Affine) int
	// Grid returns the grid of an Int8 tensor.
	Grid(t int) graph.Affine
	// TempOn creates an Int8 tensor that is no value of the graph.
	TempOn(grid graph.Affine, shape ...int) int
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
	// WeightOf is Weight for vectors in steps of scale around zero, in the order of w.
	WeightOf(scale float32, w, b *graph.Value, shape [4]int) int
	// Affine stores, for each of len(mul) channels, the 1x1 depthwise weight of
	// mul[c]*x + add[c] for an x on the grid of tensor x.
	Affine(x int, mul, add []float64) int
	// Store stores weights that are no parameter of the graph.
	Store(w format.Weight) int
	// Clamp returns c in the integers of v's grid: -128 and 127 when it is off.
	Clamp(v *graph.Value, c Clamp) (lo, hi int8)
	// Emit appends an instruction; Weight and LUT are -1 when unused, strides
	// and dilations at least 1 where they apply.
	Emit(i format.Instr)
}

// OrderReader is an operator that can read the features of an input [N,F] in any order.
type OrderReader interface {
	graph.Op
	// AnyOrder reports whether n takes the elements of v in whatever order they lie;
	// after says the same of all readers of a value.
	AnyOrder(n *graph.Node, v *graph.Value, after func(*graph.Value) bool) bool
}

// StandardShape is the device shape of an activation: H, W, C for an image
// [N,C,H,W], otherwise the host's shape without the batch.
func StandardShape(s tensor.Shape) []int {
	if len(s) == 4 {
		return []int{s[2], s[3], s[1]}
	}
	return slices.Clone([]int(s[1:]))
}

// HostShape returns the host's shape of a device shape: [H,W,C] is [1,C,H,W].
func HostShape(s []int) tensor.Shape {
	if len(s) == 3 {
		return tensor.Shape{1, s[2], s[0], s[1]}
	}
	return append(tensor.Shape{1}, s...)
}

// hostAxis returns the host's dimension of a device dimension.
func hostAxis(rank, axis int) int {
	if rank == 3 {
		return [3]int{2, 3, 1}[axis]
	}
	return axis + 1
}
