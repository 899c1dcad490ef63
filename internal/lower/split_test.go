package lower_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// forwarded returns the first output of g for x.
func forwarded(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(tape.Forward(x)[0].Data)
}

// everyLayer refines all layers.
func everyLayer(*graph.Node) bool { return true }

// Layers with inputs of 16 bits compute what the tape does, far closer than 8 bits would, and
// store each weight once.
func TestFineLayers(t *testing.T) {
	for _, c := range slices.Concat(cases, resized) {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			b, x := newNet(t, 1, c.sample...)
			g := b.Done(c.build(b, x))
			in := b.Inputs(48)
			plain := g.Clone()
			quantized(t, plain, in)
			_, before, err := lower.Encode(plain, lower.Config{})
			if err != nil {
				t.Fatal(err)
			}
			passes.Refine(g, everyLayer)
			quantized(t, g, in)
			data, after, err := lower.Encode(g, lower.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if s := testnet.SQNR(forwarded(t, g, in), deviceRun(t, sessionOf(t, data), g, in)); s < 25 {
				t.Errorf("%.1f dB between tape and device\n%s", s, g)
			}
			if float64(after.Coded()) > 1.1*float64(before.Coded())+8 {
				t.Errorf("values of weights take %d bytes, before %d", after.Coded(), before.Coded())
			}
		})
	}
}

// onWholeSteps rounds the weights of each channel to steps of 1/64 or more, of which the largest
// has 127: int8 holds them exactly.
func onWholeSteps(g *graph.Graph) {
	for _, p := range g.Params() {
		if p.Role != graph.Weight {
			continue
		}
		row := len(p.Shadow.Data) / p.Channels()
		for c := range p.Channels() {
			w := p.Shadow.Data[c*row : (c+1)*row]
			for i := range w {
				w[i] = float32(math.Round(float64(max(-1.9, min(w[i], 1.9)))*64)) / 64
			}
			w[0] = 127.0 / 64
		}
		p.Refresh()
	}
}

// Where int8 holds the weights of a chain exactly, 16 bits of its inputs are nearly all of
// float32; 8 bits are not.
func TestFineChain(t *testing.T) {
	for seed := range uint64(6) {
		b, x := newNet(t, 300+seed, 24)
		h := x
		for range 4 {
			h = b.dense(h, 24, relu)
		}
		g := b.Done(b.dense(h, 8, none))
		onWholeSteps(g)
		in := b.Inputs(64)
		want := forwarded(t, g, in)
		decibels := func(fine bool) float64 {
			c := g.Clone()
			if fine {
				passes.Refine(c, everyLayer)
			}
			quantized(t, c, in)
			for _, n := range c.Nodes {
				if fine && op.IsLayer(n) && n.Outputs[0].Grid != nil {
					t.Errorf("%s writes int8 between layers of 16 bits", n.Name)
				}
			}
			return testnet.SQNR(want, deviceRun(t, session(t, c), c, in))
		}
		if coarse, fine := decibels(false), decibels(true); fine < 60 || coarse > 50 {
			t.Errorf("seed %d: %.1f dB with 8 bits, %.1f dB with 16", seed, coarse, fine)
		}
	}
}
