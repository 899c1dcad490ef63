package tflite

import (
	"fmt"

	"edgec/runtime/format"
)

// call is an operator in the network.
type call struct {
	*reader
	in, out []int
	options table // Pos 0: none
}

func (c *call) check(o operator) error {
	if len(c.in) < o.least || len(c.in) > o.most || len(c.out) != 1 {
		return fmt.Errorf("%d inputs and %d outputs: the file is damaged", len(c.in), len(c.out))
	}
	return nil
}

// option returns field k of the options.
func (c *call) option(k int, absent int32) int {
	if c.options.Pos == 0 {
		return int(absent)
	}
	return int(c.options.int32(k, absent))
}

// small returns field k of the options, a byte.
func (c *call) small(k int) int {
	if c.options.Pos == 0 {
		return 0
	}
	return int(c.options.int8(k, 0))
}

// x returns the number of input k in the file, which must be an int8 activation.
func (c *call) x(k int) (int, error) {
	t, err := c.get(c.in[k])
	if err != nil {
		return 0, err
	}
	n, ok := c.at[c.in[k]]
	switch {
	case !ok && len(t.data) > 0:
		return 0, fmt.Errorf("input %q is a constant, which this operator is not supported with; fold it into a layer", t.name)
	case !ok:
		return 0, fmt.Errorf("input %q is not computed before", t.name)
	case c.f.Tensors[n].DType != format.Int8:
		return 0, fmt.Errorf("input %q is float; int8 is supported here", t.name)
	}
	return n, nil
}

// y enters the output into the file.
func (c *call) y() (int, error) { return c.activation(c.out[0]) }

// through returns input 0 and the output.
func (c *call) through() (x, y int, err error) {
	if x, err = c.x(0); err != nil {
		return 0, 0, err
	}
	y, err = c.y()
	return x, y, err
}

// moved returns input 0 and the output of an operator that only moves numbers
// or chooses among them: both are on one grid.
func (c *call) moved() (x, y int, err error) {
	if x, y, err = c.through(); err != nil {
		return 0, 0, err
	}
	return x, y, c.sameGrid(x, y)
}

// movedBy is moved for an operator that a list of integers, input 1, tells how.
func (c *call) movedBy() (x, y int, by []int, err error) {
	if x, y, err = c.moved(); err != nil {
		return 0, 0, nil, err
	}
	by, err = c.list(1)
	return x, y, by, err
}

// emit appends an instruction from tensors in to tensor out. format.Finish clears the
// attributes that its opcode does not use.
func (c *call) emit(i format.Instr, out int, in ...int) {
	i.In, i.Out = in, out
	c.f.Instrs = append(c.f.Instrs, i)
}

// sameGrid refuses tensors of different scales or zero points.
func (c *call) sameGrid(ts ...int) error {
	a := &c.f.Tensors[ts[0]]
	for _, t := range ts[1:] {
		if b := &c.f.Tensors[t]; a.Scale != b.Scale || a.Zero != b.Zero {
			return fmt.Errorf("scales %v and %v, zero points %d and %d; equal ones are supported here", a.Scale, b.Scale, a.Zero, b.Zero)
		}
	}
	return nil
}
