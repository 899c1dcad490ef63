package kernel

import (
	"math/rand/v2"
	"testing"
)

// halfAway divides with rounding to nearest, halves away from zero.
func halfAway(a, n int64) int64 {
	if a < 0 {
		return -halfAway(-a, n)
	}
	return (2*a + n) / (2 * n)
}

// pool is the definition of both pools.
func pool(w *Window, x []int8, zero int8, average, countPad bool) []int8 {
	var y []int8
	for oy := range w.OutH {
		for ox := range w.OutW {
			for c := range w.C {
				top, sum, n := int64(-128), int64(0), int64(0)
				for p := range w.KH {
					for q := range w.KW {
						iy, ix := oy*w.StrideH-w.PadT+p*w.DilH, ox*w.StrideW-w.PadL+q*w.DilW
						inside := iy >= 0 && ix >= 0 && iy < w.H && ix < w.W
						if v := w.at(x, iy, ix, c, zero); inside || countPad {
							n++
							sum += v - int64(zero)
							if inside {
								top = max(top, v)
							}
						} else if inside {
							top = max(top, v)
						}
					}
				}
				if average {
					top = int64(zero) // the mean of nothing
					if n > 0 {
						top = min(max(halfAway(sum, n)+int64(zero), -128), 127)
					}
				}
				y = append(y, int8(top))
			}
		}
	}
	return y
}

func TestPools(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	empty := 0
	for range trials(2000) {
		w := randomWindow(r, 1+r.IntN(6))
		if r.IntN(4) == 0 {
			w.C += r.IntN(50)
		}
		x, zero := randomInt8(r, w.H*w.W*w.C), int8(r.Uint32())
		acc := make([]int32, w.C+2)
		for _, c := range []struct {
			name              string
			average, countPad bool
		}{{"max", false, false}, {"average", true, false}, {"average with padding", true, true}} {
			y, intact := guarded(w.OutH * w.OutW * w.C)
			if c.average {
				AvgPool(y, x, &w, zero, c.countPad, acc)
			} else {
				MaxPool(y, x, &w)
			}
			for i, want := range pool(&w, x, zero, c.average, c.countPad) {
				if y[i] != want {
					t.Fatalf("%s of %+v, zero %d: output %d is %d, want %d", c.name, w, zero, i, y[i], want)
				}
			}
			if !intact() {
				t.Fatalf("%s of %+v: writes outside its output", c.name, w)
			}
		}
		if w.PadB >= w.KH*w.DilH {
			empty++
		}
	}
	if empty == 0 {
		t.Error("no window without a pixel was tried")
	}
}

// The largest window that files may hold: its sum fits 32 bits.
func TestAvgPoolLargest(t *testing.T) {
	w := Window{H: 1 << 11, W: 1 << 11, C: 1, KH: 1 << 11, KW: 1 << 11, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
	x := make([]int8, w.H*w.W)
	for _, c := range [][2]int8{{-128, 127}, {127, -128}, {-128, -128}, {127, 127}} {
		for i := range x {
			x[i] = c[0]
		}
		var y [1]int8
		AvgPool(y[:], x, &w, c[1], true, make([]int32, 1))
		if y[0] != c[0] {
			t.Errorf("mean of %d, zero %d: %d", c[0], c[1], y[0])
		}
	}
}

// span is the definition, without its loops: a window may be long.
func TestSpan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		o, stride, pad, k, dil, n := r.IntN(20), 1+r.IntN(5), r.IntN(40), 1+r.IntN(10), 1+r.IntN(9), 1+r.IntN(30)
		at := o*stride - pad
		lo, hi := 0, k
		for lo < k && at+lo*dil < 0 {
			lo++
		}
		for hi > lo && at+(hi-1)*dil >= n {
			hi--
		}
		if a, b := new(Window).span(o, stride, pad, k, dil, n); a != lo || b != hi {
			t.Fatalf("output %d in steps of %d, padding %d, %d positions %d apart on %d pixels: %d to %d, want %d to %d", o, stride, pad, k, dil, n, a, b, lo, hi)
		}
	}
}
