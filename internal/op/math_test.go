package op

import (
	"maps"
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

func init() {
	maps.Copy(notLowered, map[string]string{
		"Cumulate": "the device has no instruction for it yet",
		"Hardmax":  "the device has no instruction for it; files end with the scores before it",
	})
}

// mathGradients are the gradient cases of arithmetic, reductions and normalizations.
func mathGradients() []gradientCase {
	rng := newRand(33)
	x := func(shape ...int) *tensor.Tensor { return normal(rng, shape...) }
	of := func(o graph.Differentiable, in ...*tensor.Tensor) gradientCase { return gradientCase{op: o, in: in} }
	positive := func(shape ...int) *tensor.Tensor { return positives(rng, shape...) }
	apart := func() *tensor.Tensor { return spaced(rng, 2, 7) }
	whole := func() *tensor.Tensor { return tensor.Of([]float32{-1.75, -0.25, 0.25, 2.25}, 2, 2) } // away from the steps
	large := func() *tensor.Tensor { return tensor.Of([]float32{1.5, 2, 2.5, 3}, 2, 2) }
	small := func() *tensor.Tensor {
		p := positive(2, 3)
		for i := range p.Data {
			p.Data[i] = (p.Data[i] - 1) / 2
		}
		return p
	}
	return []gradientCase{
		of(Log{}, positive(2, 3)), of(Reciprocal{}, large()), of(Floor{}, whole()), of(Ceil{}, whole()), of(Round{}, whole()), of(Sign{}, apart()), of(Sin{}, x(2, 3)), of(Cos{}, x(2, 3)),
		of(Tan{}, small()), of(Asin{}, small()), of(Acos{}, small()), of(Atan{}, x(2, 3)), of(Sinh{}, x(2, 3)), of(Cosh{}, x(2, 3)), of(Asinh{}, x(2, 3)),
		of(Acosh{}, tensor.Of([]float32{2, 3, 4, 5}, 2, 2)), of(Atanh{}, small()), of(Softplus{}, x(2, 3)), of(Mish{}, x(2, 3)), of(Swish{Alpha: 2}, x(2, 3)), of(Selu{Alpha: 1.5, Gamma: 1.25}, apart()),
		of(Celu{Alpha: 2}, apart()), of(Elu{Alpha: 0.5}, apart()), of(ThresholdedRelu{Alpha: 1}, apart()), of(Shrink{Lambda: 1, Bias: 0.5}, apart()), of(Not{}, apart()), of(IsNaN{}, apart()), of(IsInf{}, apart()),
		of(Pow{}, large(), x(2, 1)), of(Maximum{}, apart(), tensor.Of([]float32{0.125}, 1)), of(Minimum{}, apart(), tensor.Of([]float32{0.125}, 1)),
		of(Mod{}, tensor.Of([]float32{-3.5, 2.25, 7, 0.5}, 2, 2), tensor.Of([]float32{2, 3}, 2)), of(Quotient{}, tensor.Of([]float32{-3.5, 2.5, 7, 0.5}, 2, 2), tensor.Of([]float32{2, 2}, 2)),
		of(Compare{Is: Less}, apart(), tensor.Of([]float32{0.125}, 1)), {Where{}, []*tensor.Tensor{tensor.Of([]float32{1, 0, 1}, 3), x(2, 3), x(2, 1)}, []int{0}},
		of(Cumulate{Axis: 1, Reverse: true}, x(2, 4, 2)),
		of(Normalize{Axis: 1, Epsilon: 0.125}, x(2, 5)),
		of(MatMul{}, x(2, 3, 4), x(2, 4, 2)), of(Reduce{Kind: Sum, Axes: []int{1}}, x(2, 3, 2)),
	}
}

// TestFunctionValues compares functions with values from elsewhere: rounding by definition,
// others to seven digits.
func TestFunctionValues(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		o       Elementwise
		x, want float64
	}{
		{Round{}, 2.5, 2}, {Round{}, 3.5, 4}, {Round{}, -0.5, 0}, {Round{}, -1.7, -2}, {Floor{}, -1.2, -2}, {Ceil{}, -1.2, -1}, {Sign{}, -3, -1}, {Sign{}, 0, 0},
		{Log{}, 10, 2.302585093}, {Reciprocal{}, 8, 0.125}, {Sin{}, 1, 0.841470985}, {Cos{}, 1, 0.540302306}, {Tan{}, 1, 1.557407725}, {Asin{}, 0.5, 0.523598776}, {Acos{}, 0.5, 1.047197551},
		{Atan{}, 1, 0.785398163}, {Sinh{}, 1, 1.175201194}, {Cosh{}, 1, 1.543080635}, {Asinh{}, 1, 0.881373587}, {Acosh{}, 2, 1.316957897}, {Atanh{}, 0.5, 0.549306144},
		{Softplus{}, 0, 0.693147181}, {Softplus{}, 100, 100}, {Softplus{}, -100, 3.720076e-44}, {Mish{}, 1, 0.865098388}, {Swish{Alpha: 1}, 1, 0.731058579}, {Swish{Alpha: 2}, 1, 0.880797078},
		{Selu{Alpha: 2, Gamma: 3}, 1, 3}, {Selu{Alpha: 2, Gamma: 3}, -1, -3.792723353}, {Celu{Alpha: 2}, -1, -0.786938681}, {Elu{Alpha: 2}, -1, -1.264241118}, {Elu{}, -1, -0.632120559},
		{ThresholdedRelu{Alpha: 2}, 2, 0}, {ThresholdedRelu{Alpha: 2}, 2.5, 2.5}, {Shrink{Lambda: 1, Bias: 0.5}, 2, 1.5}, {Shrink{Lambda: 1, Bias: 0.5}, -2, -1.5}, {Shrink{Lambda: 1, Bias: 0.5}, 1, 0},
		{Not{}, 0, 1}, {Not{}, 1, 0}, {IsNaN{}, math.NaN(), 1}, {IsNaN{}, inf, 0}, {IsInf{}, -inf, 1}, {IsInf{OnlyPositive: true}, -inf, 0}, {IsInf{OnlyNegative: true}, inf, 0}, {IsInf{}, 1, 0},
	} {
		if got := c.o.F(c.x); !(math.Abs(got-c.want) <= 1e-8*math.Max(1, math.Abs(c.want))) {
			t.Errorf("%s%+v of %v is %v, want %v", c.o.Name(), c.o, c.x, got, c.want)
		}
	}
}

// TestCombinations compares functions of two numbers with their values.
func TestCombinations(t *testing.T) {
	for _, c := range []struct {
		o          Arithmetic
		a, b, want float64
	}{
		{Pow{}, 2, 10, 1024}, {Pow{}, 9, 0.5, 3}, {Mod{}, 7, 3, 1}, {Mod{}, -7, 3, 2}, {Mod{}, 7, -3, -2}, {Mod{C: true}, -7, 3, -1}, {Mod{C: true}, 5.5, 2, 1.5},
		{Quotient{}, 7, 2, 3}, {Quotient{}, -7, 2, -3}, {Maximum{}, 2, 3, 3}, {Minimum{}, 2, 3, 2}, {Compare{Equal}, 2, 2, 1}, {Compare{Equal}, 2, 3, 0}, {Compare{Less}, 2, 3, 1}, {Compare{Less}, 3, 3, 0},
		{Compare{LessOrEqual}, 3, 3, 1}, {Compare{Greater}, 3, 2, 1}, {Compare{Greater}, 2, 2, 0}, {Compare{GreaterOrEqual}, 2, 2, 1}, {Compare{And}, 1, 0, 0}, {Compare{And}, 1, 1, 1},
		{Compare{Or}, 0, 1, 1}, {Compare{Or}, 0, 0, 0}, {Compare{Xor}, 1, 1, 0}, {Compare{Xor}, 0, 1, 1},
	} {
		if got := c.o.Combine(c.a, c.b); got != c.want {
			t.Errorf("%s%+v of %v and %v is %v, want %v", c.o.Name(), c.o, c.a, c.b, got, c.want)
		}
	}
}

// TestWhere broadcasts all three operands.
func TestWhere(t *testing.T) {
	c, a, b := tensor.Of([]float32{1, 0}, 1, 2, 1), tensor.Of([]float32{1, 2, 3}, 3), tensor.Of([]float32{-1}, 1, 1, 1)
	equalWithin(t, forwardOf(t, Where{}, c, a, b), tensor.Of([]float32{1, 2, 3, -1, -1, -1}, 1, 2, 3), 0, "Where")
	if kinds := (Where{}).Elems([]graph.Elem{graph.Boolean, graph.Integer, graph.Float}); kinds[0] != graph.Float {
		t.Errorf("an integer or a float is of kind %v", kinds[0])
	}
	checkRefusals(t, []refusal{{"shapes", Where{}, []tensor.Shape{{1, 2}, {1, 3}, {1, 3}}, "cannot be broadcast"}, {"two inputs", Where{}, []tensor.Shape{{1, 2}, {1, 3}}, "needs 3"}})
}

// TestArgMax looks for the first and the last extreme element.
func TestArgMax(t *testing.T) {
	x := tensor.Of([]float32{1, 5, 5, 0, 2, 0}, 1, 2, 3)
	for _, c := range []struct {
		o    ArgMax
		want *tensor.Tensor
	}{
		{ArgMax{Axis: 2}, tensor.Of([]float32{1, 1}, 1, 2, 1)}, {ArgMax{Axis: 2, Last: true}, tensor.Of([]float32{2, 1}, 1, 2, 1)},
		{ArgMax{Axis: 2, Min: true}, tensor.Of([]float32{0, 0}, 1, 2, 1)}, {ArgMax{Axis: 2, Min: true, Last: true}, tensor.Of([]float32{0, 2}, 1, 2, 1)},
		{ArgMax{Axis: 1}, tensor.Of([]float32{0, 0, 0}, 1, 1, 3)},
	} {
		equalWithin(t, forwardOf(t, c.o, x), c.want, 0, "%+v", c.o)
	}
}

// TestCumulate: all four orders, of sums and products, and their gradients.
func TestCumulate(t *testing.T) {
	x := tensor.Of([]float32{1, 2, 3, 4}, 1, 4)
	for _, c := range []struct {
		o    Cumulate
		want []float32
	}{
		{Cumulate{Axis: 1}, []float32{1, 3, 6, 10}}, {Cumulate{Axis: 1, Exclusive: true}, []float32{0, 1, 3, 6}}, {Cumulate{Axis: 1, Reverse: true}, []float32{10, 9, 7, 4}},
		{Cumulate{Axis: 1, Reverse: true, Exclusive: true}, []float32{9, 7, 4, 0}}, {Cumulate{Axis: 1, Prod: true}, []float32{1, 2, 6, 24}},
		{Cumulate{Axis: 1, Prod: true, Exclusive: true}, []float32{1, 1, 2, 6}}, {Cumulate{Axis: 1, Prod: true, Reverse: true}, []float32{24, 24, 12, 4}},
	} {
		equalWithin(t, forwardOf(t, c.o, x), tensor.Of(c.want, 1, 4), 0, "%+v", c.o)
		checkGradients(t, c.o, newRand(45), []*tensor.Tensor{positives(newRand(46), 2, 3, 2)})
	}
	checkRefusals(t, []refusal{{"the batch", Cumulate{}, []tensor.Shape{{2, 3}}, "behind the batch"}})
}
