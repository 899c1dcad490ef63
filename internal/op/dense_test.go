package op

import (
	"testing"

	"edgec/internal/tensor"
)

func denseCases() map[string]func(seed uint64) []*tensor.Tensor {
	form := func(bias bool, out int, x ...int) func(seed uint64) []*tensor.Tensor {
		return func(seed uint64) []*tensor.Tensor {
			rng := newRand(seed)
			in := []*tensor.Tensor{normal(rng, x...), normal(rng, out, x[len(x)-1]), nil}
			if bias {
				in[2] = normal(rng, out)
			}
			return in
		}
	}
	return map[string]func(seed uint64) []*tensor.Tensor{
		"features":       form(true, 7, 5, 11),
		"without a bias": form(false, 17, 3, 4),
		"a sequence":     form(true, 3, 2, 4, 5),
		"one by one":     form(true, 1, 1, 1),
		"large":          form(true, 20, 9, 33),
	}
}

func TestDenseEqualsItsDefinition(t *testing.T) {
	for name, make := range sorted(denseCases()) {
		t.Run(name, func(t *testing.T) {
			in := make(1)
			out := forwardOf(t, Dense{}, in...)
			want := tensor.New(out.Shape...)
			n, k := in[1].Shape[0], in[1].Shape[1]
			for i := range want.Data {
				sum := 0.0
				if in[2] != nil {
					sum = float64(in[2].Data[i%n])
				}
				for j := 0; j < k; j++ {
					sum += float64(in[0].Data[i/n*k+j]) * float64(in[1].Data[i%n*k+j])
				}
				want.Data[i] = float32(sum)
			}
			equalWithin(t, out, want, sumTol, "Dense")
		})
	}
}

func TestDenseGradients(t *testing.T) {
	for name, make := range sorted(denseCases()) {
		t.Run(name, func(t *testing.T) { checkGradients(t, Dense{}, newRand(2), make(2)) })
	}
	for _, c := range clamps {
		checkClamp(t, Dense{Clamp: c}, Dense{}, c, newRand(3), denseCases()["large"](3))
	}
}

func TestDenseRefuses(t *testing.T) {
	checkRefusals(t, []refusal{
		{"no weights", Dense{}, []tensor.Shape{{1, 4}}, "inputs"},
		{"an image", Dense{}, []tensor.Shape{{1, 4, 5, 5}, {3, 5}}, "[N,K]"},
		{"other features", Dense{}, []tensor.Shape{{1, 4}, {3, 5}}, "4 features"},
		{"a long bias", Dense{}, []tensor.Shape{{1, 4}, {3, 4}, {4}}, "bias"},
	})
}
