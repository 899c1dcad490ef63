package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Normalize scales the n elements of each vector over the dimensions Axis to the last, with
// m their mean:
//
//	(x_i - m) / sqrt(sum_j (x_j - m)^2 / n + Epsilon)    layer normalization
//	x_i / sqrt(sum_j x_j^2 / n + Epsilon)                RMS: root mean square
//
// Scale and bias are a Mul and an Add behind it.
type Normalize struct {
	RMS     bool
	Axis    int // at least 1
	Epsilon float32
}

// Name implements graph.Op.
func (Normalize) Name() string { return "Normalize" }

// Infer implements graph.Op.
func (o Normalize) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if o.Axis < 1 || o.Axis >= len(in[0]) || !(o.Epsilon >= 0) {
		return nil, fmt.Errorf("dimensions from %d on of input %v, epsilon %v", o.Axis, in[0], o.Epsilon)
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// stats returns the mean that is subtracted, and what the elements are multiplied by then.
func (o Normalize) stats(x []float32) (mean, factor float64) {
	n := float64(len(x))
	if !o.RMS {
		for _, v := range x {
			mean += float64(v)
		}
		mean /= n
	}
	sum := 0.0
	for _, v := range x {
		sum += square(float64(v) - mean)
	}
	return mean, 1 / math.Sqrt(sum/n+float64(o.Epsilon))
}

// Forward implements graph.Op; sums are in float64.
func (o Normalize) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	n := in[0].Shape[o.Axis:].Size()
	for at := 0; at < len(in[0].Data); at += n {
		x, y := in[0].Data[at:at+n], out[0].Data[at:at+n]
		mean, factor := o.stats(x)
		for i, v := range x {
			y[i] = float32((float64(v) - mean) * factor)
		}
	}
}

// Backward implements graph.Differentiable: dx_i = f (dy_i - mean(dy) - y_i mean(dy y)), with
// f the factor; RMS has no mean(dy).
func (o Normalize) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	n := in[0].Shape[o.Axis:].Size()
	for at := 0; at < len(in[0].Data); at += n {
		y, dy, dx := out[0].Data[at:at+n], dout[0].Data[at:at+n], din[0].Data[at:at+n]
		_, factor := o.stats(in[0].Data[at : at+n])
		mean, dot := 0.0, 0.0
		for i, d := range dy {
			mean += float64(d)
			dot += float64(d) * float64(y[i])
		}
		mean, dot = mean/float64(n), dot/float64(n)
		if o.RMS {
			mean = 0
		}
		for i, d := range dy {
			dx[i] += float32(factor * (float64(d) - mean - float64(y[i])*dot))
		}
	}
}

// InFloat implements FloatOperator.
func (Normalize) InFloat() {}

// Standardizes implements Standardizer.
func (Normalize) Standardizes() {}

// WriteONNX implements ONNXWriter: LayerNormalization; RMS, which only operator set 23 has,
// as its parts.
func (o Normalize) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	shape := n.Inputs[0].Shape
	if !o.RMS {
		w.Need(17)
		ones := make([]float32, shape[o.Axis:].Size())
		for i := range ones {
			ones[i] = 1
		}
		w.Emit("LayerNormalization", []string{in[0], w.Floats(out+"_scale", shape[o.Axis:], ones)}, out, Attr{"axis", o.Axis}, Attr{"epsilon", o.Epsilon})
		return
	}
	var axes []int
	for k := o.Axis; k < len(shape); k++ {
		axes = append(axes, k)
	}
	w.Need(18)
	squares, mean, sum, root := w.Fresh(out+"_squares"), w.Fresh(out+"_mean"), w.Fresh(out+"_sum"), w.Fresh(out+"_root")
	w.Emit("Mul", []string{in[0], in[0]}, squares)
	w.Emit("ReduceMean", []string{squares, w.Int64s(out+"_axes", axes)}, mean, Attr{"keepdims", 1})
	w.Emit("Add", []string{mean, w.Scalar(out+"_epsilon", o.Epsilon)}, sum)
	w.Emit("Sqrt", []string{sum}, root)
	w.Emit("Div", []string{in[0], root}, out)
}

var _ graph.Differentiable = Normalize{}
