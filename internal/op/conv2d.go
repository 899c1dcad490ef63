package op

import (
	"fmt"

	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
	"edgec/runtime/format"
)

// Conv2D is the 2-D convolution (cross-correlation) of x [N,C,H,W] with
// kernels w [outC, C/Groups, kH, kW] and a bias b [outC] or none:
//
//	y[n,o,i,j] = b[o] + sum_{c,p,q} w[o,c,p,q] x[n, g(o)*C/Groups+c, i*StrideH-PadT+p*DilH, j*StrideW-PadL+q*DilW]
//
// with zeros outside the image. Strides, dilations and groups of 0 mean 1.
type Conv2D struct {
	StrideH, StrideW       int
	DilH, DilW             int
	PadT, PadL, PadB, PadR int
	Groups                 int
	Clamp                  Clamp
	RoundOnce              bool // on the device; see format.Instr
}

// Name implements graph.Op.
func (Conv2D) Name() string { return "Conv2D" }

// Infer implements graph.Op.
func (o Conv2D) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if len(x) != 4 || len(w) != 4 {
		return nil, fmt.Errorf("input %v and weights %v; needs [N,C,H,W] and [outC,C/groups,kH,kW]", x, w)
	}
	g := orOne(o.Groups)
	if g < 1 || x[1] != w[1]*g || w[0]%g != 0 {
		return nil, fmt.Errorf("input has %d channels, weights %v in %d groups take %d", x[1], w, g, w[1]*g)
	}
	if err := checkBias(in, w[0]); err != nil {
		return nil, err
	}
	k := o.window(w[2], w[3])
	oh, ow, err := k.size(x[2], x[3])
	if err != nil {
		return nil, err
	}
	return []tensor.Shape{{x[0], w[0], oh, ow}}, nil
}

func (o Conv2D) window(kh, kw int) window {
	return window{kh, kw, orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW), o.PadT, o.PadL, o.PadB, o.PadR, false}
}

// Forward implements graph.Op.
func (o Conv2D) Forward(s *graph.Scratch, out, in []*tensor.Tensor) {
	x, w, y := in[0], in[1], out[0]
	n, c, h, wd := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	outC, inC := w.Shape[0], w.Shape[1]
	g := orOne(o.Groups)
	oh, ow := y.Shape[2], y.Shape[3]
	k := o.window(w.Shape[2], w.Shape[3])
	area, rows := oh*ow, inC*k.kh*k.kw
	b := at(in, 2)
	for i := 0; i < n; i++ {
		img, dst := x.Data[i*c*h*wd:(i+1)*c*h*wd], y.Data[i*outC*area:(i+1)*outC*area]
		if b != nil {
			for ch := 0; ch < outC; ch++ {
				vec.Fill(dst[ch*area:(ch+1)*area], b.Data[ch])
			}
		}
		if inC == 1 && g > 1 {
			if b == nil {
				clear(dst)
			}
			k.depthwise(s, dst, img, w.Data, outC/g, h, wd, oh, ow)
			continue
		}
		for gr := 0; gr < g; gr++ {
			col := img[gr*inC*h*wd : (gr+1)*inC*h*wd]
			if !k.pointwise() {
				cols := s.Floats(0, rows*area)
				k.im2col(cols, col, inC, h, wd, oh, ow)
				col = cols
			}
			m := outC / g
			gemm.Mul(false, false, m, area, rows, w.Data[gr*m*rows:], rows, col, area, b != nil, dst[gr*m*area:], area)
		}
	}
	o.Clamp.Apply(y.Data)
}

// Backward implements graph.Differentiable.
func (o Conv2D) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	x, w, y := in[0], in[1], out[0]
	h, wd, oh, ow := x.Shape[2], x.Shape[3], y.Shape[2], y.Shape[3]
	outC, inC, g := w.Shape[0], w.Shape[1], orOne(o.Groups)
	k := o.window(w.Shape[2], w.Shape[3])
	dy := dout[0].Data
	if o.Clamp.On {
		dy = o.Clamp.back(s.Floats(0, len(dy)), dy, y.Data)
	}
	dx, dw, db := din[0], din[1], at(din, 2)
	size, area := x.Shape[1]*h*wd, oh*ow
	for i := 0; i < x.Shape[0]; i++ {
		img, d := x.Data[i*size:(i+1)*size], dy[i*outC*area:(i+1)*outC*area]
		var dimg []float32
		if dx != nil {
			dimg = dx.Data[i*size : (i+1)*size]
		}
		if db != nil {
			for ch := 0; ch < outC; ch++ {
				db.Data[ch] += vec.Sum(d[ch*area : (ch+1)*area])
			}
		}
		if inC == 1 && g > 1 {
			k.depthwiseBack(s, dimg, dw, d, img, w.Data, outC/g, h, wd, oh, ow)
			continue
		}
		for gr := 0; gr < g; gr++ {
			m, rows := outC/g, inC*k.kh*k.kw
			lo, hi := gr*inC*h*wd, (gr+1)*inC*h*wd
			dg := d[gr*m*area : (gr+1)*m*area]
			if dw != nil {
				k.weightsBack(s, dw.Data[gr*m*rows:], dg, img[lo:hi], inC, h, wd, oh, ow)
			}
			if dimg != nil {
				k.imageBack(s, dimg[lo:hi], dg, w.Data[gr*m*rows:], inC, h, wd, oh, ow)
			}
		}
	}
}

// weightsBack adds the gradient of a group's weights, given that of its outputs dy and the
// image x of c channels that it reads.
func (k window) weightsBack(s *graph.Scratch, dw, dy, x []float32, c, h, w, oh, ow int) {
	rows, area := c*k.kh*k.kw, oh*ow
	col := x
	if !k.pointwise() {
		col = s.Floats(1, rows*area)
		k.im2col(col, x, c, h, w, oh, ow)
	}
	gemm.Mul(false, true, len(dy)/area, rows, area, dy, area, col, area, true, dw, rows)
}

// imageBack adds the gradient of the image that a group of weights w reads.
func (k window) imageBack(s *graph.Scratch, dx, dy, w []float32, c, h, wd, oh, ow int) {
	rows, area := c*k.kh*k.kw, oh*ow
	m := len(dy) / area
	if k.pointwise() {
		gemm.Mul(true, false, rows, area, m, w, rows, dy, area, true, dx, area)
		return
	}
	dcol := s.Floats(1, rows*area)
	gemm.Mul(true, false, rows, area, m, w, rows, dy, area, false, dcol, area)
	k.col2im(dx, dcol, c, h, wd, oh, ow)
}

// ChannelAxis implements Layer.
func (Conv2D) ChannelAxis(_ int) int { return 1 }

// Fused implements Clamper.
func (o Conv2D) Fused() Clamp { return o.Clamp }

// WithClamp implements Clamper.
func (o Conv2D) WithClamp(c Clamp) graph.Op {
	o.Clamp = c
	return o
}

// MetGrid implements Weighted.
func (Conv2D) MetGrid(n *graph.Node) *graph.Affine { return metGrid(n) }

// Uses implements Weighted.
func (Conv2D) Uses(n *graph.Node) int { return uses(n) }

// Kernel implements Layer.
func (o Conv2D) Kernel() (Kernel, bool) {
	return Kernel{orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW), o.PadT, o.PadL, o.PadB, o.PadR, orOne(o.Groups)}, true
}

// WithPadding implements PadAbsorber.
func (o Conv2D) WithPadding(top, left, bottom, right int) graph.Op {
	o.PadT, o.PadL = o.PadT+top, o.PadL+left
	o.PadB, o.PadR = o.PadB+bottom, o.PadR+right
	return o
}

// Lower emits OpConv2D with the weights as [outC, kH, kW, inC/groups].
func (o Conv2D) Lower(d Device, n *graph.Node) error {
	w := n.Inputs[1].Shape
	outC, inC, kh, kw := w[0], w[1], w[2], w[3]
	from := make([]int, 0, w.Size())
	for c := 0; c < outC; c++ {
		for p := 0; p < kh*kw; p++ {
			for i := 0; i < inC; i++ {
				from = append(from, (c*inC+i)*kh*kw+p)
			}
		}
	}
	x := d.Tensor(n.Inputs[0])
	weight := d.Weight(x, n.Inputs[1], optional(n, 2), [4]int{outC, kh, kw, inC}, from)
	out := d.Output(n.Outputs[0])
	lo, hi := d.Clamp(n.Outputs[0], o.Clamp)
	d.Emit(format.Instr{Op: format.OpConv2D, RoundOnce: o.RoundOnce, In: []int{x}, Out: out, Weight: weight, LUT: -1,
		StrideH: orOne(o.StrideH), StrideW: orOne(o.StrideW), DilH: orOne(o.DilH), DilW: orOne(o.DilW),
		PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR, Groups: orOne(o.Groups), ClampMin: lo, ClampMax: hi})
	return nil
}

func init() { RegisterLift(format.OpConv2D, liftConv2D) }

func liftConv2D(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	o := Conv2D{StrideH: in.StrideH, StrideW: in.StrideW, DilH: in.DilH, DilW: in.DilW,
		PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR, Groups: in.Groups, Clamp: l.Clamp(in), RoundOnce: in.RoundOnce}
	w, b := l.Weights(in, false, nil)
	return l.Node(o, out, x[0], w, b)
}

// TraceChannels implements ChannelTracer. A convolution of one group reads all channels
// and makes new ones; a depthwise one, of as many groups as channels, passes each to its
// outC/Groups outputs.
func (o Conv2D) TraceChannels(c Channels, n *graph.Node) bool {
	in, w := c.Layout(n.Inputs[0]), n.Inputs[WeightInput].Param
	if w == nil || in.Axis != 1 {
		return false
	}
	var ids []int
	switch {
	case o.Groups <= 1:
		c.Consume(n, w, in.IDs)
		ids = c.Fresh(w.Channels())
	case o.Groups == len(in.IDs) && w.Shadow.Shape[1] == 1:
		for _, id := range in.IDs {
			for range w.Channels() / o.Groups {
				ids = append(ids, id)
			}
		}
	default:
		return false
	}
	traceRows(c, n, ids, 1)
	return true
}

// Narrow implements Narrower: a depthwise convolution has a group for each channel.
func (o Conv2D) Narrow(in, _ Extent) graph.Op {
	if o.Groups > 1 && o.Groups == in.Before {
		o.Groups = in.After
	}
	return o
}

// TraceConstants implements ConstantTracer. Beside outputs without weights, a depthwise
// kernel over a constant is constant, if it does not meet padding.
func (o Conv2D) TraceConstants(c Constants, n *graph.Node, k []float32) {
	rowConstants(n, o.Clamp, k)
	in := c.Of(n.Inputs[0])
	w := n.Inputs[WeightInput].Param
	if w == nil || o.Groups <= 1 || in == nil || o.Groups != len(in) || w.Shadow.Shape[1] != 1 || len(k) != w.Channels() {
		return
	}
	kernel, _ := o.Kernel()
	row := len(w.Value.Data) / w.Channels()
	for ch := range k {
		x := in[ch/(len(k)/o.Groups)]
		if k[ch] == k[ch] || x != x || kernel.Padded() && x != 0 {
			continue
		}
		sum := biasOf(n, ch)
		for _, v := range w.Value.Data[ch*row : (ch+1)*row] {
			sum += v * x
		}
		k[ch] = o.Clamp.Of(sum)
	}
}

// WriteONNX implements ONNXWriter.
func (o Conv2D) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	k := n.Inputs[WeightInput].Shape
	w.Emit("Conv", in, out, Attr{"kernel_shape", []int{k[2], k[3]}}, Attr{"strides", ones(o.StrideH, o.StrideW)},
		Attr{"dilations", ones(o.DilH, o.DilW)}, Attr{"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}}, Attr{"group", max(o.Groups, 1)})
}

var _ Layer = Conv2D{}
