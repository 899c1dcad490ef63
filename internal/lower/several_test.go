package lower_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// detector has a picture and five numbers as inputs and, like a face detector, two outputs
// over all cells of two maps: class probabilities [cells, 2] and boxes [cells, 4].
func detector(t *testing.T) *graph.Graph {
	b, x := newNet(t, 41, 3, 8, 8)
	z := &graph.Value{Name: "z", Shape: tensor.Shape{1, 5}}
	b.G.Inputs = append(b.G.Inputs, z)
	hint := b.reshape(b.dense(z, 8, none), 8, 1, 1)
	first := b.Node(op.Add{Clamp: relu}, b.conv(x, 8, 3, 1, 1, none), hint)
	second := b.conv(first, 12, 3, 2, 1, relu)
	var scores, boxes []*graph.Value
	for _, m := range []*graph.Value{first, second} {
		head := func(width int) *graph.Value {
			h := b.Node(op.Transpose{Perm: []int{0, 2, 3, 1}}, b.conv(m, 3*width, 3, 1, 1, none))
			return b.reshape(h, h.Shape.Sample().Size()/width, width)
		}
		scores, boxes = append(scores, head(2)), append(boxes, head(4))
	}
	p := b.Node(op.Softmax{Axis: 2}, b.Node(op.Concat{Axis: 1}, scores...))
	return b.Done(p, b.Node(op.Concat{Axis: 1}, boxes...))
}

// TestSeveralInputsAndOutputs: every output of the device is the fake-quantized graph's
// to a few steps, and close to the float graph's.
func TestSeveralInputsAndOutputs(t *testing.T) {
	const samples, least = 12, 20 // samples; decibels of the float output above the error
	g := detector(t)
	b := &net{&testnet.Net{T: t, G: g, Rand: rand.New(rand.NewPCG(42, 78))}}
	in := []*tensor.Tensor{b.Inputs(samples), tensor.New(samples, 5)}
	for i := range in[1].Data {
		in[1].Data[i] = float32(b.Rand.NormFloat64())
	}
	float := tapeRun(t, g, in)
	calibration := func(yield func([]*tensor.Tensor) bool) { yield(in) }
	if err := passes.Quantize(g, calibration, passes.Config{}); err != nil {
		t.Fatal(err)
	}
	fake := tapeRun(t, g, in)
	data, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := sessionOf(t, data)
	got := make([][]float32, len(g.Outputs))
	for i := range samples {
		for k, x := range in {
			if err := s.SetInputNCHW(k, x.Rows(i, i+1).Data); err != nil {
				t.Fatal(err)
			}
		}
		s.Run()
		for k := range got {
			got[k] = append(got[k], s.Output(k)...)
		}
	}
	for k, v := range g.Outputs {
		step := stepOf(g, v)
		if worst, rms := distance(got[k], fake[k]); worst > maxWorst*step || rms > maxMean*step {
			t.Errorf("output %d: %.2f steps at most and %.2f rms from the tape", k, worst/step, rms/step)
		}
		if r := testnet.SQNR(float[k], got[k]); !(r >= least) || math.IsInf(r, 0) {
			t.Errorf("output %d: %.1f dB, want %d", k, r, least)
		}
	}
}

// tapeRun returns every output for a batch.
func tapeRun(t *testing.T, g *graph.Graph, in []*tensor.Tensor) [][]float32 {
	t.Helper()
	tape, err := graph.NewTape(g, in[0].Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, y := range tape.Forward(in...) {
		out = append(out, append([]float32(nil), y.Data...))
	}
	return out
}
