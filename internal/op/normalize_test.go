package op

import (
	"math"
	"testing"

	"edgec/internal/tensor"
)

// TestNormalize compares both kinds with their formulas and checks the gradients.
func TestNormalize(t *testing.T) {
	rng := newRand(43)
	for _, o := range []Normalize{{Axis: 2, Epsilon: 1e-5}, {Axis: 1, Epsilon: 0.5}, {RMS: true, Axis: 2}, {RMS: true, Axis: 1, Epsilon: 0.25}} {
		x := normal(rng, 2, 3, 4)
		for i := range x.Data {
			x.Data[i] = 3*x.Data[i] + 5
		}
		n := x.Shape[o.Axis:].Size()
		want := tensor.New(x.Shape...)
		for at := 0; at < len(x.Data); at += n {
			mean, sum := 0.0, 0.0
			for _, v := range x.Data[at : at+n] {
				mean += float64(v) / float64(n)
			}
			if o.RMS {
				mean = 0
			}
			for _, v := range x.Data[at : at+n] {
				sum += math.Pow(float64(v)-mean, 2)
			}
			for i := at; i < at+n; i++ {
				want.Data[i] = float32((float64(x.Data[i]) - mean) / math.Sqrt(sum/float64(n)+float64(o.Epsilon)))
			}
		}
		equalWithin(t, forwardOf(t, o, x), want, sumTol, "%+v", o)
		checkGradients(t, o, rng, []*tensor.Tensor{x})
	}
	checkRefusals(t, []refusal{
		{"the batch", Normalize{}, []tensor.Shape{{2, 3}}, "dimensions from 0 on"},
		{"epsilon", Normalize{Axis: 1, Epsilon: -1}, []tensor.Shape{{2, 3}}, "epsilon -1"},
	})
}
