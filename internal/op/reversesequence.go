package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ReverseSequence reverses the first length[n] elements of dimension Time >= 1 in each sample n
// of x; the lengths are input 1, one for each sample:
//
//	y[n,..,t,..] = x[n,..,length[n]-1-t,..] for t < length[n], x[n,..,t,..] for the others
//
// A length is taken within 0 and the size of the dimension.
type ReverseSequence struct {
	Time int
}

// Name implements graph.Op.
func (ReverseSequence) Name() string { return "ReverseSequence" }

// Elems implements graph.Typed.
func (ReverseSequence) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o ReverseSequence) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Time < 1 || o.Time >= len(x) {
		return nil, fmt.Errorf("sequences along dimension %d of %v", o.Time, x)
	}
	if n, err := commonBatch(in); err != nil || n != x[0] || in[1].Sample().Size() != 1 {
		return nil, fmt.Errorf("lengths %v for sequences %v", in[1], x)
	}
	return []tensor.Shape{x.Clone()}, nil
}

// walk calls f with the places of each run of n elements in a sample of output and input.
func (o ReverseSequence) walk(s tensor.Shape, length float32, f func(y, x, n int)) {
	n, size, turned := s[o.Time+1:].Size(), s[o.Time], 0
	if length > 0 {
		turned = int(min(math.Round(float64(length)), float64(size)))
	}
	for k := range s[1:o.Time].Size() * size {
		t := k % size
		from := t
		if t < turned {
			from = turned - 1 - t
		}
		f(k*n, (k-t+from)*n, n)
	}
}

// Forward implements graph.Op.
func (o ReverseSequence) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	for b := range out[0].Shape[0] {
		x, y := sampleOf(in[0], b), sampleOf(out[0], b)
		o.walk(in[0].Shape, sampleOf(in[1], b)[0], func(i, k, n int) { copy(y[i:i+n], x[k:k+n]) })
	}
}

// Backward implements graph.Differentiable.
func (o ReverseSequence) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	for b := range out[0].Shape[0] {
		dx, dy := sampleOf(din[0], b), sampleOf(dout[0], b)
		o.walk(in[0].Shape, sampleOf(in[1], b)[0], func(i, k, n int) { add(dx[k:k+n], dy[i:i+n]) })
	}
}

// Grids implements GridRelater.
func (ReverseSequence) Grids() GridRelation { return InputGrid }

// WriteONNX implements ONNXWriter for a Time of 1; others come to the front and go back.
func (o ReverseSequence) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	in = withBatch(w, n, in, out)
	lengths := w.Fresh(out + "_lengths")
	w.Emit("Reshape", []string{in[1], w.Int64s(out+"_flat", []int{-1})}, lengths)
	if o.Time == 1 {
		w.Emit("ReverseSequence", []string{in[0], lengths}, out, Attr{"batch_axis", 0}, Attr{"time_axis", 1})
		return
	}
	swap := make([]int, len(n.Inputs[0].Shape))
	for d := range swap {
		swap[d] = d
	}
	swap[1], swap[o.Time] = o.Time, 1
	front, turned := w.Fresh(out+"_front"), w.Fresh(out+"_turned")
	w.Emit("Transpose", in[:1], front, Attr{"perm", swap})
	w.Emit("ReverseSequence", []string{front, lengths}, turned, Attr{"batch_axis", 0}, Attr{"time_axis", 1})
	w.Emit("Transpose", []string{turned}, out, Attr{"perm", swap})
}

var _ graph.Differentiable = ReverseSequence{}
