package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// GlobalAvgPool is the mean over each channel of x [N,C,H,W]: [N,C,1,1].
type GlobalAvgPool struct{}

// Name implements graph.Op.
func (GlobalAvgPool) Name() string { return "GlobalAvgPool" }

// Infer implements graph.Op.
func (GlobalAvgPool) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if len(in[0]) != 4 {
		return nil, fmt.Errorf("input %v; needs [N,C,H,W]", in[0])
	}
	return []tensor.Shape{{in[0][0], in[0][1], 1, 1}}, nil
}

// Forward implements graph.Op.
func (GlobalAvgPool) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	n := in[0].Shape[2] * in[0].Shape[3]
	for p := range out[0].Data {
		sum := float32(0)
		for _, v := range in[0].Data[p*n : (p+1)*n] {
			sum += v
		}
		out[0].Data[p] = sum / float32(n)
	}
}

// Backward implements graph.Differentiable.
func (GlobalAvgPool) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	n := in[0].Shape[2] * in[0].Shape[3]
	for p, d := range dout[0].Data {
		d /= float32(n)
		for i := p * n; i < (p+1)*n; i++ {
			din[0].Data[i] += d
		}
	}
}

// Lower emits OpAvgPool over the whole image.
func (GlobalAvgPool) Lower(d Device, n *graph.Node) error {
	s := n.Inputs[0].Shape
	lowerPool(d, n, format.Instr{Op: format.OpAvgPool, Weight: -1, LUT: -1, KH: s[2], KW: s[3], StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, ClampMin: -128, ClampMax: 127})
	return nil
}

// Averages implements Averager.
func (GlobalAvgPool) Averages(image tensor.Shape) (o Layer, height, width int, ok bool) {
	return Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: image[1]}, image[2], image[3], true
}

// Grids implements GridRelater.
func (GlobalAvgPool) Grids() GridRelation { return InputGrid }

// Homogeneous implements Homogeneous.
func (GlobalAvgPool) Homogeneous(*graph.Node) bool { return true }

// TraceChannels implements ChannelTracer.
func (GlobalAvgPool) TraceChannels(c Channels, n *graph.Node) bool { return tracePool(c, n) }

// TraceConstants implements ConstantTracer.
func (GlobalAvgPool) TraceConstants(c Constants, n *graph.Node, k []float32) {
	copy(k, inputConstants(c, n, k))
}

// WriteONNX implements ONNXWriter.
func (GlobalAvgPool) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("GlobalAveragePool", in, out)
}

var _ graph.Differentiable = GlobalAvgPool{}
