package op

import (
	"fmt"
	"math"
	"strings"

	"edgec/internal/vec"
	"edgec/runtime/kernel"
)

// Gate is an activation of a recurrent cell: one of ONNX's, by its name there, with its
// constants. The zero value stands for the cell's default.
type Gate struct {
	Name        string
	Alpha, Beta float32
}

var (
	gateSigmoid = Gate{Name: "Sigmoid"}
	gateTanh    = Gate{Name: "Tanh"}
)

// gate is a row of the table of activations.
type gate struct {
	f     func(x, alpha, beta float64) float64
	slope func(y, alpha, beta float64) float64 // the derivative where the function is y
	unit  bool                                 // 0..1
	sign  bool                                 // -1..1
	// alpha and beta are ONNX's defaults
	alpha, beta float32
	uses        int // how many of alpha and beta it has
}

// gates has the activations that ONNX knows for recurrent cells.
var gates = map[string]gate{
	"Affine": {uses: 2, alpha: 1, f: func(x, a, b float64) float64 { return a*x + b }, slope: func(_, a, _ float64) float64 { return a }},
	"Elu": {uses: 1, alpha: 1, f: func(x, a, _ float64) float64 {
		if x >= 0 {
			return x
		}
		return a * math.Expm1(x)
	}, slope: func(y, a, _ float64) float64 {
		if y >= 0 {
			return 1
		}
		return y + a
	}},
	"HardSigmoid": {uses: 2, alpha: 0.2, beta: 0.5, unit: true, sign: true, f: func(x, a, b float64) float64 { return min(max(a*x+b, 0), 1) },
		slope: func(y, a, _ float64) float64 { return a * step(y > 0 && y < 1) }},
	"LeakyRelu": {uses: 1, alpha: 0.01, f: func(x, a, _ float64) float64 {
		if x >= 0 {
			return x
		}
		return a * x
	}, slope: func(y, a, _ float64) float64 {
		if y >= 0 {
			return 1
		}
		return a
	}},
	"Relu": {f: func(x, _, _ float64) float64 { return max(x, 0) }, slope: func(y, _, _ float64) float64 { return step(y > 0) }},
	"ScaledTanh": {uses: 2, alpha: 1, beta: 1, f: func(x, a, b float64) float64 { return a * math.Tanh(b*x) },
		slope: func(y, a, b float64) float64 { return b * (a - y*y/a) }},
	"Sigmoid": {unit: true, sign: true, f: func(x, _, _ float64) float64 { return 1 / (1 + math.Exp(-x)) },
		slope: func(y, _, _ float64) float64 { return y * (1 - y) }},
	"Softplus": {f: func(x, _, _ float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
		slope: func(y, _, _ float64) float64 { return -math.Expm1(-y) }},
	"Softsign": {sign: true, f: func(x, _, _ float64) float64 { return x / (1 + math.Abs(x)) },
		slope: func(y, _, _ float64) float64 { return (1 - math.Abs(y)) * (1 - math.Abs(y)) }},
	"Tanh": {sign: true, f: func(x, _, _ float64) float64 { return math.Tanh(x) }, slope: func(y, _, _ float64) float64 { return 1 - y*y }},
	"ThresholdedRelu": {uses: 1, alpha: 1, f: func(x, a, _ float64) float64 { return x * step(x > a) },
		slope: func(y, _, _ float64) float64 { return step(y != 0) }},
}

// NewGate returns ONNX's activation of a name, in lower or upper case, with the
// constants of the front of alpha and beta where it has some; it returns what is left of
// them. ok is false for an unknown name.
func NewGate(name string, alpha, beta []float32) (g Gate, restAlpha, restBeta []float32, ok bool) {
	for known := range gates {
		if strings.EqualFold(known, name) {
			name = known
		}
	}
	row, ok := gates[name]
	if !ok {
		return g, alpha, beta, false
	}
	if g.Name = name; row.uses > 0 {
		g.Alpha, alpha = front(alpha, row.alpha)
	}
	if row.uses > 1 {
		g.Beta, beta = front(beta, row.beta)
	}
	return g, alpha, beta, true
}

func front(list []float32, standard float32) (float32, []float32) {
	if len(list) == 0 {
		return standard, nil
	}
	return list[0], list[1:]
}

func (g Gate) check() error {
	row, ok := gates[g.Name]
	switch {
	case !ok:
		return fmt.Errorf("%q is unknown", g.Name)
	case row.uses > 0 && g.Name != "Affine" && !(g.Alpha > 0) || g.Alpha-g.Alpha != 0 || g.Beta-g.Beta != 0:
		return fmt.Errorf("%s with alpha %v and beta %v is not supported, only a positive alpha", g.Name, g.Alpha, g.Beta)
	}
	return nil
}

// unit and bounded report whether the results are in 0..1, and in -1..1.
func (g Gate) unit() bool { return gates[g.Name].unit }

func (g Gate) bounded() bool { return gates[g.Name].sign }

// function returns what sets dst to g of src, limited to -clip..clip (0: not). Sigmoid and
// tanh are those of the device. dst may be src.
func (g Gate) function(clip float32) func(dst, src []float32) {
	var f func(dst, src []float32)
	switch g {
	case gateSigmoid:
		f = kernel.Sigmoids
	case gateTanh:
		f = kernel.Tanhs
	default:
		row, a, b := gates[g.Name], float64(g.Alpha), float64(g.Beta)
		f = func(dst, src []float32) {
			for i, v := range src {
				dst[i] = float32(row.f(float64(v), a, b))
			}
		}
	}
	if clip == 0 {
		return f
	}
	return func(dst, src []float32) {
		vec.Clamp(dst, src, -clip, clip)
		f(dst, dst)
	}
}

// of returns the function of one number.
func (g Gate) of(x float32) float32 {
	y := []float32{x}
	g.function(0)(y, y)
	return y[0]
}

// slope returns the derivative of function(clip) where its result is y: 0 where it is
// that of a limit.
func (g Gate) slope(clip float32) func(y float32) float32 {
	row, a, b := gates[g.Name], float64(g.Alpha), float64(g.Beta)
	var d func(y float32) float32
	switch g {
	case gateSigmoid:
		d = func(y float32) float32 { return y * (1 - y) }
	case gateTanh:
		d = func(y float32) float32 { return 1 - y*y }
	default:
		d = func(y float32) float32 { return float32(row.slope(float64(y), a, b)) }
	}
	if clip == 0 {
		return d
	}
	lo, hi := g.of(-clip), g.of(clip)
	return func(y float32) float32 {
		if y == lo || y == hi {
			return 0
		}
		return d(y)
	}
}
