package onnx

import (
	"math"
)

// Front ends of sound: transforms by matrices of sines, windows and filters.

// transform is a discrete Fourier transform of length n of samples that are real (1 number
// each) or complex (2), of which taken are given; made are its results.
type transform struct {
	length, taken, made, numbers int
	inverse, onesided            bool
}

// numbersMade is how many numbers a result has.
func (t transform) numbersMade() int {
	if t.inverse && t.onesided {
		return 1
	}
	return 2
}

// matrix returns [taken*numbers, made*numbersMade], computed in float64.
func (t transform) matrix(n *node) (*array, error) {
	out := t.numbersMade()
	a, err := n.alloc(&array{typ: typeFloat}, []int{t.taken * t.numbers, t.made * out})
	if err != nil {
		return nil, err
	}
	a.name = n.title()
	sign, scale := -1.0, 1.0
	if t.inverse {
		sign, scale = 1, 1/float64(t.length)
	}
	columns := t.made * out
	for j := range min(t.taken, t.length) {
		weight := scale
		if out == 1 && j > 0 && 2*j != t.length {
			weight *= 2 // and its mirror image
		}
		for k := range t.made {
			sin, cos := math.Sincos(sign * 2 * math.Pi * float64(j*k%t.length) / float64(t.length))
			re, im := a.f[j*t.numbers*columns+k*out:], a.f[min(j*t.numbers+1, t.taken*t.numbers-1)*columns+k*out:]
			re[0] = float32(weight * cos)
			if t.numbers == 2 {
				im[0] = float32(-weight * sin)
			}
			if out == 2 {
				re[1] = float32(weight * sin)
				if t.numbers == 2 {
					im[1] = float32(weight * cos)
				}
			}
		}
	}
	return a, nil
}

// length returns the known length at operand i, or otherwise where it is absent.
func (n *node) length(i, otherwise int) (int, error) {
	if !n.has(i) {
		return otherwise, nil
	}
	v, err := n.integers(i)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 || v[0] < 1 || v[0] > 1<<20 {
		return 0, n.fail(n.inputName(i), "a length of %v is not supported, only one of 1 to 1048576", v)
	}
	return int(v[0]), nil
}

// readDFT reads a transform along an axis as a product with a matrix.
func readDFT(n *node) error {
	if !n.has(0) {
		return n.fail("", "input 0 is missing; the file is damaged")
	}
	x, dims := n.in[0], n.dimsOf(n.in[0])
	rank := len(dims)
	if rank < 2 || dims[rank-1] != 1 && dims[rank-1] != 2 {
		return n.fail(n.inputName(0), "a shape of %v; one or two numbers are needed for each sample", dims)
	}
	axis := n.attrInt("axis", 1)
	if n.r.opset >= 20 {
		axis = -2
		if n.has(2) {
			v, err := n.integers(2)
			if err != nil || len(v) != 1 {
				return n.fail(n.inputName(2), "an axis is needed that is known")
			}
			axis = int(max(-100, min(v[0], 100)))
		}
	}
	axis, err := n.axis(axis, rank)
	if err != nil {
		return err
	}
	if axis == rank-1 || x.act != nil && axis == x.batch.at && !n.r.ofOne() {
		return n.fail("axis", "a transform along dimension %d of %v, the batch or the numbers of a sample, is not supported", axis, dims)
	}
	t := transform{taken: dims[axis], numbers: dims[rank-1], inverse: n.attrInt("inverse", 0) != 0, onesided: n.attrInt("onesided", 0) != 0}
	t.length = t.taken
	if t.inverse && t.onesided {
		t.length = max(1, 2*(t.taken-1))
	}
	if t.length, err = n.length(1, t.length); err != nil {
		return err
	}
	t.made = t.length
	if t.onesided && !t.inverse {
		t.made = t.length/2 + 1
	}
	y, err := n.transform(x, axis, t)
	if err != nil {
		return err
	}
	same := *y
	n.bind([]*operand{&same})
	return nil
}

// transform multiplies the samples along an axis of x, whose last dimension holds the
// numbers of a sample, by t's matrix.
func (n *node) transform(x *operand, axis int, t transform) (*operand, error) {
	m, err := t.matrix(n)
	if err != nil {
		return nil, err
	}
	rank := len(n.dimsOf(x))
	var perm []int64
	for k := range rank {
		perm = append(perm, int64(k))
	}
	perm[axis], perm[rank-2] = perm[rank-2], perm[axis]
	swap := func(o *operand) (*operand, error) {
		if axis == rank-2 {
			return o, nil
		}
		return n.step("Transpose", []*attrProto{intsAttr("perm", perm...)}, o)
	}
	if x, err = swap(x); err != nil {
		return nil, err
	}
	var flat, made [2][]int
	for trial := range flat {
		dims := n.trialDims(x, trial)
		flat[trial] = append(dims[:rank-2:rank-2], t.taken*t.numbers)
		made[trial] = append(dims[:rank-2:rank-2], t.made, t.numbersMade())
	}
	if x, err = n.reshapeTo(x, flat); err != nil {
		return nil, err
	}
	if x, err = n.step("MatMul", nil, x, constantOperand(m)); err != nil {
		return nil, err
	}
	if x, err = n.reshapeTo(x, made); err != nil {
		return nil, err
	}
	return swap(x)
}

// readSTFT reads transforms of frames of a real signal [batch, samples, 1] as a convolution
// by windows of sines.
func readSTFT(n *node) error {
	if !n.has(0) {
		return n.fail("", "input 0 is missing; the file is damaged")
	}
	x, dims := n.in[0], n.dimsOf(n.in[0])
	if len(dims) < 2 || len(dims) > 3 || len(dims) == 3 && dims[2] != 1 {
		return n.fail(n.inputName(0), "a shape of %v is not supported, only a real signal [batch, samples, 1]", dims)
	}
	step, err := n.length(1, 0)
	if err != nil {
		return err
	}
	var window *array
	frame := 0
	if n.has(2) {
		if window, err = n.floats(2); err != nil {
			return err
		}
		frame = window.size()
	}
	if frame, err = n.length(3, frame); err != nil {
		return err
	}
	if step < 1 || frame < 1 || frame > dims[1] || window != nil && window.size() != frame {
		return n.fail("", "frames of %d samples, %d apart, of a signal of %d are not valid", frame, step, dims[1])
	}
	t := transform{length: frame, taken: frame, made: frame, numbers: 1}
	if n.attrInt("onesided", 1) != 0 {
		t.made = frame/2 + 1
	}
	m, err := t.matrix(n)
	if err != nil {
		return err
	}
	w := transpose(m, []int{1, 0}).reshaped([]int{2 * t.made, 1, frame})
	for k := range w.f {
		if window != nil {
			w.f[k] *= window.f[k%frame]
		}
	}
	return n.frames(x, w, step, t.made)
}

// frames convolves the signal x and brings the results into the order [batch, frames, made, 2].
func (n *node) frames(x *operand, w *array, step, made int) error {
	var row, all [2][]int
	count := 0
	for trial := range row {
		dims := n.trialDims(x, trial)
		count = (dims[1]-w.dims[2])/step + 1
		row[trial], all[trial] = []int{dims[0], 1, dims[1]}, []int{dims[0], count, made, 2}
	}
	y, err := n.reshapeTo(x, row)
	if err != nil {
		return err
	}
	if y, err = n.step("Conv", []*attrProto{intsAttr("strides", int64(step))}, y, constantOperand(w)); err != nil {
		return err
	}
	if y, err = n.step("Transpose", []*attrProto{intsAttr("perm", 0, 2, 1)}, y); err != nil {
		return err
	}
	if y, err = n.reshapeTo(y, all); err != nil {
		return err
	}
	same := *y
	n.bind([]*operand{&same})
	return nil
}

// foldWindow computes a - b cos(2 pi k / n) + c cos(4 pi k / n) of as many k as the operand
// says.
func foldWindow(a, b, c float64) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		size, err := n.integersOf(in, 0)
		if err != nil {
			return nil, err
		}
		if len(size) != 1 || size[0] < 1 || size[0] > maxElements {
			return nil, n.fail("size", "%v is not valid; a number from 1 on is needed", size)
		}
		r, err := n.alloc(&array{typ: typeFloat}, []int{int(size[0])})
		if err != nil {
			return nil, err
		}
		period := float64(size[0])
		if n.attrInt("periodic", 1) == 0 {
			period = max(1, period-1)
		}
		for k := range r.f {
			x := 2 * math.Pi * float64(k) / period
			r.f[k] = float32(a - b*math.Cos(x) + c*math.Cos(2*x))
		}
		return n.castTo(r, int64(n.attrInt("output_datatype", typeFloat)))
	}
}

// foldMelWeights computes triangles on the mel scale, one for each column, as the reference
// implementation of ONNX does.
func foldMelWeights(n *node, in []*array) (*array, error) {
	var v [5]float64
	for i := range v {
		x, err := n.operandOf(in, i)
		if err != nil {
			return nil, err
		}
		if x.size() != 1 {
			return nil, n.fail(n.inputName(i), "%d values, one is needed", x.size())
		}
		v[i] = float64(x.real(0))
	}
	bins, length, rate := int(v[0]), int(v[1]), v[2]
	if bins < 1 || bins > 1<<16 || length < 1 || length > 1<<20 || !(rate > 0) {
		return nil, n.fail("", "%d filters of %d frequencies at %v Hz are not valid", bins, length, rate)
	}
	r, err := n.alloc(&array{typ: typeFloat}, []int{length/2 + 1, bins})
	if err != nil {
		return nil, err
	}
	mel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	low, high := mel(v[3]), mel(v[4])
	at := make([]int, bins+2)
	for k := range at {
		f := 700 * math.Expm1((float64(k)*(high-low)/float64(bins+2)+low)/2595*math.Ln10)
		at[k] = int(max(0, min(math.Floor(float64(length+1)*f/rate), float64(length/2))))
	}
	for i := range bins {
		left, center, right := at[i], at[i+1], at[i+2]
		if left == center {
			r.f[center*bins+i] = 1
		}
		for j := left; j <= center && left < center; j++ {
			r.f[j*bins+i] = float32(j-left) / float32(center-left)
		}
		for j := center; j < right; j++ {
			r.f[j*bins+i] = float32(right-j) / float32(right-center)
		}
	}
	return n.castTo(r, int64(n.attrInt("output_datatype", typeFloat)))
}
