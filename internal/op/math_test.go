package op

import (
	"maps"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

func init() {
	maps.Copy(notLowered, map[string]string{
		"Hardmax":   "the device has no instruction for it; files end with the scores before it",
		"MatMul":    "the device has no product of two activations yet",
		"Normalize": "the device has no instruction for it yet",
	})
}

// mathGradients are the gradient cases of arithmetic, reductions and normalizations.
func mathGradients() []gradientCase {
	rng := newRand(33)
	x := func(shape ...int) *tensor.Tensor { return normal(rng, shape...) }
	of := func(o graph.Differentiable, in ...*tensor.Tensor) gradientCase { return gradientCase{op: o, in: in} }
	return []gradientCase{
		of(Normalize{Axis: 1, Epsilon: 0.125}, x(2, 5)),
		of(MatMul{}, x(2, 3, 4), x(2, 4, 2)), of(Reduce{Kind: Sum, Axes: []int{1}}, x(2, 3, 2)),
	}
}
