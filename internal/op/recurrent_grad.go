package op

import (
	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// timeGradients are the gradients of a passage.
type timeGradients struct {
	*passage
	sums []float32 // [N,T,gH] of R h + b
	own  []float32 // GRU, LinearBeforeReset: [N,T,H] of the last gate's s, which differs from that of R h + b
	h, c []float32 // [N,H] of the state and the cell after the step in hand
	peep []float32 // [3H], or nil
	d    [3]func(y float32) float32
}

// back goes back through time. dout is the gradient of the output.
func (p *passage) back(s *graph.Scratch, dout []float32, peep []float32) *timeGradients {
	row, size := p.n*p.steps*p.h, p.n*p.h
	memory := s.Floats(1, (p.g+1)*row+3*size)
	g := &timeGradients{passage: p, sums: memory[:p.g*row], own: memory[p.g*row : (p.g+1)*row], peep: peep}
	rest := memory[(p.g+1)*row:]
	g.h, g.c = rest[:size], rest[size:2*size]
	clear(rest)
	for k, gate := range p.o.gateList() {
		g.d[k] = gate.slope(p.o.Clip)
	}
	rows := p.steps // of the output
	if p.o.Cell {
		rows++
		for i := range p.n {
			copy(g.c[i*p.h:(i+1)*p.h], dout[(i*rows+p.steps)*p.h:])
		}
	}
	for k := p.steps - 1; k >= 0; k-- {
		t := p.order(k)
		for i := range p.n {
			at := (i*rows + t) * p.h
			vec.Add(g.h[i*p.h:(i+1)*p.h], dout[at:at+p.h])
		}
		switch p.o.Kind {
		case GRU:
			g.backGRU(t, rest[2*size:])
		case LSTM:
			g.backLSTM(k)
		default:
			g.backRNN(t)
		}
	}
	return g
}

// through adds to y [N,H] the gradient that reaches what R met at place t from the gates lo
// to hi-1.
func (g *timeGradients) through(y []float32, lo, hi, t int) {
	h, w := g.passage.h, g.g*g.passage.h
	gemm.Mul(false, false, g.n, h, (hi-lo)*h, g.sums[t*w+lo*h:], g.steps*w, g.r[lo*h*h:], h, true, y, h)
}

// gates returns the timeGradients of the gates of sample i at place t.
func (g *timeGradients) gates(i, t int) []float32 {
	w := g.g * g.passage.h
	at := (i*g.steps + t) * w
	return g.sums[at : at+w : at+w]
}

func (g *timeGradients) backRNN(t int) {
	h := g.passage.h
	for i := range g.n {
		dh, da, y := g.h[i*h:(i+1)*h], g.gates(i, t), g.row(g.state, i, t)
		for j := range da {
			da[j] = dh[j] * g.d[0](y[j])
		}
		clear(dh)
	}
	g.through(g.h, 0, 1, t)
}

func (g *timeGradients) backGRU(t int, reset []float32) {
	h := g.passage.h
	clear(reset)
	for i := range g.n {
		a, da, dh := g.passage.sums(i, t), g.gates(i, t), g.h[i*h:(i+1)*h]
		before, u, own := g.row(g.before, i, t), g.row(g.u, i, t), g.row(g.own, i, t)
		z, r, n := a[:h], a[h:2*h], a[2*h:]
		for j, d := range dh {
			da[j] = d * (before[j] - n[j]) * g.d[0](z[j])
			dn := d * (1 - z[j]) * g.d[1](n[j])
			dh[j] = d * z[j]
			own[j], da[2*h+j] = dn, dn
			if g.o.LinearBeforeReset {
				da[h+j], da[2*h+j] = dn*u[j]*g.d[0](r[j]), dn*r[j]
			}
		}
	}
	if g.o.LinearBeforeReset {
		g.through(g.h, 0, 3, t)
		return
	}
	g.through(reset, 2, 3, t) // of r*h
	for i := range g.n {
		r, da := g.passage.sums(i, t)[h:2*h], g.gates(i, t)
		before, dh := g.row(g.before, i, t), g.h[i*h:(i+1)*h]
		for j, d := range reset[i*h : (i+1)*h] {
			da[h+j] = d * before[j] * g.d[0](r[j])
			dh[j] += d * r[j]
		}
	}
	g.through(g.h, 0, 2, t)
}

func (g *timeGradients) backLSTM(k int) {
	h, t := g.passage.h, g.order(k)
	show := g.o.gateList()[2].slope(0)
	for i := range g.n {
		a, da, dh, dc := g.passage.sums(i, t), g.gates(i, t), g.h[i*h:(i+1)*h], g.c[i*h:(i+1)*h]
		before, cell, shown := g.cellBefore(i, k), g.row(g.cell, i, t), g.row(g.shown, i, t)
		in, out, forget, v := a[:h], a[h:2*h], a[2*h:3*h], a[3*h:]
		for j, d := range dh {
			do := d * shown[j] * g.d[0](out[j])
			c := dc[j] + d*out[j]*show(shown[j]) + g.peepBack(1, j, do, cell[j])
			di, df := c*v[j], c*before[j]
			if g.o.InputForget {
				di, df = di-df, 0
			}
			di *= g.d[0](in[j])
			df *= g.d[0](forget[j])
			da[j], da[h+j], da[2*h+j], da[3*h+j] = di, do, df, c*in[j]*g.d[1](v[j])
			dc[j] = c*forget[j] + g.peepBack(0, j, di, before[j]) + g.peepBack(2, j, df, before[j])
			dh[j] = 0
		}
	}
	g.through(g.h, 0, 4, t)
}

// peepBack returns the gradient that reaches a cell through the peephole j of gate k, whose
// own it adds.
func (g *timeGradients) peepBack(k, j int, d, cell float32) float32 {
	if g.passage.peep == nil {
		return 0
	}
	at := k*g.passage.h + j
	if g.peep != nil {
		g.peep[at] += d * cell
	}
	return d * g.passage.peep[at]
}

// Backward implements graph.Differentiable.
func (o Recurrent) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	p := o.run(s, in)
	var peep []float32
	if d := at(din, peepholeInput); d != nil {
		peep = d.Data
	}
	g := p.back(s, dout[0].Data, peep)
	if d := din[0]; d != nil {
		g.addSums(d.Data)
	}
	if d := din[WeightInput]; d != nil {
		g.addWeights(d.Data)
	}
	if d := at(din, BiasInput); d != nil {
		for k := 0; k < len(g.sums); k += len(d.Data) {
			vec.Add(d.Data, g.sums[k:k+len(d.Data)])
		}
	}
	p.startBack(at(din, stateInput), g.h)
	p.startBack(at(din, cellInput), g.c)
}

// startBack adds the gradient of an initial state.
func (p *passage) startBack(d *tensor.Tensor, of []float32) {
	if d == nil {
		return
	}
	for k := 0; k < len(of); k += len(d.Data) {
		vec.Add(d.Data, of[k:k+len(d.Data)])
	}
}

// addSums adds the gradient of s.
func (g *timeGradients) addSums(d []float32) {
	if g.o.Kind != GRU || !g.o.LinearBeforeReset {
		vec.Add(d, g.sums)
		return
	}
	h := g.passage.h
	for k := range g.n * g.steps {
		vec.Add(d[3*k*h:(3*k+2)*h], g.sums[3*k*h:(3*k+2)*h])
		vec.Add(d[(3*k+2)*h:(3*k+3)*h], g.own[k*h:(k+1)*h])
	}
}

// addWeights adds the gradient of R, of all steps in one product.
func (g *timeGradients) addWeights(d []float32) {
	h, w, rows := g.passage.h, g.g*g.passage.h, g.n*g.steps
	if g.o.Kind != GRU || g.o.LinearBeforeReset {
		gemm.Mul(true, false, w, h, rows, g.sums, w, g.met, h, true, d, h)
		return
	}
	gemm.Mul(true, false, 2*h, h, rows, g.sums, w, g.met, h, true, d, h)
	gemm.Mul(true, false, h, h, rows, g.sums[2*h:], w, g.u, h, true, d[2*h*h:], h)
}

// Products implements Inner: the last gate of a GRU without LinearBeforeReset meets r*h.
func (o Recurrent) Products(s *graph.Scratch, in, dout []*tensor.Tensor) (x [][]float32, dy []float32) {
	p := o.run(s, in)
	if dout != nil {
		dy = p.back(s, dout[0].Data, nil).sums
	}
	if o.Kind == GRU && !o.LinearBeforeReset {
		return [][]float32{p.met, p.met, p.u}, dy
	}
	return [][]float32{p.met}, dy
}
