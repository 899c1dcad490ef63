package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// GatherElements picks an element of x [N,...] for each element of index, input 1, of the same
// rank:
//
//	y[n,..,i,..] = x[n,..,index[n,..,i,..],..]
//
// where the index stands in dimension Axis >= 1; in the others index is at most as large as x.
// Indexes are those of Gather. An input with a batch of 1, such as a parameter, is the same
// for all samples.
type GatherElements struct {
	Axis int
}

// Name implements graph.Op.
func (GatherElements) Name() string { return "GatherElements" }

// Elems implements graph.Typed.
func (GatherElements) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o GatherElements) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	n, err := commonBatch(in)
	if err != nil {
		return nil, err
	}
	x, index := in[0], in[1]
	if o.Axis < 1 || o.Axis >= len(x) || len(index) != len(x) {
		return nil, fmt.Errorf("indexes %v along dimension %d of %v", index, o.Axis, x)
	}
	for d := 1; d < len(x); d++ {
		if d != o.Axis && index[d] > x[d] || x[d] < 1 {
			return nil, fmt.Errorf("indexes %v are larger than %v in dimension %d", index, x, d)
		}
	}
	return []tensor.Shape{index.WithBatch(n)}, nil
}

// eachElement calls f with the place in a sample of x of each element of a sample of index.
func eachElement(x, index tensor.Shape, axis int, values []float32, f func(i, x int)) {
	step := strides(x)
	at := make([]int, len(index))
	for i, v := range values {
		place := 0
		for d := 1; d < len(at); d++ {
			k := at[d]
			if d == axis {
				k = indexOf(v, x[d])
			}
			place += k * step[d]
		}
		f(i, place)
		for d := len(at) - 1; d > 0; d-- {
			if at[d]++; at[d] < index[d] {
				break
			}
			at[d] = 0
		}
	}
}

// Forward implements graph.Op.
func (o GatherElements) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	for b := range out[0].Shape[0] {
		x, y := sampleOf(in[0], b), sampleOf(out[0], b)
		eachElement(in[0].Shape, in[1].Shape, o.Axis, sampleOf(in[1], b), func(i, k int) { y[i] = x[k] })
	}
}

// Backward implements graph.Differentiable.
func (o GatherElements) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	for b := range out[0].Shape[0] {
		dx, dy := sampleOf(din[0], b), sampleOf(dout[0], b)
		eachElement(in[0].Shape, in[1].Shape, o.Axis, sampleOf(in[1], b), func(i, k int) { dx[k] += dy[i] })
	}
}

// Grids implements GridRelater.
func (GatherElements) Grids() GridRelation { return InputGrid }

// WriteONNX implements ONNXWriter.
func (o GatherElements) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	w.Emit("GatherElements", withBatch(w, n, in, out), out, Attr{"axis", o.Axis})
}

var _ graph.Differentiable = GatherElements{}
