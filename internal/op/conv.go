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

// orOne returns v, or 1 for the 0 of an attribute that was left out.
func orOne(v int) int {
	if v == 0 {
		return 1
	}
	return v
}

// window is how kernels and pools move over an image.
type window struct {
	kh, kw, sh, sw, dh, dw int
	pt, pl, pb, pr         int
	ceil                   bool
}

// size returns the output's rows and columns.
func (k window) size(h, w int) (oh, ow int, err error) {
	dim := func(n, kernel, stride, dil, before, after int) (int, error) {
		if kernel < 1 || stride < 1 || dil < 1 || before < 0 || after < 0 {
			return 0, fmt.Errorf("kernel %d, stride %d, dilation %d, padding %d and %d: out of range", kernel, stride, dil, before, after)
		}
		room := n + before + after - (kernel-1)*dil - 1
		if room < 0 {
			return 0, fmt.Errorf("the kernel spans %d pixels, the padded image has %d", (kernel-1)*dil+1, n+before+after)
		}
		out := room/stride + 1
		if k.ceil && room%stride != 0 && out*stride < n+before {
			out++ // the last window starts inside the image or the padding before it
		}
		return out, nil
	}
	if oh, err = dim(h, k.kh, k.sh, k.dh, k.pt, k.pb); err != nil {
		return 0, 0, err
	}
	ow, err = dim(w, k.kw, k.sw, k.dw, k.pl, k.pr)
	return oh, ow, err
}

// pointwise reports whether the columns of the image are the image itself.
func (k window) pointwise() bool {
	return k.kh == 1 && k.kw == 1 && k.sh == 1 && k.sw == 1 && k.pt|k.pl|k.pb|k.pr == 0
}

// inside returns the output positions lo..hi-1 for which kernel position p
// lies inside a row of n elements.
func inside(p, stride, dil, pad, n, out int) (lo, hi int) {
	off := p*dil - pad // input = o*stride + off
	if off < 0 {
		lo = (-off + stride - 1) / stride
	}
	if n-1-off < 0 {
		return 0, 0
	}
	return min(lo, out), max(min(lo, out), min((n-1-off)/stride+1, out))
}

// im2col writes the columns [c*kh*kw, oh*ow] of the image x [c,h,w].
func (k window) im2col(dst, x []float32, c, h, w, oh, ow int) {
	at := 0
	for ch := 0; ch < c; ch++ {
		plane := x[ch*h*w : (ch+1)*h*w]
		for p := 0; p < k.kh; p++ {
			ylo, yhi := inside(p, k.sh, k.dh, k.pt, h, oh)
			for q := 0; q < k.kw; q++ {
				xlo, xhi := inside(q, k.sw, k.dw, k.pl, w, ow)
				row := dst[at : at+oh*ow]
				at += oh * ow
				clear(row[:ylo*ow])
				off := q*k.dw - k.pl
				if k.sw == 1 && xlo < xhi && ylo < yhi {
					if xlo > 0 || xhi < ow {
						clear(row[ylo*ow : yhi*ow])
					}
					src := plane[(ylo*k.sh-k.pt+p*k.dh)*w+xlo+off:]
					vec.CopyRows(row[ylo*ow+xlo:], ow, src, k.sh*w, yhi-ylo, xhi-xlo)
					clear(row[yhi*ow:])
					continue
				}
				for i := ylo; i < yhi; i++ {
					line := row[i*ow : (i+1)*ow]
					src := plane[(i*k.sh-k.pt+p*k.dh)*w:]
					clear(line[:xlo])
					for j := xlo; j < xhi; j++ {
						line[j] = src[j*k.sw+off]
					}
					clear(line[xhi:])
				}
				clear(row[yhi*ow:])
			}
		}
	}
}

// col2im adds the columns back to the image: the transpose of im2col.
func (k window) col2im(x, src []float32, c, h, w, oh, ow int) {
	at := 0
	for ch := 0; ch < c; ch++ {
		plane := x[ch*h*w : (ch+1)*h*w]
		for p := 0; p < k.kh; p++ {
			ylo, yhi := inside(p, k.sh, k.dh, k.pt, h, oh)
			for q := 0; q < k.kw; q++ {
				xlo, xhi := inside(q, k.sw, k.dw, k.pl, w, ow)
				row := src[at : at+oh*ow]
				at += oh * ow
				off := q*k.dw - k.pl
				if k.sw == 1 && xlo < xhi && ylo < yhi {
					dst := plane[(ylo*k.sh-k.pt+p*k.dh)*w+xlo+off:]
					vec.AddRows(dst, k.sh*w, row[ylo*ow+xlo:], ow, yhi-ylo, xhi-xlo)
					continue
				}
				for i := ylo; i < yhi; i++ {
					line := row[i*ow : (i+1)*ow]
					dst := plane[(i*k.sh-k.pt+p*k.dh)*w:]
					for j := xlo; j < xhi; j++ {
						dst[j*k.sw+off] += line[j]
					}
				}
			}
		}
	}
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
	o.Clamp.apply(y.Data)
}

// Backward implements graph.Differentiable.
func (o Conv2D) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	x, w, y := in[0], in[1], out[0]
	n, c, h, wd := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	outC, inC := w.Shape[0], w.Shape[1]
	g := orOne(o.Groups)
	oh, ow := y.Shape[2], y.Shape[3]
	k := o.window(w.Shape[2], w.Shape[3])
	area, rows := oh*ow, inC*k.kh*k.kw
	dy := dout[0].Data
	if o.Clamp.On {
		dy = o.Clamp.back(s.Floats(0, len(dy)), dy, y.Data)
	}
	dx, dw, db := din[0], din[1], at(din, 2)
	for i := 0; i < n; i++ {
		img, d := x.Data[i*c*h*wd:(i+1)*c*h*wd], dy[i*outC*area:(i+1)*outC*area]
		var dimg []float32
		if dx != nil {
			dimg = dx.Data[i*c*h*wd : (i+1)*c*h*wd]
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
			m := outC / g
			src, dg := img[gr*inC*h*wd:(gr+1)*inC*h*wd], d[gr*m*area:(gr+1)*m*area]
			if dw != nil {
				col := src
				if !k.pointwise() {
					col = s.Floats(1, rows*area)
					k.im2col(col, src, inC, h, wd, oh, ow)
				}
				gemm.Mul(false, true, m, rows, area, dg, area, col, area, true, dw.Data[gr*m*rows:], rows)
			}
			if dimg != nil {
				dst := dimg[gr*inC*h*wd : (gr+1)*inC*h*wd]
				if k.pointwise() {
					gemm.Mul(true, false, rows, area, m, w.Data[gr*m*rows:], rows, dg, area, true, dst, area)
					continue
				}
				dcol := s.Floats(1, rows*area)
				gemm.Mul(true, false, rows, area, m, w.Data[gr*m*rows:], rows, dg, area, false, dcol, area)
				k.col2im(dst, dcol, inC, h, wd, oh, ow)
			}
		}
	}
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
