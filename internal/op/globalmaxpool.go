package op

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// GlobalMaxPool is the maximum over each channel of x [N,C,H,W]: [N,C,1,1].
type GlobalMaxPool struct{}

// Name implements graph.Op.
func (GlobalMaxPool) Name() string { return "GlobalMaxPool" }

// Infer implements graph.Op.
func (GlobalMaxPool) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if len(in[0]) != 4 || in[0][2]*in[0][3] == 0 {
		return nil, fmt.Errorf("input %v; needs [N,C,H,W] with one pixel at least", in[0])
	}
	return []tensor.Shape{{in[0][0], in[0][1], 1, 1}}, nil
}

// Forward implements graph.Op.
func (GlobalMaxPool) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	n := in[0].Shape[2] * in[0].Shape[3]
	for p := range out[0].Data {
		out[0].Data[p] = slices.Max(in[0].Data[p*n : (p+1)*n])
	}
}

// Backward implements graph.Differentiable: the first of equal maxima takes the gradient.
func (GlobalMaxPool) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	n := in[0].Shape[2] * in[0].Shape[3]
	for p, d := range dout[0].Data {
		if i := slices.Index(in[0].Data[p*n:(p+1)*n], out[0].Data[p]); i >= 0 { // a NaN is nowhere
			din[0].Data[p*n+i] += d
		}
	}
}

// Lower emits OpMaxPool over the whole image.
func (GlobalMaxPool) Lower(d Device, n *graph.Node) error {
	s := n.Inputs[0].Shape
	lowerPool(d, n, format.Instr{Op: format.OpMaxPool, Weight: -1, LUT: -1, KH: s[2], KW: s[3], StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, ClampMin: -128, ClampMax: 127})
	return nil
}

// Grids implements GridRelater.
func (GlobalMaxPool) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (GlobalMaxPool) Selects() {}

// Homogeneous implements Homogeneous.
func (GlobalMaxPool) Homogeneous(*graph.Node) bool { return true }

// TraceChannels implements ChannelTracer.
func (GlobalMaxPool) TraceChannels(c Channels, n *graph.Node) bool { return tracePool(c, n) }

// TraceConstants implements ConstantTracer.
func (GlobalMaxPool) TraceConstants(c Constants, n *graph.Node, k []float32) {
	copy(k, inputConstants(c, n, k))
}

// WriteONNX implements ONNXWriter.
func (GlobalMaxPool) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("GlobalMaxPool", in, out)
}

var _ graph.Differentiable = GlobalMaxPool{}
