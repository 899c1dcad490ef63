package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ToGrid is the identity. It gives a value that float32 operators compute a second form on an
// int8 grid, for the layers that read it, while the value itself stays float32. A Fine one
// is for layers whose input wants more than 8 bits: they multiply two int8 numbers by each
// weight, that of steps and that of their parts, and add both sums in float32. So it is the
// 16x8 scheme of integer networks, with the kernels of int8.
type ToGrid struct {
	Fine bool
}

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
func (o ToGrid) Lower(d Device, n *graph.Node) error {
	if o.Fine {
		d.Split(n.Inputs[0], n.Outputs[0])
	} else {
		d.Quantize(n.Inputs[0], n.Outputs[0])
	}
	return nil
}

// IsFine reports whether n brings a value onto a fine grid.
func IsFine(n *graph.Node) bool {
	if n == nil {
		return false
	}
	o, ok := n.Op.(ToGrid)
	return ok && o.Fine
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
