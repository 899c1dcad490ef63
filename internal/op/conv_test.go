package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/tensor"
)

// directConv is the definition in the comment of Conv2D.
func directConv(o Conv2D, y tensor.Shape, x, w, b *tensor.Tensor) *tensor.Tensor {
	out := tensor.New(y...)
	g := max(o.Groups, 1)
	inC, kh, kw := w.Shape[1], w.Shape[2], w.Shape[3]
	h, wd := x.Shape[2], x.Shape[3]
	at := 0
	for n := 0; n < y[0]; n++ {
		for c := 0; c < y[1]; c++ {
			for i := 0; i < y[2]; i++ {
				for j := 0; j < y[3]; j++ {
					sum := 0.0
					if b != nil {
						sum = float64(b.Data[c])
					}
					for k := 0; k < inC*kh*kw; k++ {
						ch, p, q := k/(kh*kw), k/kw%kh, k%kw
						r, s := i*max(o.StrideH, 1)-o.PadT+p*max(o.DilH, 1), j*max(o.StrideW, 1)-o.PadL+q*max(o.DilW, 1)
						if r < 0 || r >= h || s < 0 || s >= wd {
							continue
						}
						src := ((n*x.Shape[1]+c/(y[1]/g)*inC+ch)*h+r)*wd + s
						sum += float64(x.Data[src]) * float64(w.Data[c*inC*kh*kw+k])
					}
					out.Data[at] = float32(sum)
					at++
				}
			}
		}
	}
	return out
}

// randomConv returns a convolution that fits a small random image.
func randomConv(rng *rand.Rand) (Conv2D, []*tensor.Tensor) {
	one := func(n int) int { return rng.IntN(n) } // 0 stands for 1 in strides and dilations
	o := Conv2D{StrideH: one(4), StrideW: one(4), DilH: one(3), DilW: one(3), PadT: one(3), PadL: one(3), PadB: one(3), PadR: one(3), Groups: one(4)}
	g, inC, mult := max(o.Groups, 1), 1+rng.IntN(3), 1+rng.IntN(3)
	if rng.IntN(3) == 0 {
		g, inC = 1+rng.IntN(4), 1 // depthwise
		o.Groups = g
	}
	kh, kw := 1+rng.IntN(3), 1+rng.IntN(5)
	h, w := 5+rng.IntN(5), 9+rng.IntN(4)
	in := []*tensor.Tensor{normal(rng, 1+rng.IntN(3), g*inC, h, w), normal(rng, g*mult, inC, kh, kw), nil}
	if rng.IntN(4) > 0 {
		in[2] = normal(rng, g*mult)
	}
	return o, in
}

// convCases are forms with a way of their own through the code.
func convCases(rng *rand.Rand) map[string]func() (Conv2D, []*tensor.Tensor) {
	form := func(o Conv2D, n, c, h, w, outC, k int) func() (Conv2D, []*tensor.Tensor) {
		return func() (Conv2D, []*tensor.Tensor) {
			g := max(o.Groups, 1)
			return o, []*tensor.Tensor{normal(rng, n, c, h, w), normal(rng, outC, c/g, k, k), normal(rng, outC)}
		}
	}
	return map[string]func() (Conv2D, []*tensor.Tensor){
		"pointwise":               form(Conv2D{}, 3, 4, 5, 6, 7, 1),
		"pointwise, grouped":      form(Conv2D{Groups: 2}, 2, 4, 3, 3, 6, 1),
		"pointwise, stride 2":     form(Conv2D{StrideH: 2, StrideW: 2}, 2, 3, 5, 6, 4, 1),
		"pointwise, padded":       form(Conv2D{PadT: 1, PadR: 2}, 2, 3, 4, 4, 4, 1),
		"one pixel":               form(Conv2D{}, 30, 3, 3, 3, 5, 3),
		"depthwise":               form(Conv2D{Groups: 4, PadT: 1, PadL: 1, PadB: 1, PadR: 1}, 2, 4, 6, 9, 4, 3),
		"depthwise, stride 2":     form(Conv2D{Groups: 3, StrideH: 2, StrideW: 2, PadT: 1, PadL: 1}, 2, 3, 7, 8, 3, 3),
		"depthwise, two a kernel": form(Conv2D{Groups: 3, DilH: 2, DilW: 2}, 2, 3, 7, 12, 6, 3),
		"padding beyond the span": form(Conv2D{PadT: 3, PadL: 4, PadB: 5, PadR: 3}, 1, 2, 3, 3, 2, 2),
		"image smaller than step": form(Conv2D{StrideH: 5, StrideW: 7, PadT: 2, PadL: 1}, 2, 2, 4, 6, 3, 3),
		"wide":                    form(Conv2D{}, 2, 1, 6, 40, 3, 5),
	}
}

func TestConv2DEqualsItsDefinition(t *testing.T) {
	check := func(t *testing.T, o Conv2D, in []*tensor.Tensor) {
		out := forwardOf(t, o, in...)
		equalWithin(t, out, directConv(o, out.Shape, in[0], in[1], in[2]), sumTol, "Conv2D%+v of %v and %v", o, in[0].Shape, in[1].Shape)
	}
	for name, make := range sorted(convCases(newRand(1))) {
		t.Run(name, func(t *testing.T) { o, in := make(); check(t, o, in) })
	}
	t.Run("random", func(t *testing.T) {
		rng := newRand(2)
		for i := 0; i < 300; i++ {
			o, in := randomConv(rng)
			check(t, o, in)
		}
	})
}

func TestConv2DGradients(t *testing.T) {
	rng := newRand(3)
	for name, make := range sorted(convCases(rng)) {
		t.Run(name, func(t *testing.T) {
			o, in := make()
			checkGradients(t, o, rng, in)
		})
	}
	t.Run("random", func(t *testing.T) {
		for range cases(25) {
			o, in := randomConv(rng)
			checkGradients(t, o, rng, in)
		}
	})
}

func TestConv2DClamp(t *testing.T) {
	rng := newRand(4)
	for i, c := range clamps {
		for name, make := range sorted(convCases(rng)) {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				o, in := make()
				bare := o
				o.Clamp = c
				checkClamp(t, o, bare, c, rng, in)
			})
		}
	}
}

func TestConv2DRefuses(t *testing.T) {
	x, w := tensor.Shape{1, 4, 5, 5}, tensor.Shape{6, 4, 3, 3}
	checkRefusals(t, []refusal{
		{"no weights", Conv2D{}, []tensor.Shape{x}, "inputs"},
		{"missing weights", Conv2D{}, []tensor.Shape{x, nil}, "input 1 is missing"},
		{"a sequence", Conv2D{}, []tensor.Shape{{1, 4, 5}, w}, "[N,C,H,W]"},
		{"other channels", Conv2D{}, []tensor.Shape{{1, 3, 5, 5}, w}, "3 channels"},
		{"groups that do not divide", Conv2D{Groups: 4}, []tensor.Shape{x, {6, 1, 3, 3}}, "groups"},
		{"a short bias", Conv2D{}, []tensor.Shape{x, w, {5}}, "bias"},
		{"a large kernel", Conv2D{}, []tensor.Shape{x, {6, 4, 3, 6}}, "spans 6"},
		{"a wide dilation", Conv2D{DilH: 3}, []tensor.Shape{x, w}, "spans 7"},
		{"negative padding", Conv2D{PadL: -1}, []tensor.Shape{x, w}, "padding -1"},
		{"a negative stride", Conv2D{StrideH: -1}, []tensor.Shape{x, w}, "stride -1"},
		{"negative groups", Conv2D{Groups: -2}, []tensor.Shape{x, w}, "groups"},
	})
}

// Passes says where back lets a gradient through.
func TestClampPasses(t *testing.T) {
	y := []float32{-1, 0, 0.5, 6, 7}
	for _, c := range []Clamp{{}, {On: true, Lo: 0, Hi: 6}, {On: true, Lo: 0, Hi: float32(math.Inf(1))}, {On: true, Lo: float32(math.Inf(-1)), Hi: 6}} {
		d := c.back(make([]float32, len(y)), []float32{1, 1, 1, 1, 1}, y)
		for i, v := range y {
			if c.Passes(v) != (d[i] == 1) {
				t.Errorf("%+v at %v: passes %v, the gradient is %v", c, v, c.Passes(v), d[i])
			}
		}
	}
}
