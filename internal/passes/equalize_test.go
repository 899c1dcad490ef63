package passes

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/testnet"
)

// channel returns the weights of output channel c.
func channel(p *graph.Param, c int) []float32 {
	row := len(p.Shadow.Data) / p.Channels()
	return p.Shadow.Data[c*row : (c+1)*row]
}

func TestEqualize(t *testing.T) {
	b, g := lenet(t, 9)
	ls := layers(g)
	// Make the channels of the first layers very different.
	for c := range ls[0].w.Channels() {
		row := channel(ls[0].w, c)
		for i := range row {
			row[i] *= float32(math.Pow(10, float64(c)/2-1))
		}
	}
	ls[0].w.Refresh()
	x := b.Inputs(16)
	want := run(t, g, x)
	n, err := Equalize(g)
	if err != nil || n != 3 {
		t.Fatalf("%d pairs, %v; want 3 (conv-depthwise, depthwise-dense, dense-dense)", n, err)
	}
	// Scales are no powers of two: each value is rounded once more.
	const rounding = 100
	if got := testnet.SQNR(want, run(t, g, x)); got < rounding {
		t.Errorf("function changed: %.1f dB", got)
	}
	spread := func(p *graph.Param) float64 {
		lo, hi := math.Inf(1), 0.0
		for c := range p.Channels() {
			r := 0.0
			for _, v := range channel(p, c) {
				r = max(r, math.Abs(float64(v)))
			}
			lo, hi = min(lo, r), max(hi, r)
		}
		return hi / lo
	}
	if s := spread(ls[0].w); s > 10 {
		t.Errorf("largest weights of the channels still differ by %v", s)
	}
	ls[0].w.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	if _, err := Equalize(g); err == nil {
		t.Error("quantized network accepted")
	}
}

// A relu6 or a second reader between two layers forbids to trade scale.
func TestEqualizePairs(t *testing.T) {
	b, x := newNet(t, 10, 3, 6, 6)
	h := b.conv(x, 4, 3, 1, op.Clamp{On: true, Lo: 0, Hi: 6})
	h = b.conv(h, 4, 3, 1, relu)
	sum := b.Node(op.Add{}, b.conv(h, 4, 3, 1, relu), h)
	h = b.Node(op.LeakyRelu{Alpha: 0.1}, b.conv(sum, 4, 1, 1, op.Clamp{}))
	g := b.Done(b.conv(h, 2, 1, 1, op.Clamp{}))
	x0 := b.Inputs(4)
	want := run(t, g, x0)
	if n, err := Equalize(g); err != nil || n != 1 {
		t.Errorf("%d pairs, %v; want the last one only", n, err)
	}
	if got := testnet.SQNR(want, run(t, g, x0)); got < 100 {
		t.Errorf("function changed: %.1f dB", got)
	}
}
