package kernel

import (
	"math"

	"edgec/runtime/format"
)

// Pointwise writes f of each element of x to y, which may be x.
func Pointwise(y, x []float32, f func(float32) float32) {
	for i, v := range x {
		y[i] = f(v)
	}
}

// Function returns the function of one number of format.OpUnary (format.UnaryAbs, ...); real is
// the parameter of those that have one.
func Function(function int, real float32) func(float32) float32 { return unaries(real)[function] }

func unaries(real float32) [format.UnaryFunctions]func(float32) float32 {
	return [...]func(float32) float32{
		format.UnaryAbs:         abs,
		format.UnaryNeg:         func(x float32) float32 { return -x },
		format.UnaryFloor:       func(x float32) float32 { return float32(math.Floor(float64(x))) },
		format.UnaryCeil:        func(x float32) float32 { return float32(math.Ceil(float64(x))) },
		format.UnaryRound:       func(x float32) float32 { return float32(math.RoundToEven(float64(x))) },
		format.UnaryTruncate:    func(x float32) float32 { return float32(math.Trunc(float64(x))) },
		format.UnarySign:        sign,
		format.UnaryNot:         func(x float32) float32 { return truth(x == 0) },
		format.UnarySquare:      func(x float32) float32 { return float32(x * x) },
		format.UnarySqrt:        Sqrt,
		format.UnaryReciprocal:  func(x float32) float32 { return float32(1 / x) },
		format.UnaryExp:         Exp,
		format.UnaryLog:         Log,
		format.UnarySin:         Sin,
		format.UnaryCos:         Cos,
		format.UnaryTanh:        Tanh,
		format.UnarySigmoid:     Sigmoid,
		format.UnaryErf:         Erf,
		format.UnaryRelu:        func(x float32) float32 { return most(x, 0) },
		format.UnaryLeakyRelu:   func(x float32) float32 { return prelu(x, real) },
		format.UnaryElu:         func(x float32) float32 { return elu(x, real) },
		format.UnarySoftplus:    Softplus,
		format.UnarySoftsign:    func(x float32) float32 { return float32(x / float32(1+abs(x))) },
		format.UnaryHardSigmoid: func(x float32) float32 { return least(most(float32(float32(real*x)+0.5), 0), 1) },
		format.UnaryHardSwish:   HardSwish,
		format.UnaryGelu:        Gelu,
		format.UnaryGeluTanh:    GeluTanh,
		format.UnarySilu:        Silu,
		format.UnaryMish:        Mish,
		format.UnaryIsNaN:       func(x float32) float32 { return truth(x != x) },
	}
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

func sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func prelu(x, slope float32) float32 {
	if x < 0 {
		return float32(x * slope)
	}
	return x
}

// elu is x, below 0 alpha (e^x - 1), as 2 tanh(x/2) / (1 - tanh(x/2)), which keeps small x.
func elu(x, alpha float32) float32 {
	if !(x < 0) {
		return x
	}
	t := Tanh(float32(0.5 * x))
	return float32(alpha * float32(float32(2*t)/float32(1-t)))
}
