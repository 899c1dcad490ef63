package passes

import (
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/testnet"
	"edgec/quantize"
)

// scaleRow multiplies row c of p.
func scaleRow(p *graph.Param, c int, k float32) {
	for i := range channel(p, c) {
		channel(p, c)[i] *= k
	}
	p.Refresh()
}

// scaleColumn multiplies the weights that read block c of n.
func scaleColumn(p *graph.Param, c, n int, k float32) {
	row := len(p.Shadow.Data) / p.Channels()
	for i := range p.Shadow.Data {
		if i%row/(row/n) == c {
			p.Shadow.Data[i] *= k
		}
	}
	p.Refresh()
}

// Channels that weight decay has left almost dead are removed, and the outputs stay what
// they are to 100 dB.
func TestDropNegligible(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(ls []layer)
		dropped  int
		channels int // that RemoveDead removes
	}{
		"none": {func([]layer) {}, 0, 0},
		"a row and what reads it": {func(ls []layer) {
			scaleRow(ls[2].w, 3, 1e-20)
			ls[2].b.Shadow.Data[3] = 0
			scaleColumn(ls[3].w, 3, 12, 1e-20)
		}, 1, 1},
		"what reads a row": {func(ls []layer) { scaleColumn(ls[3].w, 5, 12, 1e-12) }, 1, 1},
		"a row beside its bias": {func(ls []layer) {
			scaleRow(ls[2].w, 4, 1e-30)
			ls[2].b.Shadow.Data[4] = 0.5
		}, 1, 1},
		"a depthwise channel": {func(ls []layer) {
			scaleRow(ls[1].w, 2, 1e-25)
			ls[1].b.Shadow.Data[2] = 0
		}, 1, 1},
		"small and large, and not negligible": {func(ls []layer) {
			scaleRow(ls[2].w, 3, 1e-14)
			ls[2].b.Shadow.Data[3] *= 1e-14
			scaleColumn(ls[3].w, 3, 12, 1e14)
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, g := lenet(t, 21)
			c.change(layers(g))
			for _, p := range g.Params() {
				p.Refresh()
			}
			x := b.Inputs(16)
			want := run(t, g, x)
			n, err := DropNegligible(g, Samples(x, 8))
			if err != nil || n != c.dropped {
				t.Fatalf("%d channels, %v; want %d", n, err, c.dropped)
			}
			r, err := simplify.RemoveDead(g)
			if err != nil || r.Channels != c.channels {
				t.Fatalf("%d dead channels, %v; want %d", r.Channels, err, c.channels)
			}
			if got := testnet.SQNR(want, run(t, g, x)); got < 100 {
				t.Errorf("function changed: %.1f dB", got)
			}
			if _, err := Equalize(g); err != nil {
				t.Fatal(err)
			}
			if err := Quantize(g, Samples(x, 8), Config{}); err != nil {
				t.Fatal(err)
			}
			if got := testnet.SQNR(want, run(t, g, x)); got < 20 {
				t.Errorf("after quantization: %.1f dB", got)
			}
			for _, l := range layers(g) {
				if s := slices.Min(l.w.Grid.Scale); s < quantize.MinScale || slices.Max(l.w.Grid.Scale) > quantize.MaxScale {
					t.Errorf("node %q: scales from %v to %v", l.node.Name, s, slices.Max(l.w.Grid.Scale))
				}
			}
		})
	}
}

// Weights, biases and activations of any magnitude get scales that a file holds, or an error
// that names node and channel.
func TestScalesStayWithinFile(t *testing.T) {
	for _, k := range []float32{1e-38, 1e-30, 1e-20, 1e-13, 1e-9, 1e9, 1e12} {
		b, x := newNet(t, 22, 5)
		g := b.Done(b.dense(b.dense(x, 8, relu), 3, op.Clamp{}))
		ls := layers(g)
		scaleRow(ls[0].w, 3, k)
		in := b.Inputs(16)
		want := run(t, g, in)
		if _, err := Equalize(g); err != nil {
			t.Fatal(err)
		}
		if err := Quantize(g, Samples(in, 8), Config{}); err != nil {
			t.Fatalf("times %v: %v", k, err)
		}
		if got := testnet.SQNR(want, run(t, g, in)); got < 20 {
			t.Errorf("times %v: %.1f dB", k, got)
		}
	}
	b, x := newNet(t, 23, 5)
	g := b.Done(b.dense(x, 3, op.Clamp{}))
	scaleRow(layers(g)[0].w, 2, 1e14)
	err := Quantize(g, Samples(b.Inputs(16), 8), Config{})
	if err == nil || !strings.Contains(err.Error(), "node") || !strings.Contains(err.Error(), "channel 2 reach") {
		t.Errorf("weights of 1e14: %v", err)
	}
	if s := quantize.RoundScale(0); s != quantize.MinScale || quantize.RoundScale(math.SmallestNonzeroFloat32) != quantize.MinScale {
		t.Errorf("the scale of 0 is %v", s)
	}
}
