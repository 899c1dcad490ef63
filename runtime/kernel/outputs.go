package kernel

import (
	"slices"
	"unsafe"
)

// requantization is Output for eight channels, as micro-kernels take it.
//
//	sum = sum << Left * Mantissa / 2^31, rounded
//	zero + sum / 2^Right, rounded, clamped
//
// It is exact where no step leaves 32 bits; see newRequantization.
type requantization struct {
	left, mantissa, away, half, right [8]int32
	low, high, zero                   int32 // low and high are less zero
	nudge                             int32 // half of 2^31, or 0 to round once
	simple                            bool  // left is 0 and right is not, in all channels, and nudge is not 0
}

// scale is the requantization of all channels, in eights; nil where it is not exact.
type scale []requantization

// simple reports whether all channels are.
func (s scale) simple() bool {
	return !slices.ContainsFunc(s, func(r requantization) bool { return !r.simple })
}

func (s scale) bytes() int { return int(unsafe.Sizeof(requantization{})) * len(s) }

// newScale returns what o does to sums of at most such magnitudes.
func newScale(o *Output, most []int64) scale {
	if o.Mul == nil {
		return nil
	}
	var all scale
	for c := 0; c < len(most); c += 8 {
		r, ok := newRequantization(o, most, c)
		if !ok {
			return nil
		}
		all = append(all, r)
	}
	return all
}

// newRequantization returns what Output does to the sums of eight channels, from first on,
// or false where an intermediate result might not fit into 32 bits. most are bounds of
// the sums' magnitudes.
func newRequantization(o *Output, most []int64, first int) (r requantization, ok bool) {
	r.low, r.high, r.zero = o.Lo-o.Zero, o.Hi-o.Zero, o.Zero
	r.simple = !o.Once
	if !o.Once {
		r.nudge = 1 << 30
	}
	for i := range r.right { // channels that are not there
		r.right[i], r.half[i], r.away[i] = 1, 1, -1
	}
	for i := range min(len(r.left), len(most)-first) {
		m := o.Mul[first+i]
		r.mantissa[i] = m.Mantissa
		r.left[i], r.right[i], r.half[i], r.away[i] = max(m.Shift, 0), max(-m.Shift, 0), 0, 0
		r.simple = r.simple && m.Shift < 0
		if o.Once && m.Shift >= 0 { // its only rounding is that of the second step
			r.left[i], r.right[i] = m.Shift+1, 1
		}
		if r.right[i] > 0 {
			r.half[i] = 1 << (r.right[i] - 1)
			if !o.Once {
				r.away[i] = -1
			}
		}
		if r.left[i] > 29 || most[first+i]<<r.left[i] >= 1<<30 {
			return r, false
		}
	}
	return r, true
}

// outputs turns the sums of n pixels from at on, rows of panelWidth, into outputs: those
// of so many channels of l from c on, the first eight of which have requantization i.
func (s scale) outputs(m *micro, i int, out output, l *Layer, c, channels, at, n int, sums []int32) {
	first := out.first + at*out.stride + c
	switch {
	case out.real != nil:
		for i := range n {
			l.real(out.real[first+i*out.stride:], sums[i*panelWidth:][:channels], c)
		}
	case s == nil:
		for i := range n {
			l.quantized(out.y[first+i*out.stride:], sums[i*panelWidth:][:channels], c)
		}
	default:
		s.requantize(m, i, out.y[first:], out.stride, channels, n, sums)
	}
}

// requantize writes the first channels of n rows of sums by the requantizations from i on.
func (s scale) requantize(m *micro, i int, y []int8, stride, channels, n int, sums []int32) {
	args := requantizeArgs{acc: &sums[0], scale: &s[i], y: &y[0], stride: stride, pixels: n}
	if channels == panelWidth && s[i].simple && s[i+1].simple {
		m.requantizePanel(&args)
		return
	}
	for half := 0; half < channels; half += 8 {
		args.acc, args.scale, args.y = &sums[half], &s[i+half/8], &y[half]
		if channels-half >= 8 {
			m.requantize(&args)
		} else {
			m.requantizePart(&args, y[half:], channels-half)
		}
	}
}

// requantizePart writes less than eight channels.
func (m *micro) requantizePart(args *requantizeArgs, y []int8, channels int) {
	var eight [8 * blockPixels]int8
	m.requantize(&requantizeArgs{acc: args.acc, scale: args.scale, y: &eight[0], stride: 8, pixels: args.pixels})
	for i := range args.pixels {
		copy(y[i*args.stride:][:channels], eight[8*i:])
	}
}

// uniform returns the requantization that is the same for all elements: that of a panel of
// equal channels.
func uniform(m Multiplier, zero, lo, hi int32, most int64) scale {
	return newScale(&Output{Mul: slices.Repeat([]Multiplier{m}, panelWidth), Zero: zero, Lo: lo, Hi: hi}, slices.Repeat([]int64{most}, panelWidth))
}
