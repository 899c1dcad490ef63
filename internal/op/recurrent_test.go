package op

import (
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// recurrentCases are the forms of a Recurrent, with 2 samples, 4 steps, 3 units.
func recurrentCases() map[string]Recurrent {
	return map[string]Recurrent{
		"RNN":                 {Kind: RNN},
		"RNN Relu":            {Kind: RNN, Gates: [3]Gate{{Name: "LeakyRelu", Alpha: 0.3}}},
		"RNN clip":            {Kind: RNN, Clip: 0.5, Reverse: true},
		"GRU":                 {Kind: GRU},
		"GRU reset after":     {Kind: GRU, LinearBeforeReset: true},
		"GRU reverse":         {Kind: GRU, Reverse: true, Gates: [3]Gate{{Name: "Sigmoid"}, {Name: "Softplus"}}},
		"GRU reset, reverse":  {Kind: GRU, LinearBeforeReset: true, Reverse: true, Gates: [3]Gate{{Name: "HardSigmoid", Alpha: 0.2, Beta: 0.5}, {Name: "ScaledTanh", Alpha: 1.5, Beta: 0.5}}},
		"LSTM":                {Kind: LSTM},
		"LSTM cell, reverse":  {Kind: LSTM, Cell: true, Reverse: true},
		"LSTM coupled":        {Kind: LSTM, InputForget: true, Cell: true},
		"LSTM odd activation": {Kind: LSTM, Clip: 2, Gates: [3]Gate{{Name: "Sigmoid"}, {Name: "Softplus"}, {Name: "Elu", Alpha: 0.5}}},
	}
}

// recurrentInputs makes all inputs of o, of about the given size.
func recurrentInputs(o Recurrent, size float32) []*tensor.Tensor {
	rng := newRand(77)
	const n, steps, h = 2, 4, 3
	g := o.Kind.gates()
	in := []*tensor.Tensor{normal(rng, n, steps, g*h), normal(rng, g*h, h), normal(rng, g*h), normal(rng, n, h)}
	if o.Kind == LSTM {
		in = append(in, normal(rng, 1, h), normal(rng, 3*h))
	}
	for _, x := range in { // smaller, so that finite differences see a straight line
		for i := range x.Data {
			x.Data[i] *= size
		}
	}
	return in
}

// oracle is one sample of o by the formulas of ONNX in float64, unit by unit.
func (o Recurrent) oracle(in []*tensor.Tensor, sample int) (states [][]float64, cell []float64) {
	steps, h := in[0].Shape[1], in[1].Shape[1]
	list := o.gateList()
	f := func(k int, x float64) float64 {
		if o.Clip > 0 && k < 3 {
			x = math.Max(-float64(o.Clip), math.Min(float64(o.Clip), x))
		}
		g := list[min(k, len(list)-1)]
		return gates[g.Name].f(x, float64(g.Alpha), float64(g.Beta))
	}
	state := make([]float64, h)
	cell = make([]float64, h)
	first := func(x *tensor.Tensor, to []float64) {
		for j := range to {
			to[j] = float64(x.Data[sample%x.Shape[0]*h+j])
		}
	}
	first(in[3], state)
	if o.Kind == LSTM {
		first(in[4], cell)
	}
	states = make([][]float64, steps)
	for k := range steps {
		t := k
		if o.Reverse {
			t = steps - 1 - k
		}
		s := func(gate, j int) float64 {
			return float64(in[0].Data[(sample*steps+t)*in[1].Shape[0]+gate*h+j])
		}
		u := func(gate, j int, x []float64) float64 {
			sum := float64(in[2].Data[gate*h+j])
			for i, v := range x {
				sum += float64(in[1].Data[(gate*h+j)*h+i]) * v
			}
			return sum
		}
		next, after := make([]float64, h), make([]float64, h)
		reset := make([]float64, h)
		for j := range h {
			if o.Kind == GRU {
				reset[j] = f(0, s(1, j)+u(1, j, state)) * state[j]
			}
		}
		for j := range h {
			switch o.Kind {
			case RNN:
				next[j] = f(0, s(0, j)+u(0, j, state))
			case GRU:
				z, r := f(0, s(0, j)+u(0, j, state)), f(0, s(1, j)+u(1, j, state))
				n := f(1, s(2, j)+u(2, j, reset))
				if o.LinearBeforeReset {
					n = f(1, s(2, j)+r*u(2, j, state))
				}
				next[j] = (1-z)*n + z*state[j]
			case LSTM:
				p := func(k int) float64 { return float64(in[5].Data[k*h+j]) }
				i := f(0, s(0, j)+u(0, j, state)+p(0)*cell[j])
				forget := f(0, s(2, j)+u(2, j, state)+p(2)*cell[j])
				if o.InputForget {
					forget = 1 - i
				}
				after[j] = forget*cell[j] + i*f(1, s(3, j)+u(3, j, state))
				out := f(0, s(1, j)+u(1, j, state)+p(1)*after[j])
				g := list[2]
				next[j] = out * gates[g.Name].f(after[j], float64(g.Alpha), float64(g.Beta))
			}
		}
		state, cell = next, after
		states[t] = state
	}
	return states, cell
}

// TestRecurrentForward compares each form with the formulas.
func TestRecurrentForward(t *testing.T) {
	const tol = 2e-6 // float32 beside float64 over 4 steps
	for name, o := range recurrentCases() {
		in := recurrentInputs(o, 1)
		out := forwardOf(t, o, in...)
		for i := range 2 {
			states, cell := o.oracle(in, i)
			if o.Cell {
				states = append(states, cell)
			}
			for k, want := range states {
				for j, w := range want {
					if got := out.Data[(i*len(states)+k)*3+j]; math.Abs(float64(got)-w) > tol*max(1, math.Abs(w)) {
						t.Errorf("%s: sample %d, step %d, unit %d is %v, want %v", name, i, k, j, got, w)
					}
				}
			}
		}
	}
}

// TestRecurrentGradient checks each form by finite differences.
func TestRecurrentGradient(t *testing.T) {
	away := map[string][2]float32{"RNN Relu": {-2, 2}, "RNN clip": {0, 2}} // from kinks
	for name, o := range recurrentCases() {
		t.Run(name, func(t *testing.T) {
			in := recurrentInputs(o, 0.4)
			if base, ok := away[name]; ok {
				in = recurrentInputs(o, 0.1)
				for i := range in[0].Data {
					in[0].Data[i] += base[i%2]
				}
			}
			checkGradients(t, o, newRand(5), in)
		})
	}
}

// TestRecurrentRounds: on a grid the state that meets R is rounded to 1/128, what is
// handed out is not.
func TestRecurrentRounds(t *testing.T) {
	s := tensor.Of([]float32{0.3, 0.5}, 1, 2, 1)
	r := tensor.Of([]float32{2}, 1, 1)
	y := forwardOf(t, Recurrent{Kind: RNN, Rounded: true}, s, r).Data
	h := math.Tanh(0.3)
	want := math.Tanh(0.5 + 2*math.Round(h*128)/128)
	if math.Abs(float64(y[0])-h) > 1e-6 || math.Abs(float64(y[1])-want) > 1e-6 {
		t.Errorf("states %v, want %v and %v", y, h, want)
	}
	p := graph.NewParam("r", graph.Weight, r)
	n := &graph.Node{Op: Recurrent{Kind: RNN}, Inputs: []*graph.Value{{}, {Param: p}}}
	if n.Executed().(Recurrent).Rounded {
		t.Error("a float network rounds")
	}
	p.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	if !n.Executed().(Recurrent).Rounded {
		t.Error("with R on a grid nothing is rounded")
	}
}

// TestRecurrentRefuses: what does not fit is refused.
func TestRecurrentRefuses(t *testing.T) {
	for _, c := range []struct {
		o  Recurrent
		in []tensor.Shape
	}{
		{Recurrent{Kind: GRU}, []tensor.Shape{{2, 4, 8}, {8, 3}}},
		{Recurrent{Kind: GRU}, []tensor.Shape{{2, 4, 9}, {9, 3}, {3}}},
		{Recurrent{Kind: GRU}, []tensor.Shape{{2, 4, 9}, {9, 3}, nil, {3, 3}}},
		{Recurrent{Kind: GRU}, []tensor.Shape{{2, 4, 9}, {9, 3}, nil, nil, {2, 3}}},
		{Recurrent{Kind: GRU, Cell: true}, []tensor.Shape{{2, 4, 9}, {9, 3}}},
		{Recurrent{Kind: RNN, LinearBeforeReset: true}, []tensor.Shape{{2, 4, 3}, {3, 3}}},
		{Recurrent{Kind: RNN, Clip: -1}, []tensor.Shape{{2, 4, 3}, {3, 3}}},
		{Recurrent{Kind: RNN, Gates: [3]Gate{{Name: "Sine"}}}, []tensor.Shape{{2, 4, 3}, {3, 3}}},
		{Recurrent{Kind: RNN, Gates: [3]Gate{{Name: "LeakyRelu", Alpha: -1}}}, []tensor.Shape{{2, 4, 3}, {3, 3}}},
	} {
		if out, err := c.o.Infer(c.in); err == nil {
			t.Errorf("%+v takes %v and makes %v", c.o, c.in, out)
		}
	}
}

// TestRecurrentProducts: the products' gradients and inputs make that of R.
func TestRecurrentProducts(t *testing.T) {
	for name, o := range recurrentCases() {
		in := recurrentInputs(o, 1)
		out := forwardOf(t, o, in...)
		dout := normal(newRand(9), out.Shape...)
		din := make([]*tensor.Tensor, len(in))
		din[1] = tensor.New(in[1].Shape...)
		o.Backward(&graph.Scratch{}, din, in, []*tensor.Tensor{out}, []*tensor.Tensor{dout})
		x, dy := o.Products(&graph.Scratch{}, in, []*tensor.Tensor{dout})
		rows, k := in[1].Shape[0], in[1].Shape[1]
		for r := range rows {
			v := x[r*len(x)/rows]
			for c := range k {
				sum := float32(0)
				for m := range len(dy) / rows {
					sum += dy[m*rows+r] * v[m*k+c]
				}
				if d := din[1].Data[r*k+c]; math.Abs(float64(d-sum)) > 1e-5 {
					t.Fatalf("%s: gradient of R[%d,%d] is %v, the products make %v", name, r, c, d, sum)
				}
			}
		}
	}
}
