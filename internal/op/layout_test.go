package op

import (
	"fmt"
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

func TestLayoutForward(t *testing.T) {
	count := func(shape ...int) *tensor.Tensor {
		x := tensor.New(shape...)
		for i := range x.Data {
			x.Data[i] = float32(i)
		}
		return x
	}
	cases := []struct {
		op   graph.Op
		in   []*tensor.Tensor
		want *tensor.Tensor
	}{
		{Reshape{Shape: []int{3, 2}}, []*tensor.Tensor{count(1, 2, 3)}, tensor.Of([]float32{0, 1, 2, 3, 4, 5}, 1, 3, 2)},
		{Transpose{Perm: []int{0, 2, 1}}, []*tensor.Tensor{count(2, 2, 3)}, tensor.Of([]float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}, 2, 3, 2)},
		{Concat{Axis: 1}, []*tensor.Tensor{count(2, 1), count(2, 2)}, tensor.Of([]float32{0, 0, 1, 1, 2, 3}, 2, 3)},
		{Concat{Axis: 2}, []*tensor.Tensor{count(1, 2, 1), count(1, 2, 2)}, tensor.Of([]float32{0, 0, 1, 1, 2, 3}, 1, 2, 3)},
		{Concat{Axis: 1}, []*tensor.Tensor{count(1, 1), count(2, 2)}, tensor.Of([]float32{0, 0, 1, 0, 2, 3}, 2, 3)},
		{Concat{Axis: 2}, []*tensor.Tensor{count(2, 2, 1), count(1, 2, 1)}, tensor.Of([]float32{0, 0, 1, 1, 2, 0, 3, 1}, 2, 2, 2)},
		{Tile{Repeats: []int{1, 2, 2}}, []*tensor.Tensor{count(1, 2, 2)}, tensor.Of([]float32{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3}, 1, 4, 4)},
		{Tile{Repeats: []int{1, 3}}, []*tensor.Tensor{count(2, 1)}, tensor.Of([]float32{0, 0, 0, 1, 1, 1}, 2, 3)},
		{Slice{Before: []int{0, 1}, After: []int{0, 0}, Step: []int{1, -2}}, []*tensor.Tensor{count(2, 4)}, tensor.Of([]float32{3, 1, 7, 5}, 2, 2)},
		{Pad{Before: []int{0, 1}, After: []int{0, 2}, Value: 9}, []*tensor.Tensor{count(2, 2)}, tensor.Of([]float32{9, 0, 1, 9, 9, 9, 2, 3, 9, 9}, 2, 5)},
		{Pad{Before: []int{0, 0, 1}, After: []int{0, 1, 0}, Value: -1}, []*tensor.Tensor{count(1, 1, 2)}, tensor.Of([]float32{-1, 0, 1, -1, -1, -1}, 1, 2, 3)},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.op.Name(), c.want.Shape), func(t *testing.T) { equalWithin(t, forwardOf(t, c.op, c.in...), c.want, 0, "forward") })
	}
}

// TestTransposeIndex compares every element of a permuted tensor.
func TestTransposeIndex(t *testing.T) {
	x := normal(newRand(12), 2, 3, 4, 5)
	for _, perm := range [][]int{{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1}, {0, 1, 3, 2}, {0, 2, 1, 3}} {
		out := forwardOf(t, Transpose{Perm: perm}, x)
		offset := func(s tensor.Shape, i [4]int) int { return ((i[0]*s[1]+i[1])*s[2]+i[2])*s[3] + i[3] }
		var at [4]int
		for n := range x.Data {
			at = [4]int{n / 60, n / 20 % 3, n / 5 % 4, n % 5}
			var to [4]int
			for d, p := range perm {
				to[d] = at[p]
			}
			if got := out.Data[offset(out.Shape, to)]; got != x.Data[n] {
				t.Fatalf("permutation %v: element %v is %v, want %v", perm, to, got, x.Data[n])
			}
		}
	}
}

func TestLayoutGradients(t *testing.T) {
	rng := newRand(13)
	cases := []struct {
		op graph.Differentiable
		in []*tensor.Tensor
	}{
		{Reshape{Shape: []int{4, 3}}, []*tensor.Tensor{normal(rng, 2, 3, 2, 2)}},
		{Transpose{Perm: []int{0, 3, 1, 2}}, []*tensor.Tensor{normal(rng, 2, 2, 3, 4)}},
		{Concat{Axis: 1}, []*tensor.Tensor{normal(rng, 2, 1, 2, 2), normal(rng, 2, 3, 2, 2), normal(rng, 2, 2, 2, 2)}},
		{Concat{Axis: 2}, []*tensor.Tensor{normal(rng, 2, 2, 1), normal(rng, 1, 2, 2)}},
		{Slice{Before: []int{0, 1, 0}, After: []int{0, 0, 1}, Step: []int{1, -1, -2}}, []*tensor.Tensor{normal(rng, 2, 3, 5)}},
		{Concat{Axis: 3}, []*tensor.Tensor{normal(rng, 2, 2, 2, 1), normal(rng, 2, 2, 2, 3)}},
		{Pad{Before: []int{0, 1, 0, 2}, After: []int{0, 0, 3, 1}, Value: 2}, []*tensor.Tensor{normal(rng, 2, 2, 3, 2)}},
		{Softmax{Axis: 1}, []*tensor.Tensor{normal(rng, 3, 7)}},
		{Softmax{Axis: -1}, []*tensor.Tensor{normal(rng, 2, 3, 4)}},
		{Softmax{Axis: 1}, []*tensor.Tensor{normal(rng, 2, 3, 2, 2)}},
		{Softmax{Axis: -3}, []*tensor.Tensor{normal(rng, 2, 3, 2, 2)}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.op.Name(), c.in[0].Shape), func(t *testing.T) { checkGradients(t, c.op, rng, c.in) })
	}
	variance := normal(rng, 3)
	for i, v := range variance.Data {
		variance.Data[i] = 0.5 + v*v
	}
	for _, x := range []tensor.Shape{{2, 3}, {2, 3, 4}, {2, 3, 2, 3}} {
		in := []*tensor.Tensor{normal(rng, x...), normal(rng, 3), normal(rng, 3), normal(rng, 3), variance}
		checkGradients(t, BatchNorm{Epsilon: 1e-3}, rng, in, 3, 4)
	}
}

func TestBatchNormEqualsItsDefinition(t *testing.T) {
	rng := newRand(14)
	x, p := normal(rng, 2, 3, 2, 2), [4]*tensor.Tensor{normal(rng, 3), normal(rng, 3), normal(rng, 3), tensor.Of([]float32{0.5, 2, 0}, 3)}
	const eps = 1e-2
	want := tensor.New(x.Shape...)
	for i, v := range x.Data {
		c := i / 4 % 3
		want.Data[i] = float32(float64(p[0].Data[c])*(float64(v)-float64(p[2].Data[c]))/math.Sqrt(float64(p[3].Data[c])+eps) + float64(p[1].Data[c]))
	}
	equalWithin(t, forwardOf(t, BatchNorm{Epsilon: eps}, x, p[0], p[1], p[2], p[3]), want, sumTol, "BatchNorm")
}

// TestSoftmaxRange: large inputs neither overflow nor lose their order.
func TestSoftmaxRange(t *testing.T) {
	out := forwardOf(t, Softmax{Axis: 1}, tensor.Of([]float32{1000, 999, -1000, 5, 5, 5}, 2, 3))
	e := float32(1 / (1 + math.Exp(-1)))
	equalWithin(t, out, tensor.Of([]float32{e, 1 - e, 0, 1. / 3, 1. / 3, 1. / 3}, 2, 3), 1e-6, "softmax")
}

func TestLayoutRefuses(t *testing.T) {
	x := tensor.Shape{1, 2, 3}
	checkRefusals(t, []refusal{
		{"other size", Reshape{Shape: []int{7}}, []tensor.Shape{x}, "6"},
		{"a scalar", Reshape{Shape: []int{1}}, []tensor.Shape{{}}, "sample"},
		{"no permutation", Transpose{Perm: []int{0, 1, 1}}, []tensor.Shape{x}, "permutation"},
		{"a short permutation", Transpose{Perm: []int{0, 1}}, []tensor.Shape{x}, "permutation"},
		{"the batch moved", Transpose{Perm: []int{1, 0, 2}}, []tensor.Shape{x}, "batch"},
		{"no inputs", Concat{Axis: 1}, nil, "no inputs"},
		{"the batch joined", Concat{Axis: 0}, []tensor.Shape{x, x}, "axis 0"},
		{"an axis beyond", Concat{Axis: 3}, []tensor.Shape{x, x}, "axis 3"},
		{"other shapes", Concat{Axis: 1}, []tensor.Shape{x, {1, 2, 4}}, "input 1"},
		{"another rank", Concat{Axis: 1}, []tensor.Shape{x, {1, 2}}, "input 1"},
		{"another batch", Concat{Axis: 1}, []tensor.Shape{{2, 3}, {3, 3}}, "input 1"},
		{"a repeated batch", Tile{Repeats: []int{2, 1, 1}}, []tensor.Shape{x}, "batch"},
		{"no copy", Tile{Repeats: []int{1, 0, 1}}, []tensor.Shape{x}, "one or more"},
		{"few repeats", Tile{Repeats: []int{1, 1}}, []tensor.Shape{x}, "each dimension"},
		{"few pads", Pad{Before: []int{0}, After: []int{0}}, []tensor.Shape{x}, "pads"},
		{"a padded batch", Pad{Before: []int{1, 0, 0}, After: []int{0, 0, 0}}, []tensor.Shape{x}, "batch"},
		{"negative pads", Pad{Before: []int{0, -1, 0}, After: []int{0, 0, 0}}, []tensor.Shape{x}, "negative"},
		{"an axis beyond", Softmax{Axis: 3}, []tensor.Shape{x}, "axis 3"},
		{"an axis beyond", Softmax{Axis: -4}, []tensor.Shape{x}, "axis -4"},
		{"no channels", BatchNorm{}, []tensor.Shape{{4}, {4}, {4}, {4}, {4}}, "channels"},
		{"short statistics", BatchNorm{}, []tensor.Shape{x, {2}, {2}, {3}, {2}}, "input 3"},
		{"no statistics", BatchNorm{}, []tensor.Shape{x}, "1 inputs"},
		{"two inputs", Table{}, []tensor.Shape{x, x}, "1 input"},
	})
}
