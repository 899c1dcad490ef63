package passes

import (
	"context"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// TestSeveralInputsAndOutputs: a network of two layers with an input and an output each has the
// moments and the means of the two networks that have one layer.
func TestSeveralInputsAndOutputs(t *testing.T) {
	b, x := newNet(t, 51, 4)
	z := &graph.Value{Name: "z", Shape: tensor.Shape{1, 3}}
	b.G.Inputs = append(b.G.Inputs, z)
	first, second := b.dense(x, 5, op.Clamp{}), b.dense(z, 2, op.Clamp{})
	g := b.Done(first, second)
	in := []*tensor.Tensor{b.Inputs(60), normal(newRand(52), 60, 3)}
	gradient := func(y *tensor.Tensor) *tensor.Tensor { // of each element by itself
		dy := tensor.New(y.Shape...)
		for i, v := range y.Data {
			dy.Data[i] = v - 0.25
		}
		return dy
	}
	both, err := MeasureMoments(context.Background(), g, in, 25, gradient)
	if err != nil {
		t.Fatal(err)
	}
	means, err := InputMeans(g, in...)
	if err != nil {
		t.Fatal(err)
	}
	for k, n := range g.Nodes {
		w := n.Inputs[op.WeightInput].Param
		alone := &graph.Graph{Name: "alone", Inputs: g.Inputs[k : k+1], Outputs: g.Outputs[k : k+1], Nodes: g.Nodes[k : k+1]}
		one, err := MeasureMoments(context.Background(), alone, in[k:k+1], 25, gradient)
		if err != nil {
			t.Fatal(err)
		}
		got, want := both[w], one[w]
		if !slices.Equal(got.Curvatures(), want.Curvatures()) || !slices.Equal(got.OutputCurvature(), want.OutputCurvature()) || !slices.Equal(got.AbsMax(), want.AbsMax()) {
			t.Errorf("output %d: curvature %v and %v, alone %v and %v", k, got.Curvatures(), got.OutputCurvature(), want.Curvatures(), want.OutputCurvature())
		}
		m, err := InputMeans(alone, in[k])
		if err != nil || !slices.Equal(m[w], means[w]) {
			t.Errorf("input %d: means %v, alone %v, %v", k, means[w], m[w], err)
		}
	}
	rows := 0
	for batch := range InputSamples(in, 25) {
		if len(batch) != 2 || batch[0].Shape[0] != batch[1].Shape[0] || batch[1].Data[0] != in[1].Data[3*rows] {
			t.Errorf("a batch of shapes %v and %v", batch[0].Shape, batch[1].Shape)
		}
		rows += batch[0].Shape[0]
	}
	if rows != 60 {
		t.Errorf("%d samples in batches", rows)
	}
}
