package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// DeformConv is a convolution of an image x [N,C,H,W] with kernels w [outC, C/groups, kH, kW],
// each tap of which reads at a place of its own:
//
//	y[n,o,i,j] = b[o] + sum w[o,c,p,q] m[n,p,q,i,j] x[n,c,u,v] with
//	u = i StrideH - PadT + p DilH + dy[n,p,q,i,j],  v = j StrideW - PadL + q DilW + dx[n,p,q,i,j]
//
// Inputs are x, w, the offsets [N, Sets kH kW 2, outH, outW] (dy, then dx, for each tap), and,
// where they are given, b [outC] and the factors m [N, Sets kH kW, outH, outW]. The channels
// are divided into Sets, each with its own offsets. Between pixels x is interpolated
// linearly, outside it is 0. Source: Dai et al. 2017, Zhu et al. 2019.
type DeformConv struct {
	Kernel
	Sets int
}

// Name implements graph.Op.
func (DeformConv) Name() string { return "DeformConv" }

// Infer implements graph.Op.
func (o DeformConv) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 3, 5); err != nil {
		return nil, err
	}
	x, w, offsets := in[0], in[1], in[2]
	y, err := o.conv().Infer(in[:2])
	if err != nil {
		return nil, err
	}
	taps := o.Sets * w[2] * w[3]
	want := tensor.Shape{1, 2 * taps, y[0][2], y[0][3]}
	all := []tensor.Shape{x, offsets}
	if m := shapeAt(in, 4); m != nil {
		all = append(all, m)
	}
	batch, err := commonBatch(all)
	if err != nil || batch != x[0] || o.Sets < 1 || x[1]%o.Sets != 0 || !offsets.WithBatch(1).Equal(want) {
		return nil, fmt.Errorf("offsets %v for %d sets of %d channels; needs %v", offsets, o.Sets, x[1], want)
	}
	if err := checkBias([]tensor.Shape{x, w, shapeAt(in, 3)}, w[0]); err != nil {
		return nil, err
	}
	want[1] = taps
	if m := shapeAt(in, 4); m != nil && !m.WithBatch(1).Equal(want) {
		return nil, fmt.Errorf("factors %v of taps; needs %v", m, want)
	}
	return y, nil
}

// shapeAt returns in[i], nil where it is absent.
func shapeAt(in []tensor.Shape, i int) tensor.Shape {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// conv returns the convolution without offsets.
func (o DeformConv) conv() Conv2D {
	return Conv2D{StrideH: o.StrideH, StrideW: o.StrideW, DilH: o.DilH, DilW: o.DilW, PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR, Groups: o.Groups}
}

// Forward implements graph.Op.
func (o DeformConv) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	x, w, s := in[0].Shape, in[1].Shape, out[0].Shape
	taps, places := w[2]*w[3], s[2]*s[3]
	row := make([]float64, x[1]*taps) // what all taps of one output place read
	for n := range s[0] {
		y := sampleOf(out[0], n)
		for place := range places {
			o.read(row, in, n, place, s[3])
			for f := range w[0] {
				sum := 0.0
				if b := at(in, 3); b != nil {
					sum = float64(b.Data[f])
				}
				first := f * o.Groups / w[0] * w[1] * taps
				for k, v := range in[1].Data[f*w[1]*taps : (f+1)*w[1]*taps] {
					sum += float64(v) * row[first+k]
				}
				y[f*places+place] = float32(sum)
			}
		}
	}
}

// read sets row to what the taps of an output place read of sample n, channel by channel.
func (o DeformConv) read(row []float64, in []*tensor.Tensor, n, place, width int) {
	x, w := in[0].Shape, in[1].Shape
	h, wide, taps := x[2], x[3], w[2]*w[3]
	places := in[2].Shape[2] * in[2].Shape[3]
	image, offsets := sampleOf(in[0], n), sampleOf(in[2], n)
	for set := range o.Sets {
		for t := range taps {
			k := set*taps + t
			i := float64(place/width*o.StrideH-o.PadT+t/w[3]*o.DilH) + float64(offsets[2*k*places+place])
			j := float64(place%width*o.StrideW-o.PadL+t%w[3]*o.DilW) + float64(offsets[(2*k+1)*places+place])
			factor := 1.0
			if m := at(in, 4); m != nil {
				factor = float64(sampleOf(m, n)[k*places+place])
			}
			around := o.around(i, j, h, wide)
			for c := set * x[1] / o.Sets; c < (set+1)*x[1]/o.Sets; c++ {
				sum := 0.0
				for _, p := range around {
					sum += p.weight * float64(image[c*h*wide+p.index])
				}
				row[c*taps+t] = sum * factor
			}
		}
	}
}

// around returns the pixels around a place, without those outside.
func (DeformConv) around(i, j float64, h, w int) (ts []tap) {
	if !(math.Abs(i) < 1<<30 && math.Abs(j) < 1<<30) {
		return nil
	}
	top, left := math.Floor(i), math.Floor(j)
	for k := range 4 {
		p, q := top+float64(k/2), left+float64(k%2)
		if p >= 0 && p < float64(h) && q >= 0 && q < float64(w) {
			ts = append(ts, tap{int(p)*w + int(q), (1 - math.Abs(i-p)) * (1 - math.Abs(j-q))})
		}
	}
	return ts
}

// WriteONNX implements ONNXWriter.
func (o DeformConv) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	k := n.Inputs[1].Shape
	w.Need(19)
	w.Emit("DeformConv", in, out, Attr{"kernel_shape", []int{k[2], k[3]}}, Attr{"strides", []int{o.StrideH, o.StrideW}}, Attr{"dilations", []int{o.DilH, o.DilW}},
		Attr{"pads", []int{o.PadT, o.PadL, o.PadB, o.PadR}}, Attr{"group", o.Groups}, Attr{"offset_group", o.Sets})
}
