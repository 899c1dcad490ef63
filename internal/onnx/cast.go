package onnx

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/x448/float16"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// foldCast converts constants as ONNX's Cast does.
func foldCast(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	return n.castTo(x, int64(n.attrInt("to", 0)))
}

// foldCastLike converts constants to the type of another.
func foldCastLike(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	like, err := n.operandOf(in, 1)
	if err != nil {
		return nil, err
	}
	return n.castTo(x, like.typ)
}

// castTo converts an array. Floats are rounded to even; what is too large for a float of 8
// bits is saturated, unless the node says otherwise. Fractions are dropped on the way to
// integers, which wrap; to truth values goes x != 0.
func (n *node) castTo(x *array, to int64) (*array, error) {
	if bitsOf(to) == 0 {
		return nil, n.fail("to", "a cast to %s is not supported; no network computes with it", typeName(to))
	}
	a, err := n.alloc(&array{typ: to}, x.dims)
	if err != nil {
		return nil, err
	}
	round := n.rounding(to)
	for k := range x.size() {
		switch {
		case x.isFloat() && isFloat(to):
			a.f[k] = round(x.f[k])
		case isFloat(to):
			a.f[k] = round(float32(x.i[k]))
		case x.isFloat():
			a.i[k] = truncated(x.f[k], to)
		default:
			a.i[k] = narrow(x.i[k], to)
		}
	}
	return a, nil
}

// rounding returns how the node rounds to a float type.
func (n *node) rounding(to int64) func(float32) float32 {
	f, saturate := smallFloats[to], n.attrInt("saturate", 1) != 0
	switch {
	case f == nil:
		return func(v float32) float32 { return rounded(v, to) }
	case f.unsigned:
		mode := n.attrString("round_mode", "up")
		return func(v float32) float32 { return f.decode(f.power(v, mode, saturate)) }
	}
	return func(v float32) float32 { return f.decode(f.encode(v, saturate)) }
}

// foldBitCast takes the bits of constants as elements of another type of the same size.
func foldBitCast(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	to := int64(n.attrInt("to", 0))
	if bitsOf(to) != bitsOf(x.typ) || packed(to) {
		return nil, n.fail("to", "bits of %s as %s are not supported; both types must have the same size of whole bytes", typeName(x.typ), typeName(to))
	}
	a, err := n.alloc(&array{typ: to}, x.dims)
	if err != nil {
		return nil, err
	}
	for k := range x.size() {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], x.bits(k))
		a.fromBytes(k, b[:])
	}
	return a, nil
}

// bits returns the bits of element k.
func (a *array) bits(k int) uint64 {
	if !a.isFloat() {
		return uint64(a.i[k])
	}
	switch v := a.f[k]; a.typ {
	case typeFloat:
		return uint64(math.Float32bits(v))
	case typeDouble:
		return math.Float64bits(float64(v))
	case typeFloat16:
		return uint64(float16.Fromfloat32(v).Bits())
	case typeBfloat16:
		return uint64(math.Float32bits(v) >> 16)
	default:
		return uint64(smallFloats[a.typ].encode(v, true))
	}
}

// buildCast converts activations. The host computes all floats in float32, so a cast
// between them changes nothing.
func buildCast(n *node) error {
	if n.has(0) && n.in[0].quant != nil {
		return n.castQuantized()
	}
	return n.castActivation(int64(n.attrInt("to", 0)))
}

// buildCastLike converts activations to the type of another operand.
func buildCastLike(n *node) error {
	if !n.has(1) {
		return n.fail("", "input 1 is missing; the file is damaged")
	}
	return n.castActivation(n.in[1].elemType())
}

// castActivation ends the node with the cast of input 0.
func (n *node) castActivation(to int64) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if bitsOf(to) == 0 || smallFloats[to] != nil || packed(to) {
		return n.fail("to", "a cast of activations to %s is not supported; keep the network in float32", typeName(to))
	}
	kind := elemOf(to)
	if kind == x.act.Elem && (kind != graph.Integer || n.holds(x.elemType(), to)) {
		if err := n.alias(x); err != nil {
			return err
		}
		n.r.names[n.outputs[0]].typ = to
		return nil
	}
	o := op.Cast{To: kind}
	if kind == graph.Integer && !slices.Contains([]int{64, -64}, intBits[to]) {
		o.Bits, o.Signed = bitsOf(to), intBits[to] < 0
	}
	return n.resultLike(x, o)
}

// holds reports whether all integers of one type are of another.
func (n *node) holds(from, to int64) bool {
	a, b := intBits[from], intBits[to]
	switch {
	case a == 0:
		return false
	case a < 0:
		return b < 0 && -b >= -a
	case b < 0:
		return -b > a
	}
	return b >= a
}
