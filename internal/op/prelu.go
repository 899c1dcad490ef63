package op

import (
	"errors"
	"math"

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

// Lower computes max(x, 0) + s min(x, 0) with one rounding: max(x, 0) above min(x, 0) is an image of
// twice the rows, of which a depthwise kernel of two rows, as far apart as x is high, meets
// both. One slope for all is a table; see Pointwise.
func (PRelu) Lower(d Device, n *graph.Node) error {
	x, s := n.Inputs[0], n.Inputs[1].Param
	if x.Param != nil || s == nil {
		return errors.New("the device has slopes that are constants, and an input that is none")
	}
	slopes, shape, err := perChannel(s.Value, x.Shape)
	if err != nil {
		return err
	}
	t := d.Tensor(x, shape...)
	grid := d.Grid(t)
	above := d.Apply(t, func(v float64) float64 { return max(v, 0) }, grid)
	below := d.Apply(t, func(v float64) float64 { return min(v, 0) }, grid)
	both := d.TempOn(grid, 2*shape[0], shape[1], shape[2])
	d.Emit(format.Instr{Op: format.OpConcat, In: []int{above, below}, Out: both, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127})
	d.Emit(format.Instr{Op: format.OpConv2D, In: []int{both}, Out: d.Output(n.Outputs[0], shape...), Weight: d.Store(slopeWeights(slopes)), LUT: -1, RoundOnce: true,
		StrideH: 1, StrideW: 1, DilH: shape[0], DilW: 1, Groups: len(slopes), ClampMin: -128, ClampMax: 127})
	return nil
}

// slopeWeights returns the kernels [1, s], as [C,2,1,1]. Each has the scale 1/k whose multiples
// are nearest to s, k and s k within 1 to 127; larger slopes are 1/127 of it apart.
func slopeWeights(slopes []float64) format.Weight {
	w := format.Weight{OutC: len(slopes), KH: 2, KW: 1, InC: 1}
	for _, s := range slopes {
		best, least := 1, math.Inf(1)
		for k := 1; k <= 127 && math.Abs(s)*float64(k) < 127.5; k++ {
			if off := math.Abs(math.Round(s*float64(k))/float64(k) - s); off < least {
				best, least = k, off
			}
		}
		scale := 1 / float64(best)
		if math.Abs(s) >= 127.5 {
			scale = math.Abs(s) / 127
		}
		w.Scale = append(w.Scale, float32(scale))
		w.Values = append(w.Values, int8(math.Round(1/scale)), int8(min(max(math.Round(s/scale), -127), 127)))
	}
	return w
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
