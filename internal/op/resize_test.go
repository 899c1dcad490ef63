package op

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestResize compares with values of ONNX's documentation of the operator, and with some worked
// out by hand.
func TestResize(t *testing.T) {
	four := tensor.Of([]float32{1, 2, 3, 4}, 1, 1, 2, 2)
	row := tensor.Of([]float32{1, 2, 3, 4}, 1, 4)
	for name, c := range map[string]struct {
		op   Resize
		x    *tensor.Tensor
		want []float32
	}{
		"linear": {Resize{Sizes: []int{1, 4, 4}, Mode: Linear}, four,
			[]float32{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4}},
		"corners": {Resize{Sizes: []int{1, 4, 4}, Mode: Linear, Coords: AlignCorners}, four,
			[]float32{1, 4. / 3, 5. / 3, 2, 5. / 3, 2, 7. / 3, 8. / 3, 7. / 3, 8. / 3, 3, 10. / 3, 3, 10. / 3, 11. / 3, 4}},
		"corners of a scale": {Resize{Sizes: []int{2}, Scales: []float64{0.6}, Mode: Linear, Coords: AlignCorners}, row, []float32{1, 1 + 3/1.4}},
		"asymmetric":         {Resize{Sizes: []int{1, 1, 4}, Mode: Linear, Coords: Asymmetric}, tensor.Of([]float32{1, 3}, 1, 1, 1, 2), []float32{1, 2, 3, 3}},
		"nearest":            {Resize{Sizes: []int{1, 4, 6}}, four, []float32{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4}},
		"floor":              {Resize{Sizes: []int{6}, Coords: Asymmetric, Round: RoundFloor}, row, []float32{1, 1, 2, 3, 3, 4}},
		"ceil":               {Resize{Sizes: []int{6}, Coords: Asymmetric, Round: RoundCeil}, row, []float32{1, 2, 3, 3, 4, 4}},
		"half down":          {Resize{Sizes: []int{2}}, row, []float32{1, 3}},
		"half up":            {Resize{Sizes: []int{2}, Round: RoundPreferCeil}, row, []float32{2, 4}},
		"to one":             {Resize{Sizes: []int{1}, Mode: Linear, Coords: PytorchHalfPixel}, row, []float32{1}},
		"window":             {Resize{Sizes: []int{4}, Mode: Linear, Coords: CropAndResize, Window: []float64{0.5, 1.5}, Beyond: 9}, row, []float32{2.5, 3.5, 9, 9}},
		"symmetric":          {Resize{Sizes: []int{2}, Scales: []float64{0.6}, Mode: Linear, Coords: HalfPixelSymmetric}, row, []float32{5. / 3, 10. / 3}},
		"cubic":              {Resize{Sizes: []int{8}, Mode: Cubic}, row, []float32{0.89453125, 1.19140625, 1.66796875, 2.296875, 2.703125, 3.33203125, 3.80859375, 4.10546875}},
		"antialias":          {Resize{Sizes: []int{2}, Mode: Linear, Antialias: true}, row, []float32{1.625, 3.375}},
		"outside":            {Resize{Sizes: []int{8}, Mode: Cubic, ExcludeOutside: true}, tensor.Of([]float32{1, 1, 1, 1}, 1, 4), []float32{1, 1, 1, 1, 1, 1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			y := forwardOf(t, c.op, c.x)
			equalWithin(t, y, tensor.Of(c.want, y.Shape...), sumTol, "forward")
		})
	}
}

// A resized pair of channels is each channel resized: dimensions are told apart.
func TestResizeDimensions(t *testing.T) {
	rng := newRand(71)
	x := normal(rng, 2, 3, 4, 5)
	y := forwardOf(t, Resize{Sizes: []int{3, 9, 3}, Mode: Linear}, x)
	for p := range 6 {
		one := forwardOf(t, Resize{Sizes: []int{9, 3}, Mode: Linear}, tensor.Of(x.Data[p*20:(p+1)*20], 1, 4, 5))
		equalWithin(t, tensor.Of(y.Data[p*27:(p+1)*27], 1, 9, 3), one, 0, "plane")
	}
	for name, o := range map[string]Resize{"rank": {Sizes: []int{2}}, "empty": {Sizes: []int{3, 0, 2}}, "scale": {Sizes: []int{3, 4, 5}, Scales: []float64{1, math.NaN(), 1}}} {
		if s, err := o.Infer([]tensor.Shape{x.Shape}); err == nil {
			t.Errorf("%s: accepted as %v", name, s)
		}
	}
}

func TestResizeGradients(t *testing.T) {
	rng := newRand(72)
	for name, o := range map[string]Resize{
		"nearest": {Sizes: []int{2, 5, 3}}, "cubic": {Sizes: []int{2, 5, 3}, Mode: Cubic, Antialias: true}, "channels": {Sizes: []int{3, 4, 4}, Mode: Linear},
		"window": {Sizes: []int{2, 5, 3}, Mode: Linear, Coords: CropAndResize, Window: []float64{0, 1, 0.2, 1.3, -0.1, 0.7}}, "copy": {Sizes: []int{2, 4, 4}},
	} {
		t.Run(name, func(t *testing.T) { checkGradients(t, o, rng, []*tensor.Tensor{normal(rng, 2, 2, 4, 4)}) })
	}
}

// TestConvTranspose compares the operators that a transposed convolution is made of with its
// definition, which adds each input, times the kernel, to the output.
func TestConvTranspose(t *testing.T) {
	rng := newRand(73)
	cut := 0
	for range 200 {
		g := 1 + rng.IntN(2)
		o := ConvTranspose{StrideH: rng.IntN(4), StrideW: rng.IntN(3), DilH: rng.IntN(3), DilW: rng.IntN(2), Groups: g,
			PadT: rng.IntN(4) - 1, PadL: rng.IntN(3) - 1, PadB: rng.IntN(3) - 1, PadR: rng.IntN(3) - 1}
		x := normal(rng, 1+rng.IntN(2), g*(1+rng.IntN(2)), 3+rng.IntN(3), 4+rng.IntN(3))
		w := normal(rng, x.Shape[1], 1+rng.IntN(3), 1+rng.IntN(3), 1+rng.IntN(4))
		want := scattered(o, x, w)
		if want == nil {
			continue
		}
		kernel, err := o.Weights(w)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := o.Steps(w.Shape[2], w.Shape[3])
		if err != nil {
			t.Fatal(err)
		}
		y := x
		for _, s := range steps {
			in := []*tensor.Tensor{y}
			switch s.(type) {
			case Conv2D:
				in = append(in, kernel)
			case Slice:
				cut++
			}
			y = forwardOf(t, s, in...)
		}
		if !y.Shape.Equal(want.Shape) {
			t.Fatalf("%+v of %v with %v: shape %v, want %v", o, x.Shape, w.Shape, y.Shape, want.Shape)
		}
		equalWithin(t, y, want, sumTol, "transposed convolution")
	}
	if cut < 20 {
		t.Errorf("only %d had a slice", cut)
	}
	if _, err := (ConvTranspose{StrideH: -1}).Steps(1, 1); err == nil {
		t.Error("a negative stride is accepted")
	}
	if _, err := (ConvTranspose{Groups: 2}).Weights(tensor.New(3, 1, 1, 1)); err == nil {
		t.Error("3 channels in 2 groups are accepted")
	}
}

// scattered is the definition; nil: no output is left.
func scattered(o ConvTranspose, x, w *tensor.Tensor) *tensor.Tensor {
	sh, sw, dh, dw := max(o.StrideH, 1), max(o.StrideW, 1), max(o.DilH, 1), max(o.DilW, 1)
	c, h, wd, f, kh, kw := x.Shape[1], x.Shape[2], x.Shape[3], w.Shape[1], w.Shape[2], w.Shape[3]
	oh, ow := (h-1)*sh+(kh-1)*dh+1-o.PadT-o.PadB, (wd-1)*sw+(kw-1)*dw+1-o.PadL-o.PadR
	if oh < 1 || ow < 1 || o.PadT+o.PadB >= (h-1)*sh+1 || o.PadL+o.PadR >= (wd-1)*sw+1 {
		return nil
	}
	y := tensor.New(x.Shape[0], f*o.Groups, oh, ow)
	for n := range x.Shape[0] {
		for ch := range c {
			for u := range h {
				for v := range wd {
					for k := range f * kh * kw {
						of, p, q := k/(kh*kw), k/kw%kh, k%kw
						i, j := u*sh-o.PadT+p*dh, v*sw-o.PadL+q*dw
						if i < 0 || j < 0 || i >= oh || j >= ow {
							continue
						}
						to := ch/(c/o.Groups)*f + of
						y.Data[((n*f*o.Groups+to)*oh+i)*ow+j] += w.Data[ch*f*kh*kw+k] * x.Data[((n*c+ch)*h+u)*wd+v]
					}
				}
			}
		}
	}
	return y
}

// TestDepthToSpace compares with the formula, and goes there and back.
func TestDepthToSpace(t *testing.T) {
	const b, c, h, w = 2, 3, 2, 5
	x := normal(newRand(74), 2, c*b*b, h, w)
	run := func(ops []graph.Op, err error, x *tensor.Tensor) *tensor.Tensor {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range ops {
			x = forwardOf(t, o, x)
		}
		return x
	}
	for _, byChannel := range []bool{false, true} {
		ops, err := DepthToSpace(x.Shape, b, byChannel)
		y := run(ops, err, x)
		for i, got := range y.Data {
			n, ch, r, s := i/(c*h*b*w*b), i/(h*b*w*b)%c, i/(w*b)%(h*b), i%(w*b)
			from := (r%b*b+s%b)*c + ch
			if byChannel {
				from = ch*b*b + r%b*b + s%b
			}
			if want := x.Data[((n*c*b*b+from)*h+r/b)*w+s/b]; got != want {
				t.Fatalf("by channel %v: element %d is %v, want %v", byChannel, i, got, want)
			}
		}
		if !byChannel {
			ops, err = SpaceToDepth(y.Shape, b)
			equalWithin(t, run(ops, err, y), x, 0, "there and back")
		}
	}
	if _, err := DepthToSpace(tensor.Shape{1, 6, 2, 2}, 2, false); err == nil {
		t.Error("6 channels in blocks of 2x2 are accepted")
	}
	if _, err := SpaceToDepth(tensor.Shape{1, 6, 3, 2}, 2); err == nil {
		t.Error("3 rows in blocks of 2x2 are accepted")
	}
}
