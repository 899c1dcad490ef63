package op

import (
	"fmt"
	"sort"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TopK gives the K largest elements of dimension Axis >= 1 of x, or the least, in order; of
// equal ones the first comes first. With Indexes it gives where they are instead: whole
// numbers, without a gradient.
type TopK struct {
	Axis, K int
	Least   bool
	Indexes bool
}

// Name implements graph.Op.
func (TopK) Name() string { return "TopK" }

// Elems implements graph.Typed.
func (o TopK) Elems(in []graph.Elem) []graph.Elem {
	if o.Indexes {
		return []graph.Elem{graph.Integer}
	}
	return in[:1]
}

// Infer implements graph.Op.
func (o TopK) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Axis < 1 || o.Axis >= len(x) || o.K < 1 || o.K > x[o.Axis] {
		return nil, fmt.Errorf("the best %d along dimension %d of %v", o.K, o.Axis, x)
	}
	y := x.Clone()
	y[o.Axis] = o.K
	return []tensor.Shape{y}, nil
}

// walk calls f with the place of each output, that of its input, and its index along Axis.
func (o TopK) walk(x *tensor.Tensor, f func(y, x, k int)) {
	n, inner := x.Shape[o.Axis], x.Shape[o.Axis+1:].Size()
	order := make([]int, n)
	for row := range x.Shape[:o.Axis].Size() * inner {
		block, i := row/inner, row%inner
		at := func(k int) int { return (block*n+k)*inner + i }
		for k := range order {
			order[k] = k
		}
		sort.SliceStable(order, func(a, b int) bool {
			p, q := x.Data[at(order[a])], x.Data[at(order[b])]
			if o.Least {
				return p < q
			}
			return p > q
		})
		for r, k := range order[:o.K] {
			f((block*o.K+r)*inner+i, at(k), k)
		}
	}
}

// Forward implements graph.Op.
func (o TopK) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.walk(in[0], func(y, x, k int) {
		if o.Indexes {
			out[0].Data[y] = float32(k)
		} else {
			out[0].Data[y] = in[0].Data[x]
		}
	})
}

// Backward implements graph.Differentiable.
func (o TopK) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] != nil && !o.Indexes {
		o.walk(in[0], func(y, x, _ int) { din[0].Data[x] += dout[0].Data[y] })
	}
}

// Grids implements GridRelater.
func (o TopK) Grids() GridRelation {
	if o.Indexes {
		return OwnGrid
	}
	return InputGrid
}

// WriteONNX implements ONNXWriter.
func (o TopK) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	values, indexes := out, ""
	if o.Indexes {
		values, indexes = w.Fresh(out+"_values"), out
	}
	w.EmitAll("TopK", append(in, w.Int64s(out+"_k", []int{o.K})), []string{values, indexes}, Attr{"axis", o.Axis}, Attr{"largest", bit(!o.Least)})
}

var _ graph.Differentiable = TopK{}
