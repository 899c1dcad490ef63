package onnx

import (
	"math"
	"slices"
)

// ofNothing is what reductions of no elements are.
var ofNothing = map[string]float64{
	"ReduceL1": 0, "ReduceL2": 0, "ReduceSum": 0, "ReduceSumSquare": 0, "ReduceProd": 1, "ReduceLogSum": math.Inf(-1), "ReduceLogSumExp": math.Inf(-1),
	"ReduceMax": math.Inf(-1), "ReduceMin": math.Inf(1),
}

// foldEmpty reduces a constant without elements; done is false for other nodes.
func (n *node) foldEmpty(in []*array) (r *array, done bool, err error) {
	value, known := ofNothing[n.opType]
	if !known || len(in) == 0 || in[0] == nil || in[0].size() > 0 {
		return nil, false, nil
	}
	x := in[0]
	if math.IsInf(value, 0) && !x.isFloat() {
		return nil, true, n.fail(n.inputName(0), "the largest or least of no %s is not supported", typeName(x.typ))
	}
	var axes []int64
	if a := n.attr("axes"); a != nil {
		axes = a.ints
	} else if axes, err = n.integersOf(in, 1); err != nil {
		return nil, true, err
	}
	if len(axes) == 0 && n.attrInt("noop_with_empty_axes", 0) != 0 {
		return x, true, nil
	}
	over := make([]bool, len(x.dims))
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), len(x.dims))
		if err != nil {
			return nil, true, err
		}
		over[k] = true
	}
	dims := []int{}
	for k, d := range x.dims {
		switch {
		case len(axes) > 0 && !over[k]:
			dims = append(dims, d)
		case n.attrInt("keepdims", 1) != 0:
			dims = append(dims, 1)
		}
	}
	if r, err = n.alloc(x, dims); err != nil {
		return nil, true, err
	}
	fill(r, value)
	return r, true, nil
}

// fill sets all elements to a number.
func fill(r *array, value float64) {
	if r.isFloat() {
		copy(r.f, slices.Repeat([]float32{float32(value)}, len(r.f)))
		return
	}
	copy(r.i, slices.Repeat([]int64{int64(value)}, len(r.i)))
}
