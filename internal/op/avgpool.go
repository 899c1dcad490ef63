package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// AvgPool is the mean over windows, divided by the number of elements inside
// the image, or inside image and padding with CountPad.
type AvgPool struct {
	KH, KW                 int
	StrideH, StrideW       int
	DilH, DilW             int
	PadT, PadL, PadB, PadR int
	CeilMode, CountPad     bool
}

// Name implements graph.Op.
func (AvgPool) Name() string { return "AvgPool" }

func (o AvgPool) window() window {
	return window{o.KH, o.KW, orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW), o.PadT, o.PadL, o.PadB, o.PadR, o.CeilMode}
}

// Block returns the side n of the blocks of n x n pixels that the pool averages, which do
// not overlap; ok is false for other pools.
func (o AvgPool) Block() (n int, ok bool) {
	n = o.KH
	return n, o == AvgPool{KH: n, KW: n, StrideH: n, StrideW: n}
}

// Infer implements graph.Op.
func (o AvgPool) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return o.window().inferPool(in, o.CountPad)
}

// Forward implements graph.Op.
func (o AvgPool) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.walk(out[0].Shape, in[0].Shape, func(x, y int, inv float32) {
		out[0].Data[y] += in[0].Data[x] * inv
	}, func(y int) { out[0].Data[y] = 0 })
}

// Backward implements graph.Differentiable.
func (o AvgPool) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	o.walk(out[0].Shape, in[0].Shape, func(x, y int, inv float32) {
		din[0].Data[x] += dout[0].Data[y] * inv
	}, func(int) {})
}

// walk calls start for each output y, then pair for each of its inputs x.
func (o AvgPool) walk(out, in tensor.Shape, pair func(x, y int, inv float32), start func(y int)) {
	k := o.window()
	h, w, oh, ow := in[2], in[3], out[2], out[3]
	for p := 0; p < in[0]*in[1]; p++ {
		for i := 0; i < oh; i++ {
			for j := 0; j < ow; j++ {
				y := (p*oh+i)*ow + j
				start(y)
				inv := 1 / o.count(k, h, w, i, j)
				for a := 0; a < k.kh; a++ {
					yy := i*k.sh - k.pt + a*k.dh
					if yy < 0 || yy >= h {
						continue
					}
					for b := 0; b < k.kw; b++ {
						if xx := j*k.sw - k.pl + b*k.dw; xx >= 0 && xx < w {
							pair((p*h+yy)*w+xx, y, inv)
						}
					}
				}
			}
		}
	}
}

// count returns the divisor of a window and the rows and columns of the image
// that it covers.
func (o AvgPool) count(k window, h, w, i, j int) float32 {
	n := func(at, kernel, dil, lo, hi int) int {
		c := 0
		for p := 0; p < kernel; p++ {
			if v := at + p*dil; v >= lo && v < hi {
				c++
			}
		}
		return c
	}
	y, x := i*k.sh-k.pt, j*k.sw-k.pl
	if o.CountPad {
		return float32(n(y, k.kh, k.dh, -k.pt, h+k.pb) * n(x, k.kw, k.dw, -k.pl, w+k.pr))
	}
	return float32(max(n(y, k.kh, k.dh, 0, h)*n(x, k.kw, k.dw, 0, w), 1))
}

// Lower emits OpAvgPool on the input's grid.
func (o AvgPool) Lower(d Device, n *graph.Node) error {
	in := format.Instr{Op: format.OpAvgPool, Weight: -1, LUT: -1, KH: o.KH, KW: o.KW, StrideH: orOne(o.StrideH), StrideW: orOne(o.StrideW),
		DilH: orOne(o.DilH), DilW: orOne(o.DilW), PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR, CountPad: o.CountPad, ClampMin: -128, ClampMax: 127}
	if o.CountPad && o.CeilMode && poolOverhang(n, in) != [2]int{} {
		return fmt.Errorf("the device has no average pool that counts padding and rounds its size up: export the network with ceil_mode=0")
	}
	lowerPool(d, n, in)
	return nil
}

// Grids implements GridRelater.
func (AvgPool) Grids() GridRelation { return InputGrid }

// Averages implements Averager: the padding has to count, or be none.
func (o AvgPool) Averages(image tensor.Shape) (l Layer, height, width int, ok bool) {
	c := Conv2D{StrideH: orOne(o.StrideH), StrideW: orOne(o.StrideW), DilH: orOne(o.DilH), DilW: orOne(o.DilW), PadT: o.PadT, PadL: o.PadL,
		PadB: o.PadB, PadR: o.PadR, Groups: image[1]}
	kernel, _ := c.Kernel()
	return c, o.KH, o.KW, !o.CeilMode && (o.CountPad || !kernel.Padded())
}

// Homogeneous implements Homogeneous.
func (AvgPool) Homogeneous(*graph.Node) bool { return true }

// TraceChannels implements ChannelTracer.
func (AvgPool) TraceChannels(c Channels, n *graph.Node) bool { return tracePool(c, n) }

// TraceConstants implements ConstantTracer: zeros of the padding count if CountPad.
func (o AvgPool) TraceConstants(c Constants, n *graph.Node, k []float32) {
	padded := o.CountPad && o.PadT+o.PadL+o.PadB+o.PadR > 0
	for i, v := range inputConstants(c, n, k) {
		if !padded || v == 0 {
			k[i] = v
		}
	}
}

// WriteONNX implements ONNXWriter.
func (o AvgPool) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	attrs := []Attr{{"kernel_shape", []int{o.KH, o.KW}}, {"strides", ones(o.StrideH, o.StrideW)}, {"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}},
		{"ceil_mode", bit(o.CeilMode)}, {"count_include_pad", bit(o.CountPad)}}
	if o.DilH > 1 || o.DilW > 1 {
		w.Need(19)
		attrs = append(attrs, Attr{"dilations", ones(o.DilH, o.DilW)})
	}
	w.Emit("AveragePool", in, out, attrs...)
}

func init() {
	RegisterLift(format.OpAvgPool, liftPool(func(in *format.Instr) graph.Op {
		return AvgPool{KH: in.KH, KW: in.KW, StrideH: in.StrideH, StrideW: in.StrideW, DilH: in.DilH, DilW: in.DilW,
			PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR, CountPad: in.CountPad}
	}))
}

var _ graph.Differentiable = AvgPool{}
