package op

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestPicking compares operators that pick elements and put them back with values written
// down by hand.
func TestPicking(t *testing.T) {
	x := tensor.Of([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 2, 3, 2)
	row := tensor.Of([]float32{0, 1, 2, 3}, 1, 4)
	square := tensor.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 3, 3)
	twice := func(r ScatterMode) ScatterElements { return ScatterElements{Axis: 1, Reduce: r} }
	updates := []*tensor.Tensor{tensor.Of([]float32{2, 2, 2}, 1, 3), tensor.Of([]float32{1, 1, -1}, 1, 3), tensor.Of([]float32{5, 3, 7}, 1, 3)}
	for name, c := range sorted(map[string]struct {
		o    graph.Op
		in   []*tensor.Tensor
		want *tensor.Tensor
	}{
		"elements of each sample": {GatherElements{Axis: 1}, []*tensor.Tensor{x, tensor.Of([]float32{2, 0, 1, -1}, 2, 1, 2)}, tensor.Of([]float32{4, 1, 8, 11}, 2, 1, 2)},
		"elements of a parameter": {GatherElements{Axis: 1}, []*tensor.Tensor{row, tensor.Of([]float32{3, 1}, 2, 1)}, tensor.Of([]float32{3, 1}, 2, 1)},
		"indexes of a parameter":  {GatherElements{Axis: 2}, []*tensor.Tensor{x, tensor.Of([]float32{1, 0, 1}, 1, 3, 1)}, tensor.Of([]float32{1, 2, 5, 7, 8, 11}, 2, 3, 1)},
		"rows":                    {GatherND{Batch: 1}, []*tensor.Tensor{x, tensor.Of([]float32{2, 0}, 2, 1, 1)}, tensor.Of([]float32{4, 5, 6, 7}, 2, 1, 2)},
		"points":                  {GatherND{Batch: 1}, []*tensor.Tensor{x, tensor.Of([]float32{2, 1, 0, -1}, 1, 2, 2)}, tensor.Of([]float32{5, 1, 11, 7}, 2, 2)},
		"one for each row":        {GatherND{Batch: 2}, []*tensor.Tensor{x, tensor.Of([]float32{0, 1, 0, 1, 1, 1}, 2, 3, 1)}, tensor.Of([]float32{0, 3, 4, 7, 9, 11}, 2, 3)},
		"replaced":                {twice(Replace), updates, tensor.Of([]float32{2, 3, 7}, 1, 3)},
		"added":                   {twice(ScatterAdd), updates, tensor.Of([]float32{2, 10, 9}, 1, 3)},
		"multiplied":              {twice(ScatterMul), updates, tensor.Of([]float32{2, 30, 14}, 1, 3)},
		"the largest":             {twice(ScatterMax), updates, tensor.Of([]float32{2, 5, 7}, 1, 3)},
		"the least":               {twice(ScatterMin), updates, tensor.Of([]float32{2, 2, 2}, 1, 3)},
		"a row replaced":          {ScatterND{}, []*tensor.Tensor{x, tensor.Of([]float32{1}, 1, 1, 1), tensor.Of([]float32{-1, -2}, 1, 1, 2)}, tensor.Of([]float32{0, 1, -1, -2, 4, 5, 6, 7, -1, -2, 10, 11}, 2, 3, 2)},
		"a point added to":        {ScatterND{Reduce: ScatterAdd}, []*tensor.Tensor{row, tensor.Of([]float32{1, 1}, 1, 2, 1), tensor.Of([]float32{5, 6}, 1, 2)}, tensor.Of([]float32{0, 12, 2, 3}, 1, 4)},
		"a cache":                 {TensorScatter{Axis: 1}, []*tensor.Tensor{row, tensor.Of([]float32{8, 9}, 1, 2), tensor.Of([]float32{3}, 1)}, tensor.Of([]float32{0, 1, 2, 8}, 1, 4)},
		"a circular cache":        {TensorScatter{Axis: 1, Circular: true}, []*tensor.Tensor{row, tensor.Of([]float32{8, 9}, 1, 2), tensor.Of([]float32{3}, 1)}, tensor.Of([]float32{9, 1, 2, 8}, 1, 4)},
		"a cache of two":          {TensorScatter{Axis: 2, Batch: 1}, []*tensor.Tensor{tensor.Of([]float32{0, 1, 2, 3}, 1, 2, 2), tensor.Of([]float32{8, 9}, 1, 2, 1), tensor.Of([]float32{1, 0}, 1, 2)}, tensor.Of([]float32{0, 8, 9, 3}, 1, 2, 2)},
		"the upper triangle":      {Trilu{}, []*tensor.Tensor{square}, tensor.Of([]float32{1, 2, 3, 0, 5, 6, 0, 0, 9}, 1, 3, 3)},
		"below the diagonal":      {Trilu{Lower: true, K: -1}, []*tensor.Tensor{square}, tensor.Of([]float32{0, 0, 0, 4, 0, 0, 7, 8, 0}, 1, 3, 3)},
		"one hot":                 {OneHot{Axis: 1, Depth: 3, Off: -1, On: 2}, []*tensor.Tensor{tensor.Of([]float32{2, -3, 3, -4}, 1, 4)}, tensor.Of([]float32{-1, 2, -1, -1, -1, -1, -1, -1, 2, -1, -1, -1}, 1, 3, 4)},
		"turned around":           {ReverseSequence{Time: 1}, []*tensor.Tensor{x, tensor.Of([]float32{2, 9}, 2)}, tensor.Of([]float32{2, 3, 0, 1, 4, 5, 10, 11, 8, 9, 6, 7}, 2, 3, 2)},
		"the best":                {TopK{Axis: 1, K: 2}, []*tensor.Tensor{tensor.Of([]float32{1, 7, 3, 7, 0, 2}, 2, 3)}, tensor.Of([]float32{7, 3, 7, 2}, 2, 2)},
		"where the best are":      {TopK{Axis: 1, K: 2, Indexes: true}, []*tensor.Tensor{tensor.Of([]float32{1, 7, 7, 3, 3, 3}, 2, 3)}, tensor.Of([]float32{1, 2, 0, 1}, 2, 2)},
		"where the least are":     {TopK{Axis: 1, K: 1, Indexes: true, Least: true}, []*tensor.Tensor{x}, tensor.Of([]float32{0, 0, 0, 0}, 2, 1, 2)},
	}) {
		t.Run(name, func(t *testing.T) { equalWithin(t, forwardOf(t, c.o, c.in...), c.want, 0, "forward") })
	}
}

// TestScatterGradients checks each reduction with updates that meet, and the parameters of all samples.
func TestScatterGradients(t *testing.T) {
	rng := newRand(72)
	between := func(shape ...int) *tensor.Tensor { // none is one of spaced
		x := spaced(rng, shape...)
		for i := range x.Data {
			x.Data[i] += 0.25
		}
		return x
	}
	for r := Replace; r <= ScatterMin; r++ {
		checkGradients(t, ScatterElements{Axis: 1, Reduce: r}, rng, []*tensor.Tensor{spaced(rng, 2, 3), tensor.Of([]float32{1, 1, 0, 2, 2, 2}, 2, 3), between(2, 3)}, 1)
		checkGradients(t, ScatterND{Reduce: r}, rng, []*tensor.Tensor{spaced(rng, 2, 3, 2), tensor.Of([]float32{1, 2}, 1, 2, 1), between(1, 2, 2)}, 1)
	}
	checkGradients(t, GatherElements{Axis: 1}, rng, []*tensor.Tensor{normal(rng, 1, 3), tensor.Of([]float32{1, 1, 0, 2}, 2, 2)}, 1)
}

func TestPickingRefuses(t *testing.T) {
	x := tensor.Shape{2, 3, 4}
	checkRefusals(t, []refusal{
		{"along the batch", GatherElements{}, []tensor.Shape{x, x}, "dimension 0"},
		{"more than there are", GatherElements{Axis: 2}, []tensor.Shape{x, {2, 4, 1}}, "larger"},
		{"another batch", GatherElements{Axis: 2}, []tensor.Shape{x, {3, 3, 1}}, "batch"},
		{"a scalar", GatherElements{Axis: 2}, []tensor.Shape{x, {}}, "scalar"},
		{"too many indexes", GatherND{Batch: 1}, []tensor.Shape{x, {2, 3}}, "indexes"},
		{"other dimensions in common", GatherND{Batch: 2}, []tensor.Shape{x, {2, 4, 1}}, "common"},
		{"other updates", ScatterElements{Axis: 1}, []tensor.Shape{x, x, {2, 3, 3}}, "updates"},
		{"no updates", ScatterElements{Axis: 1}, []tensor.Shape{x, x}, "2 inputs"},
		{"an unknown reduction", ScatterElements{Axis: 1, Reduce: ScatterMin + 1}, []tensor.Shape{x, x, x}, "reduction 5"},
		{"more than there are", ScatterElements{Axis: 2}, []tensor.Shape{x, {2, 4, 1}, {2, 4, 1}}, "larger"},
		{"other updates", ScatterND{}, []tensor.Shape{x, {2, 5, 1}, {2, 5, 3}}, "updates"},
		{"updates beyond", TensorScatter{Axis: 1}, []tensor.Shape{x, {2, 4, 4}}, "updates"},
		{"a vector", Trilu{}, []tensor.Shape{{2, 3}}, "matrices"},
		{"nothing to make", OneHot{Axis: 1}, []tensor.Shape{{2, 3}}, "0 numbers"},
		{"before the batch", OneHot{Depth: 2}, []tensor.Shape{{2, 3}}, "dimension 0"},
		{"along the batch", ReverseSequence{}, []tensor.Shape{x, {2}}, "dimension 0"},
		{"other lengths", ReverseSequence{Time: 1}, []tensor.Shape{x, {2, 3}}, "lengths"},
		{"more than there are", TopK{Axis: 1, K: 4}, []tensor.Shape{x}, "best 4"},
	})
}
