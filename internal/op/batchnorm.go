package op

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// BatchNorm is the inference form y = scale (x - mean) / sqrt(var + Epsilon) +
// bias, per channel (dimension 1) of x; inputs x, scale, bias, mean, var.
// Statistics are constants: mean and var get no gradient.
type BatchNorm struct {
	Epsilon float32
}

// Name implements graph.Op.
func (BatchNorm) Name() string { return "BatchNorm" }

// Infer implements graph.Op.
func (BatchNorm) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 5, 5); err != nil {
		return nil, err
	}
	x := in[0]
	if len(x) < 2 {
		return nil, fmt.Errorf("input %v has no channels", x)
	}
	for i, s := range in[1:] {
		if len(s) != 1 || s[0] != x[1] {
			return nil, fmt.Errorf("input %d has shape %v, %d channels need [%d]", i+1, s, x[1], x[1])
		}
	}
	return []tensor.Shape{x.Clone()}, nil
}

// planes calls f with each run of elements of one channel.
func planes(s tensor.Shape, f func(c, lo, hi int)) {
	area := s[2:].Size()
	for p := 0; p < s[0]*s[1]; p++ {
		f(p%s[1], p*area, (p+1)*area)
	}
}

func (o BatchNorm) inverse(in []*tensor.Tensor, c int) float32 {
	return float32(1 / math.Sqrt(float64(in[4].Data[c])+float64(o.Epsilon)))
}

// Forward implements graph.Op.
func (o BatchNorm) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	planes(in[0].Shape, func(c, lo, hi int) {
		a := in[1].Data[c] * o.inverse(in, c)
		b := in[2].Data[c] - a*in[3].Data[c]
		for i := lo; i < hi; i++ {
			out[0].Data[i] = a*in[0].Data[i] + b
		}
	})
}

// Backward implements graph.Differentiable.
func (o BatchNorm) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	planes(in[0].Shape, func(c, lo, hi int) {
		inv := o.inverse(in, c)
		a := in[1].Data[c] * inv
		var sum, dot float32
		for i := lo; i < hi; i++ {
			d := dout[0].Data[i]
			sum += d
			dot += d * (in[0].Data[i] - in[3].Data[c]) * inv
			if din[0] != nil {
				din[0].Data[i] += d * a
			}
		}
		if din[1] != nil {
			din[1].Data[c] += dot
		}
		if din[2] != nil {
			din[2].Data[c] += sum
		}
	})
}

// ChannelAffine implements ChannelAffine, in float64.
func (o BatchNorm) ChannelAffine(n *graph.Node) (mul, add *tensor.Tensor) {
	c := n.Inputs[1].Param.Channels()
	mul, add = tensor.New(c), tensor.New(c)
	for i := range mul.Data {
		scale, bias := float64(n.Inputs[1].Param.Value.Data[i]), float64(n.Inputs[2].Param.Value.Data[i])
		mean, variance := float64(n.Inputs[3].Param.Value.Data[i]), float64(n.Inputs[4].Param.Value.Data[i])
		k := scale / math.Sqrt(variance+float64(o.Epsilon))
		mul.Data[i], add.Data[i] = float32(k), float32(bias-mean*k)
	}
	return mul, add
}

// TraceChannels implements ChannelTracer.
func (BatchNorm) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis != 1 || slices.ContainsFunc(n.Inputs[1:], func(v *graph.Value) bool { return v.Param == nil }) {
		return false
	}
	for _, v := range n.Inputs[1:] {
		c.Own(n, v.Param, 0, in.IDs)
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// WriteONNX implements ONNXWriter.
func (o BatchNorm) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("BatchNormalization", in, out, Attr{"epsilon", o.Epsilon})
}

var _ graph.Differentiable = BatchNorm{}
