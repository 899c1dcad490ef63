package op

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// lowerConstant writes x + k, x - k, k - x, x * k or x / k for a constant k as a 1x1
// depthwise convolution: one multiplication and one addition for each channel, or for
// each element where k varies otherwise. It is not done when neither operand is constant.
func lowerConstant(d Device, n *graph.Node, o Arithmetic) (done bool, err error) {
	a, b := n.Inputs[0], n.Inputs[1]
	switch {
	case a.Param != nil && b.Param != nil:
		return true, fmt.Errorf("both operands are constants: simplify the network first")
	case a.Param != nil:
		return true, lowerAffine(d, n, o, b, a.Param.Value, false)
	case b.Param != nil:
		return true, lowerAffine(d, n, o, a, b.Param.Value, true)
	}
	return false, nil
}

// lowerPair emits the instruction of two activations; if it commutes, they may change
// places.
func lowerPair(d Device, n *graph.Node, code format.Opcode, commutes bool, clamp Clamp) error {
	a, b := n.Inputs[0], n.Inputs[1]
	if !a.Shape.Equal(n.Outputs[0].Shape) && commutes {
		a, b = b, a
	}
	if !a.Shape.Equal(n.Outputs[0].Shape) || !repeats(b.Shape, a.Shape) {
		return fmt.Errorf("the device cannot combine shapes %v and %v: the second has to be equal, one value, or one for each channel", a.Shape, b.Shape)
	}
	in := format.Instr{Op: code, Weight: -1, LUT: -1}
	shape := StandardShape(a.Shape)
	switch {
	case b.Shape.Equal(a.Shape):
		in.In = []int{d.Tensor(a), d.Tensor(b)}
	default:
		if b.Shape.Size() > 1 && len(shape) != 3 { // the device repeats over images only
			c := b.Shape.Size()
			shape = []int{1, a.Shape.Size() / c, c}
		}
		in.In = []int{d.Tensor(a, shape...), d.Tensor(b, oneSide(b.Shape)...)}
	}
	in.Out = d.Output(n.Outputs[0], shape...)
	in.ClampMin, in.ClampMax = d.Clamp(n.Outputs[0], clamp)
	d.Emit(in)
	return nil
}

// channelAxis is the dimension that is last on the device.
func channelAxis(rank int) int {
	if rank == 4 {
		return 1
	}
	return rank - 1
}

// repeats reports whether an activation of shape s is one value, or one for each
// channel, repeated over shape x.
func repeats(s, x tensor.Shape) bool {
	if len(s) != len(x) {
		return false
	}
	for i, v := range s {
		if v != 1 && (i != channelAxis(len(x)) || v != x[i]) && !s.Equal(x) {
			return false
		}
	}
	return true
}

func oneSide(s tensor.Shape) []int {
	if s.Size() == 1 {
		return []int{1}
	}
	return []int{1, 1, s.Size()}
}

// lowerAffine emits o of x and the constants k, x on the left if xLeft.
func lowerAffine(d Device, n *graph.Node, o Arithmetic, x *graph.Value, k *tensor.Tensor, xLeft bool) error {
	y := n.Outputs[0]
	if !x.Shape.Equal(y.Shape) {
		return fmt.Errorf("the device cannot repeat an activation of shape %v to %v", x.Shape, y.Shape)
	}
	full, shape, err := perChannel(k, x.Shape)
	if err != nil {
		return err
	}
	mul, add, err := o.Affine(full, xLeft)
	if err != nil {
		return err
	}
	if mul == nil {
		mul = mapped(full, func(float64) float64 { return 1 })
	}
	if add == nil {
		add = make([]float64, len(full))
	}
	t := d.Tensor(x, shape...)
	weight := d.Affine(t, mul, add)
	out := d.Output(y, shape...)
	lo, hi := d.Clamp(y, FusedClamp(o))
	d.Emit(format.Instr{Op: format.OpConv2D, In: []int{t}, Out: out, Weight: weight, LUT: -1,
		StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: len(full), ClampMin: lo, ClampMax: hi})
	return nil
}

// perChannel returns k, repeated over an activation of shape x, for each channel of the image
// shape that a depthwise convolution sees x in: of an image its own channels where k is the
// same for all pixels, otherwise all elements.
func perChannel(k *tensor.Tensor, x tensor.Shape) (full []float64, shape []int, err error) {
	if full, err = broadcastSample(k, x); err != nil {
		return nil, nil, err
	}
	if len(x) != 4 {
		return full, []int{1, 1, len(full)}, nil
	}
	c, hw := x[1], x[2]*x[3]
	if repeated(full, hw) {
		return everyNth(full, hw), []int{x[2], x[3], c}, nil
	}
	return channelsLast(full, c, hw), []int{1, 1, len(full)}, nil
}

// broadcastSample repeats k to the sample of shape s (whose dimension 0 is the
// batch).
func broadcastSample(k *tensor.Tensor, s tensor.Shape) ([]float64, error) {
	ks := slices.Clone(k.Shape)
	for len(ks) < len(s) {
		ks = append(tensor.Shape{1}, ks...)
	}
	if len(ks) != len(s) || ks[0] != 1 {
		return nil, fmt.Errorf("a constant of shape %v has a batch dimension", k.Shape)
	}
	out := []float64{}
	var walk func(dim, at int)
	walk = func(dim, at int) {
		if dim == len(s) {
			out = append(out, float64(k.Data[at]))
			return
		}
		for i := 0; i < s[dim]; i++ {
			walk(dim+1, at*ks[dim]+min(i, ks[dim]-1))
		}
	}
	walk(1, 0)
	return out, nil
}

func everyNth(x []float64, n int) []float64 {
	out := make([]float64, 0, len(x)/n)
	for i := 0; i < len(x); i += n {
		out = append(out, x[i])
	}
	return out
}

// repeated reports whether every run of n values is constant.
func repeated(x []float64, n int) bool {
	for i, v := range x {
		if v != x[i-i%n] {
			return false
		}
	}
	return true
}

func channelsLast(x []float64, c, hw int) []float64 {
	out := make([]float64, 0, len(x))
	for p := 0; p < hw; p++ {
		for i := 0; i < c; i++ {
			out = append(out, x[i*hw+p])
		}
	}
	return out
}
