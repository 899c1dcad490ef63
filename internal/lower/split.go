package lower

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/runtime/format"
)

// Layers that make float32 of sums: behind a fine grid, which has 16 bits as two int8 tensors,
// and before one, where a clamp is left to float32.

// fine is what a builder knows of values on fine grids.
type fine struct {
	parts map[*graph.Value]int // the tensor beside that of their steps
	bias  float32              // the step of biases of the layer in hand, which both its sums have; 0: that of one sum
}

// Split implements op.Device: y is in steps where it lies, and in parts of them beside:
//
//	steps = quantize(x)
//	parts = quantize(x - dequantize(steps))
func (b *builder) Split(x, y *graph.Value) {
	w, t, ok := b.toGrid(x, y)
	if !ok {
		return
	}
	shape := b.f.Tensors[t].Shape
	steps := b.quantized(t, *y.Grid)
	near := b.Temp(shape...)
	b.Emit(format.Instr{Op: format.OpDequantize, In: []int{steps}, Out: near, Weight: -1, LUT: -1})
	rest := b.EmitLike(format.Instr{Op: format.OpBinary, Function: format.BinarySub, In: []int{t, near}, Weight: -1, LUT: -1}, shape)
	b.at[y] = location{steps, w.order, w.from}
	b.fine.parts[y] = b.quantized(rest, partsOf(y))
}

// partsOf is the grid of what is beside the steps of v.
func partsOf(v *graph.Value) graph.Affine { return graph.Affine{Scale: v.Grid.Scale / graph.Parts} }

// quantized brings a Float32 tensor onto a grid.
func (b *builder) quantized(t int, grid graph.Affine) int {
	out := b.tensor(format.Int8, b.f.Tensors[t].Shape, &grid)
	b.Emit(format.Instr{Op: format.OpQuantize, In: []int{t}, Out: out, Weight: -1, LUT: -1})
	return out
}

// inSums reports whether layer n is emitted as layerInSums does.
func (b *builder) inSums(n *graph.Node, l op.Layer) bool {
	x, y := n.Inputs[0], n.Outputs[0]
	return x.Grid != nil && x.Grid.Fine || l.Fused().On && b.floats[y] && y.Grid == nil
}

// layerInSums emits layer n with float32 sums, one or, behind a fine grid, two of the same
// weights, which are added and limited in float32.
func (b *builder) layerInSums(n *graph.Node, l op.Layer) {
	var sums []int
	var where location
	halves := b.halves(n)
	if len(halves) > 1 {
		b.fine.bias = l.MetGrid(n).Scale
		defer func() { b.fine.bias = 0 }()
	}
	for _, x := range halves {
		sum := &graph.Value{Name: n.Outputs[0].Name, Shape: n.Outputs[0].Shape}
		one := &graph.Node{Name: n.Name, Op: l.WithClamp(op.Clamp{}), Inputs: slices.Clone(n.Inputs), Outputs: []*graph.Value{sum}}
		one.Inputs[0] = x
		if err := one.Op.(op.Lowerer).Lower(b, one); err != nil {
			b.fail(err)
		}
		if b.err != nil {
			return
		}
		where = b.at[sum]
		sums = append(sums, where.tensor)
	}
	t := sums[0]
	if len(sums) > 1 {
		t = b.EmitLike(format.Instr{Op: format.OpBinary, Function: format.BinaryAdd, In: sums, Weight: -1, LUT: -1}, b.f.Tensors[t].Shape)
	}
	t = b.chained(t, op.ClampSteps(b, l.Fused()))
	if t = b.gridded(t, n.Outputs[0]); b.err == nil {
		b.at[n.Outputs[0]] = location{t, where.order, where.from}
	}
}

// halves are the int8 values that layer n multiplies: its input, or that in steps and parts.
func (b *builder) halves(n *graph.Node) []*graph.Value {
	x := n.Inputs[0]
	if x.Grid == nil || !x.Grid.Fine {
		return []*graph.Value{x}
	}
	steps := &graph.Value{Name: x.Name, Shape: x.Shape, Grid: &graph.Affine{Scale: x.Grid.Scale, Zero: x.Grid.Zero}}
	grid := partsOf(x)
	parts := &graph.Value{Name: x.Name, Shape: x.Shape, Grid: &grid}
	at := b.at[x]
	b.at[steps], b.at[parts] = at, location{b.fine.parts[x], at.order, at.from}
	return []*graph.Value{steps, parts}
}
