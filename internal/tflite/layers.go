package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"edgec/runtime/format"
)

// weight returns the weights and the biases of a layer, as [outC, kH, kW, inC]
// after depthwise ones have been turned around.
func (c *call) weight(depthwise bool) (*format.Weight, error) {
	t, err := c.get(c.in[1])
	if err != nil {
		return nil, err
	}
	if t.kind != typeInt8 || len(t.data) == 0 {
		return nil, fmt.Errorf("weights %q are %s, or not constant; int8 constants are supported", t.name, typeName(t.kind))
	}
	w, axis, err := t.weightShape(depthwise)
	if err != nil {
		return nil, err
	}
	if len(t.scale) != 1 && (len(t.scale) != w.OutC || t.axis != axis) {
		return nil, fmt.Errorf("weights %q have %d scales along dimension %d; one, or one for each output channel, is supported", t.name, len(t.scale), t.axis)
	}
	if len(t.data) != w.Elems() {
		return nil, fmt.Errorf("weights %q of shape %v have %d bytes: the file is damaged", t.name, t.shape, len(t.data))
	}
	if c.reader.weights += w.Elems(); c.reader.weights > format.MaxWeights {
		return nil, fmt.Errorf("more than %d weights, with those before", format.MaxWeights)
	}
	if err := t.values(w, depthwise); err != nil {
		return nil, err
	}
	w.Bias, err = c.bias(w.OutC)
	return w, err
}

// weightShape returns a weight without values, and the dimension of its output channels.
func (t *entry) weightShape(depthwise bool) (w *format.Weight, axis int, err error) {
	w = &format.Weight{KH: 1, KW: 1, Scale: t.scale}
	switch s := t.shape; {
	case depthwise && len(s) == 4 && s[0] == 1:
		w.OutC, w.KH, w.KW, w.InC, axis = s[3], s[1], s[2], 1, 3
	case !depthwise && len(s) == 4:
		w.OutC, w.KH, w.KW, w.InC = s[0], s[1], s[2], s[3]
	case !depthwise && len(s) == 2:
		w.OutC, w.InC = s[0], s[1]
	default:
		return nil, 0, fmt.Errorf("weights %q have shape %v: the file is damaged", t.name, s)
	}
	return w, axis, nil
}

// values fills in the values of w, less their zero point.
func (t *entry) values(w *format.Weight, depthwise bool) error {
	zero := 0
	for _, z := range t.zero {
		if z != 0 && !(len(t.zero) == 1 && len(t.scale) == 1 && z >= math.MinInt8 && z <= math.MaxInt8) {
			return fmt.Errorf("weights %q have zero point %d beside others; symmetric ones are supported", t.name, z)
		}
		zero = int(z)
	}
	w.Values = make([]int8, w.Elems())
	for i := range w.Values {
		from := i
		if depthwise { // stored as [kH, kW, outC]
			from = i%(w.KH*w.KW)*w.OutC + i/(w.KH*w.KW)
		}
		q := int(int8(t.data[from])) - zero
		if q < math.MinInt8 || q > math.MaxInt8 {
			return fmt.Errorf("weight %d of %q is %d without its zero point %d, beyond int8: convert the network with symmetric weights", from, t.name, q, zero)
		}
		w.Values[i] = int8(q)
	}
	return nil
}

// bias returns the biases of a layer of n outputs; nil: it has none.
func (c *call) bias(n int) ([]int32, error) {
	if len(c.in) < 3 || c.in[2] < 0 {
		return nil, nil
	}
	b, err := c.get(c.in[2])
	if err != nil {
		return nil, err
	}
	if b.kind != typeInt32 || len(b.data) != 4*n {
		return nil, fmt.Errorf("bias %q is %s of %d bytes; %d int32 constants are supported", b.name, typeName(b.kind), len(b.data), n)
	}
	bias := make([]int32, n)
	for i := range bias {
		bias[i] = int32(binary.LittleEndian.Uint32(b.data[4*i:]))
	}
	return bias, nil
}

// flush makes constants of the channels whose multiplier inScale wScale / outScale is below
// 2^-32: TFLite takes 0 for it, so that their output is the zero point. Their scales may
// be too small for a file, even 0.
func flush(w *format.Weight, inScale, outScale float32) error {
	least := 1.0 / (1 << 32)
	w.Scale = slices.Clone(w.Scale)
	if len(w.Scale) == 1 && !usable(w.Scale[0]) {
		w.Scale = slices.Repeat(w.Scale, w.OutC)
	}
	some := float32(1)
	if k := slices.IndexFunc(w.Scale, usable); k >= 0 {
		some = w.Scale[k]
	}
	row := w.Elems() / w.OutC
	for c, s := range w.Scale {
		if usable(s) {
			continue
		}
		if m := float64(inScale) * float64(s) / float64(outScale); !(s >= 0 && m < least) {
			return fmt.Errorf("weights have scale %v in channel %d, files hold 2^-40 to 2^30: convert the network without channels that are all but dead", s, c)
		}
		clear(w.Values[c*row : (c+1)*row])
		if w.Scale[c] = some; w.Bias != nil {
			w.Bias[c] = 0
		}
	}
	return nil
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
	if err := flush(w, c.f.Tensors[x].Scale, c.f.Tensors[y].Scale); err != nil {
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
