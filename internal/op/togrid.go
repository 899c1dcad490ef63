package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ToGrid is the identity. It gives a value that float32 operators compute a second form on an
// int8 grid, for the layers that read it, while the value itself stays float32.
type ToGrid struct{}

// Name implements graph.Op.
func (ToGrid) Name() string { return "ToGrid" }

// Infer implements graph.Op.
func (ToGrid) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Forward implements graph.Op.
func (ToGrid) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) { copy(out[0].Data, in[0].Data) }

// Backward implements graph.Differentiable.
func (ToGrid) Backward(_ *graph.Scratch, din, _, _, dout []*tensor.Tensor) {
	if din[0] != nil {
		add(din[0].Data, dout[0].Data)
	}
}

// Lower rounds the elements as they lie.
func (ToGrid) Lower(d Device, n *graph.Node) error {
	d.Quantize(n.Inputs[0], n.Outputs[0])
	return nil
}

// TraceChannels implements ChannelTracer.
func (ToGrid) TraceChannels(c Channels, n *graph.Node) bool {
	c.SetLayout(n.Outputs[0], c.Layout(n.Inputs[0]))
	return true
}

// TraceConstants implements ConstantTracer.
func (ToGrid) TraceConstants(c Constants, n *graph.Node, k []float32) {
	copy(k, inputConstants(c, n, k))
}

// WriteONNX implements ONNXWriter.
func (ToGrid) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("Identity", in, out) }

var _ graph.Differentiable = ToGrid{}
