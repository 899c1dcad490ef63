package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Elementwise is a function of one activation, applied to each element. On the
// device it is a table of 256 values.
type Elementwise interface {
	graph.Differentiable
	// F is the function.
	F(x float64) float64
	// DF is its derivative at x, where y = F(x).
	DF(x, y float64) float64
}

// The elementwise operators.
type (
	// Relu is max(x, 0).
	Relu struct{}
	// Clip is min(max(x, Lo), Hi).
	Clip struct{ Lo, Hi float32 }
	// LeakyRelu is x for x >= 0, Alpha x otherwise.
	LeakyRelu struct{ Alpha float32 }
	// Sigmoid is 1 / (1 + exp(-x)).
	Sigmoid struct{}
	// Tanh is the hyperbolic tangent.
	Tanh struct{}
	// HardSwish is x max(0, min(1, x/6 + 0.5)).
	HardSwish struct{}
	// HardSigmoid is max(0, min(1, Alpha x + Beta)).
	HardSigmoid struct{ Alpha, Beta float32 }
	// Elu is x for x >= 0, exp(x) - 1 otherwise.
	Elu struct{}
	// Exp is e^x.
	Exp struct{}
	// Sqrt is the square root; negative x give NaN.
	Sqrt struct{}
	// Neg is -x.
	Neg struct{}
	// Abs is |x|.
	Abs struct{}
	// Gelu is x (1 + erf(x / sqrt 2)) / 2.
	Gelu struct{}
)

// Names, as in messages.
func (Relu) Name() string        { return "Relu" }
func (Clip) Name() string        { return "Clip" }
func (LeakyRelu) Name() string   { return "LeakyRelu" }
func (Sigmoid) Name() string     { return "Sigmoid" }
func (Tanh) Name() string        { return "Tanh" }
func (HardSwish) Name() string   { return "HardSwish" }
func (HardSigmoid) Name() string { return "HardSigmoid" }
func (Elu) Name() string         { return "Elu" }
func (Exp) Name() string         { return "Exp" }
func (Sqrt) Name() string        { return "Sqrt" }
func (Neg) Name() string         { return "Neg" }
func (Abs) Name() string         { return "Abs" }
func (Gelu) Name() string        { return "Gelu" }

// F and DF, as documented at the types.
func (Relu) F(x float64) float64     { return math.Max(x, 0) }
func (Relu) DF(x, _ float64) float64 { return step(x > 0) }

func (o Clip) F(x float64) float64 { return math.Min(math.Max(x, float64(o.Lo)), float64(o.Hi)) }
func (o Clip) DF(x, _ float64) float64 {
	return step(x > float64(o.Lo) && x < float64(o.Hi))
}

func (o LeakyRelu) F(x float64) float64 {
	if x >= 0 {
		return x
	}
	return float64(o.Alpha) * x
}
func (o LeakyRelu) DF(x, _ float64) float64 {
	if x >= 0 {
		return 1
	}
	return float64(o.Alpha)
}

func (Sigmoid) F(x float64) float64     { return 1 / (1 + math.Exp(-x)) }
func (Sigmoid) DF(_, y float64) float64 { return y * (1 - y) }

func (Tanh) F(x float64) float64     { return math.Tanh(x) }
func (Tanh) DF(_, y float64) float64 { return 1 - y*y }

func (HardSwish) F(x float64) float64 { return x * math.Max(0, math.Min(1, x/6+0.5)) }
func (HardSwish) DF(x, _ float64) float64 {
	switch {
	case x <= -3:
		return 0
	case x >= 3:
		return 1
	}
	return x/3 + 0.5
}

func (o HardSigmoid) F(x float64) float64 {
	return math.Max(0, math.Min(1, float64(o.Alpha)*x+float64(o.Beta)))
}
func (o HardSigmoid) DF(_, y float64) float64 { return float64(o.Alpha) * step(y > 0 && y < 1) }

func (Elu) F(x float64) float64 {
	if x >= 0 {
		return x
	}
	return math.Expm1(x)
}
func (Elu) DF(x, y float64) float64 {
	if x >= 0 {
		return 1
	}
	return y + 1
}

func (Exp) F(x float64) float64     { return math.Exp(x) }
func (Exp) DF(_, y float64) float64 { return y }

func (Sqrt) F(x float64) float64     { return math.Sqrt(x) }
func (Sqrt) DF(_, y float64) float64 { return 0.5 / y }

func (Neg) F(x float64) float64     { return -x }
func (Neg) DF(_, _ float64) float64 { return -1 }

func (Abs) F(x float64) float64 { return math.Abs(x) }
func (Abs) DF(x, _ float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func (Gelu) F(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }
func (Gelu) DF(x, _ float64) float64 {
	return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

func step(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// same is Infer of every elementwise operator.
func same(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// forward and backward are the operator's, element by element.
func forward(o Elementwise, out, in []*tensor.Tensor) {
	y := out[0].Data
	for i, v := range in[0].Data {
		y[i] = float32(o.F(float64(v)))
	}
}

func backward(o Elementwise, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	dx, x, y := din[0].Data, in[0].Data, out[0].Data
	for i, d := range dout[0].Data {
		if d != 0 {
			dx[i] += d * float32(o.DF(float64(x[i]), float64(y[i])))
		}
	}
}

// Infer, Forward and Backward implement graph.Differentiable.
func (Relu) Infer(in []tensor.Shape) ([]tensor.Shape, error)        { return same(in) }
func (Clip) Infer(in []tensor.Shape) ([]tensor.Shape, error)        { return same(in) }
func (LeakyRelu) Infer(in []tensor.Shape) ([]tensor.Shape, error)   { return same(in) }
func (Sigmoid) Infer(in []tensor.Shape) ([]tensor.Shape, error)     { return same(in) }
func (Tanh) Infer(in []tensor.Shape) ([]tensor.Shape, error)        { return same(in) }
func (HardSwish) Infer(in []tensor.Shape) ([]tensor.Shape, error)   { return same(in) }
func (HardSigmoid) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }
func (Elu) Infer(in []tensor.Shape) ([]tensor.Shape, error)         { return same(in) }
func (Exp) Infer(in []tensor.Shape) ([]tensor.Shape, error)         { return same(in) }
func (Sqrt) Infer(in []tensor.Shape) ([]tensor.Shape, error)        { return same(in) }
func (Neg) Infer(in []tensor.Shape) ([]tensor.Shape, error)         { return same(in) }
func (Abs) Infer(in []tensor.Shape) ([]tensor.Shape, error)         { return same(in) }
func (Gelu) Infer(in []tensor.Shape) ([]tensor.Shape, error)        { return same(in) }

// Forward of Relu and Clip stays in float32.
func (Relu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	y := out[0].Data
	for i, v := range in[0].Data {
		y[i] = max(v, 0)
	}
}

func (o Clip) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	copy(out[0].Data, in[0].Data)
	Clamp{On: true, Lo: o.Lo, Hi: o.Hi}.apply(out[0].Data)
}
func (o LeakyRelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)   { forward(o, out, in) }
func (o Sigmoid) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)     { forward(o, out, in) }
func (o Tanh) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)        { forward(o, out, in) }
func (o HardSwish) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)   { forward(o, out, in) }
func (o HardSigmoid) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { forward(o, out, in) }
func (o Elu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)         { forward(o, out, in) }
func (o Exp) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)         { forward(o, out, in) }
func (o Sqrt) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)        { forward(o, out, in) }
func (o Neg) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)         { forward(o, out, in) }
func (o Abs) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)         { forward(o, out, in) }
func (o Gelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor)        { forward(o, out, in) }

func (Relu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	dx, y := din[0].Data, out[0].Data
	for i, d := range dout[0].Data {
		if y[i] > 0 {
			dx[i] += d
		}
	}
}
func (o Clip) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o LeakyRelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Sigmoid) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Tanh) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o HardSwish) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o HardSigmoid) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Elu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Exp) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Sqrt) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Neg) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Abs) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
func (o Gelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	backward(o, din, in, out, dout)
}
