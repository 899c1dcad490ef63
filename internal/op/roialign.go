package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// RoiAlign reads regions of the images of one sample: x [N,I,C,H,W] has I images, regions
// [N,R,4] the corners x1, y1, x2, y2 of each, times Scale in pixels, and images [N,R] the
// image of each; the result is [N,R,C,Height,Width]. A region is cut into Height x Width bins,
// and a bin is the mean, or with Largest the largest term, of interpolations at Samples x
// Samples points within it; 0 Samples is the size of a bin, rounded up. HalfPixel moves
// regions by half a pixel. Points further than a pixel outside are 0. Source: He et al.,
// Mask R-CNN, 2017, and ONNX, operator RoiAlign.
type RoiAlign struct {
	Height, Width, Samples int
	Scale                  float64
	Largest, HalfPixel     bool
}

// Name implements graph.Op.
func (RoiAlign) Name() string { return "RoiAlign" }

// Infer implements graph.Op.
func (o RoiAlign) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
	n, err := commonBatch(in)
	if err != nil {
		return nil, err
	}
	x, regions := in[0], in[1]
	if len(x) != 5 || x.Size() < 1 || len(regions) != 3 || regions[2] != 4 || !in[2].Sample().Equal(regions[1:2]) {
		return nil, fmt.Errorf("regions %v of images %v with numbers %v; needs [N,I,C,H,W], [N,R,4] and [N,R]", regions, x, in[2])
	}
	if o.Height < 1 || o.Width < 1 || o.Samples < 0 || o.Samples > 1<<10 {
		return nil, fmt.Errorf("regions in %dx%d bins of %d samples", o.Height, o.Width, o.Samples)
	}
	return []tensor.Shape{{n, regions[1], x[2], o.Height, o.Width}}, nil
}

// Forward implements graph.Op.
func (o RoiAlign) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	s := in[0].Shape
	c, h, w := s[2], s[3], s[4]
	for b := range out[0].Shape[0] {
		x, regions, images, y := sampleOf(in[0], b), sampleOf(in[1], b), sampleOf(in[2], b), sampleOf(out[0], b)
		for r, image := range images {
			picture := x[indexOf(image, s[1])*c*h*w:][:c*h*w]
			o.region(y[r*c*o.Height*o.Width:], picture, regions[4*r:4*r+4], c, h, w)
		}
	}
}

// region reads one region of a picture [c,h,w].
func (o RoiAlign) region(y, picture, corners []float32, c, h, w int) {
	offset := 0.0
	if o.HalfPixel {
		offset = 0.5
	}
	left, top := float64(corners[0])*o.Scale-offset, float64(corners[1])*o.Scale-offset
	wide, high := float64(corners[2])*o.Scale-offset-left, float64(corners[3])*o.Scale-offset-top
	if !o.HalfPixel {
		wide, high = max(wide, 1), max(high, 1)
	}
	binH, binW := high/float64(o.Height), wide/float64(o.Width)
	points := func(size float64) int {
		if o.Samples > 0 {
			return o.Samples
		}
		return int(min(max(math.Ceil(size), 0), 1<<10))
	}
	rows, columns := points(binH), points(binW)
	for k := range c * o.Height * o.Width {
		plane := picture[k/(o.Height*o.Width)*h*w:][:h*w]
		i, j := k/o.Width%o.Height, k%o.Width
		sum, best := 0.0, math.Inf(-1)
		for p := range rows {
			for q := range columns {
				at := top + (float64(i)+(float64(p)+0.5)/float64(rows))*binH
				across := left + (float64(j)+(float64(q)+0.5)/float64(columns))*binW
				for _, t := range bilinear(at, across, h, w) {
					v := t.weight * float64(plane[t.index])
					sum, best = sum+v, max(best, v)
				}
			}
		}
		switch {
		case rows*columns == 0 || o.Largest && math.IsInf(best, -1):
			y[k] = 0
		case o.Largest:
			y[k] = float32(best)
		default:
			y[k] = float32(sum / float64(rows*columns))
		}
	}
}

// bilinear returns the four pixels around a place of an image and their weights; none further
// than a pixel outside, and those at the edge for places outside.
func bilinear(y, x float64, h, w int) []tap {
	if !(y >= -1 && y <= float64(h) && x >= -1 && x <= float64(w)) {
		return nil
	}
	split := func(p float64, n int) (lo, hi int, part float64) {
		p = max(p, 0)
		if lo = int(p); lo >= n-1 {
			return n - 1, n - 1, 0
		}
		return lo, lo + 1, p - float64(lo)
	}
	top, bottom, down := split(y, h)
	left, right, across := split(x, w)
	return []tap{{top*w + left, (1 - down) * (1 - across)}, {top*w + right, (1 - down) * across}, {bottom*w + left, down * (1 - across)}, {bottom*w + right, down * across}}
}

// WriteONNX implements ONNXWriter for one sample: files with a batch cannot say which samples
// belong together.
func (o RoiAlign) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	flat := func(k int, dims ...int) string {
		name := w.Fresh(out + "_part")
		w.Emit("Reshape", []string{in[k], w.Int64s(out+"_dims", dims)}, name)
		return name
	}
	s := n.Inputs[0].Shape
	mode, how := "avg", "output_half_pixel"
	if o.Largest {
		mode = "max"
	}
	if o.HalfPixel {
		how = "half_pixel"
	}
	w.Need(16)
	y := w.Fresh(out + "_regions")
	w.Emit("RoiAlign", []string{flat(0, -1, s[2], s[3], s[4]), flat(1, -1, 4), flat(2, -1)}, y, Attr{"mode", mode}, Attr{"coordinate_transformation_mode", how},
		Attr{"output_height", o.Height}, Attr{"output_width", o.Width}, Attr{"sampling_ratio", o.Samples}, Attr{"spatial_scale", float32(o.Scale)})
	w.Emit("Reshape", []string{y, w.Int64s(out+"_shape", append([]int{-1}, n.Outputs[0].Shape[1:]...))}, out)
}
