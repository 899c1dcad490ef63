package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// OneHot makes a dimension of Depth numbers of each whole number of x [N, i...]: On at its
// index, Off elsewhere. The new dimension is Axis >= 1 of the output. A negative index counts
// from the end; one that the dimension does not have gives Off alone. Kind says what On and
// Off are.
type OneHot struct {
	Axis, Depth int
	Off, On     float32
	Kind        graph.Elem
}

// Name implements graph.Op.
func (OneHot) Name() string { return "OneHot" }

// Elems implements graph.Typed.
func (o OneHot) Elems([]graph.Elem) []graph.Elem { return []graph.Elem{o.Kind} }

// Infer implements graph.Op.
func (o OneHot) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Axis < 1 || o.Axis > len(x) || o.Depth < 1 {
		return nil, fmt.Errorf("%d numbers along dimension %d for each element of %v", o.Depth, o.Axis, x)
	}
	y := append(x[:o.Axis].Clone(), o.Depth)
	return []tensor.Shape{append(y, x[o.Axis:]...)}, nil
}

// Forward implements graph.Op.
func (o OneHot) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	for i := range out[0].Data {
		out[0].Data[i] = o.Off
	}
	inner := in[0].Shape[o.Axis:].Size()
	for i, v := range in[0].Data {
		k := math.Round(float64(v))
		if k < 0 {
			k += float64(o.Depth)
		}
		if k >= 0 && k < float64(o.Depth) {
			out[0].Data[(i/inner*o.Depth+int(k))*inner+i%inner] = o.On
		}
	}
}

// Backward implements graph.Differentiable: indexes have no gradient.
func (OneHot) Backward(_ *graph.Scratch, _, _, _, _ []*tensor.Tensor) {}

// WriteONNX implements ONNXWriter.
func (o OneHot) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	values := w.Floats(out+"_values", []int{2}, []float32{o.Off, o.On})
	if o.Kind != graph.Float {
		values = w.Int64s(out+"_values", []int{int(o.Off), int(o.On)})
	}
	hot := out
	if o.Kind == graph.Boolean {
		hot = w.Fresh(out + "_integer")
	}
	w.Emit("OneHot", []string{in[0], w.Int64s(out+"_depth", []int{o.Depth}), values}, hot, Attr{"axis", o.Axis})
	if hot != out {
		w.Emit("Cast", []string{hot}, out, Attr{"to", onnxBool})
	}
}

// onnxBool is TensorProto.BOOL.
const onnxBool = 9
