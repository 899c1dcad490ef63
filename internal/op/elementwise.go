package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Elementwise is a function of one activation, applied to each element. Such an
// operator is one file: its type, F, DF and one line for each method below. The rest
// follows from the interface: on the device it is a table of 256 values, channels and
// constants pass it one by one.
type Elementwise interface {
	graph.Differentiable
	// F is the function.
	F(x float64) float64
	// DF is its derivative at x, where y = F(x).
	DF(x, y float64) float64
}

// same is Infer of every elementwise operator.
func same(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// forward is Forward of an elementwise operator, in float64.
func forward(o Elementwise, out, in []*tensor.Tensor) {
	y := out[0].Data
	for i, v := range in[0].Data {
		y[i] = float32(o.F(float64(v)))
	}
}

// backward is Backward of an elementwise operator, in float64.
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

func step(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
