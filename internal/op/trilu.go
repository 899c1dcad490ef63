package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Trilu keeps a triangle of the matrices in the last two dimensions of x and puts 0 elsewhere:
// element (i, j) stays if j - i >= K, or, with Lower, if j - i <= K.
type Trilu struct {
	Lower bool
	K     int
}

// Name implements graph.Op.
func (Trilu) Name() string { return "Trilu" }

// Elems implements graph.Typed.
func (Trilu) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Trilu) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if len(in[0]) < 3 {
		return nil, fmt.Errorf("input %v has no matrices in its last two dimensions", in[0])
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// kept calls f with the elements that stay.
func (o Trilu) kept(s tensor.Shape, f func(k int)) {
	rows, columns := s[len(s)-2], s[len(s)-1]
	for k := range s.Size() {
		if d := k%columns - k/columns%rows; d >= o.K && !o.Lower || d <= o.K && o.Lower {
			f(k)
		}
	}
}

// Forward implements graph.Op.
func (o Trilu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	clear(out[0].Data)
	o.kept(in[0].Shape, func(k int) { out[0].Data[k] = in[0].Data[k] })
}

// Backward implements graph.Differentiable.
func (o Trilu) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.kept(in[0].Shape, func(k int) { din[0].Data[k] += dout[0].Data[k] })
	}
}

// Grids implements GridRelater.
func (Trilu) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Trilu) Selects() {}

// WriteONNX implements ONNXWriter.
func (o Trilu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Need(14)
	k := w.Fresh(out + "_k")
	w.Emit("Squeeze", []string{w.Int64s(out+"_diagonal", []int{o.K})}, k)
	w.Emit("Trilu", append(in, k), out, Attr{"upper", bit(!o.Lower)})
}

var _ graph.Differentiable = Trilu{}
