package op

import (
	"fmt"
	"math"

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

// AvgPool is the mean over windows, divided by the number of elements inside
// the image, or inside image and padding with CountPad.
type AvgPool struct {
	KH, KW                 int
	StrideH, StrideW       int
	DilH, DilW             int
	PadT, PadL, PadB, PadR int
	CeilMode, CountPad     bool
}

// GlobalAvgPool is the mean over each channel of x [N,C,H,W]: [N,C,1,1].
type GlobalAvgPool struct{}

// Name implements graph.Op.
func (MaxPool) Name() string { return "MaxPool" }

// Name implements graph.Op.
func (AvgPool) Name() string { return "AvgPool" }

// Name implements graph.Op.
func (GlobalAvgPool) Name() string { return "GlobalAvgPool" }

func (o MaxPool) window() window {
	return window{o.KH, o.KW, orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW), o.PadT, o.PadL, o.PadB, o.PadR, o.CeilMode}
}

func (o AvgPool) window() window {
	return window{o.KH, o.KW, orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW), o.PadT, o.PadL, o.PadB, o.PadR, o.CeilMode}
}

// inferPool returns the output shape of a pool. Windows without a pixel of the
// image have no maximum and no mean, except with padding that counts.
func (k window) inferPool(in []tensor.Shape, padCounts bool) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(x) != 4 {
		return nil, fmt.Errorf("input %v; needs [N,C,H,W]", x)
	}
	oh, ow, err := k.size(x[2], x[3])
	if err != nil {
		return nil, err
	}
	if !padCounts && !(meets(k.kh, k.sh, k.dh, k.pt, x[2], oh) && meets(k.kw, k.sw, k.dw, k.pl, x[3], ow)) {
		return nil, fmt.Errorf("padding %d, %d, %d and %d around %v leaves windows of %dx%d without a pixel of the image", k.pt, k.pl, k.pb, k.pr, x, k.kh, k.kw)
	}
	return []tensor.Shape{{x[0], x[1], oh, ow}}, nil
}

// meets reports whether each of out windows has an element of a row of n.
func meets(kernel, stride, dil, pad, n, out int) bool {
	for i := 0; i < out; i++ {
		lo, hi := covered(kernel, dil, i*stride-pad, 0, n)
		if lo >= hi {
			return false
		}
	}
	return true
}

// covered returns the kernel positions lo..hi-1 that lie in from..to-1 when
// the first is at.
func covered(kernel, dil, at, from, to int) (lo, hi int) {
	if at < from {
		lo = (from - at + dil - 1) / dil
	}
	if at < to {
		hi = min(kernel, (to-1-at)/dil+1)
	}
	return lo, max(lo, hi)
}

// Infer implements graph.Op.
func (o MaxPool) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return o.window().inferPool(in, false)
}

// Infer implements graph.Op.
func (o AvgPool) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return o.window().inferPool(in, o.CountPad)
}

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

// halving reports whether the windows are the plain 2x2 tiles of the image.
func (k window) halving(h, w, oh, ow int) bool {
	return k.kh == 2 && k.kw == 2 && k.sh == 2 && k.sw == 2 && k.dh == 1 && k.dw == 1 && k.pt == 0 && k.pl == 0 && 2*oh <= h && 2*ow <= w
}

// argmax returns the index in x of the first largest element of a window.
func (k window) argmax(x []float32, h, w, i, j int) int {
	best, top := 0, float32(math.Inf(-1))
	first := true
	for p := 0; p < k.kh; p++ {
		yy := i*k.sh - k.pt + p*k.dh
		if yy < 0 || yy >= h {
			continue
		}
		for q := 0; q < k.kw; q++ {
			xx := j*k.sw - k.pl + q*k.dw
			if xx < 0 || xx >= w {
				continue
			}
			if v := x[yy*w+xx]; first || v > top {
				best, top, first = yy*w+xx, v, false
			}
		}
	}
	return best
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

// Lower emits OpMaxPool on the input's grid.
func (o MaxPool) Lower(d Device, n *graph.Node) error {
	in := format.Instr{Op: format.OpMaxPool, Weight: -1, LUT: -1, KH: o.KH, KW: o.KW, StrideH: orOne(o.StrideH), StrideW: orOne(o.StrideW),
		DilH: orOne(o.DilH), DilW: orOne(o.DilW), PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR, ClampMin: -128, ClampMax: 127}
	lowerPool(d, n, in)
	return nil
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

// poolOverhang returns how far the last windows reach below and right of the
// padded image (CeilMode).
func poolOverhang(n *graph.Node, in format.Instr) [2]int {
	x, y := n.Inputs[0].Shape, n.Outputs[0].Shape
	return [2]int{
		max(0, (y[2]-1)*in.StrideH+(in.KH-1)*in.DilH+1-(x[2]+in.PadT+in.PadB)),
		max(0, (y[3]-1)*in.StrideW+(in.KW-1)*in.DilW+1-(x[3]+in.PadL+in.PadR)),
	}
}

func lowerPool(d Device, n *graph.Node, in format.Instr) {
	over := poolOverhang(n, in)
	in.PadB, in.PadR = in.PadB+over[0], in.PadR+over[1]
	x := d.Tensor(n.Inputs[0])
	in.In, in.Out = []int{x}, d.OutputOn(x, n.Outputs[0])
	d.Emit(in)
}

// Lower emits OpAvgPool over the whole image.
func (GlobalAvgPool) Lower(d Device, n *graph.Node) error {
	s := n.Inputs[0].Shape
	lowerPool(d, n, format.Instr{Op: format.OpAvgPool, Weight: -1, LUT: -1, KH: s[2], KW: s[3], StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, ClampMin: -128, ClampMax: 127})
	return nil
}
