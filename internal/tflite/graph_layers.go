package tflite

import (
	"encoding/binary"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// strides returns the strides to the bottom and to the right, and the padding of a window over
// an image of shape [1,C,H,W]; options begin with the padding (0: same, 1: none).
func (n *node) strides(s tensor.Shape, kh, kw, dh, dw int) (c op.Conv2D, err error) {
	c = op.Conv2D{StrideW: n.option(1, 0), StrideH: n.option(2, 0), DilH: dh, DilW: dw}
	if c.StrideW < 1 || c.StrideH < 1 || dh < 1 || dw < 1 || kh < 1 || kw < 1 {
		return c, fmt.Errorf("window of %dx%d with strides %d, %d on shape %v: the file is damaged", kh, kw, c.StrideH, c.StrideW, s)
	}
	if n.small(0) == 0 {
		c.PadT, c.PadB = same(s[2], kh, c.StrideH, dh)
		c.PadL, c.PadR = same(s[3], kw, c.StrideW, dw)
	}
	return c, nil
}

// biasOf returns the biases of a layer of outC outputs, input k; nil: it has none.
func (n *node) biasOf(k, outC int) (*graph.Value, error) {
	if !n.has(k) {
		return nil, nil
	}
	b, err := n.constant(k)
	if err != nil {
		return nil, err
	}
	if len(b.f) != outC {
		return nil, fmt.Errorf("bias %q has %d elements for %d outputs: the file is damaged", b.name, len(b.f), outC)
	}
	return n.param(k, b.reshaped(outC), graph.Bias, "bias of "+n.name+" "), nil
}

// layer appends a layer of x, with weights w and the bias of input 2.
func (n *node) layer(o op.Layer, x, w *graph.Value) (*graph.Value, error) {
	b, err := n.biasOf(2, w.Shape[0])
	if err != nil {
		return nil, err
	}
	in := []*graph.Value{x, w}
	if b != nil {
		in = append(in, b)
	}
	return n.emit(n.name, o, in...), nil
}

// kernels returns input k, the weights of a layer over an image.
func (n *node) kernels(k int) (*array, error) {
	w, err := n.constant(k)
	if err == nil && len(w.shape) != 4 {
		err = fmt.Errorf("weights %q have shape %v: the file is damaged", w.name, w.shape)
	}
	return w, err
}

// convolved returns the image and the kernels of a convolution, with its strides and padding;
// options hold its dilations to the right and down from dilation on.
func (n *node) convolved(dilation int) (x operand, w *array, o op.Conv2D, err error) {
	s := n.spread[n.in[0]]
	if s != nil {
		x, err = s.image(n)
	} else {
		x, err = n.image(0)
	}
	if err != nil {
		return
	}
	if w, err = n.kernels(1); err != nil {
		return
	}
	o, err = n.strides(x.v.Shape, w.shape[1], w.shape[2], n.option(dilation+1, 1), n.option(dilation, 1))
	if s != nil && err == nil {
		o, err = s.dilated(n, o)
	}
	return
}

// convolution makes y, after a fused activation, the output of a convolution.
func (n *node) convolution(y *graph.Value, act int) error {
	if err := n.finish(y, false, act); err != nil {
		return err
	}
	if s := n.spread[n.in[0]]; s != nil {
		n.spread[n.out[0]] = &spread{n.at[n.out[0]], s.block}
		delete(n.at, n.out[0])
	}
	return nil
}

func (n *node) conv() error {
	x, w, o, err := n.convolved(4)
	if err != nil {
		return err
	}
	if w.shape[3] == 0 || x.v.Shape[1]%w.shape[3] != 0 {
		return fmt.Errorf("weights for %d channels on an input of %d: the file is damaged", w.shape[3], x.v.Shape[1])
	}
	o.Groups = x.v.Shape[1] / w.shape[3]
	y, err := n.layer(o, x.v, n.param(1, w.permuted(0, 3, 1, 2), graph.Weight, "kernel"))
	if err != nil {
		return err
	}
	return n.convolution(y, n.small(3))
}

func (n *node) depthwise() error {
	x, w, o, err := n.convolved(5)
	if err != nil {
		return err
	}
	o.Groups = x.v.Shape[1]
	if w.shape[0] != 1 || w.shape[3]%o.Groups != 0 {
		return fmt.Errorf("depthwise weights of shape %v on %d channels: the file is damaged", w.shape, o.Groups)
	}
	y, err := n.layer(o, x.v, n.param(1, w.permuted(3, 0, 1, 2), graph.Weight, "depthwise"))
	if err != nil {
		return err
	}
	return n.convolution(y, n.small(4))
}

// dense reads FULLY_CONNECTED: all elements are rows of as many features as the weights take.
func (n *node) dense() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	if n.small(1) != 0 {
		return fmt.Errorf("shuffled weights are not supported; convert the network again without them")
	}
	w, err := n.constant(1)
	if err != nil {
		return err
	}
	s := x.shape()
	if len(w.shape) != 2 || volume(s)%w.shape[1] != 0 {
		return fmt.Errorf("weights %q of shape %v on an input of %v: the file is damaged", w.name, w.shape, s)
	}
	rows, target := volume(s)/w.shape[1], []int{1, w.shape[0]}
	if n.small(2) != 0 && s[len(s)-1] == w.shape[1] { // dimensions are kept
		target = append(slices.Clone(s[:len(s)-1]), w.shape[0])
	} else if rows > 1 {
		target[0] = rows
	}
	if rows == 1 {
		x = n.reshaped(x, []int{1, w.shape[1]})
	} else { // one sample of many rows
		x = operand{n.emit(n.name+"_rows", op.Reshape{Shape: []int{rows, w.shape[1]}}, n.turned(x)), true}
	}
	y, err := n.layer(op.Dense{}, x.v, n.param(1, w, graph.Weight, "matrix"))
	if err != nil {
		return err
	}
	o := n.reshaped(operand{y, x.whole}, target)
	return n.finish(o.v, o.whole, n.small(0))
}

// transposeConv reads TRANSPOSE_CONV: the shape of the output, weights [outC,kH,kW,C], the
// image, and a bias or none.
func (n *node) transposeConv() error {
	return n.transposed(2, 1, 3, n.option(2, 0), n.option(1, 0), n.small(0) == 0, n.small(3))
}

// transposeBias reads MediaPipe's Convolution2DTransposeBias: the image, weights, biases. Its
// options are padding (1: same), stride to the right and stride down, of 32 bits.
func (n *node) transposeBias() error {
	if len(n.custom) < 12 {
		return fmt.Errorf("%d bytes of options: the file is damaged", len(n.custom))
	}
	field := func(k int) int { return int(int32(binary.LittleEndian.Uint32(n.custom[4*k:]))) }
	return n.transposed(0, 1, 2, field(2), field(1), field(0) == 1, actNone)
}

// transposed appends the operators of a transposed convolution of inputs image, weights and bias.
func (n *node) transposed(image, weights, bias, sh, sw int, padded bool, act int) error {
	x, err := n.image(image)
	if err != nil {
		return err
	}
	w, err := n.kernels(weights)
	if err != nil {
		return err
	}
	y := n.outShape(0)
	if len(y) != 4 || y[0] != 1 || y[3] != w.shape[0] || sh < 1 || sw < 1 {
		return fmt.Errorf("output of shape %v, weights of %v, strides %d and %d: the file is damaged", y, w.shape, sh, sw)
	}
	o := op.ConvTranspose{StrideH: sh, StrideW: sw}
	s := x.v.Shape
	o.PadT, o.PadB = cut((s[2]-1)*sh+w.shape[1], y[1], padded)
	o.PadL, o.PadR = cut((s[3]-1)*sw+w.shape[2], y[2], padded)
	steps, err := o.Steps(w.shape[1], w.shape[2])
	if err != nil {
		return err
	}
	kernel, err := o.Weights(tensor.Of(w.permuted(3, 0, 1, 2).f, w.shape[3], w.shape[0], w.shape[1], w.shape[2]))
	if err != nil {
		return err
	}
	b, err := n.biasOf(bias, w.shape[0])
	if err != nil {
		return err
	}
	v := x.v
	for _, step := range steps {
		in := []*graph.Value{v}
		if _, ok := step.(op.Layer); ok {
			in = append(in, n.param(weights, &array{name: w.name, shape: kernel.Shape, f: kernel.Data}, graph.Weight, "transposed"))
			if b != nil {
				in = append(in, b)
			}
		}
		v = n.emit(n.name, step, in...)
	}
	return n.finish(v, false, act)
}

// cut returns what is cut off before and behind a transposed convolution of so many rows to
// leave those of the output; negative: added.
func cut(rows, out int, padded bool) (before, after int) {
	total := rows - out
	if padded && total > 0 {
		before = total / 2
	}
	return before, total - before
}

func (n *node) maxPool() error {
	x, o, err := n.pooled()
	if err != nil {
		return err
	}
	y := n.emit(n.name, op.MaxPool{KH: n.option(4, 0), KW: n.option(3, 0), StrideH: o.StrideH, StrideW: o.StrideW, DilH: 1, DilW: 1,
		PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR}, x.v)
	return n.finish(y, false, n.small(5))
}

func (n *node) avgPool() error {
	x, o, err := n.pooled()
	if err != nil {
		return err
	}
	pool := op.AvgPool{KH: n.option(4, 0), KW: n.option(3, 0), StrideH: o.StrideH, StrideW: o.StrideW, DilH: 1, DilW: 1,
		PadT: o.PadT, PadL: o.PadL, PadB: o.PadB, PadR: o.PadR}
	var y *graph.Value
	if s := x.v.Shape; pool.KH == s[2] && pool.KW == s[3] && o.PadT|o.PadB|o.PadL|o.PadR == 0 {
		y = n.emit(n.name, op.GlobalAvgPool{}, x.v)
	} else {
		y = n.emit(n.name, pool, x.v)
	}
	return n.finish(y, false, n.small(5))
}

// pooled returns the image of a pool, with strides and padding.
func (n *node) pooled() (operand, op.Conv2D, error) {
	x, err := n.image(0)
	if err != nil {
		return x, op.Conv2D{}, err
	}
	o, err := n.strides(x.v.Shape, n.option(4, 0), n.option(3, 0), 1, 1)
	return x, o, err
}
