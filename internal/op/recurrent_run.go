package op

import (
	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// passage is one way through time, with all that its gradient needs. Step t of sample n is
// row n*T+t of everything, whichever way time goes; rows follow each other in memory.
type passage struct {
	o             Recurrent
	n, steps, h   int // samples, T, H
	g             int // gates
	r, bias, peep []float32

	a      []float32 // [N,T,gH] the gates
	before []float32 // [N,T,H] the state before the step
	met    []float32 // [N,T,H] what R met of it
	state  []float32 // [N,T,H] the state after the step
	u      []float32 // GRU: [N,T,H] the last gate's R h + b, or the r*h that R met
	cell   []float32 // LSTM: [N,T,H] the cell after the step
	shown  []float32 // LSTM: [N,T,H] h(cell)
	first  []float32 // LSTM: [N,H] the cell before the first step
	kept   bool      // all of it is what Forward has left
}

// newPassage cuts the memory of a passage out of a work space.
func (o Recurrent) newPassage(s *graph.Scratch, in []*tensor.Tensor) *passage {
	shape := in[0].Shape
	p := &passage{o: o, n: shape[0], steps: shape[1], h: in[WeightInput].Shape[1], g: o.Kind.gates(), r: in[WeightInput].Data}
	if b := at(in, BiasInput); b != nil {
		p.bias = b.Data
	}
	if b := at(in, peepholeInput); b != nil {
		p.peep = b.Data
	}
	row, n := p.n*p.steps*p.h, o.passageSize(p.n, p.steps, p.h)
	memory, kept := s.Kept(n)
	if memory == nil {
		memory = s.Floats(0, n)
	}
	p.kept = kept
	cut := func(n int) []float32 {
		part := memory[:n:n]
		memory = memory[n:]
		return part
	}
	p.a, p.before, p.state, p.met = cut(p.g*row), cut(row), cut(row), cut(row)
	switch o.Kind {
	case GRU:
		p.u = cut(row)
	case LSTM:
		p.cell, p.shown, p.first = cut(row), cut(row), cut(p.n*p.h)
	}
	return p
}

// Keeps implements graph.Keeper: a passage.
func (o Recurrent) Keeps(in []tensor.Shape) int {
	return o.passageSize(in[0][0], in[0][1], in[WeightInput][1])
}

// passageSize returns the number of floats in a passage of n samples, steps and h units: what an
// LSTM needs, the largest.
func (o Recurrent) passageSize(n, steps, h int) int { return (o.Kind.gates()+5)*n*steps*h + n*h }

// run goes through time, unless Forward has left the passage.
func (o Recurrent) run(s *graph.Scratch, in []*tensor.Tensor) *passage {
	p := o.newPassage(s, in)
	if p.kept {
		return p
	}
	copy(p.a, in[0].Data)
	p.startWith(at(in, stateInput), func(i int) []float32 { return p.row(p.before, i, p.order(0)) })
	if o.Kind == LSTM {
		p.startWith(at(in, cellInput), func(i int) []float32 { return p.first[i*p.h : (i+1)*p.h] })
	}
	list, f := o.gateList(), [3]func(dst, src []float32){}
	for k, gate := range list {
		f[k] = gate.function(o.Clip)
	}
	if o.Kind == LSTM {
		f[2] = list[2].function(0) // ONNX limits what gates are applied to, not the cell
	}
	for k := range p.steps {
		t := p.order(k)
		p.meet(t)
		switch o.Kind {
		case GRU:
			p.stepGRU(t, f)
		case LSTM:
			p.stepLSTM(k, f)
		default:
			p.times(p.a, p.met, p.h, 0, 1, t)
			for i := range p.n {
				f[0](p.row(p.state, i, t), p.sums(i, t))
			}
		}
		if k+1 < p.steps {
			for i := range p.n {
				copy(p.row(p.before, i, p.order(k+1)), p.row(p.state, i, t))
			}
		}
	}
	return p
}

// order returns the place in the input of step k.
func (p *passage) order(k int) int {
	if p.o.Reverse {
		return p.steps - 1 - k
	}
	return k
}

// row returns the row of sample i at place t.
func (p *passage) row(x []float32, i, t int) []float32 {
	at := (i*p.steps + t) * p.h
	return x[at : at+p.h : at+p.h]
}

// sums returns the gates of sample i at place t.
func (p *passage) sums(i, t int) []float32 {
	w := p.g * p.h
	at := (i*p.steps + t) * w
	return p.a[at : at+w : at+w]
}

// startWith copies an initial state, zeros if it is absent, and one that all samples have
// to each.
func (p *passage) startWith(x *tensor.Tensor, to func(i int) []float32) {
	for i := range p.n {
		switch {
		case x == nil:
			clear(to(i))
		case x.Shape[0] == 1:
			copy(to(i), x.Data)
		default:
			copy(to(i), x.Data[i*p.h:(i+1)*p.h])
		}
	}
}

// meet makes what R meets at place t of the state before it.
func (p *passage) meet(t int) {
	for i := range p.n {
		p.round(p.row(p.met, i, t), p.row(p.before, i, t))
	}
}

func (p *passage) round(dst, src []float32) {
	if copy(dst, src); p.o.Rounded {
		grid := p.o.met()
		grid.Round(dst)
	}
}

// times adds x R' to y at place t for all samples, where R' are the rows of R of the gates
// lo to hi-1, and their bias. y has width columns.
func (p *passage) times(y, x []float32, width, lo, hi, t int) {
	h := p.h
	if p.bias != nil {
		for i := range p.n {
			at := (i*p.steps + t) * width
			vec.Add(y[at:at+(hi-lo)*h], p.bias[lo*h:hi*h])
		}
	}
	gemm.Mul(false, true, p.n, (hi-lo)*h, h, x[t*h:], p.steps*h, p.r[lo*h*h:], h, true, y[t*width:], p.steps*width)
}

func (p *passage) stepGRU(t int, f [3]func(dst, src []float32)) {
	h := p.h
	p.times(p.a, p.met, 3*h, 0, 2, t)
	if p.o.LinearBeforeReset {
		for i := range p.n {
			clear(p.row(p.u, i, t))
		}
		p.times(p.u, p.met, h, 2, 3, t)
	}
	for i := range p.n {
		a, before, u := p.sums(i, t), p.row(p.before, i, t), p.row(p.u, i, t)
		f[0](a[:2*h], a[:2*h])
		if r, n := a[h:2*h], a[2*h:]; p.o.LinearBeforeReset {
			for j := range n {
				n[j] += float32(r[j] * u[j])
			}
		} else {
			vec.Mul(u, r, before)
			p.round(u, u)
		}
	}
	if !p.o.LinearBeforeReset {
		p.times(p.a[2*h:], p.u, 3*h, 2, 3, t)
	}
	for i := range p.n {
		a, before, state := p.sums(i, t), p.row(p.before, i, t), p.row(p.state, i, t)
		z, n := a[:h], a[2*h:]
		f[1](n, n)
		for j := range state {
			state[j] = float32(float32(1-z[j])*n[j]) + float32(z[j]*before[j])
		}
	}
}

func (p *passage) stepLSTM(k int, f [3]func(dst, src []float32)) {
	h, t := p.h, p.order(k)
	p.times(p.a, p.met, 4*h, 0, 4, t)
	for i := range p.n {
		a, cell, shown, state := p.sums(i, t), p.row(p.cell, i, t), p.row(p.shown, i, t), p.row(p.state, i, t)
		before := p.cellBefore(i, k)
		in, out, forget, g := a[:h], a[h:2*h], a[2*h:3*h], a[3*h:]
		p.peephole(in, before, 0)
		p.peephole(forget, before, 2)
		f[0](in, in)
		f[0](forget, forget)
		f[1](g, g)
		if p.o.InputForget {
			for j, v := range in {
				forget[j] = 1 - v
			}
		}
		for j := range cell {
			cell[j] = float32(forget[j]*before[j]) + float32(in[j]*g[j])
		}
		p.peephole(out, cell, 1)
		f[0](out, out)
		f[2](shown, cell)
		vec.Mul(state, out, shown)
	}
}

// cellBefore returns the cell of sample i before step k.
func (p *passage) cellBefore(i, k int) []float32 {
	if k == 0 {
		return p.first[i*p.h : (i+1)*p.h]
	}
	return p.row(p.cell, i, p.order(k-1))
}

// peephole adds the products of gate k's peepholes and a cell.
func (p *passage) peephole(a, cell []float32, k int) {
	if p.peep == nil {
		return
	}
	for j, w := range p.peep[k*p.h : (k+1)*p.h] {
		a[j] += float32(w * cell[j])
	}
}

// Forward implements graph.Op.
func (o Recurrent) Forward(s *graph.Scratch, out, in []*tensor.Tensor) {
	p := o.run(s, in)
	if !o.Cell {
		copy(out[0].Data, p.state)
		return
	}
	size, last := p.steps*p.h, p.order(p.steps-1)
	for i := range p.n {
		y := out[0].Data[i*(size+p.h) : (i+1)*(size+p.h)]
		copy(y, p.state[i*size:(i+1)*size])
		copy(y[size:], p.row(p.cell, i, last))
	}
}
