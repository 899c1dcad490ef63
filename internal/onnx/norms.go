package onnx

import (
	"math"
	"slices"

	"edgec/internal/op"
)

// norm emits the normalization of the file's dimensions of x from axis on.
func (s *steps) norm(x *operand, axis int, rms bool, epsilon float32) *operand {
	d := s.dims(x)[0]
	if s.err == nil {
		axis, s.err = s.n.axis(axis, len(d))
	}
	if s.err == nil && x.batch.at >= axis {
		x = s.free(x, x.batch.at)
	}
	return s.of(op.Normalize{RMS: rms, Axis: s.axis(x, axis), Epsilon: epsilon}, x)
}

// scaled multiplies by optional input i and adds optional input j; -1 is none.
func (s *steps) scaled(x *operand, i, j int) *operand {
	if i >= 0 && s.n.has(i) {
		x = s.pair(op.Mul{}, x, s.n.in[i])
	}
	if j >= 0 && s.n.has(j) {
		x = s.pair(op.Add{}, x, s.n.in[j])
	}
	return x
}

// buildLayerNorm reads LayerNormalization or RMSNormalization, and, of the former, the mean
// and the inverse deviation as outputs 1 and 2.
func buildLayerNorm(rms bool) func(*node) error {
	return func(n *node) error {
		epsilon, err := n.finite("epsilon", 1e-5)
		if err != nil {
			return err
		}
		s := n.steps()
		x, axis := s.activation(0), n.attrInt("axis", -1)
		if err := s.result(0, s.scaled(s.norm(x, axis, rms, epsilon), 1, 2)); err != nil {
			return err
		}
		return n.deviation(x, axis, epsilon)
	}
}

// deviation binds outputs 1 and 2 to the mean and to 1/sqrt(variance + epsilon) over the
// dimensions from axis on.
func (n *node) deviation(x *operand, axis int, epsilon float32) error {
	if len(n.outputs) < 2 {
		return nil
	}
	s := n.steps()
	var axes []int
	rank := len(s.dims(x)[0])
	for k := (axis + rank) % rank; k < rank; k++ {
		axes = append(axes, k)
		x = s.free(x, k)
	}
	mean := s.reduce(op.Mean, x, axes...)
	centered := s.pair(op.Sub{}, x, mean)
	deviation := s.of(op.Sqrt{}, s.plus(s.reduce(op.Mean, s.pair(op.Mul{}, centered, centered), axes...), epsilon))
	if err := s.result(1, mean); err != nil {
		return err
	}
	return s.result(2, s.of(op.Reciprocal{}, deviation))
}

// buildInstanceNorm reads a layer normalization over the pixels of each channel, with a scale
// and a bias for each channel.
func buildInstanceNorm(n *node) error {
	epsilon, err := n.finite("epsilon", 1e-5)
	if err != nil {
		return err
	}
	s := n.steps()
	x := s.activation(0)
	dims := s.dims(x)
	y := s.reshape(x, s.shaped(x, func(d []int) []int { return append(d[:min(2, len(d))], -1) }))
	if s.err == nil && len(dims[0]) < 3 {
		return n.fail("", "an input of shape %v has no pixels; needs [N, C, sizes...]", dims[0])
	}
	y = s.reshape(s.norm(y, -1, false, epsilon), dims)
	return s.result(0, s.perChannel(y, 1, 2))
}

// perChannel multiplies by input i and adds input j, which have a number for each channel,
// dimension 1 of x in the file.
func (s *steps) perChannel(x *operand, i, j int) *operand {
	rank := len(s.dims(x)[0])
	shaped := func(i int) *operand {
		k := s.input(i)
		return s.reshape(k, s.shaped(k, func(d []int) []int { return append([]int{-1}, slices.Repeat([]int{1}, rank-2)...) }))
	}
	return s.pair(op.Add{}, s.pair(op.Mul{}, x, shaped(i)), shaped(j))
}

// buildGroupNorm reads a layer normalization over groups of channels; scale and bias are one
// for each group before operator set 21, one for each channel from then on.
func buildGroupNorm(n *node) error {
	epsilon, err := n.finite("epsilon", 1e-5)
	if err != nil {
		return err
	}
	s := n.steps()
	x, groups := s.activation(0), n.attrInt("num_groups", 0)
	dims := s.dims(x)
	if s.err == nil && (len(dims[0]) < 2 || groups < 1 || dims[0][1]%groups != 0) {
		return n.fail("num_groups", "%d groups do not fit an input of shape %v; the file is damaged", groups, dims[0])
	}
	y := s.reshape(x, s.shaped(x, func(d []int) []int { return []int{d[0], groups, -1} }))
	y = s.norm(y, -1, false, epsilon)
	if n.r.opset < 21 {
		return s.result(0, s.reshape(s.perChannel(y, 1, 2), dims))
	}
	return s.result(0, s.perChannel(s.reshape(y, dims), 1, 2))
}

// meanVarianceEpsilon squared is what a variance of zero counts as: ONNX adds 1e-9 to the
// deviation.
const meanVarianceEpsilon = 1e-9

// buildMeanVariance reads a layer normalization over any dimensions, which are moved to the
// end and back.
func buildMeanVariance(n *node) error {
	s := n.steps()
	x := s.activation(0)
	rank := len(s.dims(x)[0])
	axes := []int64{0, 2, 3}
	if a := n.attr("axes"); a != nil {
		axes = a.ints
	}
	perm, over := []int{}, make([]bool, rank)
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), rank)
		if err != nil {
			return err
		}
		over[k], x = true, s.free(x, k)
	}
	for k, on := range over {
		if !on {
			perm = append(perm, k)
		}
	}
	first := len(perm)
	for k, on := range over {
		if on {
			perm = append(perm, k)
		}
	}
	y := s.transpose(x, perm...)
	y = s.norm(y, first, false, meanVarianceEpsilon*meanVarianceEpsilon)
	return s.result(0, s.transpose(y, inverse(perm)...))
}

// inverse returns the permutation that undoes perm.
func inverse(perm []int) []int {
	back := make([]int, len(perm))
	for i, p := range perm {
		back[p] = i
	}
	return back
}

// buildLpNorm reads x / (|x_1|^p + ...)^(1/p) along one axis; vectors of zeros stay.
func buildLpNorm(n *node) error {
	kind := op.L2
	switch p := n.attrInt("p", 2); p {
	case 1:
		kind = op.L1
	case 2:
	default:
		return n.fail("p", "%d is not known, only 1 and 2", p)
	}
	s := n.steps()
	x := s.activation(0)
	axis, err := n.axis(n.attrInt("axis", -1), len(s.dims(x)[0]))
	if s.err == nil {
		s.err = err
	}
	x = s.free(x, axis)
	norm := s.of(op.Clip{Lo: math.SmallestNonzeroFloat32 * (1 << 23), Hi: float32(math.Inf(1))}, s.reduce(kind, x, axis))
	return s.result(0, s.pair(op.Div{}, x, norm))
}

// buildLRN reads x / (bias + alpha/size sum x^2)^beta, where the sum is over size channels
// around each: the mean of windows of size channels, padded by zeros that count.
func buildLRN(n *node) error {
	size := n.attrInt("size", 0)
	var k [3]float32
	for i, a := range []struct {
		name string
		def  float32
	}{{"alpha", 1e-4}, {"beta", 0.75}, {"bias", 1}} {
		var err error
		if k[i], err = n.finite(a.name, a.def); err != nil {
			return err
		}
	}
	s := n.steps()
	x := s.activation(0)
	dims := s.dims(x)
	if s.err == nil && (size < 1 || size > 1<<16 || len(dims[0]) < 2) {
		return n.fail("size", "windows of %d channels of an input of shape %v; the file is damaged", size, dims[0])
	}
	y := s.reshape(s.pair(op.Mul{}, x, x), s.shaped(x, func(d []int) []int { return []int{d[0], 1, d[1], -1} }))
	if s.err == nil && y.batch != batchFirst {
		y = s.withRows(y)
	}
	y = s.of(op.AvgPool{KH: size, KW: 1, PadT: (size - 1) / 2, PadB: size / 2, CountPad: true}, y)
	y = s.plus(s.times(s.reshape(y, dims), k[0]), k[2])
	return s.result(0, s.pair(op.Mul{}, x, s.of(op.Power{K: -k[1]}, y)))
}

// withRows returns an image [N, 1, C, P] of a file without a batch as [1, N, C, P].
func (s *steps) withRows(x *operand) *operand {
	d := s.dims(x)
	y := s.reshape(x, [2][]int{{1, d[0][0], d[0][2], d[0][3]}, {1, d[1][0], d[1][2], d[1][3]}})
	if s.err == nil && y.batch != batchFirst {
		s.err = s.n.fail("", "the batch must be the first dimension of the input")
	}
	return y
}
