package op

import (
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestSlice compares with indexes computed one by one.
func TestSlice(t *testing.T) {
	rng := newRand(61)
	for range 300 {
		in := tensor.Shape{1 + rng.IntN(3), 1 + rng.IntN(5), 1 + rng.IntN(6), 1 + rng.IntN(7)}[:2+rng.IntN(3)]
		o := randomSlice(rng, in)
		x := normal(rng, in...)
		y := forwardOf(t, o, x)
		index := make([]int, len(in))
		for i, got := range y.Data {
			at := 0
			for d, rest := len(in)-1, i; d >= 0; d-- {
				index[d], rest = rest%y.Shape[d], rest/y.Shape[d]
			}
			for d, n := range in {
				at = at*n + o.Before[d] + index[d]*o.Step[d]
			}
			if got != x.Data[at] {
				t.Fatalf("%+v of %v: output %d is %v, want %v", o, in, i, got, x.Data[at])
			}
		}
		for d, n := range y.Shape {
			if last := o.Before[d] + (n-1)*o.Step[d]; last >= in[d]-o.After[d] || last+o.Step[d] < in[d]-o.After[d] {
				t.Fatalf("%+v of %v: %d of dimension %d", o, in, n, d)
			}
		}
	}
}

func randomSlice(rng *rand.Rand, in tensor.Shape) Slice {
	o := Slice{[]int{0}, []int{0}, []int{1}}
	for _, n := range in[1:] {
		before := rng.IntN(n)
		o.Before, o.After, o.Step = append(o.Before, before), append(o.After, rng.IntN(n-before)), append(o.Step, 1+rng.IntN(3))
	}
	return o
}

// TestSliceMerge joins two slices into one that selects the same.
func TestSliceMerge(t *testing.T) {
	rng := newRand(62)
	joined := 0
	for range 300 {
		in := tensor.Shape{1, 1 + rng.IntN(9), 1 + rng.IntN(9), 1 + rng.IntN(9)}[:2+rng.IntN(3)]
		first := randomSlice(rng, in)
		x := normal(rng, in...)
		y := forwardOf(t, first, x)
		second := randomSlice(rng, y.Shape)
		want := forwardOf(t, second, y)
		if o, ok := second.Merge(first); ok {
			joined++
			got := forwardOf(t, o, x)
			if !got.Shape.Equal(want.Shape) || !slices.Equal(got.Data, want.Data) {
				t.Fatalf("%+v, then %+v, of %v: %+v", first, second, in, o)
			}
		}
	}
	if joined < 100 {
		t.Errorf("only %d pairs were joined", joined)
	}
}

func TestSliceRefuses(t *testing.T) {
	x := tensor.Shape{1, 4, 5}
	for name, o := range map[string]Slice{
		"another rank":    {[]int{0, 0}, []int{0, 0}, []int{1, 1}},
		"everything":      {[]int{0, 2, 0}, []int{0, 2, 0}, []int{1, 1, 1}},
		"negative":        {[]int{0, -1, 0}, []int{0, 0, 0}, []int{1, 1, 1}},
		"a step of 0":     {[]int{0, 0, 0}, []int{0, 0, 0}, []int{1, 0, 1}},
		"the batch":       {[]int{0, 0, 0}, []int{0, 0, 0}, []int{2, 1, 1}},
		"missing steps":   {[]int{0, 0, 0}, []int{0, 0, 0}, nil},
		"before the rest": {[]int{1, 0, 0}, []int{0, 0, 0}, []int{1, 1, 1}},
	} {
		if s, err := o.Infer([]tensor.Shape{x}); err == nil {
			t.Errorf("%s: accepted as %v", name, s)
		}
	}
}

// TestSliceIdentity: a dimension of which everything is taken backwards is not what it was.
func TestSliceIdentity(t *testing.T) {
	x := &graph.Value{Shape: tensor.Shape{1, 3}}
	for step, want := range map[int]bool{1: true, -1: false} {
		o := Slice{Before: []int{0, 0}, After: []int{0, 0}, Step: []int{1, step}}
		if got := o.IsIdentity(&graph.Node{Op: o, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{x}}); got != want {
			t.Errorf("step %d: identity %v", step, got)
		}
	}
}
