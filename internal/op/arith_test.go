package op

import (
	"fmt"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// broadcastCases are pairs of shapes and their common one.
var broadcastCases = []struct{ a, b, out tensor.Shape }{
	{tensor.Shape{2, 3, 4, 5}, tensor.Shape{2, 3, 4, 5}, tensor.Shape{2, 3, 4, 5}},
	{tensor.Shape{2, 3, 4, 5}, tensor.Shape{3, 1, 1}, tensor.Shape{2, 3, 4, 5}},
	{tensor.Shape{1, 3, 1, 1}, tensor.Shape{2, 3, 2, 2}, tensor.Shape{2, 3, 2, 2}},
	{tensor.Shape{2, 3, 1, 1}, tensor.Shape{2, 3, 4, 5}, tensor.Shape{2, 3, 4, 5}},
	{tensor.Shape{2, 3, 4}, tensor.Shape{}, tensor.Shape{2, 3, 4}},
	{tensor.Shape{}, tensor.Shape{}, tensor.Shape{}},
	{tensor.Shape{1}, tensor.Shape{2, 2}, tensor.Shape{2, 2}},
	{tensor.Shape{2, 5}, tensor.Shape{5}, tensor.Shape{2, 5}},
	{tensor.Shape{2, 1, 4}, tensor.Shape{1, 3, 1}, tensor.Shape{2, 3, 4}},
	{tensor.Shape{3, 1, 2, 1, 2}, tensor.Shape{1, 2, 2, 3, 1}, tensor.Shape{3, 2, 2, 3, 2}},
	{tensor.Shape{4, 1}, tensor.Shape{3}, tensor.Shape{4, 3}},
	{tensor.Shape{2, 1, 1, 3}, tensor.Shape{2, 4, 5, 1}, tensor.Shape{2, 4, 5, 3}},
}

// broadcastTo repeats x, element by element.
func broadcastTo(x *tensor.Tensor, shape tensor.Shape) []float32 {
	out := make([]float32, shape.Size())
	for i := range out {
		rest, at, size := i, 0, 1
		for d := 1; d <= len(shape); d++ {
			n := shape[len(shape)-d]
			if d <= len(x.Shape) {
				m := x.Shape[len(x.Shape)-d]
				if m > 1 {
					at += rest % n * size
				}
				size *= m
			}
			rest /= n
		}
		out[i] = x.Data[at]
	}
	return out
}

func TestArithmetic(t *testing.T) {
	ops := []struct {
		op graph.Differentiable
		f  func(a, b float32) float32
	}{
		{Add{}, func(a, b float32) float32 { return a + b }},
		{Sub{}, func(a, b float32) float32 { return a - b }},
		{Mul{}, func(a, b float32) float32 { return a * b }},
		{Div{}, func(a, b float32) float32 { return a / b }},
	}
	for _, o := range ops {
		for _, c := range broadcastCases {
			t.Run(fmt.Sprint(o.op.Name(), c.a, c.b), func(t *testing.T) {
				rng := newRand(8)
				a, b := normal(rng, c.a...), normal(rng, c.b...)
				for i, v := range b.Data { // away from zero, for the division
					if b.Data[i] = v + 2; v < 0 {
						b.Data[i] = v - 2
					}
				}
				out := forwardOf(t, o.op, a, b)
				want := tensor.New(c.out...)
				left, right := broadcastTo(a, c.out), broadcastTo(b, c.out)
				for i := range want.Data {
					want.Data[i] = o.f(left[i], right[i])
				}
				equalWithin(t, out, want, 0, "forward")
				checkGradients(t, o.op, rng, []*tensor.Tensor{a, b})
			})
		}
	}
}

// TestArithmeticOfOneValue: both operands may be the same, as in x * x.
func TestArithmeticOfOneValue(t *testing.T) {
	x := normal(newRand(9), 2, 3)
	dx := tensor.New(2, 3)
	in, out := []*tensor.Tensor{x, x}, []*tensor.Tensor{forwardOf(t, Mul{}, x, x)}
	dout := normal(newRand(10), 2, 3)
	Mul{}.Backward(new(graph.Scratch), []*tensor.Tensor{dx, dx}, in, out, []*tensor.Tensor{dout})
	want := tensor.New(2, 3)
	for i, v := range x.Data {
		want.Data[i] = 2 * v * dout.Data[i]
	}
	equalWithin(t, dx, want, sumTol, "gradient of x*x")
}

func TestArithmeticClamp(t *testing.T) {
	rng := newRand(11)
	for _, c := range clamps {
		for _, s := range broadcastCases[:4] {
			in := []*tensor.Tensor{normal(rng, s.a...), normal(rng, s.b...)}
			checkClamp(t, Add{Clamp: c}, Add{}, c, rng, in)
			checkClamp(t, Sub{Clamp: c}, Sub{}, c, rng, in)
		}
	}
}

func TestArithmeticRefuses(t *testing.T) {
	for _, o := range []graph.Op{Add{}, Sub{}, Mul{}, Div{}} {
		checkRefusals(t, []refusal{
			{"one operand", o, []tensor.Shape{{2, 3}}, "1 inputs"},
			{"other sizes", o, []tensor.Shape{{2, 3}, {2, 4}}, "broadcast"},
		})
	}
}
