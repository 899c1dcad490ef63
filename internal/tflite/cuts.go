package tflite

import (
	"fmt"
	"slices"

	"edgec/runtime/format"
)

// cut appends the elements of x from first on, in steps, as many in each dimension as y has.
func (c *call) cut(x, y int, first, step []int) error {
	from, to := c.f.Tensors[x].Shape, c.f.Tensors[y].Shape
	i, stride := format.Instr{Op: format.OpMove, Strides: make([]int, len(from))}, 1
	for d := len(from) - 1; d >= 0; d-- {
		if first[d] < 0 || step[d] < 1 || first[d]+(to[d]-1)*step[d] >= from[d] {
			return fmt.Errorf("from %v in steps of %v, %v of %v: the file is damaged", first, step, to, from)
		}
		i.Start += first[d] * stride
		i.Strides[d] = step[d] * stride
		stride *= from[d]
	}
	i.Shape = to
	c.emit(i, y, x)
	return nil
}

// slice reads SLICE: begin and size.
func (c *call) slice() error {
	x, y, begin, err := c.movedBy()
	if err != nil {
		return err
	}
	rank := len(c.f.Tensors[x].Shape)
	if len(begin) != rank+1 || begin[0] != 0 || len(c.f.Tensors[y].Shape) != rank {
		return fmt.Errorf("from %v of %d dimensions: the file is damaged", begin, rank+1)
	}
	return c.cut(x, y, begin[1:], slices.Repeat([]int{1}, rank))
}

// stridedSlice reads STRIDED_SLICE; dimensions of 1 that it drops are no more than a shape.
func (c *call) stridedSlice() error {
	x, y, begin, err := c.movedBy()
	if err != nil {
		return err
	}
	step, err := c.list(3)
	if err != nil {
		return err
	}
	from, begins, dropped := c.f.Tensors[x].Shape, c.option(0, 0), c.option(4, 0)
	if c.option(2, 0)|c.option(3, 0) != 0 || len(begin) > len(from)+1 || len(step) != len(begin) || dropped&1 != 0 || len(begin) < 1 || step[0] != 1 {
		return fmt.Errorf("from %v in steps of %v with new dimensions, an ellipsis or one sample: plain begins, ends and strides are supported", begin, step)
	}
	first, steps, kept := make([]int, len(from)), slices.Repeat([]int{1}, len(from)), slices.Clone(from)
	out := c.f.Tensors[y].Shape
	for d := range from {
		if d+1 < len(begin) {
			if steps[d] = step[d+1]; begins>>(d+1)&1 == 0 {
				first[d] = bounded(begin[d+1], from[d])
			}
		}
		switch {
		case dropped>>(d+1)&1 != 0:
			kept[d] = 1
		case len(out) == 0:
			return fmt.Errorf("shape %v: the file is damaged", c.f.Tensors[y].Shape)
		default:
			kept[d], out = out[0], out[1:]
		}
	}
	if dropped == 0 {
		return c.cut(x, y, first, steps)
	}
	t := c.f.Tensors[x]
	t.Shape = kept
	n := c.reader.add(t)
	if err := c.cut(x, n, first, steps); err != nil {
		return err
	}
	c.emit(format.Instr{Op: format.OpReshape, Shape: c.f.Tensors[y].Shape}, y, n)
	return nil
}

// transposeConv reads TRANSPOSE_CONV as a convolution of the image with zeros between its pixels.
func (c *call) transposeConv() error {
	inputs := c.in
	c.in = []int{inputs[2], inputs[1]} // as those of a convolution
	if len(inputs) > 3 {
		c.in = append(c.in, inputs[3])
	}
	x, err := c.x(0)
	if err != nil {
		return err
	}
	w, err := c.weight(false)
	if err != nil {
		return err
	}
	out, err := c.get(c.out[0])
	if err != nil {
		return err
	}
	s, sw, sh := c.f.Tensors[x].Shape, c.option(1, 0), c.option(2, 0)
	if len(s) != 3 || len(out.shape) != 4 || w.InC != s[2] || sw < 1 || sh < 1 || max(sw, sh) > 1<<10 {
		return fmt.Errorf("weights for %d channels on shape %v, strides %d and %d: the file is damaged", w.InC, s, sh, sw)
	}
	i := format.Instr{Op: format.OpConv2D, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
	rest := func(n, kernel, stride, out int) (before, after int) {
		before, after = cut((n-1)*stride+kernel, out, c.small(0) == 0)
		return kernel - 1 - before, kernel - 1 - after
	}
	i.PadT, i.PadB = rest(s[0], w.KH, sh, out.shape[1])
	i.PadL, i.PadR = rest(s[1], w.KW, sw, out.shape[2])
	if min(i.PadT, i.PadB, i.PadL, i.PadR) < 0 {
		return fmt.Errorf("an output of %v cuts more off than the kernel adds, which is not supported", out.shape)
	}
	turn(w)
	if sh > 1 || sw > 1 {
		t := c.f.Tensors[x]
		t.Shape = []int{(s[0]-1)*sh + 1, (s[1]-1)*sw + 1, s[2]}
		n := c.reader.add(t)
		c.emit(format.Instr{Op: format.OpStretch, StrideH: sh, StrideW: sw}, n, x)
		x = n
	}
	return c.layer(i, x, w, c.small(3))
}

// turn puts rows and columns of kernels from last to first.
func turn(w *format.Weight) {
	area := w.KH * w.KW
	for o := range w.OutC {
		kernel := w.Values[o*area*w.InC:][:area*w.InC]
		for p := range area / 2 {
			for k := range w.InC {
				a, b := p*w.InC+k, (area-1-p)*w.InC+k
				kernel[a], kernel[b] = kernel[b], kernel[a]
			}
		}
	}
}
