package onnx

import (
	"math"

	"edgec/internal/op"
)

// maxSpectrum bounds the length of a Fourier transform, whose matrix is a weight.
const maxSpectrum = 1 << 11

// buildDFT reads a discrete Fourier transform along a dimension as the product with its
// matrix; the last dimension of x is 1, for real numbers, or 2.
func buildDFT(n *node) error {
	s := n.steps()
	x := s.activation(0)
	d := s.dims(x)[0]
	if s.err != nil {
		return s.err
	}
	axis, err := n.spectrumAxis(d)
	if err != nil {
		return err
	}
	last, backward, half := len(d)-1, n.attrInt("inverse", 0) != 0, n.attrInt("onesided", 0) != 0
	length := d[axis]
	if backward && half {
		length = 2 * (d[axis] - 1)
	}
	if length, err = n.oneInteger(1, length); err != nil {
		return err
	}
	if length < 1 || length > maxSpectrum || d[axis] > maxSpectrum {
		return n.fail("dft_length", "a length of %d is not supported, only 1 to %d", length, maxSpectrum)
	}
	perm := []int{}
	for k := range last {
		if k != axis {
			perm = append(perm, k)
		}
	}
	perm = append(perm, axis, last)
	back := inverse(perm)
	x = s.transpose(x, perm...)
	x = s.reshape(x, s.shaped(x, func(d []int) []int { return append(d[:last-1], d[last-1]*d[last]) }))
	m, parts, count := fourier(d[axis], d[last], length, backward, half)
	y := s.call("MatMul", []*operand{x, s.numbers("fourier", m, d[axis]*d[last], count*parts)})
	y = s.reshape(y, s.shaped(y, func(d []int) []int { return append(d[:last-1], count, parts) }))
	return s.result(0, s.transpose(y, back...))
}

func inverse2(perm []int) []int { return inverse(perm) }

// spectrumAxis returns the dimension of a transform: an attribute before operator set 20, an
// input from then on.
func (n *node) spectrumAxis(d []int) (int, error) {
	at := n.attrInt("axis", 1)
	if n.r.opset >= 20 {
		var err error
		if at, err = n.oneInteger(2, -2); err != nil {
			return 0, err
		}
	}
	axis, err := n.axis(at, len(d))
	if last := len(d) - 1; err == nil && (axis == last || d[last] > 2) {
		err = n.fail("axis", "dimension %d of %v is not supported; the last one is for real and imaginary parts", axis, d)
	}
	return axis, err
}

// oneInteger returns the number that constant input i is, def where it is absent.
func (n *node) oneInteger(i, def int) (int, error) {
	if !n.has(i) {
		return def, nil
	}
	v, err := n.integers(i)
	if err == nil && len(v) != 1 {
		err = n.fail(n.inputName(i), "it has %d values, one is needed", len(v))
	}
	if err != nil {
		return 0, err
	}
	return int(max(-1<<30, min(v[0], 1<<30))), nil
}

// fourier returns the matrix [size*in, count*parts] of a transform of the given length, of
// size numbers with in parts each: count numbers of 1 or 2 parts.
func fourier(size, in, length int, inverse, half bool) (m []float32, parts, count int) {
	parts, count = 2, length
	sign, scale := -1.0, 1.0
	switch {
	case inverse && half:
		parts = 1
	case half:
		count = length/2 + 1
	}
	if inverse {
		sign, scale = 1, 1/float64(length)
	}
	m = make([]float32, size*in*count*parts)
	for i := range min(size, length) {
		for k := range count {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*k%length) / float64(length))
			weight := scale
			if inverse && half && i > 0 && 2*i != length { // it stands for its conjugate too
				weight *= 2
			}
			for p := range in {
				re, im := weight*cos, weight*sign*sin
				if p == 1 {
					re, im = -im, re
				}
				at := (i*in+p)*count*parts + k*parts
				m[at] = float32(re)
				if parts == 2 {
					m[at+1] = float32(im)
				}
			}
		}
	}
	return m, parts, count
}

// buildSTFT reads the spectra of frames as a convolution of the signal [B, L, 1] whose
// weights are windowed sines and cosines.
func buildSTFT(n *node) error {
	s := n.steps()
	x := s.activation(0)
	d := s.dims(x)[0]
	if s.err != nil {
		return s.err
	}
	step, err := n.oneInteger(1, 0)
	if err != nil {
		return err
	}
	var window []float32
	if n.has(2) {
		w, err := n.floats(2)
		if err != nil {
			return err
		}
		window = w.f
	}
	size, err := n.oneInteger(3, len(window))
	if err != nil {
		return err
	}
	real := len(d) == 2 || len(d) == 3 && d[2] == 1
	if step < 1 || size < 1 || size > maxSpectrum || window != nil && size != len(window) || !real {
		return n.fail("", "frames of %d in steps of %d of a signal %v are not supported; needs [B, L, 1] of real numbers, frames of at most %d", size, step, d, maxSpectrum)
	}
	m, _, count := fourier(size, 1, size, false, n.attrInt("onesided", 1) != 0)
	weights := make([]float32, len(m))
	for i := range size {
		for c := range 2 * count {
			v := m[i*2*count+c]
			if window != nil {
				v *= window[i]
			}
			weights[c*size+i] = v
		}
	}
	x = s.reshape(x, s.shaped(x, func(d []int) []int { return []int{d[0], 1, d[1]} }))
	y := s.convolved([]*operand{x, s.numbers("fourier", weights, 2*count, 1, size)}, 1, &attrProto{name: "strides", ints: []int64{int64(step)}})
	y = s.transpose(y, 0, 2, 1)
	return s.result(0, s.reshape(y, s.shaped(y, func(d []int) []int { return []int{d[0], d[1], count, 2} })))
}

// foldWindow computes a window of cosines: sum_k coefficients[k] cos(2 pi k i / period).
func foldWindow(coefficients ...float64) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		size, err := n.integersOf(in, 0)
		if err != nil {
			return nil, err
		}
		if to := n.attrInt("output_datatype", typeFloat); len(size) != 1 || size[0] < 1 || to != typeFloat {
			return nil, n.fail("size", "a window of %v numbers of %s is not supported", size, typeName(int64(to)))
		}
		r, err := n.alloc(&array{typ: typeFloat}, []int{int(min(size[0], maxElements))})
		if err != nil {
			return nil, err
		}
		period := float64(len(r.f))
		if n.attrInt("periodic", 1) == 0 {
			period = math.Max(1, period-1)
		}
		for i := range r.f {
			v := 0.0
			for k, c := range coefficients {
				v += c * math.Cos(2*math.Pi*float64(k*i)/period)
			}
			r.f[i] = float32(v)
		}
		return r, nil
	}
}

// buildSwiGLU reads a swish of one activation times another.
func buildSwiGLU(n *node) error {
	alpha, err := n.finite("alpha", 1)
	if err != nil {
		return err
	}
	s := n.steps()
	return s.result(0, s.pair(op.Mul{}, s.of(op.Swish{Alpha: alpha}, s.activation(0)), s.input(1)))
}
