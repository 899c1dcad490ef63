package onnx

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// logicCases compare, choose, round, and go on from it.
func logicCases() []ownCase {
	pick := func(f func(x float64) float64) func([]float32) []float32 { return each(f) }
	return []ownCase{
		{"a choice between activations", on(13, 4).node("Tanh", "x", "t").floats("z", nil, 0).node("Greater", "t,z", "g").node("Where", "g,t,x", "y"), []int{4},
			pick(func(v float64) float64 {
				if v > 0 {
					return math.Tanh(v)
				}
				return v
			})},
		{"a choice by two conditions", on(13, 4).floats("lo", nil, -0.5).floats("hi", []int{1}, 0.5).node("Less", "x,lo", "l").node("GreaterOrEqual", "x,hi", "g").node("Or", "l,g", "o").node("Not", "o", "n").
			node("Xor", "n,l", "e").node("And", "e,n", "a").floats("k", nil, 7).node("Where", "a,k,x", "y"), []int{4},
			pick(func(v float64) float64 {
				if v >= -0.5 && v < 0.5 {
					return 7
				}
				return v
			})},
		{"the class goes on", on(13, 3).node("ArgMax", "x", "a", attribute{"axis", 1}, attribute{"keepdims", 1}).node("Cast", "a", "f", attribute{"to", typeFloat}).node("Mul", "x,f", "y"), []int{3},
			func(x []float32) []float32 {
				best := 0
				for i, v := range x {
					if v > x[best] {
						best = i
					}
				}
				return affine(x, []float32{float32(best)}, []float32{0})
			}},
		{"a mask of the batch", on(13, 3).floats("z", nil, 0).node("Equal", "x,x", "e").node("Not", "e", "n").floats("low", nil, float32(math.Inf(-1))).node("Where", "n,low,x", "s").node("Softmax", "s", "y"), []int{3}, softmaxOf},
		{"powers of activations", on(13, 2).node("Abs", "x", "a").node("Pow", "a,x", "y"), []int{2}, pick(func(v float64) float64 { return math.Pow(math.Abs(v), v) })},
		{"remainders", on(13, 2).floats("k", nil, 0.75).node("Mod", "x,k", "y", attribute{"fmod", 1}), []int{2}, pick(func(v float64) float64 { return math.Mod(v, 0.75) })},
		{"Clip between activations", on(13, 3).node("Neg", "x", "n").node("Abs", "x", "a").floats("lo", nil, -9).node("Clip", "n,lo,a", "y"), []int{3}, pick(func(v float64) float64 { return -v })},
		{"Mean", on(13, 2).node("Abs", "x", "a").floats("k", nil, 3).node("Mean", "x,a,k", "y"), []int{2}, pick(func(v float64) float64 { return (v + math.Abs(v) + 3) / 3 })},
		{"Celu", on(12, 2).node("Celu", "x", "y", attribute{"alpha", float32(2)}), []int{2}, pick(func(v float64) float64 { return math.Max(v, 0) + math.Min(0, 2*math.Expm1(v/2)) })},
		{"PRelu", on(16, 2, 2).floats("s", []int{2, 1}, 0.25, -1).node("PRelu", "x,s", "y"), []int{2, 2}, func(x []float32) []float32 {
			y := make([]float32, 4)
			for i, v := range x {
				if y[i] = v; v < 0 {
					y[i] = v * []float32{0.25, 0.25, -1, -1}[i]
				}
			}
			return y
		}},
		{"Round", on(11, 3).floats("k", nil, 4).node("Mul", "x,k", "m").node("Round", "m", "r").node("Floor", "r", "f").node("Div", "f,k", "y"), []int{3}, pick(func(v float64) float64 { return math.RoundToEven(4*v) / 4 })},
	}
}

// TestClassOfAnInput: a network that is a decision on its input, and nothing else, computes it.
func TestClassOfAnInput(t *testing.T) {
	for want, m := range map[float32]*modelBuilder{
		2: on(13, 4).node("ArgMax", "x", "y", attribute{"axis", 1}),
		1: on(13, 4).node("ArgMin", "x", "y", attribute{"axis", 1}, attribute{"keepdims", 0}),
	} {
		g, err := Decode(m.output("y").bytes(), "m")
		if err != nil {
			t.Fatal(err)
		}
		out, err := forward(g, tensor.Of([]float32{3, -2, 5, 4}, 1, 4))
		if err != nil {
			t.Fatal(err)
		}
		if out[0].Data[0] != want || g.Outputs[0].Elem != graph.Integer {
			t.Errorf("the class is %v of kind %d, want %v", out[0].Data, g.Outputs[0].Elem, want)
		}
	}
}
