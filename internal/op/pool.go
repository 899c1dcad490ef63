package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

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

// liftPool reads back a pool.
func liftPool(o func(in *format.Instr) graph.Op) LiftFunc {
	return func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return l.Node(o(in), out, x[0])
	}
}

// tracePool passes the channels of an image on.
func tracePool(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis != 1 {
		return false
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// ones returns the two numbers with 1 for a 0, which stands for it in an attribute.
func ones(h, w int) []int { return []int{orOne(h), orOne(w)} }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
