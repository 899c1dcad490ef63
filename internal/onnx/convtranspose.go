package onnx

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// transposedPads returns what a transposed convolution cuts off before and after its output
// in each spatial dimension; negative: it is added.
func (n *node) transposedPads(in, kernel, stride, dilation []int) (before, after []int, err error) {
	rank := len(kernel)
	pads, err := n.attrInts("pads", 2*rank, 0, 0)
	if err != nil {
		return nil, nil, err
	}
	extra, err := n.attrInts("output_padding", rank, 0, 0)
	if err != nil {
		return nil, nil, err
	}
	shape, err := n.attrInts("output_shape", rank, 0, 1)
	if err != nil {
		return nil, nil, err
	}
	mode, given := n.attrString("auto_pad", "NOTSET"), n.attr("output_shape") != nil
	for i := range rank {
		full := stride[i]*(in[i]-1) + (kernel[i]-1)*dilation[i] + 1
		b, e := pads[i], pads[rank+i]
		if given || mode == "SAME_UPPER" || mode == "SAME_LOWER" {
			want := in[i] * stride[i]
			if given {
				want = shape[i]
			}
			// ONNX counts the output padding here, and the output has the size that is asked for.
			total := full + extra[i] - want
			b, e = total-total/2, total/2
			if mode == "SAME_UPPER" {
				b, e = e, b
			}
			if total < 0 {
				b, e = 0, total
			}
		} else if mode == "VALID" {
			b, e = 0, 0
		}
		if max(b, -b, e-extra[i], extra[i]-e, (kernel[i]-1)*dilation[i]) > 1<<22 {
			return nil, nil, n.fail("pads", "%d before and %d after dimension %d, or its dilation %d, are too large; they are not supported", b, e-extra[i], i, dilation[i])
		}
		before, after = append(before, b), append(after, e-extra[i])
	}
	return before, after, nil
}

// buildConvTranspose reads a transposed convolution of one or two spatial dimensions.
func buildConvTranspose(n *node) error {
	x, groups, fileRank, err := n.groupsOf()
	if err != nil {
		return err
	}
	wa, err := n.floats(1)
	if err != nil {
		return err
	}
	group, rank, channels := n.attrInt("group", 1), len(wa.dims)-2, x.Shape[1]/max(groups, 1)
	switch {
	case rank < 1 || rank > 3 || fileRank != len(wa.dims):
		return n.fail(n.inputName(1), "weights of shape %v do not fit an input of shape %v; one to three spatial dimensions are supported", wa.dims, x.Shape)
	case group < 1 || wa.dims[0]%group != 0 || channels != wa.dims[0]:
		return n.fail("group", "%d groups of weights %v do not fit an input of %d channels", group, wa.dims, channels)
	}
	kernel := wa.dims[2:]
	stride, err := n.attrInts("strides", rank, 1, 1)
	if err != nil {
		return err
	}
	dilation, err := n.attrInts("dilations", rank, 1, 1)
	if err != nil {
		return err
	}
	before, after, err := n.transposedPads(x.Shape[2:], kernel, stride, dilation)
	if err != nil {
		return err
	}
	if rank == 3 && groups > 0 {
		_, err := n.act(0)
		return err
	}
	if rank == 3 {
		return n.transposed3(x, wa, stride, dilation, before, after, group)
	}
	last := rank - 1
	o := op.ConvTranspose{StrideH: 1, StrideW: stride[last], DilH: 1, DilW: dilation[last], PadL: before[last], PadR: after[last], Groups: group}
	kh := 1
	if rank == 2 {
		o.StrideH, o.DilH, o.PadT, o.PadB, kh = stride[0], dilation[0], before[0], after[0], kernel[0]
	}
	steps, err := o.Steps(kh, kernel[last])
	if err != nil {
		return n.fail("", "%v", err)
	}
	w, err := n.turnedWeights(wa, group, []int{kh, kernel[last]})
	if err != nil {
		return err
	}
	if groups > 0 {
		return n.transposedEach(x, groups, steps, w)
	}
	b, err := n.bias(2, w.Shape[0], 1)
	if err != nil {
		return err
	}
	return n.transposedSteps(x, steps, w, b)
}

// turnedWeights returns the weights [C, outC/group, kernel...] of a transposed convolution as
// those of the convolution that it becomes.
func (n *node) turnedWeights(wa *array, group int, kernel []int) (*graph.Value, error) {
	rows, columns := kernel[0], kernel[1]
	return n.param(wa, graph.Weight, fmt.Sprint("transposed ", group, kernel), func(a *array) (*array, error) {
		t, err := op.ConvTranspose{Groups: group}.Weights(tensor.Of(a.f, a.dims[0], a.dims[1], rows, columns))
		if err != nil {
			return nil, n.fail("", "%v", err)
		}
		return &array{name: a.name, typ: a.typ, dims: t.Shape, f: t.Data}, nil
	})
}

// transposedSteps ends the node with the steps of a transposed convolution.
func (n *node) transposedSteps(x *graph.Value, steps []graph.Op, w, b *graph.Value) error {
	img, err := n.image(x)
	if err != nil {
		return err
	}
	for i, o := range steps {
		in := []*graph.Value{img}
		if _, ok := o.(op.Layer); ok {
			in = append(in, w, b)
		}
		if i == len(steps)-1 {
			return n.imageResult(x, o, in...)
		}
		if img, err = n.emit(o, in...); err != nil {
			return err
		}
	}
	return nil
}

// transposedEach ends the node with the steps of a transposed convolution of each of the
// groups of channels of x.
func (n *node) transposedEach(x *graph.Value, groups int, steps []graph.Op, w *graph.Value) error {
	img, err := n.image(x)
	if err != nil {
		return err
	}
	y, err := n.eachGroup(img, groups, func(g int, v *graph.Value) (*graph.Value, error) {
		b, err := n.partBias(g, w.Shape[0])
		for _, o := range steps {
			in := []*graph.Value{v}
			if _, ok := o.(op.Layer); ok {
				in = append(in, w, b)
			}
			if err == nil {
				v, err = n.emit(o, in...)
			}
		}
		return v, err
	})
	if err != nil {
		return err
	}
	return n.ungroupImage(x, y, groups)
}
