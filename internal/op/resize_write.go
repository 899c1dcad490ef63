package op

import (
	"math"

	"edgec/internal/graph"
)

// The names of ONNX.
var (
	resizeModes  = map[Interpolation]string{Nearest: "nearest", Linear: "linear", Cubic: "cubic"}
	resizeCoords = map[Coordinates]string{HalfPixel: "half_pixel", HalfPixelSymmetric: "half_pixel_symmetric", PytorchHalfPixel: "pytorch_half_pixel",
		AlignCorners: "align_corners", Asymmetric: "asymmetric", CropAndResize: "tf_crop_and_resize"}
	resizeRounds = map[Nearness]string{RoundPreferFloor: "round_prefer_floor", RoundPreferCeil: "round_prefer_ceil", RoundFloor: "floor", RoundCeil: "ceil"}
)

// WriteONNX implements ONNXWriter. The batch may have any size, so the node has scales, each
// the least float32 that gives the size.
func (o Resize) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	coords, round := o.onnxForm(n.Inputs[0].Shape)
	scales := []float32{1}
	for d, size := range o.Sizes {
		m := n.Inputs[0].Shape[d+1]
		s := float32(o.scale(d, m))
		for int(math.Floor(float64(float32(m)*s))) < size {
			s = math.Nextafter32(s, math.MaxFloat32)
		}
		scales = append(scales, s)
	}
	window := ""
	if o.Coords == CropAndResize {
		starts, ends := []float32{0}, []float32{1}
		for d := range o.Sizes {
			starts, ends = append(starts, float32(o.Window[2*d])), append(ends, float32(o.Window[2*d+1]))
		}
		window = w.Floats(out+"_roi", []int{2 * len(starts)}, append(starts, ends...))
	}
	attrs := []Attr{{"mode", resizeModes[o.Mode]}, {"coordinate_transformation_mode", resizeCoords[coords]}, {"nearest_mode", resizeRounds[round]}}
	if o.Cubic != 0 {
		attrs = append(attrs, Attr{"cubic_coeff_a", float32(o.Cubic)})
	}
	if o.Beyond != 0 {
		attrs = append(attrs, Attr{"extrapolation_value", o.Beyond})
	}
	if o.ExcludeOutside {
		attrs = append(attrs, Attr{"exclude_outside", 1})
	}
	if coords == HalfPixelSymmetric {
		w.Need(19)
	}
	if o.Antialias {
		w.Need(18)
		attrs = append(attrs, Attr{"antialias", 1})
	}
	w.Emit("Resize", []string{in[0], window, w.Floats(out+"_scales", []int{len(scales)}, scales)}, out, attrs...)
}

// onnxForm returns the coordinates and the rounding of ONNX that o has; those of Equidistant
// positions, which a file holds in steps of 2^-20, are the ones that lie nearest.
func (o Resize) onnxForm(x []int) (Coordinates, Nearness) {
	if o.Coords != Equidistant {
		return o.Coords, o.Round
	}
	best, least := o, math.Inf(1)
	for _, c := range []Coordinates{HalfPixel, AlignCorners, Asymmetric} {
		for r := RoundPreferFloor; r <= RoundCeil; r++ {
			like, off := o, 0.0
			like.Coords, like.Round = c, r
			for d, m := range o.Sizes {
				for k := range m {
					if o.Mode == Nearest {
						off += math.Abs(float64(like.taps(d, k, x[d+1])[0].index - o.taps(d, k, x[d+1])[0].index))
					} else {
						off += math.Abs(like.position(d, k, x[d+1]) - o.position(d, k, x[d+1]))
					}
				}
			}
			if off < least {
				best, least = like, off
			}
		}
	}
	return best.Coords, best.Round
}
