package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// arity returns an error unless there are between lo and hi inputs and the
// first lo are present.
func arity(in []tensor.Shape, lo, hi int) error {
	if len(in) < lo || len(in) > hi {
		if lo == hi {
			return fmt.Errorf("has %d inputs, needs %d", len(in), lo)
		}
		return fmt.Errorf("has %d inputs, needs %d to %d", len(in), lo, hi)
	}
	for i := 0; i < lo; i++ {
		if in[i] == nil {
			return fmt.Errorf("input %d is missing", i)
		}
	}
	return nil
}

// at returns ts[i], or nil when it is absent.
func at(ts []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(ts) {
		return ts[i]
	}
	return nil
}

// optional returns input i of n, nil when it is absent.
func optional(n *graph.Node, i int) *graph.Value {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return nil
}

// add sets dst += src; dst may be longer.
func add(dst, src []float32) { vec.Add(dst[:len(src)], src) }

// checkBias verifies an optional bias of n elements.
func checkBias(in []tensor.Shape, n int) error {
	if len(in) > 2 && in[2] != nil && in[2].Size() != n {
		return fmt.Errorf("bias has shape %v, needs %d elements", in[2], n)
	}
	return nil
}

// orOne returns v, or 1 for the 0 of an attribute that was left out.
func orOne(v int) int {
	if v == 0 {
		return 1
	}
	return v
}
