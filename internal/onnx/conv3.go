package onnx

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// conv3 ends the node with a convolution of x [N,C,D,H,W] by wa [outC,C/groups,kD,kH,kW]: one
// convolution of an image for each depth of the result. Its channels are those of x at the
// depths under the kernel: of one group, depth by depth, so that they are a slice of all.
func (n *node) conv3(x *graph.Value, wa *array, d span, o op.Conv2D) (*graph.Value, error) {
	order := []int{0, 2, 1, 3, 4} // of the weights
	if o.Groups > 1 {
		order = []int{0, 1, 2, 3, 4}
	}
	w, err := n.param(wa, graph.Weight, fmt.Sprint("conv ", order), func(a *array) (*array, error) {
		s := a.dims
		return transpose(a, order).reshaped([]int{s[0], s[1] * s[2], s[3], s[4]}), nil
	})
	if err != nil {
		return nil, err
	}
	c, depth := x.Shape[1], x.Shape[2]
	if x, err = n.emitAll(x, op.Transpose{Perm: []int{0, 2, 1, 3, 4}}, op.Reshape{Shape: []int{c * depth, x.Shape[3], x.Shape[4]}}); err != nil {
		return nil, err
	}
	if d.before != 0 || d.after != 0 {
		if x, err = n.emit(op.Pad{Before: []int{0, d.before * c, 0, 0}, After: []int{0, d.after * c, 0, 0}}, x); err != nil {
			return nil, err
		}
		depth += d.before + d.after
	}
	count := (depth-(d.kernel-1)*d.dilation-1)/d.stride + 1
	if count < 1 || (d.kernel-1)*d.dilation >= depth || count > mostConvolutions {
		return nil, n.fail("", "a result of %d depths is not supported, only 1 to %d", count, mostConvolutions)
	}
	var parts []*graph.Value
	for k := range count {
		var index []int
		for i := range c * d.kernel {
			channel, tap := i%c, i/c
			if o.Groups > 1 {
				channel, tap = i/d.kernel, i%d.kernel
			}
			index = append(index, (k*d.stride+tap*d.dilation)*c+channel)
		}
		b, err := n.partBias(k, wa.dims[0])
		if err != nil {
			return nil, err
		}
		v := x
		if len(index) < c*depth {
			if v, err = n.emit(pickAlong(x.Shape, 1, index), x); err != nil {
				return nil, err
			}
		}
		if v, err = n.emit(o, v, w, b); err != nil {
			return nil, err
		}
		parts = append(parts, v)
	}
	return n.stacked(parts)
}

// stacked ends the node with images [N,C,H,W] as [N,C,D,H,W].
func (n *node) stacked(parts []*graph.Value) (*graph.Value, error) {
	c, h, w := parts[0].Shape[1], parts[0].Shape[2], parts[0].Shape[3]
	if len(parts) == 1 {
		return n.resultValue(op.Reshape{Shape: []int{c, 1, h, w}}, parts[0])
	}
	v, err := n.emit(op.Concat{Axis: 1}, parts...)
	if err != nil {
		return nil, err
	}
	if v, err = n.emit(op.Reshape{Shape: []int{len(parts), c, h, w}}, v); err != nil {
		return nil, err
	}
	return n.resultValue(op.Transpose{Perm: []int{0, 2, 1, 3, 4}}, v)
}

// transposed3 reads a transposed convolution of three dimensions: zeros between the elements
// of x, then a convolution with the weights turned around.
func (n *node) transposed3(x *graph.Value, wa *array, stride, dilation, before, after []int, group int) error {
	var err error
	c, s := x.Shape[1], x.Shape[2:]
	if stride[0] > 1 {
		if x, err = n.emitAll(x, op.Reshape{Shape: []int{c, s[0], s[1] * s[2]}}, op.Stretch{Height: stride[0], Width: 1}); err != nil {
			return err
		}
	}
	depth := (s[0]-1)*stride[0] + 1
	if x, err = n.emit(op.Reshape{Shape: []int{c * depth, s[1], s[2]}}, x); err != nil {
		return err
	}
	if stride[1] > 1 || stride[2] > 1 {
		if x, err = n.emit(op.Stretch{Height: stride[1], Width: stride[2]}, x); err != nil {
			return err
		}
	}
	if x, err = n.emit(op.Reshape{Shape: []int{c, depth, x.Shape[2], x.Shape[3]}}, x); err != nil {
		return err
	}
	pads := make([]padding, 5)
	for i, k := range wa.dims[2:] {
		reach := (k - 1) * dilation[i]
		pads[i+2] = padding{reach - before[i], reach - after[i]}
	}
	steps, err := n.padConstant(x, pads, 0)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if x, err = s(n.emit, x); err != nil {
			return err
		}
	}
	w, err := n.r.turned(wa, group)
	if err != nil {
		return n.fail("", "%v", err)
	}
	o := op.Conv2D{StrideH: 1, StrideW: 1, DilH: dilation[1], DilW: dilation[2], Groups: group}
	y, err := n.conv3(x, w, span{kernel: wa.dims[2], stride: 1, dilation: dilation[0]}, o)
	if err == nil {
		n.define(0, &operand{act: y})
	}
	return err
}

// turned returns the weights [C, outC/group, kernel...] of a transposed convolution as those
// [outC, C/group, kernel...] of the convolution that it becomes.
func (r *reader) turned(a *array, group int) (*array, error) {
	key := viewKey{a, -100 - group}
	if r.views[key] == nil {
		t, err := op.ConvTranspose{Groups: group}.Weights(tensor.Of(a.f, a.dims[0], a.dims[1], a.dims[2], volume(a.dims[3:])))
		if err != nil {
			return nil, err
		}
		r.views[key] = &array{name: a.name, typ: a.typ, dims: append([]int{t.Shape[0], t.Shape[1]}, a.dims[2:]...), f: t.Data}
	}
	return r.views[key], nil
}

// emitAll appends operators, each of which reads the one before it.
func (n *node) emitAll(x *graph.Value, all ...graph.Op) (*graph.Value, error) {
	for _, o := range all {
		var err error
		if x, err = n.emit(o, x); err != nil {
			return nil, err
		}
	}
	return x, nil
}
