package kernel

import (
	"math/rand/v2"
	"testing"
)

func TestSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	for range trials(2000) {
		w := Window{H: 1 + r.IntN(9), W: 1 + r.IntN(9), C: 1 + r.IntN(6), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3)}
		w.PadT, w.PadL = r.IntN(w.H), r.IntN(w.W)
		w.OutH, w.OutW = 1+r.IntN((w.H-w.PadT-1)/w.StrideH+1), 1+r.IntN((w.W-w.PadL-1)/w.StrideW+1)
		x := randomInt8(r, w.H*w.W*w.C)
		y, intact := guarded(w.OutH * w.OutW * w.C)
		Slice(y, x, &w)
		for i, got := range y {
			oy, ox, c := i/w.C/w.OutW, i/w.C%w.OutW, i%w.C
			if want := x[((w.PadT+oy*w.StrideH)*w.W+w.PadL+ox*w.StrideW)*w.C+c]; got != want {
				t.Fatalf("%+v: output %d is %d, want %d", w, i, got, want)
			}
		}
		if !intact() {
			t.Fatalf("%+v: writes outside its output", w)
		}
	}
}

func BenchmarkSlice(b *testing.B) {
	w := Window{H: 32, W: 32, C: 16, StrideH: 2, StrideW: 2, OutH: 16, OutW: 16} // ResNet-20
	x, y := make([]int8, w.H*w.W*w.C), make([]int8, w.OutH*w.OutW*w.C)
	b.SetBytes(int64(len(y)))
	for b.Loop() {
		Slice(y, x, &w)
	}
}
