package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// unit is the device's measure of positions: 2^-20 elements.
const unit = 1 << 20

// Lower emits OpResize: for rows and columns of an image, for its channels, which are columns of
// the image [H W, C, 1], or for steps or features of a sequence.
func (o Resize) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	s, t := x.Shape, y.Shape
	if err := o.onDevice(s); err != nil {
		return err
	}
	emit := func(from, to []int, row, column int) error { // dimensions of x; 0: none
		in := format.Instr{Op: format.OpResize, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127, KH: to[0], KW: to[1]}
		if o.Mode == Linear {
			in.Function = format.ResizeLinear
		}
		var err error
		if in.StrideH, in.PadT, err = o.fixed(row, from[0]); err != nil {
			return err
		}
		if in.StrideW, in.PadL, err = o.fixed(column, from[1]); err != nil {
			return err
		}
		v := d.Tensor(x, from...)
		in.In, in.Out = []int{v}, d.OutputOn(v, y, to...)
		d.Emit(in)
		return nil
	}
	switch {
	case len(s) == 4 && !o.changes(0, s[1]):
		return emit([]int{s[2], s[3], s[1]}, []int{t[2], t[3], t[1]}, 2, 3)
	case len(s) == 4 && !o.changes(1, s[2]) && !o.changes(2, s[3]):
		return emit([]int{s[2] * s[3], s[1], 1}, []int{t[2] * t[3], t[1], 1}, 0, 1)
	case len(s) == 3:
		return emit([]int{s[1], s[2], 1}, []int{t[1], t[2], 1}, 1, 2)
	case len(s) == 2:
		return emit([]int{1, s[1], 1}, []int{1, t[1], 1}, 0, 1)
	}
	return fmt.Errorf("the device resizes rows and columns of an image, or its channels: do one after the other")
}

// onDevice returns an error if the device has no such resampling of samples of shape s.
func (o Resize) onDevice(s []int) error {
	shrinks := false
	for d := range o.Sizes {
		shrinks = shrinks || o.scale(d, s[d+1]) < 1
	}
	switch {
	case o.Mode == Cubic:
		return fmt.Errorf("the device has no cubic interpolation: use linear or nearest")
	case o.Coords == CropAndResize:
		return fmt.Errorf("the device does not cut a window out while it resizes: use Slice before")
	case o.Mode == Linear && (o.Antialias && shrinks || o.ExcludeOutside):
		return fmt.Errorf("the device interpolates between neighbours only: resize without antialias and exclude_outside")
	}
	return nil
}

// fixed returns the position of the first element and the distance of the others, in units,
// for dimension dim of n elements; 0: one that stays as it is. Linear positions are rounded to 2^-10.
func (o Resize) fixed(dim, n int) (step, offset int, err error) {
	if dim == 0 || !o.changes(dim-1, n) {
		return unit, 0, nil
	}
	d, m := dim-1, o.Sizes[dim-1]
	first, distance := o.position(d, 0, n), 1.0
	if m > 1 {
		distance = (o.position(d, m-1, n) - first) / float64(m-1)
	}
	step, offset = max(int(math.Round(distance*unit)), 1), int(math.Round(first*unit))
	switch {
	case o.Coords == Equidistant:
		return step, offset, nil
	case o.Mode == Linear:
		return step, offset + unit>>11, nil
	}
	if step, offset, ok := o.nearestSteps(d, n, distance, first); ok {
		return step, offset, nil
	}
	return 0, 0, fmt.Errorf("no equal steps lead to the nearest elements of dimension %d, %d of %d: use linear interpolation", dim, m, n)
}

// nearestSteps returns a step and an offset that choose the very elements that o chooses; ok is
// false when there are none near those of its positions.
func (o Resize) nearestSteps(d, n int, distance, first float64) (step, offset int, ok bool) {
	m := o.Sizes[d]
	shift := map[Nearness]float64{RoundPreferFloor: 0.5 - 1.0/unit, RoundPreferCeil: 0.5, RoundCeil: 1 - 1.0/unit}[o.Round]
	for _, step := range []int{int(math.Ceil(distance * unit)), int(math.Floor(distance * unit))} {
		for _, back := range []int{0, m, -m, 2 * m, 1, -1} { // what rounding of the step adds up to
			offset := int(math.Round((first+shift)*unit)) + back
			ok := step > 0
			for k := 0; k < m && ok; k++ {
				ok = min(max((k*step+offset)>>20, 0), n-1) == o.taps(d, k, n)[0].index
			}
			if ok {
				return step, offset, true
			}
		}
	}
	return 0, 0, false
}

func init() { RegisterLift(format.OpResize, liftResize) }

func liftResize(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	o := Resize{Sizes: []int(out.Shape.Sample()), Coords: Equidistant, Round: RoundFloor, Steps: []float64{1, float64(in.StrideH) / unit, float64(in.StrideW) / unit},
		Offsets: []float64{0, float64(in.PadT) / unit, float64(in.PadL) / unit}}
	if in.Function == format.ResizeLinear {
		o.Mode = Linear
	}
	return l.Node(o, out, x[0])
}

// Lower emits OpStretch.
func (o Stretch) Lower(d Device, n *graph.Node) error {
	x := d.Tensor(n.Inputs[0])
	d.Emit(format.Instr{Op: format.OpStretch, In: []int{x}, Out: d.OutputOn(x, n.Outputs[0]), Weight: -1, LUT: -1, StrideH: o.Height, StrideW: o.Width, ClampMin: -128, ClampMax: 127})
	return nil
}

func init() {
	RegisterLift(format.OpStretch, func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return l.Node(Stretch{in.StrideH, in.StrideW}, out, x[0])
	})
}
