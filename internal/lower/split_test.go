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
	"edgec/internal/testnet"
)

// everyLayer refines all layers.
func everyLayer(*graph.Node) bool { return true }

// Layers with inputs of 16 bits compute what the tape does, far closer than 8 bits would, and
// store each weight once.
func TestFineLayers(t *testing.T) {
	for _, c := range slices.Concat(cases, resized, recurrentNets) {
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
			if s := testnet.SQNR(forward(t, g, in), deviceRun(t, sessionOf(t, data), g, in)); s < 25 {
				t.Errorf("%.1f dB between tape and device\n%s", s, g)
			}
			l, _ := lifted(t, g)
			if again := deviceRun(t, session(t, l), l, in); !slices.Equal(again, deviceRun(t, sessionOf(t, data), g, in)) {
				t.Errorf("the lifted network lowers to another one\n%s\n%s", g, l)
			}
			if float64(after.Coded()) > 1.1*float64(before.Coded())+8 {
				t.Errorf("values of weights take %d bytes, before %d", after.Coded(), before.Coded())
			}
		})
	}
}

// onWholeSteps rounds the weights of each channel to a step, of which the largest has 127: int8
// holds them exactly.
func onWholeSteps(g *graph.Graph, step float64) {
	for _, p := range g.Params() {
		if p.Role != graph.Weight {
			continue
		}
		row := len(p.Shadow.Data) / p.Channels()
		for c := range p.Channels() {
			w := p.Shadow.Data[c*row : (c+1)*row]
			for i := range w {
				w[i] = float32(step * max(-120, min(math.Round(float64(w[i])/step), 120)))
			}
			w[0] = float32(127 * step)
		}
		p.Refresh()
	}
}

// A state with 16 bits is far closer to float32 where int8 holds the weights exactly.
func TestFineState(t *testing.T) {
	for _, o := range []op.Recurrent{{Kind: op.RNN}, {Kind: op.GRU}, {Kind: op.GRU, LinearBeforeReset: true}, {Kind: op.LSTM}} {
		b, x := newNet(t, 7, 12, 5)
		g := b.Done(b.recurrent(x, o, 8))
		onWholeSteps(g, 1.0/512)
		in := b.Inputs(48)
		want := slices.Clone(forward(t, g, in))
		decibels := func(chosen func(*graph.Node) bool) float64 {
			c := g.Clone()
			passes.Refine(c, chosen)
			quantized(t, c, in)
			return testnet.SQNR(want, deviceRun(t, session(t, c), c, in))
		}
		layers, all := decibels(func(n *graph.Node) bool { return op.IsLayer(n) }), decibels(everyLayer)
		if all < layers+15 || all < 60 {
			t.Errorf("%v: %.1f dB with a state of 8 bits, %.1f dB with 16", o.Kind, layers, all)
		}
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
		onWholeSteps(g, 1.0/64)
		in := b.Inputs(64)
		want := slices.Clone(forward(t, g, in))
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
