package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ConvTranspose is a transposed convolution of an image x [N,C,H,W] with kernels
// w [C, outC/Groups, kH, kW]:
//
//	y[n,o,i,j] = b[o] + sum w[c,o',p,q] x[n,c,u,v] over i = u StrideH - PadT + p DilH, j = v StrideW - PadL + q DilW
//
// It is no operator of the graph: Steps says which operators it is made of. Strides, dilations
// and groups of 0 mean 1.
type ConvTranspose struct {
	StrideH, StrideW       int
	DilH, DilW             int
	PadT, PadL, PadB, PadR int // cut off from the output; negative: added to it
	Groups                 int
}

// Steps returns the operators, each of which reads the one before it: Stretch, a Conv2D with
// the weights of Weights, and where padding cuts more off than the kernel adds, a Slice. It
// fails where attributes are negative.
func (o ConvTranspose) Steps(kh, kw int) ([]graph.Op, error) {
	sh, sw, dh, dw := orOne(o.StrideH), orOne(o.StrideW), orOne(o.DilH), orOne(o.DilW)
	if min(sh, sw, dh, dw, kh, kw, orOne(o.Groups)) < 1 {
		return nil, fmt.Errorf("transposed convolution with kernel %dx%d, strides %d and %d, dilations %d and %d, %d groups: all have to be positive", kh, kw, sh, sw, dh, dw, o.Groups)
	}
	c := Conv2D{StrideH: 1, StrideW: 1, DilH: dh, DilW: dw, Groups: orOne(o.Groups)}
	cut := Slice{Before: make([]int, 4), After: make([]int, 4), Step: []int{1, 1, 1, 1}}
	split := func(pad, reach int, cut *int) int {
		*cut = max(pad-reach, 0)
		return max(reach-pad, 0)
	}
	c.PadT, c.PadB = split(o.PadT, (kh-1)*dh, &cut.Before[2]), split(o.PadB, (kh-1)*dh, &cut.After[2])
	c.PadL, c.PadR = split(o.PadL, (kw-1)*dw, &cut.Before[3]), split(o.PadR, (kw-1)*dw, &cut.After[3])
	var steps []graph.Op
	if sh > 1 || sw > 1 {
		steps = append(steps, Stretch{sh, sw})
	}
	steps = append(steps, c)
	if !cut.whole(0, 1, 2, 3) {
		steps = append(steps, cut)
	}
	return steps, nil
}

// Weights returns w [C, outC/Groups, kH, kW] as the Conv2D of Steps reads it:
// [outC, C/Groups, kH, kW], rows and columns from last to first.
func (o ConvTranspose) Weights(w *tensor.Tensor) (*tensor.Tensor, error) {
	g := orOne(o.Groups)
	if len(w.Shape) != 4 || g < 1 || w.Shape[0]%g != 0 {
		return nil, fmt.Errorf("weights %v in %d groups; a transposed convolution needs [C,outC/groups,kH,kW]", w.Shape, g)
	}
	in, out, area := w.Shape[0]/g, w.Shape[1], w.Shape[2]*w.Shape[3]
	r := tensor.New(out*g, in, w.Shape[2], w.Shape[3])
	for k := range g {
		for c := range in {
			for f := range out {
				src := w.Data[((k*in+c)*out+f)*area:][:area]
				dst := r.Data[((k*out+f)*in+c)*area:][:area]
				for p, v := range src {
					dst[area-1-p] = v
				}
			}
		}
	}
	return r, nil
}
