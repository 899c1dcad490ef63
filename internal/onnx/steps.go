package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// steps reads a node as several operators of the graph. Once a step has failed, the others
// do nothing, and result returns why.
type steps struct {
	n    *node
	from int // nodes of the graph before the first step
	err  error
}

func (n *node) steps() *steps { return &steps{n: n, from: len(n.r.g.Nodes)} }

// input returns input i, an activation or a constant.
func (s *steps) input(i int) *operand {
	if s.err == nil && !s.n.has(i) {
		s.err = s.n.fail("", "input %d is missing; the file is damaged", i)
	}
	if s.err != nil {
		return nil
	}
	return s.n.in[i]
}

// activation returns input i, which must be an activation.
func (s *steps) activation(i int) *operand {
	if s.err != nil {
		return nil
	}
	x, err := s.n.activation(i)
	s.err = err
	return x
}

// dims returns the file's shape of x for each trial batch.
func (s *steps) dims(x *operand) (d [2][]int) {
	for t := range d {
		switch {
		case s.err != nil:
		case x.act == nil:
			d[t] = x.known[t].dims
		default:
			d[t] = s.n.fileDims(x, t)
		}
	}
	return d
}

// active fails unless one of the operands is an activation.
func (s *steps) active(in ...*operand) bool {
	if s.err == nil && !slices.ContainsFunc(in, func(o *operand) bool { return o.act != nil }) {
		s.err = s.n.fail("", "constants alone are not supported here")
	}
	return s.err == nil
}

// of emits an operator on the elements of x, which keeps its shape or changes dimensions in
// their places.
func (s *steps) of(o graph.Op, x *operand) *operand {
	if !s.active(x) {
		return nil
	}
	v, err := s.n.emit(o, x.act)
	s.err = err
	return &operand{act: v, batch: x.batchOr()}
}

// batchOr is x's batch; nil has none.
func (o *operand) batchOr() batchAxis {
	if o == nil {
		return noBatch
	}
	return o.batch
}

// pair emits arithmetic on two operands that are broadcast; one may be constant.
func (s *steps) pair(o graph.Op, x, y *operand) *operand {
	if !s.active(x, y) {
		return nil
	}
	a, b, at, err := s.n.broadcast(x, y)
	if err != nil {
		s.err = err
		return nil
	}
	v, err := s.n.emit(o, a, b)
	s.err = err
	return &operand{act: v, batch: at}
}

// number returns a constant.
func (s *steps) number(k float32) *operand {
	a := &array{name: s.n.outputs[0] + "_constant", typ: typeFloat, dims: []int{1}, f: []float32{k}}
	return &operand{known: [2]*array{a, a}}
}

// numbers returns a constant of a shape.
func (s *steps) numbers(name string, f []float32, dims ...int) *operand {
	a := &array{name: s.n.outputs[0] + "_" + name, typ: typeFloat, dims: dims, f: f}
	return &operand{known: [2]*array{a, a}}
}

// times and plus are pair with a number.
func (s *steps) times(x *operand, k float32) *operand {
	if k == 1 {
		return x
	}
	return s.pair(op.Mul{}, x, s.number(k))
}

func (s *steps) plus(x *operand, k float32) *operand { return s.pair(op.Add{}, x, s.number(k)) }

// matMul emits the product of the last two dimensions.
func (s *steps) matMul(transposeB bool, x, y *operand) *operand {
	return s.pair(op.MatMul{TransposeB: transposeB}, x, y)
}

// reshape gives x the file's shapes out, one for each trial batch. A dimension of -1 holds
// what the others leave.
func (s *steps) reshape(x *operand, out [2][]int) *operand {
	for t, d := range s.dims(x) {
		out[t] = s.inferred(out[t], volume(d))
	}
	if s.err != nil {
		return nil
	}
	if x.act == nil {
		a, b := x.known[0].reshaped(out[0]), x.known[1].reshaped(out[1])
		if x.known[0] == x.known[1] {
			b = a
		}
		return &operand{known: [2]*array{a, b}}
	}
	y, err := s.n.reshaped(x, out, s.n.emit)
	s.err = err
	return y
}

// inferred returns a shape of the given size, with the dimension of -1 filled in.
func (s *steps) inferred(shape []int, size int) []int {
	if s.err != nil {
		return nil
	}
	shape = slices.Clone(shape)
	k := slices.Index(shape, -1)
	if k >= 0 {
		shape[k] = 1
		shape[k] = size / max(volume(shape), 1)
	}
	if volume(shape) != size {
		s.err = s.n.fail("", "%d elements do not fit the shape %v", size, shape)
	}
	return shape
}

// shaped returns, for each trial batch, the file's shape of x as f changes it.
func (s *steps) shaped(x *operand, f func(d []int) []int) (out [2][]int) {
	for t, d := range s.dims(x) {
		if s.err == nil {
			out[t] = f(slices.Clone(d))
		}
	}
	return out
}

// transpose permutes the file's dimensions of x.
func (s *steps) transpose(x *operand, perm ...int) *operand {
	if s.err != nil {
		return nil
	}
	if x.act == nil {
		a, b := transpose(x.known[0], perm), transpose(x.known[1], perm)
		if x.known[0] == x.known[1] {
			b = a
		}
		return &operand{known: [2]*array{a, b}}
	}
	y, err := s.n.transposed(x, perm, s.n.emit)
	s.err = err
	return y
}

// free returns x so that the file's given dimension is not its batch, which only a file for
// one sample can have.
func (s *steps) free(x *operand, axis int) *operand {
	if s.err != nil {
		return nil
	}
	if x.act == nil || axis != x.batch.at || !s.n.r.ofOne() {
		return x
	}
	y, err := s.n.single(x)
	s.err = err
	return y
}

// axis returns the dimension of x's value that is the file's.
func (s *steps) axis(x *operand, axis int) int {
	if !s.active(x) {
		return 0
	}
	k, err := s.n.valueAxis(x, axis)
	s.err = err
	return k
}

// reduce emits a reduction over the file's dimensions, which stay as ones.
func (s *steps) reduce(kind op.Reduction, x *operand, axes ...int) *operand {
	var own []int
	for _, a := range axes {
		own = append(own, s.axis(x, a))
	}
	slices.Sort(own)
	return s.of(op.Reduce{Kind: kind, Axes: own}, x)
}

// result binds output i to x, whose value gets the output's name.
func (s *steps) result(i int, x *operand) error {
	if s.err != nil || i >= len(s.n.outputs) || s.n.outputs[i] == "" {
		return s.err
	}
	if nodes := s.n.r.g.Nodes; len(nodes) > s.from {
		last := nodes[len(nodes)-1]
		if last.Outputs[0] == x.act {
			x.act.Name, last.Name = s.n.r.unique("value", s.n.outputs[i]), s.n.r.unique("node", s.n.title())
		}
	}
	s.n.define(i, &operand{act: x.act, batch: x.batch, known: x.known, typ: x.typ})
	return nil
}
