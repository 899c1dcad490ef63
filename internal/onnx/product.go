package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// productOf reads the product of two activations, or of one and a constant of more than two
// dimensions, in NumPy's rules: a vector on the left is a row, one on the right a column,
// and its dimension is not in the result.
func (n *node) productOf() error {
	x, y := n.in[0], n.in[1]
	for i, o := range n.in[:2] {
		if o.act == nil && !o.isKnown() {
			return n.fail(n.inputName(i), "it is neither an activation nor constant weights, only those are supported")
		}
	}
	dx, dy := n.operandDims(x), n.operandDims(y)
	if len(dx) == 0 || len(dy) == 0 {
		return n.fail("", "the factors %v and %v must have at least one dimension", dx, dy)
	}
	a, b, at, err := n.factors(x, y, dx, dy)
	if err != nil {
		return err
	}
	if len(dx) > 1 && len(dy) > 1 {
		return n.resultAs(at, op.MatMul{}, a, b)
	}
	v, err := n.emit(op.MatMul{}, a, b)
	if err != nil {
		return err
	}
	out := slices.Clone([]int(v.Shape[1:]))
	if len(dy) == 1 {
		out = out[:len(out)-1]
	}
	if len(dx) == 1 {
		out = slices.Delete(out, len(out)-1-bit(len(dy) > 1), len(out)-bit(len(dy) > 1))
	}
	if len(out) == 0 {
		return n.resultAs(scalar, op.Reshape{Shape: []int{1}}, v)
	}
	return n.resultAs(at, op.Reshape{Shape: out}, v)
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

// operandDims returns the file's shape of an activation or a constant.
func (n *node) operandDims(o *operand) []int {
	if o.act == nil {
		return o.known[0].dims
	}
	return n.fileDims(o, 0)
}

// factors returns the factors of a product of shapes dx and dy, with a dimension of one
// beside that of a vector, and where the batch of the product is.
func (n *node) factors(x, y *operand, dx, dy []int) (a, b *graph.Value, at batchAxis, err error) {
	row, column := len(dx) == 1, len(dy) == 1
	inLead := func(o *operand, dims []int) bool { return o.batch.at >= 0 && o.batch.at < len(dims)-2 }
	switch {
	case x.act != nil && y.act != nil && inLead(x, dx) && inLead(y, dy):
		return n.broadcast(x, y)
	case y.act == nil && inLead(x, dx) && !column || x.act == nil && inLead(y, dy) && !row:
		return n.broadcast(x, y)
	case !n.r.ofOne():
		return nil, nil, at, n.fail("", "the product of factors %v and %v would mix the samples of a batch; export the model with batch 1", dx, dy)
	}
	if a, err = n.factor(x, row, false); err != nil {
		return nil, nil, at, err
	}
	b, err = n.factor(y, column, true)
	return a, b, noBatch, err
}

// factor returns an operand of a file for one sample without a batch; a vector becomes a row
// or a column.
func (n *node) factor(o *operand, vector, column bool) (*graph.Value, error) {
	dims := slices.Clone(n.operandDims(o))
	switch {
	case vector && column:
		dims = append(dims, 1)
	case vector:
		dims = slices.Insert(dims, 0, 1)
	}
	if o.act == nil {
		a := o.constant()
		return n.param(a, graph.Constant, "factor", func(a *array) (*array, error) { return a.reshaped(dims), nil })
	}
	if slices.Equal(o.act.Shape[1:], dims) {
		return o.act, nil
	}
	return n.emit(op.Reshape{Shape: dims}, o.act)
}

// gemmOf reads a Gemm of two activations in a file for one sample.
func (n *node) gemmOf(x, y *operand) error {
	if !n.r.ofOne() {
		return n.fail(n.inputName(1), "a product of two activations whose batch is a factor's dimension is not supported; export the model with batch 1, or use MatMul")
	}
	alpha, err := n.finite("alpha", 1)
	if err != nil {
		return err
	}
	a, err := n.factor(x, false, false)
	if err != nil {
		return err
	}
	b, err := n.factor(y, false, true)
	if err != nil {
		return err
	}
	if len(a.Shape) != 3 || len(b.Shape) != 3 {
		return n.fail("", "factors %v and %v must have two dimensions", n.fileDims(x, 0), n.fileDims(y, 0))
	}
	if n.attrInt("transA", 0) != 0 {
		if a, err = n.emit(op.Transpose{Perm: []int{0, 2, 1}}, a); err != nil {
			return err
		}
	}
	v, err := n.emit(op.MatMul{TransposeB: n.attrInt("transB", 0) != 0}, a, b)
	if err != nil {
		return err
	}
	return n.gemmSum(v, alpha)
}

// gemmSum ends a Gemm with alpha v + beta C.
func (n *node) gemmSum(v *graph.Value, alpha float32) error {
	beta, err := n.finite("beta", 1)
	if err != nil {
		return err
	}
	if v, err = n.scaled(v, alpha); err != nil {
		return err
	}
	if !n.has(2) || beta == 0 {
		return n.resultAs(noBatch, op.Reshape{Shape: v.Shape[1:]}, v)
	}
	c := n.in[2]
	if c.act != nil {
		v, err := n.scaled(c.act, beta)
		if err != nil {
			return err
		}
		c = &operand{act: v, batch: c.batch}
	} else if beta != 1 {
		a, err := n.floats(2)
		if err != nil {
			return err
		}
		b := a.like(a.dims)
		for i, w := range a.f {
			b.f[i] = beta * w
		}
		c = &operand{known: [2]*array{b, b}}
	}
	l, r, at, err := n.broadcast(&operand{act: v, batch: noBatch}, c)
	if err != nil {
		return err
	}
	return n.resultAs(at, op.Add{}, l, r)
}

// scaled emits k v, and nothing where k is 1.
func (n *node) scaled(v *graph.Value, k float32) (*graph.Value, error) {
	if k == 1 {
		return v, nil
	}
	c, err := n.number(k)
	if err != nil {
		return nil, err
	}
	return n.emit(op.Mul{}, v, c)
}

// number returns a constant of one number.
func (n *node) number(k float32) (*graph.Value, error) {
	a := &array{name: n.outputs[0] + "_constant", typ: typeFloat, dims: []int{1}, f: []float32{k}}
	return n.param(a, graph.Constant, "", nil)
}
