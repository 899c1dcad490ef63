package train

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// twoByTwo has inputs a [3] and b [2, 2], and outputs: class logits of both (behind a
// softmax), and a vector [2, 2] of b alone, from which the logits come too.
func twoByTwo(t testing.TB, seed uint64) *graph.Graph {
	c := newChain(t, seed, 3)
	a := c.g.Inputs[0]
	b := &graph.Value{Name: "b", Shape: tensor.Shape{1, 2, 2}}
	c.g.Inputs = append(c.g.Inputs, b)
	c.v = b
	boxes := c.then(op.Dense{}, 2, 2).node(op.Tanh{}, c.v).v
	c.node(op.Reshape{Shape: []int{4}}, boxes).then(op.Dense{}, 3, 4)
	both := c.node(op.Add{}, a, c.v).v
	c.v = both
	c.then(op.Dense{}, 3, 3).then(op.Softmax{Axis: 1})
	c.g.Outputs = []*graph.Value{c.v, boxes}
	if err := c.g.Check(); err != nil {
		t.Fatal(err)
	}
	return c.g
}

func twoByTwoBatch(seed uint64, n int) Batch {
	r := newRand(seed)
	b := Batch{X: []*tensor.Tensor{normal(r, n, 3), normal(r, n, 2, 2)}, Labels: make([]int, n)}
	for i := range b.Labels {
		b.Labels[i] = r.IntN(3)
	}
	b.Targets = []*tensor.Tensor{normal(r, n, 3), normal(r, n, 2, 2)}
	return b
}

// detection sums the loss of the classes and that of the vectors.
type detection struct{}

func (detection) Sample(dy, y [][]float32, labels []int, targets [][]float32) float64 {
	class := Distill{Weight: 0.7, Temperature: 3}
	return class.Output(dy[0], y[0], labels[0], targets[0]) + MeanSquare{}.Output(dy[1], y[1], targets[1])
}

// TestTwoInputsTwoOutputs: the gradient of a loss over all outputs reaches every weight, by
// finite differences, whatever the number of shards.
func TestTwoInputsTwoOutputs(t *testing.T) {
	const h, tol = 1.0 / 32, 5e-4 // float32 forward passes
	for _, shards := range []int{1, 3} {
		g := twoByTwo(t, 31)
		b := twoByTwoBatch(32, 7)
		tr := mustNew(t, g, Config{Batch: 8, Shards: shards, Loss: detection{}})
		checkGradients(t, fmt.Sprintf("%d shards", shards), tr, b, g, h, tol)
	}
}

// TestOneOutputOfTwo: losses of one output leave the others alone, and one that nothing
// depends on adds nothing.
func TestOneOutputOfTwo(t *testing.T) {
	b := twoByTwoBatch(34, 6)
	gradients := func(outputs int, loss Loss, b Batch) (list [][]float32) {
		g := twoByTwo(t, 33)
		g.Outputs = g.Outputs[:outputs]
		tr := mustNew(t, g, Config{Batch: 6, Loss: loss})
		if _, err := tr.Gradients(b); err != nil {
			t.Fatal(err)
		}
		for _, p := range tr.Params() {
			list = append(list, slices.Clone(tr.Gradient(p)))
		}
		return list
	}
	first := Batch{X: b.X, Labels: b.Labels, Targets: b.Targets[:1]}
	want := gradients(1, Distill{Weight: 0.7, Temperature: 3}, first)
	got := gradients(2, Distill{Weight: 0.7, Temperature: 3}, b)
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("parameter %d: a second output changes the gradient of the first one's loss", i)
		}
	}
	half := Batch{X: b.X, Targets: []*tensor.Tensor{b.Targets[0], nil}}
	for i, d := range gradients(2, MeanSquare{}, half) {
		if !slices.Equal(d, gradients(1, MeanSquare{}, Batch{X: b.X, Targets: b.Targets[:1]})[i]) {
			t.Errorf("parameter %d: an output without a target has a gradient", i)
		}
	}
}

// TestBatchRefused: a batch that does not fit the network is an error that says where.
func TestBatchRefused(t *testing.T) {
	tr := mustNew(t, twoByTwo(t, 35), Config{Batch: 8, Loss: MeanSquare{}})
	for name, tt := range map[string]struct {
		spoil func(b *Batch)
		says  string
	}{
		"an input is missing":      {func(b *Batch) { b.X = b.X[:1] }, "1 inputs"},
		"an input of another size": {func(b *Batch) { b.X[1] = tensor.New(4, 2, 3) }, "input 1 has shape [4,2,3]"},
		"inputs of two batches":    {func(b *Batch) { b.X[1] = tensor.New(3, 2, 2) }, "input 1 has shape [3,2,2]"},
		"a label is missing":       {func(b *Batch) { b.Labels = b.Labels[1:] }, "3 labels for 4 samples"},
		"a target is missing":      {func(b *Batch) { b.Targets = b.Targets[:1] }, "1 targets"},
		"a target of another size": {func(b *Batch) { b.Targets[1] = tensor.New(4, 5) }, "target 1 has shape [4,5]"},
	} {
		b := twoByTwoBatch(36, 4)
		tt.spoil(&b)
		if _, err := tr.Gradients(b); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestRunAll: every output of every sample, as one by one.
func TestRunAll(t *testing.T) {
	g := twoByTwo(t, 37)
	b := twoByTwoBatch(38, 13)
	tape, err := graph.NewTape(Logits(g), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []*tensor.Tensor{tensor.New(13, 3), tensor.New(13, 2, 2)}
	for i := range 13 {
		for k, y := range tape.Forward(b.X[0].Rows(i, i+1), b.X[1].Rows(i, i+1)) {
			copy(want[k].Rows(i, i+1).Data, y.Data)
		}
	}
	for _, threads := range []int{1, 3} {
		p, err := NewPredictor(Logits(g), 4, threads)
		if err != nil {
			t.Fatal(err)
		}
		got := p.RunAll(13, func(lo, hi int, dst []*tensor.Tensor) {
			for k, x := range dst {
				copy(x.Data, b.X[k].Rows(lo, hi).Data)
			}
		})
		for k, y := range got {
			if !y.Shape.Equal(want[k].Shape) || !slices.Equal(y.Data, want[k].Data) {
				t.Errorf("%d threads: output %d of shape %v differs from one by one", threads, k, y.Shape)
			}
		}
	}
}

// TestInputRates: each input has a size of its own.
func TestInputRates(t *testing.T) {
	c := newChain(t, 39, 4)
	b := &graph.Value{Name: "b", Shape: tensor.Shape{1, 2, 2}}
	c.g.Inputs = append(c.g.Inputs, b)
	first := c.then(op.Dense{}, 3, 4).v
	c.v = b
	c.then(op.Dense{}, 3, 2)
	c.node(op.Reshape{Shape: []int{6}}, c.v).then(op.Dense{}, 3, 6)
	g := c.node(op.Add{}, first, c.v).done()
	ps := g.Params()
	for _, tt := range []struct{ sizes, want []float64 }{
		{nil, []float64{1, 1, 1}}, {[]float64{8}, []float64{0.125, 1, 1}}, {[]float64{0.5, 4}, []float64{1, 0.25, 1}}, {[]float64{2, 4}, []float64{0.5, 0.25, 1}},
	} {
		tr := mustNew(t, g, Config{Inputs: tt.sizes})
		for i, want := range tt.want {
			if got := tr.factor(ps[2*i]); got != want {
				t.Errorf("inputs of size %v: factor %v of layer %d, want %v", tt.sizes, got, i, want)
			}
		}
	}
}
