package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Relu is max(x, 0).
type Relu struct{}

// Name implements graph.Op.
func (Relu) Name() string { return "Relu" }

// F implements Elementwise.
func (Relu) F(x float64) float64 { return math.Max(x, 0) }

// DF implements Elementwise.
func (Relu) DF(x, _ float64) float64 { return step(x > 0) }

// Elems implements graph.Typed.
func (Relu) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (Relu) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op; it stays in float32.
func (Relu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	y := out[0].Data
	for i, v := range in[0].Data {
		y[i] = max(v, 0)
	}
}

// Backward implements graph.Differentiable.
func (Relu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	dx, y := din[0].Data, out[0].Data
	for i, d := range dout[0].Data {
		if y[i] > 0 {
			dx[i] += d
		}
	}
}

// Limits implements Limiter.
func (Relu) Limits() Clamp { return Clamp{On: true, Hi: float32(math.Inf(1))} }

// Homogeneous implements Homogeneous.
func (Relu) Homogeneous(*graph.Node) bool { return true }

// WriteONNX implements ONNXWriter.
func (Relu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Relu", in, out) }

var _ Elementwise = Relu{}
