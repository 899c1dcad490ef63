package onnx

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// bias returns optional input i as a [channels] parameter scaled by beta, or
// nil when it is absent. A single value is repeated.
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
	return n.param(a, graph.Bias, fmt.Sprint("bias ", channels, beta), func(a *array) (*array, error) {
		if beta == 1 && len(a.f) == channels {
			return a.reshaped([]int{channels}), nil
		}
		b := &array{name: a.name, typ: a.typ, dims: []int{channels}, f: make([]float32, channels)}
		for c := range b.f {
			b.f[c] = beta * a.f[c%len(a.f)]
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
			b = &array{name: a.name, typ: a.typ, dims: b.dims, f: append([]float32(nil), b.f...)}
			for i := range b.f {
				b.f[i] *= alpha
			}
		}
		return b, nil
	})
}

// buildGemm reads alpha * A * B' + beta * C with constant B; a constant C is
// the bias, an activation C is added.
func buildGemm(n *node) error {
	x, err := n.act(0)
	if err != nil {
		return err
	}
	if n.attrInt("transA", 0) != 0 {
		return n.fail("transA", "a transposed activation is not supported; transpose the weights instead (transA=0)")
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	if len(wa.dims) != 2 || len(x.Shape) != 2 {
		return n.fail("", "input %v and weights %v must have two dimensions; flatten the input first", x.Shape, wa.dims)
	}
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
	if !n.has(2) || n.in[2].act == nil {
		b, err := n.bias(2, w.Shape[0], beta)
		if err != nil {
			return err
		}
		return n.result(op.Dense{}, x, w, b)
	}
	c := n.in[2].act
	if beta != 1 || len(c.Shape) != 2 {
		return n.fail("beta", "%v times an activation of shape %v is not supported; use MatMul and Add", beta, c.Shape)
	}
	y, err := n.emit(op.Dense{}, x, w, nil)
	if err != nil {
		return err
	}
	return n.result(op.Add{}, y, c)
}

// buildMatMul reads activation times constant matrix. Inputs of more than
// three dimensions are flattened to [N, rows, K] and back.
func buildMatMul(n *node) error {
	if !n.has(0) || n.in[0].act == nil {
		return n.fail("", "a constant on the left is not supported; transpose the product so that the weights are on the right")
	}
	x := n.in[0].act
	if n.has(1) && n.in[1].act != nil {
		return n.fail("", "the product of two activations (attention) is not supported yet; one side must be constant weights")
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	column := len(wa.dims) == 1 // x * vector drops the last dimension
	if column {
		wa = n.r.columnOf(wa)
	}
	for len(wa.dims) > 2 && wa.dims[0] == 1 && len(wa.dims) <= len(x.Shape) {
		wa = n.r.dropLeadingOne(wa)
	}
	rank := len(x.Shape)
	if len(wa.dims) != 2 || rank < 2 || x.Shape[rank-1] != wa.dims[0] {
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of shape %v; a matrix [%d, out] is needed", wa.dims, x.Shape, x.Shape[rank-1])
	}
	w, err := n.denseWeights(wa, false, 1)
	if err != nil {
		return err
	}
	out := append([]int(nil), x.Shape[1:]...)
	out[len(out)-1] = wa.dims[1]
	if column {
		out = out[:len(out)-1]
	}
	if rank <= 3 && !column {
		return n.result(op.Dense{}, x, w, nil)
	}
	if rank > 3 {
		if x, err = n.emit(op.Reshape{Shape: []int{volume(x.Shape[1 : rank-1]), x.Shape[rank-1]}}, x); err != nil {
			return err
		}
	}
	y, err := n.emit(op.Dense{}, x, w, nil)
	if err != nil {
		return err
	}
	return n.reshapeTo(y, out)
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
