package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// operator is what Read knows of an operator.
type operator struct {
	name  string
	least int // inputs, and the most
	most  int
	build func(*call) error
}

var operators = map[int]operator{
	opAdd:         {"ADD", 2, 2, func(c *call) error { return c.binary(format.OpAdd) }},
	opSub:         {"SUB", 2, 2, func(c *call) error { return c.binary(format.OpSub) }},
	opMul:         {"MUL", 2, 2, func(c *call) error { return c.binary(format.OpMul) }},
	opConv:        {"CONV_2D", 2, 3, func(c *call) error { return c.conv(1, false) }},
	opDepthwise:   {"DEPTHWISE_CONV_2D", 2, 3, func(c *call) error { return c.conv(2, true) }},
	opDense:       {"FULLY_CONNECTED", 2, 3, (*call).dense},
	opAveragePool: {"AVERAGE_POOL_2D", 1, 1, func(c *call) error { return c.pool(format.OpAvgPool) }},
	opMaxPool:     {"MAX_POOL_2D", 1, 1, func(c *call) error { return c.pool(format.OpMaxPool) }},
	opConcat:      {"CONCATENATION", 1, 1 << 10, (*call).concat},
	opReshape:     {"RESHAPE", 1, 2, (*call).reshape},
	opPad:         {"PAD", 2, 2, (*call).pad},
	opTranspose:   {"TRANSPOSE", 2, 2, (*call).transpose},
	opSoftmax:     {"SOFTMAX", 1, 1, (*call).softmax},
	opQuantize:    {"QUANTIZE", 1, 1, (*call).quantize},
	opDequantize:  {"DEQUANTIZE", 1, 1, (*call).dequantize},
	opRelu:        {"RELU", 1, 1, func(c *call) error { return c.requantize(actRelu) }},
	opReluN1:      {"RELU_N1_TO_1", 1, 1, func(c *call) error { return c.requantize(actReluN1) }},
	opRelu6:       {"RELU6", 1, 1, func(c *call) error { return c.requantize(actRelu6) }},
}

// others are names of operators that are not read, for messages.
var others = map[int]string{opLogistic: "LOGISTIC", 16: "LSTM", 23: "RESIZE_BILINEAR", opTanh: "TANH", 36: "GATHER", 40: "MEAN", 45: "STRIDED_SLICE",
	49: "SPLIT", 54: "PRELU", 67: "TRANSPOSE_CONV", 97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU", opHardSwish: "HARD_SWISH", 126: "BATCH_MATMUL"}

// supported lists the operators' names.
func supported() string {
	var names []string
	for _, o := range operators {
		names = append(names, o.name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

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

// moved returns input 0 and the output of an operator that only moves numbers
// or chooses among them: both are on one grid.
func (c *call) moved() (x, y int, err error) {
	if x, err = c.x(0); err != nil {
		return 0, 0, err
	}
	if y, err = c.y(); err != nil {
		return 0, 0, err
	}
	return x, y, c.sameGrid(x, y)
}

// emit appends an instruction from tensors in to tensor out.
func (c *call) emit(i format.Instr, out int, in ...int) {
	i.In, i.Out = in, out
	switch i.Op {
	case format.OpConv2D, format.OpDense:
		i.LUT = -1
	case format.OpAdd, format.OpSub, format.OpMul:
		i.Weight, i.LUT = -1, -1
	case format.OpLUT:
		i.Weight, i.ClampMin, i.ClampMax = -1, -128, 127
	default:
		i.Weight, i.LUT, i.ClampMin, i.ClampMax = -1, -1, -128, 127
	}
	c.f.Instrs = append(c.f.Instrs, i)
}

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

// weight enters the weights and the bias of a layer, given as [outC, kH, kW, inC]
// after depthwise ones have been turned around.
func (c *call) weight(depthwise bool) (*format.Weight, error) {
	t, err := c.get(c.in[1])
	if err != nil {
		return nil, err
	}
	if t.kind != typeInt8 || len(t.data) == 0 {
		return nil, fmt.Errorf("weights %q are %s, or not constant; int8 constants are supported", t.name, typeName(t.kind))
	}
	for _, z := range t.zero {
		if z != 0 {
			return nil, fmt.Errorf("weights %q have zero point %d; symmetric ones are supported", t.name, z)
		}
	}
	w := &format.Weight{KH: 1, KW: 1, Scale: t.scale}
	axis := 0
	switch s := t.shape; {
	case depthwise && len(s) == 4 && s[0] == 1:
		w.OutC, w.KH, w.KW, w.InC, axis = s[3], s[1], s[2], 1, 3
	case !depthwise && len(s) == 4:
		w.OutC, w.KH, w.KW, w.InC = s[0], s[1], s[2], s[3]
	case !depthwise && len(s) == 2:
		w.OutC, w.InC = s[0], s[1]
	default:
		return nil, fmt.Errorf("weights %q have shape %v: the file is damaged", t.name, s)
	}
	if len(t.scale) != 1 && (len(t.scale) != w.OutC || t.axis != axis) {
		return nil, fmt.Errorf("weights %q have %d scales along dimension %d; one, or one for each output channel, is supported", t.name, len(t.scale), t.axis)
	}
	if len(t.data) != w.Elems() {
		return nil, fmt.Errorf("weights %q of shape %v have %d bytes: the file is damaged", t.name, t.shape, len(t.data))
	}
	w.Values = make([]int8, w.Elems())
	for i := range w.Values {
		from := i
		if depthwise { // stored as [kH, kW, outC]
			from = i%(w.KH*w.KW)*w.OutC + i/(w.KH*w.KW)
		}
		w.Values[i] = int8(t.data[from])
	}
	if len(c.in) < 3 || c.in[2] < 0 {
		return w, nil
	}
	b, err := c.get(c.in[2])
	if err != nil {
		return nil, err
	}
	if b.kind != typeInt32 || len(b.data) != 4*w.OutC {
		return nil, fmt.Errorf("bias %q is %s of %d bytes; %d int32 constants are supported", b.name, typeName(b.kind), len(b.data), w.OutC)
	}
	w.Bias = make([]int32, w.OutC)
	for i := range w.Bias {
		w.Bias[i] = int32(binary.LittleEndian.Uint32(b.data[4*i:]))
	}
	return w, nil
}

// addWeight enters a weight tensor into the file.
func (c *call) addWeight(w *format.Weight) int {
	c.f.Weights = append(c.f.Weights, *w)
	return len(c.f.Weights) - 1
}

// same returns the padding before and after that keeps every stride-th position.
func same(in, kernel, stride, dilation int) (before, after int) {
	out := (in + stride - 1) / stride
	total := max((out-1)*stride+(kernel-1)*dilation+1-in, 0)
	return total / 2, total - total/2
}

// window fills in strides and padding, which options begin with: padding (0:
// same, 1: none), stride to the right, stride down.
func (c *call) window(i *format.Instr, x, kh, kw int) error {
	s := c.f.Tensors[x].Shape
	i.StrideW, i.StrideH = c.option(1, 0), c.option(2, 0)
	if len(s) != 3 || i.StrideW < 1 || i.StrideH < 1 || i.DilH < 1 || i.DilW < 1 || kh < 1 || kw < 1 {
		return fmt.Errorf("window of %dx%d with strides %d, %d on shape %v: the file is damaged", kh, kw, i.StrideH, i.StrideW, s)
	}
	if c.small(0) == 0 {
		i.PadT, i.PadB = same(s[0], kh, i.StrideH, i.DilH)
		i.PadL, i.PadR = same(s[1], kw, i.StrideW, i.DilW)
	}
	return nil
}

// conv builds a convolution; further says how many options more the depthwise
// one has before its activation.
func (c *call) conv(further int, depthwise bool) error {
	x, err := c.x(0)
	if err != nil {
		return err
	}
	w, err := c.weight(depthwise)
	if err != nil {
		return err
	}
	act := 2 + further
	i := format.Instr{Op: format.OpConv2D, DilW: c.option(act+1, 1), DilH: c.option(act+2, 1)}
	if err := c.window(&i, x, w.KH, w.KW); err != nil {
		return err
	}
	inC := c.f.Tensors[x].Shape[2]
	if w.InC == 0 || inC%w.InC != 0 {
		return fmt.Errorf("weights for %d channels on an input of %d: the file is damaged", w.InC, inC)
	}
	i.Groups = inC / w.InC
	return c.layer(i, x, w, c.small(act))
}

// layer appends a convolution or dense layer with its activation.
func (c *call) layer(i format.Instr, x int, w *format.Weight, act int) error {
	y, err := c.y()
	if err != nil {
		return err
	}
	if i.ClampMin, i.ClampMax, err = c.clamp(act, y); err != nil {
		return err
	}
	i.Weight = c.addWeight(w)
	if i.Op == format.OpDense && len(c.f.Tensors[y].Shape) > 1 { // the layer makes a list
		list := c.f.Tensors[y]
		list.Shape = []int{w.OutC}
		n := c.reader.add(list)
		c.emit(i, n, x)
		c.emit(format.Instr{Op: format.OpReshape, Shape: c.f.Tensors[y].Shape}, y, n)
		return nil
	}
	c.emit(i, y, x)
	return nil
}

func (c *call) dense() error {
	x, err := c.x(0)
	if err != nil {
		return err
	}
	if c.small(1) != 0 {
		return fmt.Errorf("shuffled weights are not supported; convert the network again without them")
	}
	w, err := c.weight(false)
	if err != nil {
		return err
	}
	if n := c.f.Tensors[x].Elems(); n != w.InC*w.KH*w.KW {
		return fmt.Errorf("weights for %d elements on an input of %d; products with several rows are not supported", w.InC*w.KH*w.KW, n)
	}
	return c.layer(format.Instr{Op: format.OpDense, RoundOnce: true}, x, w, c.small(0))
}

// pool builds a pool. TFLite rounds the mean of the stored integers, halves away
// from 0; the instruction that of the differences to the zero point. Where a mean can
// end in a half, it is taken on a grid with zero point 0.
func (c *call) pool(op format.Opcode) error {
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	i := format.Instr{Op: op, KW: c.option(3, 0), KH: c.option(4, 0), DilH: 1, DilW: 1}
	if err := c.window(&i, x, i.KH, i.KW); err != nil {
		return err
	}
	lo, hi, err := c.clamp(c.small(5), y)
	if err != nil {
		return err
	}
	odd := i.KH*i.KW%2 == 1 && i.PadT+i.PadB+i.PadL+i.PadR == 0
	shifted := op == format.OpAvgPool && !odd && c.f.Tensors[x].Zero != 0
	if !shifted && lo == -128 && hi == 127 {
		c.emit(i, y, x)
		return nil
	}
	if shifted {
		at := c.f.Tensors[x]
		at.Zero = 0
		n := c.reader.add(at)
		c.table(func(q int) int { return q }, n, x)
		x = n
	}
	mean := c.f.Tensors[y]
	mean.Zero = c.f.Tensors[x].Zero
	n := c.reader.add(mean)
	c.emit(i, n, x)
	c.table(func(q int) int { return min(max(q, int(lo)), int(hi)) }, y, n)
	return nil
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
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	p, err := c.list(1)
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
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	perm, err := c.list(1)
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
		return fmt.Errorf("constant %q becomes float; only networks that are int8 throughout are read", t.name)
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
	x, err := c.x(0)
	if err != nil {
		return err
	}
	y, err := c.y()
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
