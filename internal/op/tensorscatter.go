package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TensorScatter writes updates, input 1, into a copy of the cache x, input 0:
//
//	y = x;  y[..,p+t,..] = updates[..,t,..]
//
// Updates have the shape of x, except that dimension Axis, that of t, may be shorter. The
// position p is input 2, with one element for each index of dimensions 0 to Batch of x, where
// Batch is 0 or 1; without input 2 it is 0. With Circular, positions beyond either end go on at
// the other; otherwise their updates are left out.
type TensorScatter struct {
	Axis, Batch int
	Circular    bool
}

// Name implements graph.Op.
func (TensorScatter) Name() string { return "TensorScatter" }

// Elems implements graph.Typed.
func (TensorScatter) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o TensorScatter) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
	x, u := in[0], in[1]
	ok := o.Batch >= 0 && o.Batch <= 1 && o.Axis > o.Batch && o.Axis < len(x) && len(u) == len(x)
	for d := 0; ok && d < len(x); d++ {
		ok = u[d] == x[d] || d == o.Axis && u[d] <= x[d]
	}
	if p := 1; ok && len(in) > 2 && in[2] != nil {
		if o.Batch == 1 {
			p = x[1]
		}
		ok = in[2].Size() == x[0]*p
	}
	if !ok {
		return nil, fmt.Errorf("updates of inputs %v along dimension %d", in, o.Axis)
	}
	return []tensor.Shape{x.Clone()}, nil
}

// walk calls f with the places of each run of n elements in the cache and in the updates.
func (o TensorScatter) walk(in []*tensor.Tensor, f func(y, u, n int)) {
	x, u := in[0].Shape, in[1].Shape
	n := x[o.Axis+1:].Size()
	inIndex := x[o.Batch+1 : o.Axis].Size()
	for b := range x[:o.Axis].Size() {
		position := 0
		if p := at(in, 2); p != nil {
			position = int(math.Round(float64(p.Data[b/inIndex])))
		}
		for t := range u[o.Axis] {
			to := position + t
			if o.Circular {
				to = ((to % x[o.Axis]) + x[o.Axis]) % x[o.Axis]
			}
			if to >= 0 && to < x[o.Axis] {
				f((b*x[o.Axis]+to)*n, (b*u[o.Axis]+t)*n, n)
			}
		}
	}
}

// Forward implements graph.Op.
func (o TensorScatter) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	copy(out[0].Data, in[0].Data)
	o.walk(in, func(y, u, n int) { copy(out[0].Data[y:y+n], in[1].Data[u:u+n]) })
}

// Backward implements graph.Differentiable. No two updates meet, since there are at most as
// many as the cache has positions.
func (o TensorScatter) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] != nil {
		d := dout[0].Clone()
		o.walk(in, func(y, _, n int) { clear(d.Data[y : y+n]) })
		add(din[0].Data, d.Data)
	}
	if din[1] != nil {
		o.walk(in, func(y, u, n int) { add(din[1].Data[u:u+n], dout[0].Data[y:y+n]) })
	}
}

// WriteONNX implements ONNXWriter.
func (o TensorScatter) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	w.Need(24)
	if len(in) > 2 {
		flat := w.Fresh(out + "_positions")
		w.Emit("Reshape", []string{in[2], w.Int64s(out+"_flat", []int{-1})}, flat)
		in[2] = flat
	}
	mode := "linear"
	if o.Circular {
		mode = "circular"
	}
	w.Emit("TensorScatter", in, out, Attr{"axis", o.Axis}, Attr{"mode", mode})
}

var _ graph.Differentiable = TensorScatter{}
