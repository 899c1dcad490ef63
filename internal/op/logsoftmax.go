package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// LogSoftmax is the logarithm of Softmax along dimension Axis (negative: counted from the
// end): x_i - m - log(sum_j exp(x_j - m)) with m the largest x.
type LogSoftmax struct {
	Axis int
}

// Name implements graph.Op.
func (LogSoftmax) Name() string { return "LogSoftmax" }

// Infer implements graph.Op.
func (o LogSoftmax) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return Softmax(o).Infer(in) }

// Forward implements graph.Op.
func (o LogSoftmax) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	x, y := in[0].Data, out[0].Data
	Softmax(o).lanes(in[0].Shape, func(at, stride, n int) {
		top := float32(math.Inf(-1))
		for i := 0; i < n; i++ {
			top = max(top, x[at+i*stride])
		}
		sum := 0.0
		for i := 0; i < n; i++ {
			sum += math.Exp(float64(x[at+i*stride] - top))
		}
		less := float64(top) + math.Log(sum)
		for i := 0; i < n; i++ {
			y[at+i*stride] = float32(float64(x[at+i*stride]) - less)
		}
	})
}

// Backward implements graph.Differentiable: dx = dy - exp(y) sum_j dy_j.
func (o LogSoftmax) Backward(_ *graph.Scratch, din, _, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	y, dy := out[0].Data, dout[0].Data
	Softmax(o).lanes(out[0].Shape, func(at, stride, n int) {
		sum := float32(0)
		for i := 0; i < n; i++ {
			sum += dy[at+i*stride]
		}
		for i := 0; i < n; i++ {
			k := at + i*stride
			din[0].Data[k] += dy[k] - float32(math.Exp(float64(y[k])))*sum
		}
	})
}

// Probabilities implements Normalizer.
func (LogSoftmax) Probabilities() {}

// InFloat implements FloatOperator.
func (LogSoftmax) InFloat() {}

// Lower emits x less the logarithm of the sum of its exponentials.
func (o LogSoftmax) Lower(d Device, n *graph.Node) error { return o.LowerFloat(d, n) }

// WriteONNX implements ONNXWriter.
func (o LogSoftmax) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Emit("LogSoftmax", in, out, Attr{"axis", o.Axis})
}

var _ graph.Differentiable = LogSoftmax{}
