package op

import (
	"errors"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// PRelu is x for x >= 0, s x otherwise; the slope s, input 1, is repeated over x.
type PRelu struct{}

// Name implements graph.Op.
func (PRelu) Name() string { return "PRelu" }

// Infer implements graph.Op.
func (PRelu) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	out, err := broadcast(in)
	if err == nil && !out[0].Equal(in[0]) {
		return nil, errors.New("slopes have more elements than the input: PRelu repeats them over it")
	}
	return out, err
}

// Forward implements graph.Op.
func (PRelu) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	each2(out, in, func(x, s float32) float32 {
		if x < 0 {
			return s * x
		}
		return x
	})
}

// Backward implements graph.Differentiable.
func (PRelu) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	dx := func(x, s float32) float32 {
		if x < 0 {
			return s
		}
		return 1
	}
	ds := func(x, _ float32) float32 { return min(x, 0) }
	back2(dout[0].Data, out[0].Shape, din, in, dx, ds)
}

// Combine implements Arithmetic.
func (PRelu) Combine(x, s float64) float64 {
	if x < 0 {
		return s * x
	}
	return x
}

// Affine implements Arithmetic: there is no such form.
func (PRelu) Affine([]float64, bool) (mul, add []float64, err error) {
	return nil, nil, errors.New("PRelu is no sum or product")
}

// Homogeneous implements Homogeneous, as long as the slopes are constants.
func (PRelu) Homogeneous(n *graph.Node) bool {
	return n.Inputs[0].Param == nil && n.Inputs[1].Param != nil
}

// Lower computes max(x, 0) + s min(x, 0): a table for each part, a depthwise convolution for
// the slopes and an addition. One slope for all is a table; see Pointwise.
func (PRelu) Lower(d Device, n *graph.Node) error {
	x, s, y := n.Inputs[0], n.Inputs[1].Param, n.Outputs[0]
	if x.Param != nil || s == nil {
		return errors.New("the device has slopes that are constants, and an input that is none")
	}
	slopes, shape, err := perChannel(s.Value, x.Shape)
	if err != nil {
		return err
	}
	t := d.Tensor(x, shape...)
	grid := d.Grid(t)
	least, most := -float64(grid.Scale)*float64(128+grid.Zero), float64(grid.Scale)*float64(127-grid.Zero)
	below := d.Apply(t, func(v float64) float64 { return min(v, 0) }, spanned(least, 0))
	above := d.Apply(t, func(v float64) float64 { return max(v, 0) }, spanned(0, most))
	scaled := d.TempOn(spanned(least*max(slices.Max(slopes), 0), least*min(slices.Min(slopes), 0)), shape...)
	d.Emit(format.Instr{Op: format.OpConv2D, In: []int{below}, Out: scaled, Weight: d.Affine(below, slopes, make([]float64, len(slopes))), LUT: -1,
		StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: len(slopes), ClampMin: -128, ClampMax: 127})
	d.Emit(format.Instr{Op: format.OpAdd, In: []int{above, scaled}, Out: d.Output(y, shape...), Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127})
	return nil
}

// spanned returns the grid from lo to hi, which hold 0 between them.
func spanned(lo, hi float64) graph.Affine {
	if !(hi > lo) {
		return graph.Affine{Scale: 1}
	}
	scale := (hi - lo) / 255
	return graph.Affine{Scale: float32(scale), Zero: min(max(-128-int(math.Round(lo/scale)), -128), 127)}
}

// TraceChannels implements ChannelTracer.
func (PRelu) TraceChannels(c Channels, n *graph.Node) bool { return traceArithmetic(c, n) }

// TraceConstants implements ConstantTracer.
func (o PRelu) TraceConstants(c Constants, n *graph.Node, k []float32) {
	arithmeticConstants(o, c, n, k)
}

// WriteONNX implements ONNXWriter.
func (PRelu) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) { w.Emit("PRelu", in, out) }

var _ Arithmetic = PRelu{}
