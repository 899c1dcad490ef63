package op

import (
	"math"
	"testing"

	"edgec/internal/tensor"
)

var elementwise = []Elementwise{
	Relu{}, Clip{Lo: -0.75, Hi: 1.5}, Clip{Lo: float32(math.Inf(-1)), Hi: 0.5}, LeakyRelu{Alpha: 0.125}, Sigmoid{}, Tanh{}, HardSwish{},
	HardSigmoid{Alpha: 0.2, Beta: 0.5}, Elu{}, Exp{}, Sqrt{}, Neg{}, Abs{}, Gelu{}, Gelu{Tanh: true}, Softsign{}, Erf{}, Power{K: 2}, Power{K: 3},
	Log{}, Reciprocal{}, Floor{}, Ceil{}, Round{}, Sign{}, Sin{}, Cos{}, Tan{}, Asin{}, Acos{}, Atan{}, Sinh{}, Cosh{}, Asinh{}, Acosh{}, Atanh{},
	Softplus{}, Mish{}, Swish{Alpha: 1}, Swish{Alpha: -0.5}, Selu{Alpha: 1.5, Gamma: 1.25}, Celu{Alpha: 2}, Elu{Alpha: 0.5}, ThresholdedRelu{Alpha: 1.5}, Shrink{Lambda: 1.5, Bias: 0.25},
	Not{}, IsNaN{}, IsInf{},
}

// within6 are the numbers where a function is tested that is not defined, or too steep, from -6 to 6.
func within6(o Elementwise) (lo, hi float64) {
	switch o.(type) {
	case Sqrt, Log, Reciprocal:
		return 0.5, 6
	case Acosh:
		return 1.5, 6
	case Asin, Acos, Atanh:
		return -0.7, 0.7
	case Tan:
		return -1, 1
	}
	return -6, 6
}

// kinks are the points where a function has no derivative.
func kinks(o Elementwise) []float64 {
	switch o := o.(type) {
	case Relu, LeakyRelu, Abs, Elu, Softsign, Sign, Not, Selu, Celu: // of Softsign and Celu the derivative has a kink
		return []float64{0}
	case ThresholdedRelu:
		return []float64{float64(o.Alpha)}
	case Shrink:
		return []float64{-float64(o.Lambda), float64(o.Lambda)}
	case Floor, Ceil:
		return []float64{-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6}
	case Round:
		return []float64{-5.5, -4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5}
	case Clip:
		return []float64{float64(o.Lo), float64(o.Hi)}
	case HardSwish:
		return []float64{-3, 3}
	case HardSigmoid:
		return []float64{-float64(o.Beta) / float64(o.Alpha), (1 - float64(o.Beta)) / float64(o.Alpha)}
	}
	return nil
}

// TestElementwiseDerivatives compares DF with central differences of F, both
// in float64.
func TestElementwiseDerivatives(t *testing.T) {
	const h, tol = 1e-4, 1e-7 // error h^2 f'''/6 + 1e-16/h
	for _, o := range elementwise {
		t.Run(o.Name(), func(t *testing.T) {
			for x := -6.0; x <= 6; x += 0.037 {
				if lo, hi := within6(o); x < lo || x > hi {
					continue
				}
				for _, k := range kinks(o) {
					if math.Abs(x-k) < 2*h {
						x += 4 * h
					}
				}
				want := (o.F(x+h) - o.F(x-h)) / (2 * h)
				if got := o.DF(x, o.F(x)); !(math.Abs(got-want) <= tol*math.Max(1, math.Abs(o.F(x)))) {
					t.Fatalf("derivative at %v is %v, differences give %v", x, got, want)
				}
			}
		})
	}
}

// TestElementwiseLoops compares the loops over arrays with F and DF, at kinks
// too, on lengths that vectors do not divide.
func TestElementwiseLoops(t *testing.T) {
	const tol = 1e-6 // float32 arithmetic, where a loop uses it
	for _, o := range elementwise {
		t.Run(o.Name(), func(t *testing.T) {
			for _, n := range []int{1, 7, 8, 67} {
				rng := newRand(uint64(n))
				x := normal(rng, n, 3)
				for i := range x.Data {
					x.Data[i] *= 3
					if lo, hi := within6(o); lo > -6 {
						x.Data[i] = float32(lo + (hi-lo)*rng.Float64())
					}
				}
				for i, k := range kinks(o) {
					if !math.IsInf(k, 0) && i < len(x.Data) {
						x.Data[i] = float32(k)
					}
				}
				out, r := forwardOf(t, o, x), normal(rng, n, 3)
				got := gradients(o, []*tensor.Tensor{x}, out, r, func(int) bool { return true })
				y, dx := tensor.New(n, 3), tensor.New(n, 3)
				for i, v := range x.Data {
					y.Data[i] = float32(o.F(float64(v)))
					dx.Data[i] = float32(float64(r.Data[i]) * o.DF(float64(v), o.F(float64(v))))
				}
				equalWithin(t, out, y, tol, "forward")
				equalWithin(t, got[0], dx, tol, "backward")
				gradients(o, []*tensor.Tensor{x}, out, r, func(int) bool { return false }) // nothing wanted: must not panic
			}
		})
	}
}

func TestElementwiseRefuses(t *testing.T) {
	for _, o := range elementwise {
		checkRefusals(t, []refusal{
			{"two inputs", o, []tensor.Shape{{1, 2}, {1, 2}}, "2 inputs"},
			{"none", o, []tensor.Shape{nil}, "missing"},
		})
	}
}
