package tflite

import "slices"

// shapeFolds computes the operators that converters use on shapes, of constants; nil is a form
// that they do not use.
var shapeFolds = map[int]func(n *node, in []*array) *array{
	opAdd: elements(func(a, b int) int { return a + b }),
	opSub: elements(func(a, b int) int { return a - b }),
	opMul: elements(func(a, b int) int { return a * b }),
	55:    elements(func(a, b int) int { return max(a, b) }),
	57:    elements(func(a, b int) int { return min(a, b) }),

	opConcat:  func(_ *node, in []*array) *array { return inRow(in) },
	opReshape: func(_ *node, in []*array) *array { return inRow(in[:1]) },
	36:        foldGather,
	43:        func(_ *node, in []*array) *array { return &array{f: in[0].f, whole: true} },
	45:        foldStridedSlice,
	53:        func(_ *node, in []*array) *array { return in[0] },
	70:        func(_ *node, in []*array) *array { return inRow(in[:1]) },
	81:        foldProduct,
	83:        func(_ *node, in []*array) *array { return inRow(in) },
}

// foldShape computes what the node makes of shapes, where it can: the target of a RESHAPE is
// needed if the file does not have the shape of the result.
func (n *node) foldShape() {
	a := &array{whole: true}
	if n.shape {
		s := n.tensors[n.in[0]].shape
		if o, ok := n.at[n.in[0]]; ok {
			s = o.shape()
		}
		for _, d := range s {
			a.f = append(a.f, float32(d))
		}
		a.shape = []int{len(s)}
	} else if a = n.foldIntegers(); a == nil {
		return
	}
	r := *a
	r.name = n.name
	n.constants[n.out[0]] = &r
}

func (n *node) foldIntegers() *array {
	fold := shapeFolds[n.code]
	if fold == nil || len(n.out) != 1 {
		return nil
	}
	var in []*array
	for k := range n.in {
		if !n.isConstant(k) {
			return nil
		}
		a, err := n.constant(k)
		if err != nil || !a.whole || len(a.shape) > 1 {
			return nil
		}
		in = append(in, a)
	}
	return fold(n, in)
}

// inRow returns the elements of all arrays one after the other.
func inRow(in []*array) *array {
	r := &array{whole: true}
	for _, a := range in {
		r.f = append(r.f, a.f...)
	}
	r.shape = []int{len(r.f)}
	return r
}

// elements is the fold of f of two numbers, or of each element of two lists.
func elements(f func(a, b int) int) func(*node, []*array) *array {
	return func(_ *node, in []*array) *array {
		a, b := in[0], in[1]
		size := max(len(a.f), len(b.f))
		if len(a.f) != size && len(a.f) != 1 || len(b.f) != size && len(b.f) != 1 {
			return nil
		}
		r := &array{whole: true, shape: a.shape}
		if len(b.f) == size {
			r.shape = b.shape
		}
		for i := range size {
			r.f = append(r.f, float32(f(int(a.f[i%len(a.f)]), int(b.f[i%len(b.f)]))))
		}
		return r
	}
}

func foldGather(_ *node, in []*array) *array {
	r := &array{whole: true, shape: in[1].shape}
	for _, k := range in[1].f {
		if k < 0 || int(k) >= len(in[0].f) {
			return nil
		}
		r.f = append(r.f, in[0].f[int(k)])
	}
	return r
}

func foldProduct(n *node, in []*array) *array {
	r := &array{whole: true, f: []float32{1}}
	for _, v := range in[0].f {
		r.f[0] *= v
	}
	if n.small(0) != 0 {
		r.shape = []int{1}
	}
	return r
}

// foldStridedSlice takes a part of a list, or an element.
func foldStridedSlice(n *node, in []*array) *array {
	if len(in) != 4 || len(in[0].shape) != 1 || len(in[1].f) != 1 || len(in[2].f) != 1 || len(in[3].f) != 1 || in[3].f[0] != 1 {
		return nil
	}
	size := len(in[0].f)
	first, end := bounded(int(in[1].f[0]), size), bounded(int(in[2].f[0]), size)
	if n.option(0, 0)&1 != 0 {
		first = 0
	}
	if n.option(1, 0)&1 != 0 {
		end = size
	}
	drop := n.option(4, 0)&1 != 0
	if drop {
		end = first + 1
	}
	if first >= end || end > size || n.option(2, 0)|n.option(3, 0) != 0 {
		return nil
	}
	r := &array{whole: true, f: in[0].f[first:end], shape: []int{end - first}}
	if drop {
		r.shape = nil
	}
	return r
}

// target returns the shape that a RESHAPE, SQUEEZE or EXPAND_DIMS gives a tensor of shape x:
// what the file says, or, where that leaves sizes open, what the operands say.
func (n *node) target(x []int) []int {
	shape := slices.Clone(n.outShape(0))
	if volume(shape) == volume(x) || !n.has(1) || !n.isConstant(1) {
		return shape
	}
	said, err := n.ints(1)
	switch {
	case err != nil:
		return shape
	case n.code == opExpand:
		if len(said) != 1 || said[0] < -len(x)-1 || said[0] > len(x) {
			return shape
		}
		at := said[0]
		if at < 0 {
			at += len(x) + 1
		}
		return slices.Insert(slices.Clone(x), at, 1)
	case n.code != opReshape:
		return shape
	}
	said = slices.Clone(said)
	if k := slices.Index(said, -1); k >= 0 {
		said[k] = 1
		said[k] = volume(x) / max(volume(said), 1)
	}
	return said
}

// fill reads FILL: a constant of a known shape.
func (n *node) fill() error {
	shape, err := n.ints(0)
	if err != nil {
		return err
	}
	v, err := n.constant(1)
	if err != nil {
		return err
	}
	size := volume(shape)
	if slices.Min(append([]int{1}, shape...)) < 1 || size < 1 || n.large(size) {
		return errShape
	}
	n.constants[n.out[0]] = &array{name: n.name, shape: shape, f: slices.Repeat(v.f[:1], size), whole: v.whole}
	return nil
}
