package lower_test

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
)

// recurrent adds a layer of h units over x, with all biases.
func (b *net) recurrent(x *graph.Value, o op.Recurrent, h int) *graph.Value {
	rows := map[op.RecurrentKind]int{op.RNN: 1, op.GRU: 3, op.LSTM: 4}[o.Kind] * h
	s := b.dense(x, rows, none)
	return b.Node(o, s, b.Param(graph.Weight, 0.5, rows, h), b.Param(graph.Bias, 0.3, rows))
}

// lastStep is step t of x [N,T,H].
func (b *net) lastStep(x *graph.Value, t int) *graph.Value {
	return b.flatten(b.Node(op.Slice{Before: []int{0, t, 0}, After: []int{0, x.Shape[1] - 1 - t, 0}, Step: []int{1, 1, 1}}, x))
}

var recurrentNets = []netCase{
	{"rnn", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value { return b.recurrent(x, op.Recurrent{Kind: op.RNN}, 7) }},
	{"gru", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value {
		return b.dense(b.lastStep(b.recurrent(x, op.Recurrent{Kind: op.GRU}, 9), 5), 4, none)
	}},
	{"two layers that reset after", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value {
		o := op.Recurrent{Kind: op.GRU, LinearBeforeReset: true}
		return b.dense(b.lastStep(b.recurrent(b.recurrent(x, o, 9), o, 6), 5), 4, none)
	}},
	{"lstm in both directions", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value {
		y := b.Node(op.Concat{Axis: 2}, b.recurrent(x, op.Recurrent{Kind: op.LSTM}, 7), b.recurrent(x, op.Recurrent{Kind: op.LSTM, Reverse: true}, 7))
		return b.dense(y, 3, none)
	}},
	{"lstm that ends in its cell", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value {
		return b.recurrent(x, op.Recurrent{Kind: op.LSTM, Cell: true}, 7)
	}},
}

// TestRecurrent: recurrent layers compute on the device, lifted, and by way of ONNX what
// they compute on their grids.
func TestRecurrent(t *testing.T) {
	for _, c := range recurrentNets {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			b, x := newNet(t, 1, c.sample...)
			g := b.Done(c.build(b, x))
			agree(t, c.name, g, b.Inputs(48))
			b, x = newNet(t, 2, c.sample...)
			g = b.Done(c.build(b, x))
			checkLift(t, c.name, g, b.Inputs(48))
		})
	}
}

// TestOrderRecurrent: units of recurrent layers stand in any order, to the bit.
func TestOrderRecurrent(t *testing.T) {
	b, x := newNet(t, 5, 6, 5)
	o := op.Recurrent{Kind: op.GRU, LinearBeforeReset: true}
	g := b.Done(b.dense(b.lastStep(b.recurrent(b.recurrent(x, o, 24), o, 16), 5), 4, none))
	in := b.Inputs(8)
	quantized(t, g, in)
	for _, p := range g.Params() { // most weights are zero, in rows and columns of unlike density
		if p.Role == graph.Weight {
			p.Mask = make([]float32, len(p.Shadow.Data))
			for i := range p.Mask {
				p.Mask[i] = float32((i * i / 7 % 11) / 8)
			}
			p.Refresh()
		}
	}
	data, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	short, _, err := lower.Order(t.Context(), data, lower.Ordering{Sort: 1 << 22, Climb: 1 << 22})
	if err != nil {
		t.Fatal(err)
	}
	if len(short) >= len(data) {
		t.Errorf("%d bytes became %d", len(data), len(short))
	}
	if want := deviceRun(t, sessionOf(t, data), g, in); !slices.Equal(want, deviceRun(t, sessionOf(t, short), g, in)) {
		t.Error("the network computes something else")
	}
}
