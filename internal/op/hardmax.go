package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Hardmax is 1 for the first largest element along dimension Axis (negative: counted from
// the end), 0 for the others.
type Hardmax struct {
	Axis int
}

// Name implements graph.Op.
func (Hardmax) Name() string { return "Hardmax" }

// Infer implements graph.Op.
func (o Hardmax) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return Softmax(o).Infer(in) }

// Forward implements graph.Op.
func (o Hardmax) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	x, y := in[0].Data, out[0].Data
	Softmax(o).lanes(in[0].Shape, func(at, stride, n int) {
		best := 0
		for i := range n {
			y[at+i*stride] = 0
			if x[at+i*stride] > x[at+best*stride] {
				best = i
			}
		}
		y[at+best*stride] = 1
	})
}

// WriteONNX implements ONNXWriter.
func (o Hardmax) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("Hardmax", in, out, Attr{"axis", o.Axis})
}

var _ ONNXWriter = Hardmax{}
