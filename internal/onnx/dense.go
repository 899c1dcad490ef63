package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// bias returns optional input i as a [channels] parameter scaled by beta, or
// nil when it is absent. A single value is repeated. Each node has its own, also of an
// initializer that several share, since the grid of a bias follows from its layer's.
func (n *node) bias(i, channels int, beta float32) (*graph.Value, error) {
	if !n.has(i) {
		return nil, nil
	}
	a, err := n.floats(i)
	if err != nil {
		return nil, err
	}
	if size := a.size(); size != 1 && (size != channels || a.dims[len(a.dims)-1] != channels) {
		return nil, n.fail(n.inputName(i), "a bias of shape %v does not fit %d output channels", a.dims, channels)
	}
	return n.param(a, graph.Bias, fmt.Sprint("bias ", channels, beta, " ", n.outputs[0]), func(a *array) (*array, error) {
		if beta == 1 && len(a.f) == channels {
			return a.reshaped([]int{channels}), nil
		}
		b := &array{name: a.name, typ: a.typ, dims: []int{channels}, f: make([]float32, channels)}
		if b.grid = a.grid.times(beta); b.grid != nil {
			b.grid.q = make([]int64, channels)
		}
		for c := range b.f {
			b.f[c] = beta * a.f[c%len(a.f)]
			if b.grid != nil {
				b.grid.q[c] = a.grid.q[c%len(a.f)]
			}
		}
		return b, nil
	})
}

// denseWeights returns the [in, out] (or, transposed, [out, in]) matrix a as
// weights [out, in] times alpha.
func (n *node) denseWeights(a *array, transposed bool, alpha float32) (*graph.Value, error) {
	return n.param(a, graph.Weight, fmt.Sprint("dense ", transposed, alpha, a.dims), func(a *array) (*array, error) {
		b := a
		if !transposed {
			b = transpose(a, []int{1, 0})
		}
		if alpha != 1 {
			b = &array{name: a.name, typ: a.typ, dims: b.dims, f: append([]float32(nil), b.f...), grid: b.grid.times(alpha)}
			for i := range b.f {
				b.f[i] *= alpha
			}
		}
		return b, nil
	})
}

// buildGemm reads alpha * A' * B' + beta * C with constant B; a constant C is
// the bias, an activation C is added.
func buildGemm(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if n.has(1) && n.in[1].act != nil {
		return n.gemmOf(x, n.in[1])
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	if dims := n.fileDims(x, 0); len(wa.dims) != 2 || len(dims) != 2 {
		return n.fail("", "input %v and weights %v must have two dimensions; flatten the input first", dims, wa.dims)
	}
	if n.attrInt("transA", 0) != 0 {
		if x, err = n.transposed(x, []int{1, 0}, n.emit); err != nil {
			return err
		}
	}
	if x.batch.at == 1 {
		return n.fail("transA", "the product would add up the samples of a batch; transpose the weights instead (transA=0)")
	}
	return n.gemm(x, wa)
}

// gemm ends a Gemm of x, transposed if need be, and the matrix wa.
func (n *node) gemm(x *operand, wa *array) error {
	alpha, err := n.finite("alpha", 1)
	if err != nil {
		return err
	}
	beta, err := n.finite("beta", 1)
	if err != nil {
		return err
	}
	w, err := n.denseWeights(wa, n.attrInt("transB", 0) != 0, alpha)
	if err != nil {
		return err
	}
	if n.has(2) && n.in[2].act != nil {
		return n.gemmPlus(x, w, n.in[2], beta)
	}
	b, err := n.bias(2, w.Shape[0], beta)
	if err != nil {
		return err
	}
	return n.dense(x, w, b, x.batch)
}

// gemmPlus ends a Gemm whose C is an activation.
func (n *node) gemmPlus(x *operand, w *graph.Value, c *operand, beta float32) error {
	if beta != 1 || len(n.fileDims(c, 0)) != 2 {
		return n.fail("beta", "%v times an activation of shape %v is not supported; use MatMul and Add", beta, n.fileDims(c, 0))
	}
	if len(x.act.Shape) > 3 {
		return n.fail("", "an input whose batch is merged with dimensions on both sides is not supported; flatten the input first")
	}
	y, err := n.emit(op.Dense{}, x.act, w, nil)
	if err != nil {
		return err
	}
	a, b, at, err := n.broadcast(&operand{act: y, batch: x.batch}, c)
	if err != nil {
		return err
	}
	return n.resultAs(at, op.Add{}, a, b)
}

// dense ends the node with the product of x's last dimension and w; its batch is b. Values
// of more than three dimensions are flattened to [N, rows, K] and back.
func (n *node) dense(x *operand, w, bias *graph.Value, b batchAxis) error {
	v, rank := x.act, len(x.act.Shape)
	if rank <= 3 {
		return n.resultAs(b, op.Dense{}, v, w, bias)
	}
	v, err := n.emit(op.Reshape{Shape: []int{volume(v.Shape[1 : rank-1]), v.Shape[rank-1]}}, v)
	if err != nil {
		return err
	}
	if v, err = n.emit(op.Dense{}, v, w, bias); err != nil {
		return err
	}
	out := slices.Clone([]int(x.act.Shape[1:]))
	out[len(out)-1] = w.Shape[0]
	return n.resultAs(b, op.Reshape{Shape: out}, v)
}

// isStack reports whether input i is a constant of several matrices.
func (n *node) isStack(i int) bool {
	a := n.in[i].known[0]
	return a != nil && len(a.dims) > 2 && volume(a.dims[:len(a.dims)-2]) > 1
}

// buildMatMul reads activation times constant matrix, constant matrix times activation, or
// a product of activations.
func buildMatMul(n *node) error {
	for i := range 2 {
		if !n.has(i) {
			return n.fail("", "input %d is missing; the file is damaged", i)
		}
	}
	switch constant := n.in[0].constant(); {
	case n.in[0].act != nil && n.in[1].act != nil || n.isStack(1) || n.isStack(0) || constant != nil && len(constant.dims) == 1:
		return n.productOf()
	case n.in[0].act == nil:
		return n.matrixTimes()
	}
	return n.timesMatrix(n.in[0])
}

// timesMatrix reads the product of an activation and a constant matrix or vector.
func (n *node) timesMatrix(x *operand) error {
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	if len(wa.dims) == 0 || len(n.fileDims(x, 0)) == 0 {
		return n.fail("", "a factor is a number; matrices are needed")
	}
	column := len(wa.dims) == 1 // x * vector drops the last dimension
	if column {
		wa = n.r.columnOf(wa)
	}
	dims := n.fileDims(x, 0)
	rank := len(dims)
	for len(wa.dims) > 2 && wa.dims[0] == 1 && len(wa.dims) <= rank {
		wa = n.r.dropLeadingOne(wa)
	}
	if len(wa.dims) != 2 || dims[rank-1] != wa.dims[0] {
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of shape %v; a matrix [%d, out] is needed", wa.dims, dims, dims[rank-1])
	}
	if x.batch.at == rank-1 {
		return n.fail(n.inputName(0), "the product would add up the samples of a batch, which is the last dimension of %v; transpose the input before", dims)
	}
	w, err := n.denseWeights(wa, false, 1)
	if err != nil {
		return err
	}
	if !column {
		return n.dense(x, w, nil, x.batch)
	}
	return n.column(x, w)
}

// times emits the product of x's last dimension and w.
func (n *node) times(x, w *graph.Value) (*graph.Value, error) {
	rank := len(x.Shape)
	if rank <= 3 {
		return n.emit(op.Dense{}, x, w, nil)
	}
	v, err := n.emit(op.Reshape{Shape: []int{volume(x.Shape[1 : rank-1]), x.Shape[rank-1]}}, x)
	if err != nil {
		return nil, err
	}
	if v, err = n.emit(op.Dense{}, v, w, nil); err != nil {
		return nil, err
	}
	out := slices.Clone([]int(x.Shape[1:]))
	out[rank-2] = w.Shape[0]
	return n.emit(op.Reshape{Shape: out}, v)
}

// column ends the node with the product of x's last dimension and one row of weights,
// which the result does not have.
func (n *node) column(x *operand, w *graph.Value) error {
	v, rank := x.act, len(x.act.Shape)
	var err error
	if rank > 3 {
		if v, err = n.emit(op.Reshape{Shape: []int{volume(v.Shape[1 : rank-1]), v.Shape[rank-1]}}, v); err != nil {
			return err
		}
	}
	if rank == 2 { // [N], or a number
		if x.batch == batchFirst {
			return n.resultAs(onlyBatch, op.Dense{}, v, w, nil)
		}
		return n.resultAs(scalar, op.Dense{}, v, w, nil)
	}
	if v, err = n.emit(op.Dense{}, v, w, nil); err != nil {
		return err
	}
	return n.resultAs(x.batch, op.Reshape{Shape: slices.Clone([]int(x.act.Shape[1 : rank-1]))}, v)
}

// matrixTimes reads the product of a constant matrix [out, K] and an activation
// [..., K, columns].
func (n *node) matrixTimes() error {
	x, err := n.activation(1)
	if err != nil {
		return err
	}
	wa, err := n.floats(0)
	if err != nil {
		return err
	}
	dims := n.fileDims(x, 0)
	rank := len(dims)
	if len(wa.dims) != 2 || rank < 2 || dims[rank-2] != wa.dims[1] || x.batch.at == rank-2 {
		return n.fail(n.inputName(0), "a constant of shape %v on the left does not fit an input of shape %v; transpose the product so that the weights are on the right", wa.dims, dims)
	}
	w, err := n.denseWeights(wa, true, 1)
	if err != nil {
		return err
	}
	swap := make([]int, rank)
	for i := range swap {
		swap[i] = i
	}
	swap[rank-2], swap[rank-1] = rank-1, rank-2
	if x, err = n.transposed(x, swap, n.emit); err != nil {
		return err
	}
	v, err := n.times(x.act, w)
	if err != nil {
		return err
	}
	y, err := n.transposed(&operand{act: v, batch: x.batch}, swap, n.resultValue)
	if err != nil {
		return err
	}
	return n.alias(y)
}

// columnOf and dropLeadingOne give the same result for the same array, so that
// weights shared by several nodes stay one parameter.
func (r *reader) columnOf(a *array) *array { return r.view(a, []int{a.dims[0], 1}) }

func (r *reader) dropLeadingOne(a *array) *array { return r.view(a, a.dims[1:]) }

func (r *reader) view(a *array, dims []int) *array {
	key := viewKey{a, len(dims)}
	if r.views[key] == nil {
		r.views[key] = a.reshaped(dims)
	}
	return r.views[key]
}

type viewKey struct {
	a    *array
	rank int
}
