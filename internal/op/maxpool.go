package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
	"edgec/runtime/format"
)

// MaxPool is the maximum over windows of KH x KW of x [N,C,H,W]; padding never
// wins. Strides and dilations of 0 mean 1. With CeilMode the number of windows
// is rounded up, as long as the last starts inside the image or the padding
// before it.
type MaxPool struct {
	KH, KW                 int
	StrideH, StrideW       int
	DilH, DilW             int
	PadT, PadL, PadB, PadR int
	CeilMode               bool
}

// Name implements graph.Op.
func (MaxPool) Name() string { return "MaxPool" }

func (o MaxPool) window() window {
	return window{o.KH, o.KW, orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW), o.PadT, o.PadL, o.PadB, o.PadR, o.CeilMode}
}

// Infer implements graph.Op.
func (o MaxPool) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return o.window().inferPool(in, false)
}

// Forward implements graph.Op.
func (o MaxPool) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	k := o.window()
	h, w := in[0].Shape[2], in[0].Shape[3]
	oh, ow := out[0].Shape[2], out[0].Shape[3]
	half := k.halving(h, w, oh, ow)
	for p := 0; p < in[0].Shape[0]*in[0].Shape[1]; p++ {
		x, y := in[0].Data[p*h*w:(p+1)*h*w], out[0].Data[p*oh*ow:(p+1)*oh*ow]
		if half {
			for i := 0; i < oh; i++ {
				vec.MaxPairs(y[i*ow:(i+1)*ow], x[2*i*w:], x[(2*i+1)*w:])
			}
			continue
		}
		for i := 0; i < oh; i++ {
			for j := 0; j < ow; j++ {
				y[i*ow+j] = x[k.argmax(x, h, w, i, j)]
			}
		}
	}
}

// Backward implements graph.Differentiable: the first of equal maxima takes
// the gradient.
func (o MaxPool) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	k := o.window()
	h, w := in[0].Shape[2], in[0].Shape[3]
	oh, ow := out[0].Shape[2], out[0].Shape[3]
	half := k.halving(h, w, oh, ow)
	for p := 0; p < in[0].Shape[0]*in[0].Shape[1]; p++ {
		x, dx := in[0].Data[p*h*w:(p+1)*h*w], din[0].Data[p*h*w:(p+1)*h*w]
		y, dy := out[0].Data[p*oh*ow:(p+1)*oh*ow], dout[0].Data[p*oh*ow:(p+1)*oh*ow]
		for i := 0; i < oh; i++ {
			if half {
				top, bottom := 2*i*w, (2*i+1)*w
				vec.MaxPairsBack(dx[top:], dx[bottom:], x[top:], x[bottom:], y[i*ow:(i+1)*ow], dy[i*ow:(i+1)*ow])
				continue
			}
			for j := 0; j < ow; j++ {
				dx[k.argmax(x, h, w, i, j)] += dy[i*ow+j]
			}
		}
	}
}

// Lower emits OpMaxPool on the input's grid.
func (o MaxPool) Lower(d Device, n *graph.Node) error {
	in := format.Instr{Op: format.OpMaxPool, Weight: -1, LUT: -1, KH: o.KH, KW: o.KW, StrideH: orOne(o.StrideH), StrideW: orOne(o.StrideW),
		DilH: orOne(o.DilH), DilW: orOne(o.DilW), PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR, ClampMin: -128, ClampMax: 127}
	lowerPool(d, n, in)
	return nil
}

// Grids implements GridRelater.
func (MaxPool) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (MaxPool) Selects() {}

// Homogeneous implements Homogeneous.
func (MaxPool) Homogeneous(*graph.Node) bool { return true }

// TraceChannels implements ChannelTracer.
func (MaxPool) TraceChannels(c Channels, n *graph.Node) bool { return tracePool(c, n) }

// TraceConstants implements ConstantTracer.
func (MaxPool) TraceConstants(c Constants, n *graph.Node, k []float32) {
	copy(k, inputConstants(c, n, k))
}

// WriteONNX implements ONNXWriter.
func (o MaxPool) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("MaxPool", in, out, Attr{"kernel_shape", []int{o.KH, o.KW}}, Attr{"strides", ones(o.StrideH, o.StrideW)},
		Attr{"dilations", ones(o.DilH, o.DilW)}, Attr{"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}}, Attr{"ceil_mode", bit(o.CeilMode)})
}

func init() {
	RegisterLift(format.OpMaxPool, liftPool(func(in *format.Instr) graph.Op {
		return MaxPool{KH: in.KH, KW: in.KW, StrideH: in.StrideH, StrideW: in.StrideW, DilH: in.DilH, DilW: in.DilW,
			PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR}
	}))
}

var _ graph.Differentiable = MaxPool{}
