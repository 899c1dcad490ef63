package onnx

import (
	"math"
)

// scaling is how QuantizeLinear and DequantizeLinear scale the elements of a constant.
type scaling struct {
	scale []float32
	zero  []int64
	at    func(k int) int // which of them element k has
	axis  int             // along which they differ, -1 where they lie in blocks
}

// quantAxis returns the axis of per-axis scales.
func (n *node) quantAxis(rank int) (int, error) {
	if rank == 0 {
		return 0, nil
	}
	axis := n.attrInt("axis", 1)
	if rank == 1 && n.attr("axis") == nil {
		axis = 0
	}
	return n.axis(axis, rank)
}

// scalingOf reads inputs 1 and 2: one scale, one for each index of an axis, or one for each
// block of block_size indexes of it.
func (n *node) scalingOf(in []*array, x *array) (*scaling, error) {
	s, err := n.operandOf(in, 1)
	if err != nil {
		return nil, err
	}
	if !s.isFloat() {
		return nil, n.fail(n.inputName(1), "scales of %s are not valid", typeName(s.typ))
	}
	r := &scaling{scale: s.f, zero: make([]int64, len(s.f))}
	if len(in) > 2 && in[2] != nil && !in[2].isFloat() { // floats have no zero point
		r.zero = in[2].i
	}
	block := n.attrInt("block_size", 0)
	fits := len(r.zero) == len(s.f)
	switch {
	case len(s.f) == 1 && block == 0:
		r.at = func(int) int { return 0 }
	case len(x.dims) == 0:
		fits, r.at = false, nil
	case block < 0:
		return nil, n.fail("block_size", "%d; the file is damaged", block)
	case block > 0:
		if r.axis, err = n.quantAxis(len(x.dims)); err != nil {
			return nil, err
		}
		fits = fits && inBlocks(x.dims, s.dims, r.axis, block)
		r.at = blocks(x.dims, s.dims, r.axis, block)
		r.axis = -1
	default:
		if r.axis, err = n.quantAxis(len(x.dims)); err != nil {
			return nil, err
		}
		inner, count := max(volume(x.dims[r.axis+1:]), 1), x.dims[r.axis]
		fits = fits && len(s.dims) == 1 && count == len(s.f)
		r.at = func(k int) int { return k / inner % count }
	}
	if !fits {
		return nil, n.fail("", "%d scales and %d zero points for shape %v", len(s.f), len(r.zero), x.dims)
	}
	return r, nil
}

// inBlocks reports whether scales are those of blocks along an axis of dims.
func inBlocks(dims, scales []int, axis, block int) bool {
	if len(scales) != len(dims) {
		return false
	}
	for d := range dims {
		if scales[d] != dims[d] && !(d == axis && scales[d] == (dims[d]+block-1)/block) {
			return false
		}
	}
	return true
}

// blocks returns which scale [scales] an element of shape dims has.
func blocks(dims, scales []int, axis, block int) func(int) int {
	stride, own := strides(dims), strides(scales)
	return func(k int) int {
		at := 0
		for d := range dims {
			i := k / stride[d] % dims[d]
			if d == axis {
				i /= block
			}
			at += i * own[d]
		}
		return at
	}
}

// foldDequantize computes (q - zero) * scale of constants, and keeps the grid.
func foldDequantize(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	if x.isFloat() && smallFloats[x.typ] == nil {
		return nil, n.fail("", "%s needs no scale; the file is damaged", typeName(x.typ))
	}
	s, err := n.scalingOf(in, x)
	if err != nil {
		return nil, err
	}
	typ := int64(n.attrInt("output_dtype", int(in[1].typ)))
	if !isFloat(typ) || typ == typeE8M0 {
		typ = typeFloat
	}
	r, err := n.alloc(&array{typ: typ}, x.dims)
	if err != nil {
		return nil, err
	}
	if !x.isFloat() && s.axis >= 0 {
		r.grid = &gridInfo{scale: s.scale, q: make([]int64, len(x.i)), axis: s.axis}
	}
	for k := range x.size() {
		c := s.at(k)
		if x.isFloat() {
			r.f[k] = rounded(x.f[k]*s.scale[c], typ)
			continue
		}
		q := x.i[k] - s.zero[c]
		r.f[k] = rounded(float32(q)*s.scale[c], typ)
		if r.grid != nil {
			r.grid.q[k] = q
		}
	}
	return r, nil
}

// quantizedType returns the type that a QuantizeLinear makes.
func (n *node) quantizedType(in []*array) int64 {
	if len(in) > 2 && in[2] != nil {
		return in[2].typ
	}
	if typ := int64(n.attrInt("output_dtype", 0)); typ != 0 {
		return typ
	}
	return typeUint8
}

// foldQuantize computes saturate(round(x / scale) + zero) of constants, halves to even: the
// weights of a network that was trained with quantization.
func foldQuantize(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	s, err := n.scalingOf(in, x)
	if err != nil {
		return nil, err
	}
	typ := n.quantizedType(in)
	lo, hi := integerRange(typ)
	if lo == hi && smallFloats[typ] == nil {
		return nil, n.fail("", "%s to %s by scales is not supported", typeName(x.typ), typeName(typ))
	}
	r, err := n.alloc(&array{typ: typ}, x.dims)
	if err != nil {
		return nil, err
	}
	round := n.rounding(typ)
	for k := range x.size() {
		v, c := x.real(k), s.at(k)
		if r.isFloat() {
			r.f[k] = round(v / s.scale[c])
			continue
		}
		q := math.RoundToEven(float64(v/s.scale[c])) + float64(s.zero[c])
		if v == 0 {
			q = float64(s.zero[c]) // also with a scale of 0
		}
		if q != q {
			return nil, n.fail(n.inputName(0), "value %d is %v with scale %v; the training has diverged", k, v, s.scale[c])
		}
		r.i[k] = int64(max(lo, min(hi, q)))
	}
	r.name = x.name
	return r, nil
}

// real returns element k as a float.
func (a *array) real(k int) float32 {
	if a.isFloat() {
		return a.f[k]
	}
	return float32(a.i[k])
}

// integerRange returns the smallest and largest integer of a type of at most 16 bits, equal
// for others.
func integerRange(typ int64) (lo, hi float64) {
	switch b := intBits[typ]; {
	case b > 0 && b <= 16:
		return 0, math.Ldexp(1, b) - 1
	case b < 0 && b >= -16:
		return -math.Ldexp(1, -b-1), math.Ldexp(1, -b-1) - 1
	}
	return 0, 0
}

// foldDynamicQuantize scales constants to uint8 by their own range, zero included.
func foldDynamicQuantize(n *node) error {
	x := n.in[0].constant()
	if x == nil || !x.isFloat() {
		return n.fail(n.inputName(0), "it has no float values that are known; the file is damaged")
	}
	lo, hi := float32(0), float32(0)
	for _, v := range x.f {
		lo, hi = min(lo, v), max(hi, v)
	}
	scale := (hi - lo) / 255
	zero := float32(0)
	if scale != 0 {
		zero = float32(math.RoundToEven(float64(max(0, min(255, -lo/scale)))))
	}
	q, err := n.alloc(&array{typ: typeUint8}, x.dims)
	if err != nil {
		return err
	}
	for k, v := range x.f {
		r := zero
		if scale != 0 {
			r += float32(math.RoundToEven(float64(v / scale)))
		}
		q.i[k] = int64(max(0, min(255, r)))
	}
	n.define(0, constantOperand(q))
	n.define(1, constantOperand(&array{typ: typeFloat, dims: []int{}, f: []float32{scale}}))
	n.define(2, constantOperand(&array{typ: typeUint8, dims: []int{}, i: []int64{int64(zero)}}))
	return nil
}
