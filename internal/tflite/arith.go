package tflite

import (
	"fmt"
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// clamp returns the ends of a fused activation on the grid of tensor t.
func (c *call) clamp(act, t int) (lo, hi int8, err error) {
	x := &c.f.Tensors[t]
	q := func(v float32) int {
		return x.Zero + int(math.Round(float64(v/x.Scale)))
	}
	l, h := -128, 127
	switch act {
	case actNone:
	case actRelu:
		l = max(l, q(0))
	case actReluN1:
		l, h = max(l, q(-1)), min(h, q(1))
	case actRelu6:
		l, h = max(l, q(0)), min(h, q(6))
	default:
		return 0, 0, fmt.Errorf("fused activation %d is not supported; give a network with RELU, RELU6 or RELU_N1_TO_1", act)
	}
	if l > h {
		return 0, 0, fmt.Errorf("the activation's range is empty on the grid of scale %v and zero point %d", x.Scale, x.Zero)
	}
	return int8(l), int8(h), nil
}

// table appends a table of f over the stored integers.
func (c *call) table(f func(q int) int, y, x int) {
	var t [256]int8
	for q := -128; q < 128; q++ {
		t[q+128] = int8(min(max(f(q), -128), 127))
	}
	for k, have := range c.f.LUTs {
		if have == t {
			c.emit(format.Instr{Op: format.OpLUT, LUT: k}, y, x)
			return
		}
	}
	c.f.LUTs = append(c.f.LUTs, t)
	c.emit(format.Instr{Op: format.OpLUT, LUT: len(c.f.LUTs) - 1}, y, x)
}

func (c *call) binary(op format.Opcode) error {
	a, err := c.x(0)
	if err != nil {
		return err
	}
	b, err := c.x(1)
	if err != nil {
		return err
	}
	y, err := c.y()
	if err != nil {
		return err
	}
	if op != format.OpSub && c.f.Tensors[a].Elems() < c.f.Tensors[b].Elems() {
		a, b = b, a // the second is repeated
	}
	i := format.Instr{Op: op}
	if i.ClampMin, i.ClampMax, err = c.clamp(c.small(0), y); err != nil {
		return err
	}
	c.emit(i, y, a, b)
	return nil
}

// softmax is computed in float32 from the integers.
func (c *call) softmax() error {
	x, err := c.x(0)
	if err != nil {
		return err
	}
	if c.options.Pos != 0 {
		if beta := c.options.float32(0); beta != 1 {
			return fmt.Errorf("beta is %v; 1 is supported", beta)
		}
	}
	shape := c.f.Tensors[x].Shape
	v := c.reader.add(format.Tensor{DType: format.Float32, Shape: shape})
	c.emit(format.Instr{Op: format.OpDequantize}, v, x)
	y := c.reader.add(format.Tensor{DType: format.Float32, Shape: shape})
	c.emit(format.Instr{Op: format.OpSoftmax}, y, v)
	c.at[c.out[0]] = y
	return nil
}

// quantize changes the grid. Of a float input of the network, it is the int8
// input of the file.
func (c *call) quantize() error {
	if _, ok := c.at[c.out[0]]; ok {
		return nil // see reader.input
	}
	return c.requantize(actNone)
}

func (c *call) dequantize() error {
	t, err := c.get(c.in[0])
	if err != nil {
		return err
	}
	if n, ok := c.at[c.in[0]]; ok && c.f.Tensors[n].DType == format.Float32 {
		c.at[c.out[0]] = n // a softmax
		return nil
	} else if !ok && len(t.data) > 0 {
		return fmt.Errorf("constant %q becomes float; %w", t.name, errFloat)
	}
	x, err := c.x(0)
	if err != nil {
		return err
	}
	y := c.reader.add(format.Tensor{DType: format.Float32, Shape: c.f.Tensors[x].Shape})
	c.emit(format.Instr{Op: format.OpDequantize}, y, x)
	c.at[c.out[0]] = y
	return nil
}

// requantize appends the table that takes x to the grid of y and clamps it.
func (c *call) requantize(act int) error {
	x, y, err := c.through()
	if err != nil {
		return err
	}
	lo, hi, err := c.clamp(act, y)
	if err != nil {
		return err
	}
	from, to := &c.f.Tensors[x], &c.f.Tensors[y]
	m := kernel.NewMultiplier(float64(from.Scale) / float64(to.Scale))
	zx, zy := from.Zero, to.Zero
	c.table(func(q int) int {
		return min(max(zy+int(m.Apply(int32(q-zx))), int(lo)), int(hi))
	}, y, x)
	return nil
}
