package op

import (
	"math"
	"testing"

	"edgec/internal/tensor"
)

// TestGather compares with values written down by hand.
func TestGather(t *testing.T) {
	table := tensor.Of([]float32{0, 1, 10, 11, 20, 21}, 3, 2)
	x := tensor.Of([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 2, 3, 2)
	for name, c := range sorted(map[string]struct {
		o    Gather
		in   []*tensor.Tensor
		want *tensor.Tensor
	}{
		"rows of a table": {Gather{}, []*tensor.Tensor{table, tensor.Of([]float32{2, 0, 0, -1}, 2, 2)},
			tensor.Of([]float32{20, 21, 0, 1, 0, 1, 20, 21}, 2, 2, 2)},
		"indexes outside": {Gather{}, []*tensor.Tensor{table, tensor.Of([]float32{3, -4, nan, float32(math.Inf(1))}, 1, 4)},
			tensor.Of([]float32{20, 21, 0, 1, 0, 1, 20, 21}, 1, 4, 2)},
		"constant indexes": {Gather{Axis: 1, Index: []int{2, 0, -2}}, []*tensor.Tensor{x},
			tensor.Of([]float32{4, 5, 0, 1, 2, 3, 10, 11, 6, 7, 8, 9}, 2, 3, 2)},
		"constant indexes of the last dimension": {Gather{Axis: 2, Index: []int{1}}, []*tensor.Tensor{x}, tensor.Of([]float32{1, 3, 5, 7, 9, 11}, 2, 3, 1)},
		"indexes of each sample":                 {Gather{Axis: 1}, []*tensor.Tensor{x, tensor.Of([]float32{1, 2}, 2, 1)}, tensor.Of([]float32{2, 3, 10, 11}, 2, 1, 2)},
		"one index of each sample":               {Gather{Axis: 1}, []*tensor.Tensor{x, tensor.Of([]float32{1, 2}, 2)}, tensor.Of([]float32{2, 3, 10, 11}, 2, 2)},
		"indexes of each sample, behind others": {Gather{Axis: 2}, []*tensor.Tensor{x, tensor.Of([]float32{1, 0, 0, 0}, 2, 1, 2)},
			tensor.Of([]float32{1, 0, 3, 2, 5, 4, 6, 6, 8, 8, 10, 10}, 2, 3, 1, 2)},
	}) {
		t.Run(name, func(t *testing.T) { equalWithin(t, forwardOf(t, c.o, c.in...), c.want, 0, "forward") })
	}
}

func TestGatherGradients(t *testing.T) {
	rng := newRand(71)
	checkGradients(t, Gather{Axis: 2, Index: []int{1, 1, 0}}, rng, []*tensor.Tensor{normal(rng, 2, 2, 3, 2)})
	checkGradients(t, Gather{Axis: 2}, rng, []*tensor.Tensor{normal(rng, 2, 2, 3, 2), tensor.Of([]float32{2, 2, 0, 1}, 2, 2)}, 1)
}

func TestGatherRefuses(t *testing.T) {
	x := tensor.Shape{2, 3, 4}
	checkRefusals(t, []refusal{
		{"a dimension beyond", Gather{Axis: 3}, []tensor.Shape{x, {2, 1}}, "dimension 3"},
		{"constants along the batch", Gather{Index: []int{0}}, []tensor.Shape{x}, "dimension 0"},
		{"an index beyond", Gather{Axis: 1, Index: []int{3}}, []tensor.Shape{x}, "index 3"},
		{"an index before", Gather{Axis: 1, Index: []int{-4}}, []tensor.Shape{x}, "index -4"},
		{"no indexes", Gather{Axis: 1}, []tensor.Shape{x}, "1 input"},
		{"indexes twice", Gather{Axis: 1, Index: []int{0}}, []tensor.Shape{x, {2, 1}}, "2 inputs"},
		{"another batch", Gather{Axis: 1}, []tensor.Shape{x, {1, 2}}, "batch"},
		{"no batch", Gather{}, []tensor.Shape{x, {}}, "batch"},
	})
}
