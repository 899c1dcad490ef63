package op

import (
	"errors"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
	"edgec/runtime/format"
)

// Pad surrounds x with Value: Before[i] and After[i] elements in dimension i,
// none in the batch. Negative counts are refused.
type Pad struct {
	Before, After []int
	Value         float32
}

func (Pad) Name() string { return "Pad" }

// Elems implements graph.Typed.
func (Pad) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Pad) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	y := in[0].Clone()
	if len(o.Before) != len(y) || len(o.After) != len(y) {
		return nil, fmt.Errorf("pads %v and %v for input %v", o.Before, o.After, y)
	}
	for i := range y {
		if o.Before[i] < 0 || o.After[i] < 0 || i == 0 && o.Before[i]+o.After[i] > 0 {
			return nil, fmt.Errorf("pads %v and %v: needs none in the batch and none negative", o.Before, o.After)
		}
		y[i] += o.Before[i] + o.After[i]
	}
	return []tensor.Shape{y}, nil
}

// rows calls f with the place in the output of each row of n input elements.
func (o Pad) rows(out, in tensor.Shape, f func(y, x, n int)) {
	rank := len(in)
	n := in[rank-1]
	index := make([]int, rank-1)
	for x := 0; x < in.Size(); x += n {
		y := 0
		for d := 0; d < rank-1; d++ {
			y = (y + index[d] + o.Before[d]) * out[d+1]
		}
		f(y+o.Before[rank-1], x, n)
		for d := rank - 2; d >= 0; d-- {
			if index[d]++; index[d] < in[d] {
				break
			}
			index[d] = 0
		}
	}
}

// Forward implements graph.Op.
func (o Pad) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	vec.Fill(out[0].Data, o.Value)
	o.rows(out[0].Shape, in[0].Shape, func(y, x, n int) { copy(out[0].Data[y:y+n], in[0].Data[x:x+n]) })
}

// Backward implements graph.Differentiable.
func (o Pad) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.rows(out[0].Shape, in[0].Shape, func(y, x, n int) { add(din[0].Data[x:x+n], dout[0].Data[y:y+n]) })
	}
}

// Padding implements Padder.
func (o Pad) Padding() (before, after []int, value float32) { return o.Before, o.After, o.Value }

// Grids implements GridRelater.
func (Pad) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Pad) Selects() {}

// Homogeneous implements Homogeneous.
func (o Pad) Homogeneous(*graph.Node) bool {
	return o.Value == 0 && len(o.Before) == 4 && o.Before[1] == 0 && o.After[1] == 0
}

// IsIdentity implements Identity.
func (o Pad) IsIdentity(*graph.Node) bool {
	return !slices.ContainsFunc(slices.Concat(o.Before, o.After), func(p int) bool { return p != 0 })
}

// Lower emits OpPad for rows and columns of an image, for its channels, which are columns
// of the image [H W, C, 1], or for steps or features of a sequence.
func (o Pad) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	s, t := x.Shape, y.Shape
	emit := func(from, to []int, row, column int) { // dimensions of x; 0: none
		in := format.Instr{Op: format.OpPad, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
		in.PadT, in.PadB, in.PadL, in.PadR = o.Before[row], o.After[row], o.Before[column], o.After[column]
		v := d.Tensor(x, from...)
		in.In, in.Out = []int{v}, d.OutputOn(v, y, to...)
		in.PadValue, _ = d.Clamp(x, Clamp{On: true, Lo: o.Value, Hi: o.Value})
		d.Emit(in)
	}
	none := func(dim int) bool { return o.Before[dim] == 0 && o.After[dim] == 0 }
	switch {
	case len(s) == 4 && none(1):
		emit([]int{s[2], s[3], s[1]}, []int{t[2], t[3], t[1]}, 2, 3)
	case len(s) == 4 && none(2) && none(3):
		emit([]int{s[2] * s[3], s[1], 1}, []int{t[2] * t[3], t[1], 1}, 0, 1)
	case len(s) == 3 && none(2):
		emit([]int{s[1], 1, s[2]}, []int{t[1], 1, t[2]}, 1, 0)
	case len(s) == 3:
		emit([]int{s[1], s[2], 1}, []int{t[1], t[2], 1}, 1, 2)
	case len(s) == 2:
		emit([]int{1, s[1], 1}, []int{1, t[1], 1}, 0, 1)
	default:
		return errors.New("the device pads rows and columns of an image, or its channels: do one after the other")
	}
	return nil
}

func init() { RegisterLift(format.OpPad, liftPad) }

func liftPad(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	from, value := l.Tensor(in.In[0]), in.Real
	if from.DType == format.Int8 {
		value = from.Scale * float32(int(in.PadValue)-from.Zero)
	}
	return l.Node(Pad{Before: []int{0, 0, in.PadT, in.PadL}, After: []int{0, 0, in.PadB, in.PadR}, Value: value}, out, x[0])
}

// TraceChannels implements ChannelTracer: channels pass that are not padded themselves.
func (o Pad) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis < 0 || o.Before[in.Axis] != 0 || o.After[in.Axis] != 0 {
		return false
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// TraceConstants implements ConstantTracer: a constant stays one if it is the value that
// surrounds it.
func (o Pad) TraceConstants(c Constants, n *graph.Node, k []float32) {
	for i, v := range inputConstants(c, n, k) {
		if v == o.Value {
			k[i] = v
		}
	}
}

// WriteONNX implements ONNXWriter.
func (o Pad) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	pads := append(append([]int{}, o.Before...), o.After...)
	w.Emit("Pad", append(in, w.Int64s(out+"_pads", pads), w.Scalar(out+"_value", o.Value)), out)
}

var _ graph.Differentiable = Pad{}
