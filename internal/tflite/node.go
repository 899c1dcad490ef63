package tflite

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// node is an operator on its way into the graph.
type node struct {
	*network
	in, out []int
	name    string // of its first output
	options table  // Pos 0: none
	custom  []byte // options of a custom operator
	code    int    // number of the operator
	shape   bool   // it is SHAPE
}

// named sets the name, and checks the numbers of the operands.
func (n *node) named() error {
	for _, i := range slices.Concat(n.in, n.out) {
		if i != -1 {
			if _, err := n.get(i); err != nil {
				return err
			}
		}
	}
	if n.out[0] < 0 {
		return fmt.Errorf("its output is missing: the file is damaged")
	}
	n.name = n.tensors[n.out[0]].name
	return nil
}

// ofShapes reports whether the operator computes integers from shapes alone, such as the target of
// a RESHAPE.
func (n *node) ofShapes() bool {
	t := &n.tensors[n.out[0]]
	if t.kind != typeInt32 && t.kind != typeInt64 || len(t.scale) > 0 {
		return false
	}
	some := n.shape
	for _, i := range n.in {
		if _, activation := n.at[i]; activation && !n.shape {
			return false
		}
		some = some || n.sized[i]
	}
	if !some {
		return false
	}
	for _, i := range n.out {
		n.sized[i] = true
	}
	n.foldShape()
	return true
}

// has reports whether input k is given.
func (n *node) has(k int) bool { return k < len(n.in) && n.in[k] >= 0 }

// x returns input k as an activation. A constant becomes one, so that operators need not tell
// them apart; simplification computes what reads constants alone.
func (n *node) x(k int) (operand, error) {
	if !n.has(k) {
		return operand{}, fmt.Errorf("input %d is missing: the file is damaged", k)
	}
	i := n.in[k]
	if o, ok := n.at[i]; ok {
		return o, nil
	}
	a, err := n.constant(k)
	if err != nil {
		return operand{}, err
	}
	return operand{n.param(k, a.laid(a.shape, !isBatch(a.shape)), graph.Constant, "as it is"), !isBatch(a.shape)}, nil
}

// isConstant reports whether input k is a constant.
func (n *node) isConstant(k int) bool {
	if !n.has(k) {
		return false
	}
	i := n.in[k]
	return n.constants[i] != nil || len(n.tensors[i].data) > 0
}

// constant returns input k, which must be a constant.
func (n *node) constant(k int) (*array, error) {
	if !n.has(k) {
		return nil, fmt.Errorf("input %d is missing: the file is damaged", k)
	}
	i := n.in[k]
	if a := n.constants[i]; a != nil {
		return a, nil
	}
	t := &n.tensors[i]
	switch _, activation := n.at[i]; {
	case activation:
		return nil, fmt.Errorf("input %q is computed by the network; a constant is supported here", t.name)
	case n.spread[i] != nil:
		return nil, fmt.Errorf("input %q is between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, where a convolution alone is supported", t.name)
	case n.sized[i]:
		return nil, fmt.Errorf("input %q is computed from shapes, which is supported as the shape of a result", t.name)
	case t.variable:
		return nil, fmt.Errorf("input %q is a variable, which is not supported; give a network without state", t.name)
	case len(t.data) == 0:
		return nil, fmt.Errorf("input %q is not computed before", t.name)
	}
	a, err := t.array()
	if err != nil {
		return nil, err
	}
	if n.large(len(a.f)) {
		return nil, fmt.Errorf("more than %d constants, with those before", format.MaxWeights)
	}
	n.constants[i] = a
	return a, nil
}

// large counts the elements of a constant, and reports whether there are too many with it.
func (n *node) large(size int) bool {
	n.elements += size
	return n.elements > format.MaxWeights
}

// ints returns input k as integers that are constant.
func (n *node) ints(k int) ([]int, error) {
	a, err := n.constant(k)
	if err != nil {
		return nil, err
	}
	return a.ints()
}

// laid returns a as the graph has a tensor of the given shape with as many elements.
func (a *array) laid(shape []int, whole bool) *array {
	r := a.reshaped(shape...)
	if !whole && len(shape) == 4 {
		return r.permuted(0, 3, 1, 2)
	}
	if whole {
		return r.reshaped(append([]int{1}, shape...)...)
	}
	return r
}

// param returns a, made of input k, as a parameter. Layers that read one constant in one
// layout share it.
func (n *node) param(k int, a *array, role graph.Role, layout string) *graph.Value {
	key := paramKey{n.in[k], role, layout + fmt.Sprint(a.shape)}
	if v := n.params[key]; v != nil {
		return v
	}
	p := graph.NewParam(n.fresh(a.name), role, tensorOf(a))
	if a.mask != nil {
		p.Mask = slices.Clone(a.mask)
		p.Refresh()
	}
	v := &graph.Value{Name: p.Name, Shape: p.Shadow.Shape.Clone(), Param: p}
	n.params[key] = v
	return v
}

// tensorOf returns a copy of a.
func tensorOf(a *array) *tensor.Tensor { return tensor.Of(slices.Clone(a.f), a.shape...) }

// set makes v output k.
func (n *node) set(k int, v *graph.Value, whole bool) {
	n.at[n.out[k]] = operand{v, whole}
}

// finish makes v, after a fused activation, output 0.
func (n *node) finish(v *graph.Value, whole bool, act int) error {
	o, err := activation(act)
	if err != nil {
		return err
	}
	if o != nil {
		v = n.emit(n.name+"_act", o, v)
	}
	n.set(0, v, whole)
	return nil
}

// activation returns a fused activation, nil: none.
func activation(act int) (graph.Op, error) {
	switch act {
	case actNone:
		return nil, nil
	case actRelu:
		return op.Relu{}, nil
	case actReluN1:
		return op.Clip{Lo: -1, Hi: 1}, nil
	case actRelu6:
		return op.Clip{Lo: 0, Hi: 6}, nil
	case actTanh:
		return op.Tanh{}, nil
	}
	return nil, fmt.Errorf("fused activation %d is not supported; give a network with RELU, RELU6, RELU_N1_TO_1 or TANH", act)
}

// turned returns o's value in the order that the file has.
func (n *node) turned(o operand) *graph.Value {
	if o.whole || len(o.v.Shape) != 4 {
		return o.v
	}
	return n.emit(n.name+"_last", op.Transpose{Perm: []int{0, 2, 3, 1}}, o.v)
}

// reshaped returns o under another shape of the file.
func (n *node) reshaped(o operand, shape []int) operand {
	whole := !isBatch(shape)
	if slices.Equal(o.shape(), shape) && whole == o.whole {
		return o
	}
	sample := slices.Clone(shape)
	if !whole {
		sample = sample[1:]
	}
	v := n.emit(n.name+"_shaped", op.Reshape{Shape: sample}, n.turned(o))
	if !whole && len(shape) == 4 {
		v = n.emit(n.name+"_first", op.Transpose{Perm: []int{0, 3, 1, 2}}, v)
	}
	return operand{v, whole}
}

// image returns input k as an image [1,C,H,W].
func (n *node) image(k int) (operand, error) {
	o, err := n.x(k)
	if err != nil {
		return o, err
	}
	s := o.shape()
	if len(s) != 4 || s[0] != 1 {
		return o, fmt.Errorf("its input has shape %v; an image [1,H,W,C] is supported", s)
	}
	return n.reshaped(o, s), nil
}

// option returns field k of the options.
func (n *node) option(k int, absent int32) int {
	if n.options.Pos == 0 {
		return int(absent)
	}
	return int(n.options.int32(k, absent))
}

// small returns field k of the options, a byte.
func (n *node) small(k int) int {
	if n.options.Pos == 0 {
		return 0
	}
	return int(n.options.int8(k, 0))
}

// real returns field k of the options, a float.
func (n *node) real(k int, absent float32) float32 {
	if n.options.Pos == 0 || n.options.field(k) == 0 {
		return absent
	}
	return n.options.float32(k)
}

// outShape returns the shape that the file gives output k.
func (n *node) outShape(k int) []int { return n.tensors[n.out[k]].shape }
