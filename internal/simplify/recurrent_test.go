package simplify

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// recurrentNet has a layer of four units and a dense layer behind its last step.
func recurrentNet(t *testing.T, o op.Recurrent) (b *testnet.Net, g *graph.Graph) {
	b, x := testnet.New(t, 4, 4, 5, 3)
	rows := map[op.RecurrentKind]int{op.RNN: 1, op.GRU: 3, op.LSTM: 4}[o.Kind] * 4
	s := b.Node(op.Dense{}, x, b.Param(graph.Weight, 1, rows, 3), b.Param(graph.Bias, 1, rows))
	y := b.Node(o, s, b.Param(graph.Weight, 1, rows, 4), b.Param(graph.Bias, 1, rows))
	if o.Kind == op.RNN { // the last step of all in a row
		y = b.Node(op.Reshape{Shape: []int{20}}, y)
		y = b.Node(op.Slice{Before: []int{0, 16}, After: []int{0, 0}, Step: []int{1, 1}}, y)
	} else {
		y = b.Node(op.Slice{Before: []int{0, 4, 0}, After: []int{0, 0, 0}, Step: []int{1, 1, 1}}, y)
		y = b.Node(op.Reshape{Shape: []int{4}}, y)
	}
	return b, b.Done(b.Node(op.Dense{}, y, b.Param(graph.Weight, 1, 2, 4), b.Param(graph.Bias, 1, 2)))
}

// zero clears the elements of p for which at says so, as if they had been pruned.
func zero(p *graph.Param, at func(row, column int) bool) {
	width := len(p.Shadow.Data) / p.Channels()
	for i := range p.Shadow.Data {
		if at(i/width, i%width) {
			p.Shadow.Data[i] = 0
		}
	}
}

// TestRecurrentUnits: a unit that nobody but itself reads goes, with its rows in all gates
// and its column; so does one that is always zero. The network computes the same.
func TestRecurrentUnits(t *testing.T) {
	for name, o := range map[string]op.Recurrent{"RNN": {Kind: op.RNN}, "GRU": {Kind: op.GRU}, "reset after": {Kind: op.GRU, LinearBeforeReset: true}, "LSTM": {Kind: op.LSTM, Reverse: true}} {
		for _, dead := range []string{"unread", "zero", "none"} {
			b, g := recurrentNet(t, o)
			in, layer, out := g.Nodes[0], g.Nodes[1], g.Nodes[4]
			r := layer.Inputs[1].Param
			rows := r.Channels()
			last := rows - 4 // the first row of the gate of the new value
			switch dead {
			case "unread": // unit 2
				zero(r, func(row, column int) bool { return column == 2 && row%4 != 2 })
				zero(out.Inputs[1].Param, func(_, column int) bool { return column == 2 })
			case "zero":
				for _, p := range []*graph.Param{in.Inputs[1].Param, in.Inputs[2].Param, r, layer.Inputs[2].Param} {
					zero(p, func(row, _ int) bool { return row == last+2 })
				}
			}
			for _, p := range g.Params() {
				p.Refresh()
			}
			x := b.Inputs(6)
			want := runNet(t, g, x)
			removed, err := RemoveDead(g)
			if err != nil {
				t.Fatal(err)
			}
			units := 4
			if dead != "none" {
				units = 3
			}
			if got := layer.Inputs[1].Shape; got[1] != units || got[0] != rows/4*units {
				t.Errorf("%s, %s: R is %v, %d channels removed", name, dead, got, removed.Channels)
			}
			got := runNet(t, g, x)
			for i, w := range want {
				if math.Abs(float64(got[i]-w)) > 1e-6 {
					t.Fatalf("%s, %s: output %d is %v, was %v", name, dead, i, got[i], w)
				}
			}
		}
	}
}

func runNet(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), tape.Forward(x)[0].Data...)
}

// TestRecurrentGroups: units of a recurrent layer are one group, each with all of its rows.
func TestRecurrentGroups(t *testing.T) {
	b, g := recurrentNet(t, op.Recurrent{Kind: op.LSTM})
	groups := Groups(g)
	if len(groups) != 1 || groups[0].Channels != 4 {
		t.Fatalf("%d groups", len(groups))
	}
	for _, s := range groups[0].Out {
		if len(s.Index[0]) != 4 {
			t.Errorf("%s: a unit has rows %v", s.Param.Name, s.Index[0])
		}
	}
	keep := [][]bool{{true, false, true, true}}
	if err := Remove(g, groups, keep); err != nil {
		t.Fatal(err)
	}
	if s := g.Nodes[1].Inputs[1].Shape; !s.Equal(tensor.Shape{12, 3}) {
		t.Errorf("R is %v", s)
	}
	runNet(t, g, b.Inputs(2))
}
