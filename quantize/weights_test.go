package quantize

import (
	"math"
	"slices"
	"testing"
)

// Each scale is the best of a fine search over scales, up to the rounding of a scale and the
// grid of the search; pruned weights do not count, and a channel without weights takes the
// tensor's scale.
func TestWeightScales(t *testing.T) {
	const channels, row = 4, 200
	w := normal(newRand(1), channels*row)
	mask := slices.Repeat([]float32{1}, len(w))
	for i := range w {
		switch i / row {
		case 1:
			w[i] *= 1e-3
		case 2:
			if i%row != 0 {
				w[i], mask[i] = 50, 0
			} else {
				w[i] = 0.01
			}
		case 3:
			w[i] = 0
		}
	}
	whole := WeightScales(w, mask, channels, math.Inf(1))
	each := WeightScales(w, mask, channels, -1)
	if len(whole) != 1 || len(each) != channels {
		t.Fatalf("%d and %d scales", len(whole), len(each))
	}
	if each[3] != whole[0] {
		t.Errorf("a channel of zeros has scale %v, the tensor %v", each[3], whole[0])
	}
	if s := float64(each[2]); s > 0.01/60 || s < 0.01/130 {
		t.Errorf("scale %v of a channel whose largest kept weight is 0.01: pruned weights count", s)
	}
	for c := range 2 {
		x := w[c*row : (c+1)*row]
		top, least := largest(runs{x, 0, row, row}), math.Inf(1)
		for f := 0.5; f <= 1; f += 1e-3 {
			least = min(least, squaredError(x, float32(f*top/127)))
		}
		const coarse = 1.3 // the search has 20 scales, and the largest weight decides much
		if e := squaredError(x, each[c]); e > coarse*least {
			t.Errorf("channel %d: squared error %v, %v is possible", c, e, least)
		}
	}
}

// Alike channels get one scale by themselves.
func TestWeightScalesTolerance(t *testing.T) {
	w := normal(newRand(2), 8*400)
	const usual = 5e-4
	for _, c := range []struct {
		tolerance float64
		want      int
	}{{usual, 1}, {0, 8}, {-1, 8}, {math.Inf(1), 1}} {
		if got := WeightScales(w, nil, 8, c.tolerance); len(got) != c.want {
			t.Errorf("tolerance %v: %d scales, want %d", c.tolerance, len(got), c.want)
		}
	}
	for i := range 400 {
		w[i] *= 0.01
	}
	if got := WeightScales(w, nil, 8, usual); len(got) != 8 {
		t.Errorf("one scale with one tiny channel")
	}
	if got := WeightScales(make([]float32, 6), nil, 2, usual); len(got) != 1 || got[0] != RoundScale(1.0/127) {
		t.Errorf("scales %v of zeros", got)
	}
	if got := WeightScales(w[:400], nil, 1, -1); len(got) != 1 {
		t.Errorf("%d scales of one channel", len(got))
	}
}

func TestMedianNorm(t *testing.T) {
	if got := MedianNorm([]float32{3, 4, 0, 0, 6, 8, 5, 12}, 4); got != 10 {
		t.Errorf("the median of 5, 10 and 13 is %v", got)
	}
	if got := MedianNorm(make([]float32, 4), 2); got != 0 {
		t.Errorf("zeros have the norm %v", got)
	}
}

func TestBiases(t *testing.T) {
	if got := BiasScales(0.5, []float32{1, 4}); !slices.Equal(got, []float32{0.5, 2}) {
		t.Errorf("scales %v", got)
	}
	for _, c := range []struct {
		scale float32
		step  float64
		want  int
	}{{1, 0.9, 0}, {1, 1, 0}, {1, 2, 1}, {1, 7.9, 2}, {0.25, 2, 3}, {1e-9, 1, 20}, {1, math.Inf(1), 20}} {
		if got := BiasShift(c.scale, c.step); got != c.want {
			t.Errorf("scale %v, step %v: shift %d, want %d", c.scale, c.step, got, c.want)
		}
	}
	scale := []float32{1, 1e-12}
	RaiseForBias(scale, []float32{1e3, 1e3}, 0.1)
	if least := 1e3 / (0.1 * (1 << 26)); scale[0] != 1 || float64(scale[1]) < least || float64(scale[1]) > 1.01*least {
		t.Errorf("scales %v, the second one should be about %v", scale, least)
	}
	one := []float32{1e-12}
	if RaiseForBias(one, []float32{0, 1, 5}, 1); float64(one[0]) < 5.0/(1<<26) {
		t.Errorf("one scale for three biases is %v", one[0])
	}
}

// The corrected means are those that are wanted; pruned biases stay.
func TestCorrectBias(t *testing.T) {
	var want, got ChannelMeans
	want.Add([]float32{1, 3, 10, 20, 5, 5, 30, 40}, 2, 2) // [2, 2, 2]
	want.Add([]float32{9, 9, 0, 0}, 2, 2)
	got.Add([]float32{4, 20}, 2, 1)
	got.Add([]float32{6, 0}, 2, 1)
	if want.Of(0) != 32.0/6 || want.Of(1) != 100.0/6 || got.Of(0) != 5 || got.Of(1) != 10 {
		t.Fatalf("means %v %v, %v %v", want.Of(0), want.Of(1), got.Of(0), got.Of(1))
	}
	bias := []float32{1, 1}
	if CorrectBias(bias, []float32{1, 0}, &want, &got); bias[0] != 1+float32(32.0/6-5) || bias[1] != 1 {
		t.Errorf("biases %v", bias)
	}
	if CorrectBias(bias, nil, &want, &got); bias[1] != 1+float32(100.0/6-10) {
		t.Errorf("biases %v", bias)
	}
}
