package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// LowerFloat selects by a constant mask of the triangle.
func (o Trilu) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	rows, columns := dim(x.Shape, 2), dim(x.Shape, 1)
	mask := make([]float32, rows*columns)
	o.kept(tensor.Shape{1, rows, columns}, func(k int) { mask[k] = 1 })
	shape := []int{x.Shape[1:].Size() / len(mask), rows, columns}
	in := format.Instr{Op: format.OpSelect, In: []int{d.Numbers(mask, rows, columns), d.Natural(x, shape...), d.Scalar(0)}}
	d.EmitNatural(in, y, shape)
	return nil
}

// NeedsFloat implements FloatNeeder.
func (Trilu) NeedsFloat(*graph.Node) bool { return true }

// Lower implements Lowerer.
func (o OneHot) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// LowerFloat compares the numbers, of which negative ones count from the end, with those of the
// new dimension.
func (o OneHot) LowerFloat(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	a, b := x.Shape[1:o.Axis].Size(), x.Shape[o.Axis:].Size()
	t := d.Natural(x, a, 1, b)
	binary := func(function, l, r int, shape ...int) int {
		out := d.Temp(shape...)
		d.Emit(format.Instr{Op: format.OpBinary, Function: function, In: []int{l, r}, Out: out, Weight: -1, LUT: -1})
		return out
	}
	below := binary(format.BinaryLess, t, d.Scalar(0), a, 1, b)
	t = binary(format.BinaryAdd, t, binary(format.BinaryMul, below, d.Scalar(float32(o.Depth)), a, 1, b), a, 1, b)
	numbers := make([]float32, o.Depth)
	for i := range numbers {
		numbers[i] = float32(i)
	}
	hot := binary(format.BinaryEqual, t, d.Numbers(numbers, o.Depth, 1), a, o.Depth, b)
	d.EmitNatural(format.Instr{Op: format.OpSelect, In: []int{hot, d.Scalar(o.On), d.Scalar(o.Off)}}, y, []int{a, o.Depth, b})
	return nil
}

// NeedsFloat implements FloatNeeder.
func (OneHot) NeedsFloat(*graph.Node) bool { return true }
