package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Stretch puts Height-1 rows and Width-1 columns of zeros between those of an image x [N,C,H,W]:
//
//	y[n,c,i Height,j Width] = x[n,c,i,j], y is 0 elsewhere
//
// y is [N, C, (H-1) Height + 1, (W-1) Width + 1]. A convolution behind it is a transposed one; see
// ConvTranspose.
type Stretch struct{ Height, Width int }

// Name implements graph.Op.
func (Stretch) Name() string { return "Stretch" }

// Elems implements graph.Typed.
func (Stretch) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o Stretch) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(x) != 4 || o.Height < 1 || o.Width < 1 || o.Height > 1<<16 || o.Width > 1<<16 {
		return nil, fmt.Errorf("stretch of %v by %d and %d: needs [N,C,H,W], and 1 at least", x, o.Height, o.Width)
	}
	return []tensor.Shape{{x[0], x[1], (x[2]-1)*o.Height + 1, (x[3]-1)*o.Width + 1}}, nil
}

// walk calls f with each input index and the output index where it goes.
func (o Stretch) walk(out, in tensor.Shape, f func(y, x int)) {
	k := 0
	for p := range in[0] * in[1] {
		for i := range in[2] {
			row := (p*out[2] + i*o.Height) * out[3]
			for j := range in[3] {
				f(row+j*o.Width, k)
				k++
			}
		}
	}
}

// Forward implements graph.Op.
func (o Stretch) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	clear(out[0].Data)
	o.walk(out[0].Shape, in[0].Shape, func(y, x int) { out[0].Data[y] = in[0].Data[x] })
}

// Backward implements graph.Differentiable.
func (o Stretch) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] != nil {
		o.walk(out[0].Shape, in[0].Shape, func(y, x int) { din[0].Data[x] += dout[0].Data[y] })
	}
}

// Grids implements GridRelater.
func (Stretch) Grids() GridRelation { return InputGrid }

// Selects implements Selector.
func (Stretch) Selects() {}

// Homogeneous implements Homogeneous.
func (Stretch) Homogeneous(*graph.Node) bool { return true }

// IsIdentity implements Identity.
func (o Stretch) IsIdentity(n *graph.Node) bool { return n.Inputs[0].Shape.Equal(n.Outputs[0].Shape) }

// TraceChannels implements ChannelTracer.
func (Stretch) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis != 1 {
		return false
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// TraceConstants implements ConstantTracer: a channel of zeros stays one.
func (Stretch) TraceConstants(c Constants, n *graph.Node, k []float32) {
	for i, v := range inputConstants(c, n, k) {
		if v == 0 {
			k[i] = 0
		}
	}
}

// WriteONNX implements ONNXWriter: a ConvTranspose of each channel with a kernel of one 1.
func (o Stretch) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	c := n.Inputs[0].Shape[1]
	ones := make([]float32, c)
	for i := range ones {
		ones[i] = 1
	}
	w.Emit("ConvTranspose", []string{in[0], w.Floats(out+"_one", []int{c, 1, 1, 1}, ones)}, out, Attr{"kernel_shape", []int{1, 1}},
		Attr{"strides", []int{o.Height, o.Width}}, Attr{"group", c})
}

var _ graph.Differentiable = Stretch{}
