package op

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// InputScale brings the channels of an input, features as unlike as pascals and percent,
// to one grid. For channel c, a position along dimension Axis,
//
//	y = s (x/Scale[c] + Zero[c] - z),   s and z of the grid Grid
//
// held between the limits of Grid, so that y on Grid has the integer Zero[c] +
// round(x/Scale[c]), which the device computes when an input is set (format.Scaling). It
// stands behind inputs only.
type InputScale struct {
	Axis  int
	Scale []float32 // of each channel, positive
	Zero  []int
	Grid  graph.Affine
}

// Name implements graph.Op.
func (InputScale) Name() string { return "InputScale" }

// Infer implements graph.Op.
func (o InputScale) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if o.Axis < 1 || o.Axis >= len(in[0]) || in[0][o.Axis] != len(o.Scale) || len(o.Zero) != len(o.Scale) {
		return nil, fmt.Errorf("%d scales along dimension %d do not fit an input of shape %v", len(o.Scale), o.Axis, in[0])
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// each calls f with the index of every element and its channel.
func (o InputScale) each(s tensor.Shape, f func(i, c int)) {
	inner := s[o.Axis+1:].Size()
	for i := range s.Size() {
		f(i, i/inner%len(o.Scale))
	}
}

// Forward implements graph.Op, in float64.
func (o InputScale) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	s, z := float64(o.Grid.Scale), float64(o.Grid.Zero)
	o.each(in[0].Shape, func(i, c int) {
		q := float64(in[0].Data[i])/float64(o.Scale[c]) + float64(o.Zero[c])
		out[0].Data[i] = float32(s * (math.Max(-128, math.Min(127, q)) - z))
	})
}

// Backward implements graph.Differentiable; the limits pass the gradient on.
func (o InputScale) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	o.each(in[0].Shape, func(i, c int) { din[0].Data[i] += dout[0].Data[i] * o.Grid.Scale / o.Scale[c] })
}

// NaturalGrid implements Bounded.
func (o InputScale) NaturalGrid() graph.Affine { return o.Grid }

// ScalesInput implements InputScaler.
func (o InputScale) ScalesInput() InputScale { return o }

// Lower emits nothing: the device scales when the input is set.
func (InputScale) Lower(Device, *graph.Node) error { return nil }

// WriteONNX implements ONNXWriter: a division, an addition, the limits of the grid and a
// product.
func (o InputScale) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	dims := make([]int, len(n.Inputs[0].Shape)-o.Axis)
	for i := range dims {
		dims[i] = 1
	}
	dims[0] = len(o.Scale)
	zero := make([]float32, len(o.Zero))
	for c, z := range o.Zero {
		zero[c] = float32(z - o.Grid.Zero)
	}
	steps, moved, held := w.Fresh(out+"_steps"), w.Fresh(out+"_moved"), w.Fresh(out+"_held")
	w.Emit("Div", []string{in[0], w.Floats(out+"_scales", dims, o.Scale)}, steps)
	w.Emit("Add", []string{steps, w.Floats(out+"_zeros", dims, zero)}, moved)
	w.Clip(moved, held, Clip{Lo: float32(-128 - o.Grid.Zero), Hi: float32(127 - o.Grid.Zero)}.Limits())
	w.Emit("Mul", []string{held, w.Scalar(out+"_step", o.Grid.Scale)}, out)
}

// InputScaler is an operator that scales an input.
type InputScaler interface {
	graph.Op
	ScalesInput() InputScale
}

// ScaledInput returns the node that scales input v, nil where there is none.
func ScaledInput(g Flow, v *graph.Value) *graph.Node {
	if v.Grid != nil || g.IsOutput(v) {
		return nil
	}
	readers := g.Consumers(v)
	if len(readers) != 1 {
		return nil
	}
	if _, ok := readers[0].Op.(InputScaler); !ok {
		return nil
	}
	return readers[0]
}

// Scaling returns the form that a file has of o as the scaling of input k, whose value has
// the given rank.
func (o InputScale) Scaling(k, rank int) format.Scaling {
	axis := o.Axis - 1
	if rank == 4 {
		axis = [3]int{2, 0, 1}[axis]
	}
	return format.Scaling{Input: k, Axis: axis, Scale: slices.Clone(o.Scale), Zero: slices.Clone(o.Zero)}
}

// LiftScaling is the inverse of Scaling: it returns the operator for an input t of a file.
func LiftScaling(s *format.Scaling, t *format.Tensor) graph.Op {
	return InputScale{Axis: hostAxis(len(t.Shape), s.Axis), Scale: s.Scale, Zero: s.Zero, Grid: graph.Affine{Scale: t.Scale, Zero: t.Zero}}
}

var _ graph.Differentiable = InputScale{}
