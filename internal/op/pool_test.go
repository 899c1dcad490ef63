package op

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// directPool computes a pool from its definition: avg nil means maximum,
// otherwise avg(inside the image, inside image and padding) is the divisor.
func directPool(k window, y tensor.Shape, x *tensor.Tensor, avg func(inside, padded int) int) *tensor.Tensor {
	out := tensor.New(y...)
	h, w := x.Shape[2], x.Shape[3]
	for at := range out.Data {
		j, i, p := at%y[3], at/y[3]%y[2], at/(y[2]*y[3])
		best, sum, inside, padded := math.Inf(-1), 0.0, 0, 0
		for a := 0; a < k.kh; a++ {
			for b := 0; b < k.kw; b++ {
				r, c := i*k.sh-k.pt+a*k.dh, j*k.sw-k.pl+b*k.dw
				if r < h+k.pb && c < w+k.pr {
					padded++
				}
				if r >= 0 && r < h && c >= 0 && c < w {
					v := float64(x.Data[(p*h+r)*w+c])
					inside, best, sum = inside+1, math.Max(best, v), sum+v
				}
			}
		}
		out.Data[at] = float32(best)
		if avg != nil {
			out.Data[at] = float32(sum / float64(avg(inside, padded)))
		}
	}
	return out
}

// poolCases calls f with pools of many forms and an image that fits.
func poolCases(t *testing.T, f func(t *testing.T, o MaxPool, x *tensor.Tensor)) {
	rng := newRand(5)
	fixed := map[string]MaxPool{
		"tiles of 2":         {KH: 2, KW: 2, StrideH: 2, StrideW: 2},
		"tiles of 2, ceil":   {KH: 2, KW: 2, StrideH: 2, StrideW: 2, CeilMode: true},
		"3 by 3, stride 2":   {KH: 3, KW: 3, StrideH: 2, StrideW: 2},
		"3 by 3, padded":     {KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadT: 1, PadL: 1, PadB: 1, PadR: 1},
		"3 by 2, asymmetric": {KH: 3, KW: 2, PadT: 2, PadR: 1, StrideW: 3},
		"tiles of 3":         {KH: 3, KW: 3, StrideH: 3, StrideW: 3},
	}
	for name, o := range fixed {
		for _, hw := range [][2]int{{6, 8}, {7, 9}} {
			t.Run(name, func(t *testing.T) { f(t, o, spaced(rng, 2, 2, hw[0], hw[1])) })
		}
	}
	t.Run("random", func(t *testing.T) {
		tried := 0
		for tried < cases(60) {
			o := MaxPool{KH: 1 + rng.IntN(3), KW: 1 + rng.IntN(3), StrideH: rng.IntN(4), StrideW: rng.IntN(4), DilH: rng.IntN(3), DilW: rng.IntN(3),
				PadT: rng.IntN(3), PadL: rng.IntN(3), PadB: rng.IntN(3), PadR: rng.IntN(3), CeilMode: rng.IntN(2) == 0}
			x := spaced(rng, 1+rng.IntN(2), 1+rng.IntN(2), 5+rng.IntN(3), 5+rng.IntN(3))
			if _, err := o.Infer([]tensor.Shape{x.Shape}); err == nil {
				f(t, o, x)
				tried++
			}
		}
	})
}

func (o MaxPool) avg(countPad bool) AvgPool {
	return AvgPool{o.KH, o.KW, o.StrideH, o.StrideW, o.DilH, o.DilW, o.PadT, o.PadL, o.PadB, o.PadR, o.CeilMode, countPad}
}

func TestPoolsEqualTheirDefinition(t *testing.T) {
	poolCases(t, func(t *testing.T, o MaxPool, x *tensor.Tensor) {
		out := forwardOf(t, o, x)
		equalWithin(t, out, directPool(o.window(), out.Shape, x, nil), 0, "MaxPool%+v of %v", o, x.Shape)
		out = forwardOf(t, o.avg(false), x)
		equalWithin(t, out, directPool(o.window(), out.Shape, x, func(in, _ int) int { return in }), sumTol, "AvgPool%+v of %v", o, x.Shape)
		out = forwardOf(t, o.avg(true), x)
		equalWithin(t, out, directPool(o.window(), out.Shape, x, func(_, all int) int { return all }), sumTol, "AvgPool%+v with padding of %v", o, x.Shape)
	})
	x := normal(newRand(6), 3, 4, 5, 6)
	want := forwardOf(t, AvgPool{KH: 5, KW: 6}, x)
	equalWithin(t, forwardOf(t, GlobalAvgPool{}, x), want, sumTol, "GlobalAvgPool")
}

func TestPoolGradients(t *testing.T) {
	rng := newRand(7)
	poolCases(t, func(t *testing.T, o MaxPool, x *tensor.Tensor) {
		for _, p := range []graph.Differentiable{o, o.avg(false), o.avg(true)} {
			checkGradients(t, p, rng, []*tensor.Tensor{x})
		}
	})
	checkGradients(t, GlobalAvgPool{}, rng, []*tensor.Tensor{normal(rng, 2, 3, 4, 5)})
}

// TestMaxPoolTies: the first maximum of a window takes the whole gradient.
func TestMaxPoolTies(t *testing.T) {
	x := tensor.Of([]float32{
		1, 1, 0, 2,
		1, 1, 2, 2,
	}, 1, 1, 2, 4)
	for name, o := range map[string]MaxPool{
		"tiles":   {KH: 2, KW: 2, StrideH: 2, StrideW: 2},
		"general": {KH: 2, KW: 2, StrideH: 3, StrideW: 2},
	} {
		out := forwardOf(t, o, x)
		got := gradients(o, []*tensor.Tensor{x}, out, tensor.Of([]float32{3, 5}, 1, 1, 1, 2), func(int) bool { return true })
		equalWithin(t, got[0], tensor.Of([]float32{3, 0, 0, 5, 0, 0, 0, 0}, 1, 1, 2, 4), 0, "%s", name)
	}
}

func TestPoolsRefuse(t *testing.T) {
	image := []tensor.Shape{{1, 2, 5, 5}}
	checkRefusals(t, []refusal{
		{"a sequence", MaxPool{KH: 2, KW: 2}, []tensor.Shape{{1, 2, 5}}, "[N,C,H,W]"},
		{"two inputs", AvgPool{KH: 2, KW: 2}, []tensor.Shape{{1, 2, 5, 5}, {1}}, "2 inputs"},
		{"no kernel", MaxPool{}, image, "kernel 0"},
		{"a large kernel", AvgPool{KH: 6, KW: 2}, image, "spans 6"},
		{"windows in the padding before", MaxPool{KH: 2, KW: 2, PadT: 2}, image, "padding"},
		{"windows in the padding after", MaxPool{KH: 2, KW: 2, PadR: 2}, image, "padding"},
		{"windows that step over the image", AvgPool{KH: 2, KW: 1, DilH: 2, PadT: 1, PadB: 1}, []tensor.Shape{{1, 1, 1, 1}}, "padding"},
		{"a sequence", GlobalAvgPool{}, []tensor.Shape{{1, 2, 5}}, "[N,C,H,W]"},
	})
}
