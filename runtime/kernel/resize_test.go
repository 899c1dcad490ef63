package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestResize(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	for range trials(2000) {
		w := Window{H: 1 + r.IntN(9), W: 1 + r.IntN(9), C: 1 + r.IntN(6), OutH: 1 + r.IntN(9), OutW: 1 + r.IntN(9),
			StrideH: 1 + r.IntN(1<<21), StrideW: 1 + r.IntN(1<<21), PadT: r.IntN(1<<21) - 1<<20, PadL: r.IntN(1<<21) - 1<<20}
		x, zero := randomInt8(r, w.H*w.W*w.C), int8(r.Uint32())
		y, intact := guarded(w.OutH * w.OutW * w.C)
		pixel := func(i, j, c int) float64 {
			return float64(x[(min(max(i, 0), w.H-1)*w.W+min(max(j, 0), w.W-1))*w.C+c])
		}
		for _, linear := range []bool{false, true} {
			if linear {
				ResizeLinear(y, x, &w, zero)
			} else {
				ResizeNearest(y, x, &w)
			}
			for k, got := range y {
				i, j, c := k/w.C/w.OutW, k/w.C%w.OutW, k%w.C
				py, px := float64(w.PadT+i*w.StrideH), float64(w.PadL+j*w.StrideW)
				want := pixel(int(math.Floor(py/(1<<20))), int(math.Floor(px/(1<<20))), c)
				if linear { // exact in float64: products of 8 and 20 bits
					py, px = math.Floor(py/1024)/1024, math.Floor(px/1024)/1024
					a, b := int(math.Floor(py)), int(math.Floor(px))
					fy, fx := py-math.Floor(py), px-math.Floor(px)
					want = (pixel(a, b, c)*(1-fx)+pixel(a, b+1, c)*fx)*(1-fy) + (pixel(a+1, b, c)*(1-fx)+pixel(a+1, b+1, c)*fx)*fy
					want = float64(zero) + math.Round(want-float64(zero))
				}
				if float64(got) != want {
					t.Fatalf("%+v, linear %v: output %d is %d, want %v", w, linear, k, got, want)
				}
			}
		}
		if !intact() {
			t.Fatalf("%+v: writes outside its output", w)
		}
	}
}

func TestStretch(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	for range trials(1000) {
		w := Window{H: 1 + r.IntN(5), W: 1 + r.IntN(5), C: 1 + r.IntN(5), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3)}
		w.OutH, w.OutW = (w.H-1)*w.StrideH+1, (w.W-1)*w.StrideW+1
		x, zero := randomInt8(r, w.H*w.W*w.C), int8(r.Uint32())
		y, intact := guarded(w.OutH * w.OutW * w.C)
		Stretch(y, x, &w, zero)
		for k, got := range y {
			i, j, c, want := k/w.C/w.OutW, k/w.C%w.OutW, k%w.C, zero
			if i%w.StrideH == 0 && j%w.StrideW == 0 {
				want = x[(i/w.StrideH*w.W+j/w.StrideW)*w.C+c]
			}
			if got != want {
				t.Fatalf("%+v: output %d is %d, want %d", w, k, got, want)
			}
		}
		if !intact() {
			t.Fatalf("%+v: writes outside its output", w)
		}
	}
}

// BenchmarkResizeLinear has a size of selfie segmentation.
func BenchmarkResizeLinear(b *testing.B) {
	w := Window{H: 64, W: 64, C: 16, OutH: 128, OutW: 128, StrideH: 1 << 19, StrideW: 1 << 19, PadT: -1 << 18, PadL: -1 << 18}
	x, y := make([]int8, w.H*w.W*w.C), make([]int8, w.OutH*w.OutW*w.C)
	b.SetBytes(int64(len(y)))
	for b.Loop() {
		ResizeLinear(y, x, &w, 3)
	}
}
