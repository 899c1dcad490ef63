package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Softmax is exp(x_i) / sum_j exp(x_j) along dimension Axis (negative: counted
// from the end), computed relative to the largest x.
type Softmax struct {
	Axis int
}

// Name implements graph.Op.
func (Softmax) Name() string { return "Softmax" }

// Infer implements graph.Op.
func (o Softmax) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if o.Axis < -len(in[0]) || o.Axis >= len(in[0]) {
		return nil, fmt.Errorf("axis %d of input %v", o.Axis, in[0])
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// lanes calls f with the first index, stride and length of every vector along
// the axis.
func (o Softmax) lanes(s tensor.Shape, f func(at, stride, n int)) {
	axis := o.Axis
	if axis < 0 {
		axis += len(s)
	}
	n, stride := s[axis], s[axis+1:].Size()
	for outer := 0; outer < s[:axis].Size(); outer++ {
		for i := 0; i < stride; i++ {
			f(outer*n*stride+i, stride, n)
		}
	}
}

// Forward implements graph.Op.
func (o Softmax) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	x, y := in[0].Data, out[0].Data
	o.lanes(in[0].Shape, func(at, stride, n int) {
		top := float32(math.Inf(-1))
		for i := 0; i < n; i++ {
			top = max(top, x[at+i*stride])
		}
		sum := 0.0
		for i := 0; i < n; i++ {
			sum += math.Exp(float64(x[at+i*stride] - top))
		}
		for i := 0; i < n; i++ {
			y[at+i*stride] = float32(math.Exp(float64(x[at+i*stride]-top)) / sum)
		}
	})
}

// Backward implements graph.Differentiable: dx = y (dy - sum_j y_j dy_j).
func (o Softmax) Backward(_ *graph.Scratch, din, _, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	y, dy := out[0].Data, dout[0].Data
	o.lanes(out[0].Shape, func(at, stride, n int) {
		dot := float32(0)
		for i := 0; i < n; i++ {
			dot += y[at+i*stride] * dy[at+i*stride]
		}
		for i := 0; i < n; i++ {
			k := at + i*stride
			din[0].Data[k] += y[k] * (dy[k] - dot)
		}
	})
}

// NaturalGrid implements Bounded.
func (Softmax) NaturalGrid() graph.Affine { return unitGrid }

// InFloat implements FloatOperator.
func (Softmax) InFloat() {}

// Probabilities implements Normalizer.
func (Softmax) Probabilities() {}

// Lower emits OpSoftmax on float32, between OpDequantize and OpQuantize where
// the values have grids.
func (o Softmax) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	axis := o.Axis
	if axis < 0 {
		axis += len(x.Shape)
	}
	if axis != channelAxis(len(x.Shape)) && x.Shape[axis] != x.Shape.Size() {
		return o.LowerFloat(d, n)
	}
	shape := StandardShape(x.Shape)
	if axis != channelAxis(len(x.Shape)) { // all elements lie along axis
		shape = []int{x.Shape.Size()}
	}
	in := format.Instr{Op: format.OpSoftmax, Weight: -1, LUT: -1, In: []int{d.Float(x, shape...)}}
	if y.Grid == nil {
		in.Out = d.Output(y, shape...)
		d.Emit(in)
		return nil
	}
	in.Out = d.Temp(shape...)
	d.Emit(in)
	d.Emit(format.Instr{Op: format.OpQuantize, Weight: -1, LUT: -1, In: []int{in.Out}, Out: d.Output(y, shape...), ClampMin: -128, ClampMax: 127})
	return nil
}

func init() { RegisterLift(format.OpSoftmax, liftSoftmax) }

func liftSoftmax(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	rank := len(l.Tensor(in.Out).Shape)
	return l.Node(Softmax{Axis: hostAxis(rank, rank-1)}, out, x[0])
}

// WriteONNX implements ONNXWriter.
func (o Softmax) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Softmax", in, out, Attr{"axis", o.Axis})
}

var _ graph.Differentiable = Softmax{}
