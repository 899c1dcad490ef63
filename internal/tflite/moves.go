package tflite

import (
	"fmt"

	"edgec/runtime/format"
)

func (c *call) concat() error {
	var in []int
	for k := range c.in {
		x, err := c.x(k)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	y, err := c.y()
	if err != nil {
		return err
	}
	if err := c.sameGrid(append([]int{y}, in...)...); err != nil {
		return err
	}
	if c.small(1) != actNone {
		return fmt.Errorf("a fused activation is not supported here")
	}
	axis, rank := c.option(0, 0), len(c.f.Tensors[y].Shape)
	if axis < 0 {
		axis += rank + 1
	}
	if axis < 1 || axis > rank {
		return fmt.Errorf("axis %d of %d; joining samples is not supported", axis, rank+1)
	}
	c.emit(format.Instr{Op: format.OpConcat, Axis: axis - 1}, y, in...)
	return nil
}

func (c *call) reshape() error {
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	c.emit(format.Instr{Op: format.OpReshape, Shape: c.f.Tensors[y].Shape}, y, x)
	return nil
}

// list returns the integers of the constant input k.
func (c *call) list(k int) ([]int, error) {
	t, err := c.get(c.in[k])
	if err != nil {
		return nil, err
	}
	return t.ints()
}

func (c *call) pad() error {
	x, y, p, err := c.movedBy()
	if err != nil {
		return err
	}
	if len(p) != 8 || p[0]|p[1]|p[6]|p[7] != 0 {
		return fmt.Errorf("padding %v; rows and columns of images are supported", p)
	}
	c.emit(format.Instr{Op: format.OpPad, PadT: p[2], PadB: p[3], PadL: p[4], PadR: p[5], PadValue: int8(c.f.Tensors[x].Zero)}, y, x)
	return nil
}

func (c *call) transpose() error {
	x, y, perm, err := c.movedBy()
	if err != nil {
		return err
	}
	if len(perm) != len(c.f.Tensors[x].Shape)+1 || perm[0] != 0 {
		return fmt.Errorf("permutation %v; those that leave the batch first are supported", perm)
	}
	i := format.Instr{Op: format.OpTranspose}
	for _, p := range perm[1:] {
		i.Perm = append(i.Perm, p-1)
	}
	c.emit(i, y, x)
	return nil
}
