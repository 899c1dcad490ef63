package train

import (
	"fmt"
	"math"
	"testing"

	"edgec/internal/op"
	"edgec/internal/tensor"
)

// A network of which the input is large, and the first weights small, learns as one with
// an input of about one: each step leaves the same function.
func TestLargeInputs(t *testing.T) {
	const size = 128 // a power of two: the products do not change
	r := newRand(7)
	x := normal(r, 8, 2, 3, 1)
	large := tensor.New(x.Shape...)
	for i, v := range x.Data {
		large.Data[i] = size * v
	}
	train := func(x *tensor.Tensor, input float64, small float32) (first []float32, losses []float64) {
		g := newChain(t, 3, 2, 3, 1).then(op.Reshape{Shape: []int{6}}).then(op.Dense{}, 5, 6).then(op.Tanh{}).then(op.Dense{}, 3, 5).done()
		w := g.Nodes[1].Inputs[1].Param
		for i := range w.Shadow.Data {
			w.Shadow.Data[i] *= small
		}
		w.Refresh()
		tr := mustNew(t, g, Config{Batch: 8, Inputs: []float64{input}})
		for range 20 {
			l, err := tr.Step(Single(x, []int{0, 1, 2, 2, 1, 0, 0, 1}, nil), 0.01)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, l)
		}
		return w.Shadow.Data, losses
	}
	w, losses := train(x, 1, 1)
	scaled, same := train(large, size, 1.0/size)
	for i := range losses {
		near(t, fmt.Sprint("loss of step ", i), same[i], losses[i], 1e-4)
	}
	for i := range w {
		near(t, fmt.Sprintf("weight %d", i), size*float64(scaled[i]), float64(w[i]), 1e-3)
	}
	if _, far := train(large, 0, 1.0/size); math.Abs(far[19]-losses[19]) < 0.01 {
		t.Errorf("loss %v whether the size of the inputs is known or not; %v where they are of about one", far[19], losses[19])
	}
}
