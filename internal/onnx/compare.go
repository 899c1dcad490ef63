package onnx

import (
	"cmp"
	"math"
	"slices"
)

// compareFunc folds a comparison of two broadcast operands into booleans.
func compareFunc(holds func(order int) bool) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		return n.combine(in, typeBool, func(r, a, b *array, k, i, j int) error {
			if a.isFloat() {
				r.i[k] = truth(holds(cmp.Compare(a.f[i], b.f[j])) && a.f[i] == a.f[i] && b.f[j] == b.f[j])
			} else {
				r.i[k] = truth(holds(compareInts(a.i[i], b.i[j], a.typ)))
			}
			return nil
		})
	}
}

func compareInts(a, b, typ int64) int {
	if typ == typeUint64 { // held as int64
		return cmp.Compare(uint64(a), uint64(b))
	}
	return cmp.Compare(a, b)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// logicFunc folds an operator on booleans.
func logicFunc(f func(a, b bool) bool) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		if len(in) == 2 && in[0] != nil && in[1] != nil && (in[0].typ != typeBool || in[1].typ != typeBool) {
			return nil, n.fail("", "inputs of type %s and %s, bool is needed", typeName(in[0].typ), typeName(in[1].typ))
		}
		return n.combine(in, typeBool, func(r, a, b *array, k, i, j int) error {
			r.i[k] = truth(f(a.i[i] != 0, b.i[j] != 0))
			return nil
		})
	}
}

// pickFunc folds Min and Max of any number of operands; sign is 1 for Max.
func pickFunc(sign int) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		best, err := n.operandOf(in, 0)
		if err != nil {
			return nil, err
		}
		for k := 1; k < len(in); k++ {
			if best, err = n.combine([]*array{best, in[k]}, best.typ, func(r, a, b *array, k, i, j int) error {
				switch {
				case a.isFloat() && sign > 0:
					r.f[k] = max(a.f[i], b.f[j])
				case a.isFloat():
					r.f[k] = min(a.f[i], b.f[j])
				case sign*compareInts(a.i[i], b.i[j], a.typ) >= 0:
					r.i[k] = a.i[i]
				default:
					r.i[k] = b.i[j]
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
		return best, nil
	}
}

// foldWhere takes elements of input 1 where input 0 is true, else of input 2.
func foldWhere(n *node, in []*array) (*array, error) {
	c, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	if c.typ != typeBool {
		return nil, n.fail(n.inputName(0), "it has type %s, bool is needed", typeName(c.typ))
	}
	r, err := n.combine(in[1:], in[1].typeOr(typeFloat), func(*array, *array, *array, int, int, int) error { return nil })
	if err != nil {
		return nil, err
	}
	dims, ok := broadcast(c.dims, r.dims)
	if !ok {
		return nil, n.fail("", "shapes %v and %v do not fit together", c.dims, r.dims)
	}
	if r, err = n.alloc(r, dims); err != nil {
		return nil, err
	}
	from := [2][]int{n.places(in[2].dims, dims), n.places(in[1].dims, dims)}
	for k, at := range n.places(c.dims, dims) {
		yes := c.i[at]
		r.set(k, in[2-yes], from[yes][k])
	}
	return r, nil
}

func (a *array) typeOr(typ int64) int64 {
	if a == nil {
		return typ
	}
	return a.typ
}

// places returns, for each element of shape dims, the element of an array of
// shape own that is repeated there.
func (n *node) places(own, dims []int) []int {
	at := make([]int, volume(dims))
	walk(dims, 0, broadcastSteps(own, dims), func(k, j int) { at[k] = j })
	return at
}

// foldExpand repeats input 0 to the shape that it has in common with input 1.
func foldExpand(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	target, err := n.integersOf(in, 1)
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(target))
	for i, d := range target {
		if d < 0 || d > maxElements {
			return nil, n.fail("shape", "target %v is not a shape", target)
		}
		shape[i] = int(d)
	}
	dims, ok := broadcast(x.dims, shape)
	if !ok {
		return nil, n.fail("shape", "shapes %v and %v do not fit together", x.dims, shape)
	}
	r, err := n.alloc(x, dims)
	if err != nil {
		return nil, err
	}
	for k, j := range n.places(x.dims, dims) {
		r.set(k, x, j)
	}
	return r, nil
}

// foldRange computes start, start+delta, ... below (above) the limit.
func foldRange(n *node, in []*array) (*array, error) {
	var v [3]*array
	for i := range v {
		var err error
		if v[i], err = n.operandOf(in, i); err != nil {
			return nil, err
		}
		if v[i].size() != 1 || v[i].typ != v[0].typ {
			return nil, n.fail(n.inputName(i), "%d values of %s, one of %s is needed", v[i].size(), typeName(v[i].typ), typeName(v[0].typ))
		}
	}
	at := func(a *array) float64 {
		if a.isFloat() {
			return float64(a.f[0])
		}
		return float64(a.i[0])
	}
	start, limit, delta := at(v[0]), at(v[1]), at(v[2])
	count := (limit - start) / delta
	if !(count <= maxElements) {
		return nil, n.fail("", "from %v to %v by %v is endless or too long", start, limit, delta)
	}
	dims := []int{max(0, int(math.Ceil(count)))}
	r, err := n.alloc(v[0], dims)
	for k := 0; err == nil && k < dims[0]; k++ {
		if r.isFloat() {
			r.f[k] = v[0].f[0] + float32(k)*v[2].f[0]
		} else {
			r.i[k] = v[0].i[0] + int64(k)*v[2].i[0]
		}
	}
	return r, err
}

// foldReduceProd multiplies over the axes: attribute before opset 18, input
// from then on; all of them by default.
func foldReduceProd(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	over, err := n.reducedAxes(in, len(x.dims))
	if err != nil {
		return nil, err
	}
	if over == nil {
		return x, nil
	}
	kept, dims := []int{}, []int{} // with and without dimensions of 1
	for k, d := range x.dims {
		if over[k] {
			kept = append(kept, 1)
		} else {
			kept, dims = append(kept, d), append(dims, d)
		}
	}
	r, err := n.alloc(x, kept)
	if err != nil {
		return nil, err
	}
	for k := range r.size() {
		if r.isFloat() {
			r.f[k] = 1
		} else {
			r.i[k] = 1
		}
	}
	for k, j := range n.places(kept, x.dims) {
		if x.isFloat() {
			r.f[j] *= x.f[k]
		} else {
			r.i[j] = narrow(r.i[j]*x.i[k], x.typ)
		}
	}
	if n.attrInt("keepdims", 1) == 0 {
		r = r.reshaped(dims)
	}
	return r, nil
}

// reducedAxes says over which of the axes of an array of that rank the node
// reduces; nil: it does nothing.
func (n *node) reducedAxes(in []*array, rank int) (over []bool, err error) {
	var axes []int64
	if n.r.opset >= 18 {
		axes, err = n.integersOf(in, 1)
	} else if a := n.attr("axes"); a != nil {
		axes = a.ints
	}
	if err != nil || len(axes) == 0 && n.attrInt("noop_with_empty_axes", 0) != 0 {
		return nil, err
	}
	over = make([]bool, rank)
	for k := range over {
		over[k] = len(axes) == 0
	}
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), rank)
		if err != nil {
			return nil, err
		}
		over[k] = true
	}
	return over, nil
}

// foldMatMul multiplies two constant matrices, in float64.
func foldMatMul(n *node, in []*array) (*array, error) {
	a, b, err := n.matrices(in)
	if err != nil {
		return nil, err
	}
	return n.product(a, b, 1)
}

// matrices returns the first two operands, which are float matrices, or errByOp.
func (n *node) matrices(in []*array) (a, b *array, err error) {
	if a, err = n.operandOf(in, 0); err != nil {
		return
	}
	if b, err = n.operandOf(in, 1); err != nil {
		return
	}
	if !a.isFloat() || !b.isFloat() || len(a.dims) != 2 || len(b.dims) != 2 {
		err = errByOp
	}
	return
}

// product returns alpha * a * b.
func (n *node) product(a, b *array, alpha float32) (*array, error) {
	rows, inner, cols := a.dims[0], a.dims[1], b.dims[1]
	if b.dims[0] != inner {
		return nil, n.fail("", "matrices of shapes %v and %v cannot be multiplied", a.dims, b.dims)
	}
	const most = int64(1) << 32 // multiplications: some seconds
	if volume([]int{rows, cols}) >= 0 && int64(rows)*int64(cols) > most/int64(max(inner, 1)) {
		return nil, n.fail("", "the product of constants of shapes %v and %v is too large to compute while reading; simplify the model with onnxsim first", a.dims, b.dims)
	}
	r, err := n.alloc(a, []int{rows, cols})
	if err != nil {
		return nil, err
	}
	sum := make([]float64, cols)
	for i := range rows {
		clear(sum)
		for k, v := range a.f[i*inner : (i+1)*inner] {
			for j, w := range b.f[k*cols : (k+1)*cols] {
				sum[j] += float64(v) * float64(w)
			}
		}
		for j, s := range sum {
			r.f[i*cols+j] = float32(float64(alpha) * s)
		}
	}
	return r, nil
}

// foldGemm computes alpha * A' * B' + beta * C of constants.
func foldGemm(n *node, in []*array) (*array, error) {
	a, b, err := n.matrices(in)
	if err != nil {
		return nil, err
	}
	if n.attrInt("transA", 0) != 0 {
		a = transpose(a, []int{1, 0})
	}
	if n.attrInt("transB", 0) != 0 {
		b = transpose(b, []int{1, 0})
	}
	y, err := n.product(a, b, n.attrFloat("alpha", 1))
	if err != nil || len(in) < 3 || in[2] == nil {
		return y, err
	}
	beta := n.attrFloat("beta", 1)
	r, err := n.combine([]*array{y, in[2]}, y.typ, func(r, a, b *array, k, i, j int) error {
		r.f[k] = a.f[i] + beta*b.f[j]
		return nil
	})
	if err == nil && !slices.Equal(r.dims, y.dims) {
		err = n.fail("", "a bias of shape %v does not fit a result of shape %v", in[2].dims, y.dims)
	}
	return r, err
}
