package onnx

import (
	"math"
	"slices"
)

// scalarFunc is arithmetic on one pair; ok is false when it is undefined.
type scalarFunc struct {
	f func(a, b float32) float32
	i func(a, b int64) (int64, bool)
}

var (
	add = scalarFunc{func(a, b float32) float32 { return a + b }, func(a, b int64) (int64, bool) { return a + b, true }}
	sub = scalarFunc{func(a, b float32) float32 { return a - b }, func(a, b int64) (int64, bool) { return a - b, true }}
	mul = scalarFunc{func(a, b float32) float32 { return a * b }, func(a, b int64) (int64, bool) { return a * b, true }}
	div = scalarFunc{func(a, b float32) float32 { return a / b }, func(a, b int64) (int64, bool) {
		if b == 0 {
			return 0, false
		}
		return a / b, true
	}}
	power = scalarFunc{func(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) }, func(a, b int64) (int64, bool) {
		p := math.Pow(float64(a), float64(b))
		return int64(p), p-p == 0 && math.Abs(p) < 1<<53
	}}
	// fmod has the sign of a, mod that of b.
	fmod = scalarFunc{func(a, b float32) float32 { return float32(math.Mod(float64(a), float64(b))) }, func(a, b int64) (int64, bool) {
		if b == 0 {
			return 0, false
		}
		return a % b, true
	}}
	mod = scalarFunc{fmod.f, func(a, b int64) (int64, bool) {
		r, ok := fmod.i(a, b)
		if r != 0 && r < 0 != (b < 0) {
			r += b
		}
		return r, ok
	}}
)

// arithmetic folds a binary operator with broadcasting.
func arithmetic(op scalarFunc) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		typ := int64(typeFloat)
		if len(in) > 0 {
			typ = in[0].typeOr(typ)
		}
		return n.combine(in, typ, func(r, a, b *array, k, i, j int) error {
			if a.isFloat() {
				r.f[k] = op.f(a.f[i], b.f[j])
				return nil
			}
			v, ok := op.i(a.i[i], b.i[j])
			if !ok {
				return n.fail("", "a division by zero, or a result beyond 53 bits")
			}
			r.i[k] = narrow(v, a.typ)
			return nil
		})
	}
}

func foldMod(n *node, in []*array) (*array, error) {
	if n.attrInt("fmod", 0) != 0 {
		return arithmetic(fmod)(n, in)
	}
	return arithmetic(mod)(n, in)
}

// combine broadcasts two operands, floats or integers both, to a result r of the given type,
// of which f sets element k from elements i and j of the operands.
func (n *node) combine(in []*array, typ int64, f func(r, a, b *array, k, i, j int) error) (*array, error) {
	if len(in) != 2 || in[0] == nil || in[1] == nil {
		return nil, n.fail("", "an operand is missing; the file is damaged")
	}
	a, b := in[0], in[1]
	if a.isFloat() != b.isFloat() {
		return nil, errByOp
	}
	dims, ok := broadcast(a.dims, b.dims)
	if !ok {
		return nil, n.fail("", "shapes %v and %v do not fit together", a.dims, b.dims)
	}
	r, err := n.alloc(&array{typ: typ}, dims)
	if err != nil {
		return nil, err
	}
	from, with := n.places(a.dims, dims), n.places(b.dims, dims)
	for k := range from {
		if err := f(r, a, b, k, from[k], with[k]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// broadcast returns the common shape of a and b, aligned at the last dimension.
func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	r := slices.Clone(a)
	for i := range b {
		x, y := a[len(a)-1-i], b[len(b)-1-i]
		if x != y && x != 1 && y != 1 {
			return nil, false
		}
		if x == 1 {
			r[len(a)-1-i] = y
		}
	}
	return r, true
}

// broadcastSteps are the strides of an array of shape a inside the shape r.
func broadcastSteps(a, r []int) []int {
	s, own := make([]int, len(r)), strides(a)
	for i := range a {
		if a[i] != 1 {
			s[len(r)-len(a)+i] = own[i]
		}
	}
	return s
}

func foldSqrt(n *node, in []*array) (*array, error) { return n.mapFloats(in, math.Sqrt) }

func (n *node) mapFloats(in []*array, f func(float64) float64) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	if !x.isFloat() {
		return nil, n.fail(n.inputName(0), "it has type %s, a float type is needed", typeName(x.typ))
	}
	r, err := n.alloc(x, x.dims)
	for i, v := range x.f {
		if err == nil {
			r.f[i] = float32(f(float64(v)))
		}
	}
	return r, err
}

func foldNeg(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	r, err := n.alloc(x, x.dims)
	if err != nil {
		return nil, err
	}
	for i, v := range x.f {
		r.f[i] = -v
	}
	for i, v := range x.i {
		r.i[i] = -v
	}
	return r, nil
}
